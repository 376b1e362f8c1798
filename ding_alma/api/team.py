"""A trained team in Python: ``ding_alma.load(run)``."""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import torch
from ding.torch_utils import to_ndarray, to_tensor
from easydict import EasyDict

from ding_alma.report.allocation_choice import choose_allocation
from ding_alma.report.changed_play import change_play
from ding_alma.report.film_file import check_film_path, save_film
from ding_alma.report.play import Run, build_policy, evaluation_envs, film, load_run, play_episodes, seeded
from ding_alma.run.scenario_text import scenario_name
from ding_alma.setting.registered import SUFFIX
from dizoo_ext.gymnasium import FRAMES_PER_SECOND, EntityGymEnv

MOST_AT_ONCE = 256
"""Observations in one call of `Team.act`."""


class Team:
    """A trained policy that plays without exploration.

    It keeps what its agents remember from step to step, the allocation in force included, so it has to be told where
    episodes begin: `reset`. The same ``seed`` gives the same actions for the same observations, also of policies that
    draw (ALMA draws proposals).
    """

    def __init__(self, run: Run, seed: int = 0) -> None:
        """
        Args:
            run: as `load_run` reads it.
            seed: of what the policy draws.

        Raises:
            RunError: the weights do not fit the configuration, or the environment refuses it.
        """
        self._run = run
        environment = evaluation_envs(run, 1)[0]()
        self._shapes = {key: space.shape for key, space in environment.observation_space.spaces.items()}
        environment.close()
        with seeded(seed, run.config.policy.cuda):
            self._policy = build_policy(run, MOST_AT_ONCE)
        self._allocation: np.ndarray | None = None
        self.reset()

    def __repr__(self) -> str:
        """What plays where, and how long it has learnt."""
        env, policy, steps = self.config.env, self.config.policy, self._run.state.get("last_step")
        name, scenario = policy.type.removesuffix(SUFFIX), scenario_name(env)
        where = env.type if scenario is None else f"{env.type} {scenario}"
        return f"<Team {name} on {where}, {'unknown' if steps is None else format(steps, ',')} environment steps>"

    @property
    def config(self) -> EasyDict:
        """The merged configuration of the run, with the blocks ``env`` and ``policy``."""
        return self._run.config

    @property
    def allocation(self) -> np.ndarray | None:
        """The subtask of every agent as of the last `act`, -1 for none, in the shape of its actions; else None."""
        return self._allocation

    def act(self, observation: Mapping[str, np.ndarray]) -> np.ndarray:
        """Choose a joint action.

        Args:
            observation: of one environment, arrays as its observation space has them, or of n, stacked along a first
                axis. Row i belongs to the same environment in all calls until `reset`.

        Returns:
            (A,) or (n, A) int64.

        Raises:
            ValueError: a key is missing, or an array is of another shape.
        """
        rows, is_batch = self._rows(observation)
        outputs = self._policy.forward(to_tensor(rows, dtype=torch.float32))
        chosen = {key: np.stack([to_ndarray(outputs[i][key]) for i in rows]) for key in outputs[0] if key in _SHOWN}
        if not is_batch:
            chosen = {key: value[0] for key, value in chosen.items()}
        self._allocation = chosen.get("allocation")
        return chosen["action"].astype(np.int64)

    def reset(self, ids: Sequence[int] | np.ndarray | None = None) -> None:
        """Say that the next observation is an episode's first one.

        Args:
            ids: rows of the batch that `act` is given; None means all.
        """
        if ids is None:
            self._policy.reset()
        elif len(ids):
            self._policy.reset([int(i) for i in ids])

    def make_env(self, **changes: Any) -> EntityGymEnv:
        """One environment as the team is evaluated in, with Gymnasium's interface.

        Args:
            changes: keys of the block ``env``, such as ``episode_limit``; another scenario is for `load`, because the
                networks are built for its sizes.

        Raises:
            RunError: the environment refuses its configuration.
        """
        config = EasyDict(self._run.config)
        config.env = EasyDict({**config.env, **changes})
        return EntityGymEnv(evaluation_envs(Run(config, {}), 1)[0]())

    def evaluate(self, episodes: int = 32, seed: int = 0) -> dict[str, np.ndarray]:
        """Play whole episodes, several side by side; `act` is left as it is.

        Returns:
            metric -> (episodes,) float64, ``return`` among them; NaN in episodes that have no such number.

        Raises:
            ValueError: less than one episode.
        """
        if episodes < 1:
            raise ValueError(f"episodes must be at least 1, got {episodes}")
        played = [episode.metrics for episode in play_episodes(self._run, episodes, seed)]
        return {name: np.array([metrics[name] for metrics in played]) for name in played[0]}

    def film(
        self,
        path: str | Path,
        episodes: int = 1,
        seed: int = 0,
        fps: float = FRAMES_PER_SECOND,
        size: int | None = None,
    ) -> Path:
        """Play episodes and write them as a GIF or an MP4, allocations drawn; `act` is left as it is.

        Args:
            size: pixels of the longer side, instead of those that the environment draws.

        Raises:
            RunError: the path ends neither with ``.gif`` nor with ``.mp4``, MP4 without its extra, or the environment
                cannot be drawn.
        """
        path = Path(path)
        check_film_path(path)
        frames = [frame for episode in film(self._run, episodes, seed) for frame in episode.frames]
        save_film(frames, path, fps, size)
        return path

    def _rows(self, observation: Mapping[str, np.ndarray]) -> tuple[dict[int, dict[str, np.ndarray]], bool]:
        """Environment -> observation, and whether there was an axis of environments."""
        missing = sorted(self._shapes.keys() - observation.keys())
        if missing:
            raise ValueError(
                f"the observation lacks {missing}; make_env() of the team makes an environment that has it"
            )
        arrays = {key: np.asarray(observation[key]) for key in self._shapes}
        first, shape = next(iter(self._shapes.items()))
        is_batch = arrays[first].ndim == len(shape) + 1
        if not is_batch:
            arrays = {key: value[None] for key, value in arrays.items()}
        n = len(arrays[first])
        for key, value in arrays.items():
            if value.shape != (n, *self._shapes[key]):
                found, wanted = np.shape(observation[key]), self._shapes[key]
                raise ValueError(f"observation[{key!r}] must have shape {wanted} or (n, *{wanted}), got {found}")
        if not 1 <= n <= MOST_AT_ONCE:
            raise ValueError(f"a batch holds 1 to {MOST_AT_ONCE} observations, got {n}")
        return {i: {key: value[i] for key, value in arrays.items()} for i in range(n)}, is_batch


