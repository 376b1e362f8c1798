"""Conformance test of an environment: ``check_env(env)`` plays it and names the first broken rule."""

from typing import Any

import numpy as np
import torch
from ding.torch_utils import to_tensor

from dizoo_ext.check.play import Record, play
from dizoo_ext.check.rules import ContractViolation, require
from dizoo_ext.entity_env import EntityEnv
from dizoo_ext.random_stream import random_legal_actions
from dizoo_ext.vector_env import VectorEnv

__all__ = ["ContractViolation", "check_env"]

_BATCH = 3


def check_env(env: EntityEnv | VectorEnv, episodes: int = 3, seed: int = 0) -> None:
    """Play random legal episodes and check the whole contract of `dizoo_ext.contract` and `dizoo_ext.vector_env`.

    An `EntityEnv` is checked through DI-engine's interface and as a batch of three; a `VectorEnv` as it is.

    Args:
        episodes: played per environment; raise it for an environment whose special cases are rare.

    Raises:
        ContractViolation: an AssertionError that names the broken rule.
        TypeError: ``env`` is neither kind of environment.
    """
    if isinstance(env, EntityEnv):
        batch = env.make_vector_env(env.cfg, _BATCH)
        _check_vector_env(batch, episodes, seed)
        batch.close()
        _check_ding_interface(env, episodes, seed)
    elif isinstance(env, VectorEnv):
        _check_vector_env(env, episodes, seed)
    else:
        raise TypeError(f"check_env needs an EntityEnv or a VectorEnv, got {type(env).__name__}")


def _check_vector_env(env: VectorEnv, episodes: int, seed: int) -> None:
    ids = np.arange(env.num_envs)
    together = play(env, [ids], episodes, seed, has_rules=True)
    again = play(env, [ids], episodes, seed, has_rules=False)
    _require_equal(together, again, "determinism", "the same seeds and actions gave another trace")
    alone = play(env, list(ids[:, None]), episodes, seed, has_rules=False)
    _require_equal(
        together, alone, "independence", "stepped alone, an environment's trace differs from that in a batch"
    )
    _check_refusals(env, seed)


def _require_equal(left: dict[int, Record], right: dict[int, Record], rule: str, detail: str) -> None:
    for i, events in left.items():
        for number, (a, b) in enumerate(zip(events, right[i], strict=False)):
            for key, value in a.items():
                is_equal = key in b and _equal(value, b[key])
                require(is_equal, rule, f"{detail}: environment {i}, event {number}, {key}")
        require(len(events) == len(right[i]), rule, f"{detail}: environment {i} has episodes of other lengths")


def _equal(a: Any, b: Any) -> bool:
    if isinstance(a, dict):
        return a.keys() == b.keys() and all(np.array_equal(a[key], b[key], equal_nan=True) for key in a)
    return np.array_equal(a, b)


def _check_refusals(env: VectorEnv, seed: int) -> None:
    env.seed([seed + i for i in range(env.num_envs)])
    mask = env.reset()["action_mask"]
    generator = np.random.default_rng(seed)
    legal = random_legal_actions(mask, generator)
    outside = legal.copy()
    outside[0, 0] = env.spec.actions
    _require_raises(ValueError, env, outside, "illegal_action", "an action out of range")
    _require_raises(ValueError, env, legal[:, :-1], "illegal_action", "a joint action of a wrong shape")
    if not mask.all():
        forbidden = legal.copy()
        row, agent, action = np.argwhere(mask == 0)[0]
        forbidden[row, agent] = action
        _require_raises(ValueError, env, forbidden, "illegal_action", "an action that is not allowed")
    done = np.zeros(env.num_envs, bool)
    mask = env.reset()["action_mask"]
    while not done.any():
        step = env.step(random_legal_actions(mask, generator))
        mask, done = step.observation["action_mask"], step.done
    _require_raises(RuntimeError, env, random_legal_actions(mask, generator), "step_after_done", "a step after the end")


def _require_raises(error: type[Exception], env: VectorEnv, actions: np.ndarray, rule: str, what: str) -> None:
    try:
        env.step(actions)
    except error:
        return
    except Exception as other:
        raise ContractViolation(rule, f"{what} must raise a {error.__name__}, but raised {other!r}") from other
    raise ContractViolation(rule, f"{what} must raise a {error.__name__}, but was accepted")


def _check_ding_interface(env: EntityEnv, episodes: int, seed: int) -> None:
    env.seed(seed)
    for _ in range(episodes):
        observation, done = env.reset(), False
        while not done:
            for key, space in env.observation_space.spaces.items():
                require(space.contains(observation[key]), "spaces", f"{key} lies outside env.observation_space")
            action = env.random_action()
            is_legal = observation["action_mask"][np.arange(len(action)), action] > 0
            require(is_legal, "random_action", "env.random_action() chose an action that is not allowed, at [agent]")
            timestep = env.step(action)
            observation, done = timestep.obs, timestep.done
            _check_timestep(timestep, env)


def _check_timestep(timestep: Any, env: EntityEnv) -> None:
    reward, info, k = timestep.reward, timestep.info, env.entity_spec.subtasks
    require(isinstance(timestep.done, bool), "timestep", f"done must be a bool, got {type(timestep.done).__name__}")
    is_reward = isinstance(reward, np.ndarray) and reward.shape == (1,) and reward.dtype == np.float32
    require(is_reward, "reward", f"reward must be a float32 array of shape (1,), got {reward!r}")
    wanted = {"subtask_reward", "subtask_done", "subtasks_changed", "time_limit"}
    wanted |= {"eval_episode_return", "episode_info"} if timestep.done else set()
    require(wanted <= set(info), "info", f"info lacks {sorted(wanted - set(info))}")
    for name in ("subtask_reward", "subtask_done"):
        require(np.shape(info[name]) == (k,), "info", f"{name} must have shape {(k,)}, got {np.shape(info[name])}")
    if timestep.done:
        require(np.isfinite(info["eval_episode_return"]), "info", "eval_episode_return must be finite")
    try:
        to_tensor(timestep, dtype=torch.float32)
    except (TypeError, ValueError) as error:
        raise ContractViolation("convertible", f"DI-engine's to_tensor fails on the timestep: {error}") from error
