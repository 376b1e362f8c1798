"""Rebuild the policy and the environments of a run and let them play."""

import textwrap
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import torch
from ding.envs import BaseEnv, create_env_manager
from ding.envs.env.base_env import get_env_cls
from ding.torch_utils import to_ndarray, to_tensor
from easydict import EasyDict

from ding_alma.registration import register_all
from ding_alma.report.scenario_sizes import fitting_weights, resized
from ding_alma.run.checkpoint import find_checkpoint, read_checkpoint
from ding_alma.run.environment_guard import close_environments
from ding_alma.run.open_policy import open_policy
from ding_alma.run.run_config import RUN_CONFIG_NAME, compile_config_file, read_run_config
from ding_alma.run.run_error import RunError
from ding_alma.run.scenario_text import scenario_of
from ding_alma.setting.registered import plain_type
from dizoo_ext.contract import EntitySpec, MapSpec

EVALUATION_ENVS = 32
"""Environments that play side by side in an evaluation, at most."""
REASON_LENGTH = 300
"""Characters of torch's complaint, one line per parameter, that are shown."""


@dataclass
class Run:
    """A trained policy with the configuration that it was trained under."""

    config: EasyDict
    """The merged main part."""
    state: dict[str, Any]
    """The checkpoint's contents."""


def load_run(checkpoint: str | Path, config: str | Path | None = None, scenario: Any = None) -> Run:
    """Read a checkpoint and the configuration beside it.

    Args:
        checkpoint: a checkpoint file, or a run's folder, which stands for its best checkpoint.
        config: a DI-engine config file instead of the one kept in the run's folder.
        scenario: another ``env.scenario`` than the run's; text is read as by `scenario_text.scenario_of`.

    Raises:
        RunError: something is missing, damaged or does not fit; the message says what to do.
    """
    register_all()
    path = find_checkpoint(Path(checkpoint))
    if config is not None:
        main, _ = compile_config_file(config)
    else:
        main, _ = read_run_config(_beside(path))
    if scenario is not None:
        if "scenario" not in main.env:
            raise RunError(f"environment {main.env.type!r} has no scenarios; leave --scenario out")
        main.env.scenario = scenario_of(scenario) if isinstance(scenario, str) else scenario
    main.policy.cuda = bool(main.policy.cuda) and torch.cuda.is_available()
    main.policy.multi_gpu = False
    return Run(main, read_checkpoint(path))


def build_policy(run: Run, env_num: int) -> Any:
    """The evaluation side of the run's policy with the checkpoint's weights, for ``env_num`` environments.

    In another scenario than the training's, the networks are built for its sizes, see `scenario_sizes`.

    Raises:
        RunError: the weights do not fit the configuration or the environment, or the policy refuses a value.
    """
    config = resized(run.config)
    cfg = EasyDict(config.policy)
    cfg.eval.env_num = env_num
    try:
        policy = open_policy(cfg, "eval").eval_mode
        state = run.state
        if config is not run.config:
            state = {**state, "model": fitting_weights(policy.state_dict()["model"], state["model"], cfg)}
        policy.load_state_dict(state)
    except (RuntimeError, KeyError) as error:
        plain = plain_type(cfg.type)
        reason = textwrap.shorten(str(error), REASON_LENGTH)
        raise RunError(f"the checkpoint does not fit the configuration of policy {plain!r}: {reason}") from error
    except (ValueError, TypeError) as error:
        raise RunError(f"the policy refuses its configuration: {error}") from error
    return policy


@dataclass(frozen=True)
class PlayedEpisode:
    """What is known of an episode after it."""

    subtasks: int | None
    """Subtasks at its beginning; None where the environment shows none."""
    metrics: dict[str, float]
    """The environment's, ``return`` or DI-engine's ``eval_episode_return`` among them."""


def evaluate(run: Run, episodes: int, seed: int) -> list[dict[str, float]]:
    """The metrics of each episode of `play_episodes`."""
    return [episode.metrics for episode in play_episodes(run, episodes, seed)]