_SHOWN = ("action", "allocation")
"""Of what a policy returns."""


def load(
    run: str | Path,
    *,
    config: str | Path | None = None,
    scenario: Any = None,
    allocator: str | Path | None = None,
    allocation: str | None = None,
    changes: Mapping[str, Any] | None = None,
    seed: int = 0,
) -> Team:
    """The trained team of a run.

    Args:
        run: a run's folder, which stands for its best checkpoint, or a checkpoint file.
        config: a config file instead of the configuration kept in the run's folder.
        scenario: another scenario than the training's, as ``env.scenario`` takes it, as far as the weights allow.
        allocator: another run, whose allocator is used.
        allocation: who allocates agents instead: 'learned', 'heuristic' or 'random'.
        changes: keys of the environment and their values, such as ``{"env.heuristic_style": "dynamic"}``, and
            ``policy.allocation.period``.
        seed: of what the policy draws.

    Raises:
        RunError: something is missing, damaged or does not fit; the message says what to do. A package of one's own
            that the run names has to be imported before, see docs/trust.md.
    """
    other = None if allocator is None else load_run(allocator)
    chosen = choose_allocation(load_run(run, config, scenario), other, allocation)
    return Team(change_play(chosen, [f"{key}={value}" for key, value in (changes or {}).items()]), seed)
