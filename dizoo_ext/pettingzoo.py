"""Every environment of this package through PettingZoo's interfaces; needs the extra ``pettingzoo``.

from dizoo_ext.pettingzoo import parallel_env
env = parallel_env("save_the_city", scenario="2-5a_2-5b", max_cycles=100)
"""

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
from ding.utils import ENV_REGISTRY

import dizoo_ext.plugin  # noqa: F401  (registers the environments)
from dizoo_ext.compilation import announce_compilation
from dizoo_ext.entity_env import EntityEnv
from dizoo_ext.strict_config import check_choice

try:
    from gymnasium import spaces
    from pettingzoo import AECEnv, ParallelEnv
    from pettingzoo.utils import parallel_to_aec
except ImportError as error:
    raise ImportError(
        "dizoo_ext.pettingzoo needs the package pettingzoo: `uv sync --extra pettingzoo` (or `pip install pettingzoo`)"
    ) from error

RENDER_MODES = (None, "rgb_array")
INFO_KEYS = ("alive", "subtask_reward", "subtask_done")
"""Infos have these beside the metrics that are asked for."""


class EntityParallelEnv(ParallelEnv[str, dict[str, np.ndarray], int]):
    """An `EntityEnv` as a parallel environment of the agents ``agent_0`` ... ``agent_<A-1>``.

    An agent observes ``observation`` (D,) float32, its row of ``agent_state``, and ``action_mask`` (U,) int8, 1 for
    allowed. All agents get the global reward. Agents that are dead, or absent in an episode with a smaller team, stay
    until the episode ends, with the no-op 0 as their only allowed action; ``info["alive"]`` says which agents are real.
    An ended episode is truncated if only its step limit ended it, else terminated, for all agents at once.

    ``info`` also has ``subtask_reward`` (K,), ``subtask_done`` (K,) and each of ``metrics``, NaN before the end. Its
    keys and shapes are the same at a reset and in every step, as TorchRL needs them. The entity view of the present
    step is `entity_observation`.
    """

    def __init__(self, env: EntityEnv, name: str, render_mode: str | None = None, metrics: Sequence[str] = ()) -> None:
        """
        Args:
            env: handing out both views (``observation='both'``).
            render_mode: None or 'rgb_array'.
            metrics: names from `episode_info` to show in infos.

        Raises:
            ValueError: another render mode, a metric with the name of another entry of infos, or one that the
                environment is known not to report.
            TypeError: the metrics are one string.
        """
        if isinstance(metrics, str):
            raise TypeError(f"metrics must be a list of names, got {metrics!r}: write [{metrics!r}]")
        if taken := sorted({*metrics} & {*INFO_KEYS}):
            raise ValueError(f"metrics must not be {taken}, which infos have anyway")
        if env.metrics is not None:
            for metric in metrics:
                check_choice(metric, env.metrics, "metrics")
        check_choice(render_mode, RENDER_MODES, "render_mode")
        self._env = env
        self.render_mode = render_mode
        self.metadata = {"name": f"{name}_v0", "render_modes": ["rgb_array"], "is_parallelizable": True}
        spec = env.entity_spec
        self.max_cycles = spec.episode_limit
        self.possible_agents = [f"agent_{index}" for index in range(spec.agents)]
        self.agents: list[str] = []
        self.entity_observation: dict[str, np.ndarray] = {}
        """Every key of `dizoo_ext.contract` for the present step."""
        self.episode_info: dict[str, float] = {}
        """All metrics of the episode that ended last; empty before."""
        self._metrics = tuple(metrics)
        self._observation_space = spaces.Dict(
            observation=spaces.Box(-np.inf, np.inf, (spec.agent_state_size,), np.float32),
            action_mask=spaces.Box(0, 1, (spec.actions,), np.int8),
        )
        self._action_spaces = {agent: spaces.Discrete(spec.actions) for agent in self.possible_agents}
        self.state_space = spaces.Box(-np.inf, np.inf, (spec.global_state_size,), np.float32)

    def observation_space(self, agent: str) -> spaces.Dict:
        """The same for all agents."""
        return self._observation_space

    def action_space(self, agent: str) -> spaces.Discrete:
        """U actions; each agent has an object of its own, so that it can be seeded."""
        return self._action_spaces[agent]

    def state(self) -> np.ndarray:
        """``global_state`` (G,) float32."""
        return self.entity_observation["global_state"]

    def reset(
        self, seed: int | None = None, options: Mapping[str, Any] | None = None
    ) -> tuple[dict[str, dict[str, np.ndarray]], dict[str, dict[str, Any]]]:
        """Begin an episode.

        Args:
            seed: starts the random stream anew; without it, the stream runs on.
            options: have no effect.
        """
        if seed is not None:
            self._env.seed(seed)
        self.entity_observation = self._env.reset()
        self.agents = list(self.possible_agents)
        begun = self.entity_observation["subtask_mask"]
        return self._observations(), self._infos(np.zeros(begun.shape, np.float32), ~begun, {})

    def step(
        self, actions: Mapping[str, int]
    ) -> tuple[
        dict[str, dict[str, np.ndarray]],
        dict[str, float],
        dict[str, bool],
        dict[str, bool],
        dict[str, dict[str, Any]],
    ]:
        """Advance by one action per agent.

        Raises:
            RuntimeError: there is no running episode.
            ValueError: actions of other agents than the present ones, an action that the environment refuses, or, at
                the episode's end, ``metrics`` that the environment does not report.
        """
        if not self.agents:
            raise RuntimeError("the episode has ended or has not begun: call reset()")
        if actions.keys() != set(self.agents):
            raise ValueError(f"actions must have the keys {self.agents}, got {list(actions)}")
        joint = np.array([int(actions[agent]) for agent in self.agents])
        self.entity_observation, reward, done, info = self._env.step(joint)
        agents = self.agents
        is_cut = bool(info["time_limit"])
        if done:
            self.episode_info = info["episode_info"]
            for metric in self._metrics:
                check_choice(metric, list(self.episode_info), "metrics")
        results = (
            self._observations(),
            dict.fromkeys(agents, float(reward[0])),
            dict.fromkeys(agents, done and not is_cut),
            dict.fromkeys(agents, done and is_cut),
            self._infos(info["subtask_reward"], info["subtask_done"], self.episode_info if done else {}),
        )
        if done:
            self.agents = []
        return results

    def render(self) -> np.ndarray | None:
        """The present state as (H, W, 3) uint8; None without a render mode."""
        return self._env.render() if self.render_mode else None

    def close(self) -> None:
        """Release what the environment holds."""
        self._env.close()

    def _observations(self) -> dict[str, dict[str, np.ndarray]]:
        masks = self.entity_observation["action_mask"].astype(np.int8)
        rows = zip(self.agents, self.entity_observation["agent_state"], masks, strict=True)
        return {agent: {"observation": state, "action_mask": mask} for agent, state, mask in rows}

    def _infos(
        self, subtask_reward: np.ndarray, subtask_done: np.ndarray, ended: Mapping[str, float]
    ) -> dict[str, dict[str, Any]]:
        metrics = {name: ended.get(name, np.nan) for name in self._metrics}
        shared = {"subtask_reward": subtask_reward, "subtask_done": subtask_done, **metrics}
        alive = self.entity_observation["entity_mask"][: len(self.agents)].tolist()
        return {agent: {"alive": own, **shared} for agent, own in zip(self.agents, alive, strict=True)}


