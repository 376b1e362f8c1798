"""The official engine, imported when it is first needed, without its noise on the console."""

import contextlib
import importlib
import importlib.util
import io
import sys
import warnings
from functools import lru_cache
from types import ModuleType
from typing import Any

from dizoo_ext.lux.replay import Replay

NOISE = "vec_noise"


def is_installed() -> bool:
    """Whether the engine's package can be found; nothing is imported."""
    return importlib.util.find_spec("luxai_s2") is not None


@lru_cache(maxsize=1)
def engine_module() -> ModuleType:
    """The module ``luxai_s2.env``.

    Where the package ``vec_noise`` is missing, `dizoo_ext.lux.noise_shim` takes its name; a real one is used.

    Raises:
        ModuleNotFoundError: the engine is not installed; the message says what to do.
    """
    if not is_installed():
        raise ModuleNotFoundError(
            "Lux AI Season 2 needs the package luxai-s2; install the extra 'lux' of ding-alma: `uv sync --extra lux`",
            name="luxai_s2",
        )
    if NOISE not in sys.modules and importlib.util.find_spec(NOISE) is None:
        sys.modules[NOISE] = importlib.import_module("dizoo_ext.lux.noise_shim")
    with contextlib.redirect_stdout(io.StringIO()), warnings.catch_warnings():
        warnings.simplefilter("ignore")
        return importlib.import_module("luxai_s2.env")


def new_engine(lichen: bool = False, **config: Any) -> Any:
    """An engine that neither checks nor prints what it is given, and counts statistics.

    Two things are left out until they are wanted: the observation as nested dicts, which `dizoo_ext.lux.view` does
    without, and, unless ``lichen`` is set, the search at every step for tiles that lichen could grow on, a third of the
    engine's time. As long as nobody waters, the game is the same.

    Args:
        lichen: factories may water.
        config: fields of the engine's ``EnvConfig``.

    Returns:
        an instance of a subclass of ``luxai_s2.LuxAI_S2``. Where its attribute ``replay`` is set before a reset, the
        game is written down there.
    """
    engine = _fast_engine()(**{"verbose": 0, "validate_action_space": False, "collect_stats": True, **config})
    engine.has_lichen = lichen
    return engine


@lru_cache(maxsize=1)
def _fast_engine() -> type:
    engine: Any = engine_module().LuxAI_S2

    class FastEngine(engine):
        has_lichen = True
        replay: Replay | None = None

        def reset(self, seed: int | None = None) -> tuple[dict[str, Any], dict[str, Any]]:
            result = super().reset(seed)
            if self.replay is None:
                self.state.get_obs = dict
            else:
                self.replay.begin(self.state)
            return result

        def step(self, actions: dict[str, Any]) -> tuple[dict[str, Any], ...]:
            result = super().step(actions)
            if self.replay is not None:
                self.replay.add(actions, self.state)
            return result

        def add_factory(self, team: Any, pos: Any) -> Any:
            factory = super().add_factory(team, pos)
            if factory is not None and not self.has_lichen:
                factory.cache_water_info = _no_lichen
            return factory

    return FastEngine


def _no_lichen(board: Any, env_cfg: Any) -> None:
    return None
