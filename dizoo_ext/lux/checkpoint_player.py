"""Lets a trained policy play a team: self-play against a checkpoint."""

from importlib import import_module
from pathlib import Path
from typing import Any

import numpy as np
import torch
from ding.policy import create_policy
from ding.torch_utils import to_tensor
from ding.utils import POLICY_REGISTRY
from easydict import EasyDict

from dizoo_ext.checked_json import read_checked_json
from dizoo_ext.checked_load import load_checked
from dizoo_ext.lux.game import LuxGame
from dizoo_ext.lux.observation import map_observation
from dizoo_ext.trusted_imports import check_imports

RUN_CONFIG = "run_config.json"


class CheckpointPlayer:
    """A policy over maps with the weights of a checkpoint, on the CPU, loaded when it first acts.

    Args:
        path: a checkpoint inside a run's folder; the run's config is read from `RUN_CONFIG` beside or above it.

    Raises:
        FileNotFoundError: the checkpoint or the run's config is missing.
        ValueError: the config is damaged, or wants to import what nobody has named, see `dizoo_ext.trusted_imports`.
    """

    def __init__(self, path: str) -> None:
        self._path = Path(path)
        if not path or not self._path.is_file():
            raise FileNotFoundError(f"env.opponent_checkpoint: there is no checkpoint {path!r}; name a .pth.tar file")
        places = [self._path.parent / RUN_CONFIG, self._path.parent.parent / RUN_CONFIG]
        found = [place for place in places if place.is_file()]
        if not found:
            raise FileNotFoundError(
                f"env.opponent_checkpoint: no {RUN_CONFIG} beside {path}; leave checkpoints in their run's folder"
            )
        try:
            config = read_checked_json(found[0])["main"]
            self._config = EasyDict({block: config[block] for block in ("env", "policy")})
        except (OSError, ValueError, KeyError, TypeError) as error:
            raise ValueError(
                f"env.opponent_checkpoint: {found[0]} is damaged ({type(error).__name__}: {error})"
            ) from error
        check_imports(config, f"env.opponent_checkpoint: {found[0]}")
        self._policy: Any = None

    def act(self, game: LuxGame, team: int, generator: np.random.Generator) -> np.ndarray:
        """Legal actions (M,) int64 of ``team``.

        Raises:
            ValueError: the policy was made for another size of the game, or the checkpoint is damaged.
        """
        if self._policy is None:
            self._policy = self._load(int(generator.integers(2**31)))
        env = self._config.env
        shown = slice(team, team + 1)
        observation = map_observation(game, shown, env.trajectories, env.unit_trajectories, "float32")
        output = self._policy.forward({0: to_tensor(observation, dtype=torch.float32)})
        return np.asarray(output[0]["action"]).reshape(-1)

    def _load(self, seed: int) -> Any:
        cfg = EasyDict(self._config.policy)
        for name in cfg.get("import_names", []):
            import_module(name)
        plain = cfg.type.removesuffix("_command")
        cfg.type = plain if plain in POLICY_REGISTRY else cfg.type
        cfg.cuda = False
        # A policy starts its own stream from torch's when it is made; nobody else is to notice.
        with torch.random.fork_rng(devices=[]):
            torch.manual_seed(seed)
            policy = create_policy(cfg, enable_field=["eval"]).eval_mode
        policy.load_state_dict(self._weights())
        return policy

    def _weights(self) -> dict[str, Any]:
        try:
            return load_checked(self._path)
        except ValueError as error:
            raise ValueError(f"env.opponent_checkpoint: {self._path} cannot be read ({error})") from error