def parallel_env(
    env_id: str = "save_the_city",
    max_cycles: int | None = None,
    render_mode: str | None = None,
    metrics: Sequence[str] = (),
    **config: Any,
) -> EntityParallelEnv:
    """Make an environment that all agents act in at once.

    Args:
        env_id: a registered subclass of `EntityEnv`, such as 'smac_multiarmy'.
        max_cycles: steps after which an episode is cut; None is the environment's default.
        metrics: names of metrics, such as 'solved', that infos show at the end of an episode.
        config: keys of the environment's ``env`` block, such as ``scenario``. Unlike there, illegal actions count as
            no-ops by default (``illegal_action="noop"``): PettingZoo's tools sample actions without a mask.

    Raises:
        ValueError: an unknown environment or key (the nearest name is given), or an impossible value.
        TypeError: a value of a wrong type.
    """
    if "observation" in config:
        raise ValueError("observation cannot be chosen here: agents observe their row of agent_state")
    known = [name for name, cls in ENV_REGISTRY.items() if isinstance(cls, type) and issubclass(cls, EntityEnv)]
    check_choice(env_id, known, "env_id")
    env_class = ENV_REGISTRY.get(env_id)
    settings = {"observation": "both", **config}
    if "illegal_action" in env_class.default_config():
        settings.setdefault("illegal_action", "noop")
    if max_cycles is not None:
        settings["episode_limit"] = max_cycles
    announce_compilation()
    return EntityParallelEnv(env_class(settings), env_id, render_mode, metrics)


def env(env_id: str = "save_the_city", **options: Any) -> AECEnv:
    """The same as `parallel_env`, with the agents acting in turn (PettingZoo's AEC interface)."""
    return parallel_to_aec(parallel_env(env_id, **options))