def play_episodes(run: Run, episodes: int, seed: int) -> list[PlayedEpisode]:
    """Play evaluation episodes, several side by side.

    Every environment plays a share fixed beforehand, so that short episodes are not preferred. The same seed gives the
    same episodes, also to policies that sample.
    """
    env_num = min(episodes, EVALUATION_ENVS)
    left = {i: episodes // env_num + (i < episodes % env_num) for i in range(env_num)}
    manager = create_env_manager(run.config.env.manager, evaluation_envs(run, env_num))
    manager.seed(seed, dynamic_seed=False)
    played: list[PlayedEpisode] = []
    subtasks: dict[int, int | None] = {}
    try:
        with seeded(seed, run.config.policy.cuda):
            policy = build_policy(run, env_num)
            manager.launch()
            policy.reset()
            while any(left.values()):
                observations = {i: obs for i, obs in manager.ready_obs.items() if left[i]}
                for i in observations.keys() - subtasks.keys():
                    subtasks[i] = _count_subtasks(observations[i])
                actions = {i: to_ndarray(output["action"]) for i, output in _act(policy, observations).items()}
                for i, timestep in manager.step(actions).items():
                    if timestep.done:
                        policy.reset([i])
                        left[i] -= 1
                        played.append(PlayedEpisode(subtasks.pop(i), _episode_metrics(timestep.info)))
    finally:
        close_environments(manager)
    return played


@dataclass(frozen=True)
class FilmedEpisode:
    """Every state of an episode, T of them, the last one included."""

    frames: list[np.ndarray]
    """(H, W, 3) uint8 each."""
    allocation: np.ndarray | None
    """(T, A) subtask of each agent, -1 for none; None where the policy allocates nobody."""
    present: np.ndarray | None
    """(T, A) whether the agent is there; None where nobody is allocated or the observation does not tell."""
    metrics: dict[str, float]


def film(run: Run, episodes: int, seed: int) -> list[FilmedEpisode]:
    """Play episodes in one environment and draw every state.

    Raises:
        RunError: the environment is not one of those that draw allocations.
    """
    env: BaseEnv = evaluation_envs(run, 1)[0]()
    if not isinstance(getattr(env, "entity_spec", getattr(env, "map_spec", None)), EntitySpec | MapSpec):
        raise RunError(f"environment {run.config.env.type!r} cannot be drawn; only those of entities or maps can")
    env.seed(seed, dynamic_seed=False)
    filmed = []
    try:
        with seeded(seed, run.config.policy.cuda):
            policy = build_policy(run, 1)
            for _ in range(episodes):
                observation, done = env.reset(), False
                frames: list[np.ndarray] = []
                allocations: list[np.ndarray] = []
                masks = [observation.get("entity_mask")]
                policy.reset([0])
                while not done:
                    output = _act(policy, {0: observation})[0]
                    shown = {"allocation": to_ndarray(output["allocation"])} if "allocation" in output else {}
                    allocations += shown.values()
                    frames.append(env.render(**shown))
                    observation, _, done, info = env.step(to_ndarray(output["action"]))
                    masks.append(observation.get("entity_mask"))
                frames.append(env.render(**shown))
                allocation = np.stack([*allocations, allocations[-1]]) if allocations else None
                present = None
                if allocation is not None and masks[0] is not None:
                    # Agents are the first of all entities.
                    present = np.stack(masks)[:, : allocation.shape[1]].astype(bool)
                filmed.append(FilmedEpisode(frames, allocation, present, _episode_metrics(info)))
    finally:
        env.close()
    return filmed


def mean_by_run(played: list[list[dict[str, float]]]) -> list[dict[str, float]]:
    """Of several runs the mean metrics of each, so that a summary is one over runs; of one run its episodes."""
    if len(played) == 1:
        return played[0]
    return [{name: mean for name, (mean, _, _) in summarise(episodes).items()} for episodes in played]


def summarise(metrics: list[dict[str, float]]) -> dict[str, tuple[float, float, int]]:
    """Metric -> (mean, standard error of the mean, episodes that have it), NaN left out.

    The standard error of fewer than two values is NaN.
    """
    summary = {}
    for name in metrics[0]:
        values = np.array([episode[name] for episode in metrics], float)
        values = values[np.isfinite(values)]
        n = len(values)
        mean = values.mean() if n else float("nan")
        error = values.std(ddof=1) / np.sqrt(n) if n > 1 else float("nan")
        summary[name] = (float(mean), float(error), n)
    return summary


@contextmanager
def seeded(seed: int, cuda: bool) -> Iterator[None]:
    """What torch draws inside follows from ``seed``; what it draws outside is the same with and without the inside.

    Policies begin generators of their own when they are built: they are to be built inside.
    """
    with torch.random.fork_rng(devices=[torch.cuda.current_device()] if cuda else []):
        torch.manual_seed(seed)
        yield


def evaluation_envs(run: Run, env_num: int) -> list[partial]:
    """One maker per evaluation environment. Raises a RunError if the environment refuses its configuration."""
    cfg = EasyDict(run.config.env)
    cfg.evaluator_env_num = env_num
    env_class = get_env_cls(cfg)
    try:
        makers = [partial(env_class, cfg=each) for each in env_class.create_evaluator_env_cfg(cfg)]
        makers[0]().close()
    except (ValueError, TypeError, OSError, ImportError) as error:
        raise RunError(f"the environment refuses its configuration: {error}") from error
    return makers


def _act(policy: Any, observations: dict[int, Any]) -> dict[int, dict[str, Any]]:
    """DI-engine's evaluators hand policies float32 tensors, whatever the observation's types."""
    return policy.forward(to_tensor(observations, dtype=torch.float32))


def _count_subtasks(observation: dict[str, np.ndarray]) -> int | None:
    mask = observation.get("subtask_mask")
    return None if mask is None else int(np.asarray(mask).sum())


def _episode_metrics(info: dict[str, Any]) -> dict[str, float]:
    metrics = info.get("episode_info") or {"return": info["eval_episode_return"]}
    return {name: float(value) for name, value in metrics.items()}


def _beside(checkpoint: Path) -> Path:
    """Where a run keeps its configuration: in the folder above its checkpoints."""
    here = checkpoint.parent / RUN_CONFIG_NAME
    return here if here.is_file() else checkpoint.parent.parent / RUN_CONFIG_NAME
