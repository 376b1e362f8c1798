"""The rules that one observation or one step of a batch must keep; `dizoo_ext.check` plays and applies them."""

from typing import Any

import numpy as np

from dizoo_ext.contract import ENTITY_KEYS, FLAT_KEYS, OBSERVATION_CHOICES, EntitySpec
from dizoo_ext.vector_env import Observation, VectorStep


class ContractViolation(AssertionError):
    """An environment breaks a rule; ``rule`` is the rule's name, the message says where and what was expected."""

    def __init__(self, rule: str, detail: str) -> None:
        super().__init__(f"rule '{rule}': {detail}")
        self.rule = rule


def require(holds: Any, rule: str, detail: str) -> None:
    """Raise a `ContractViolation` unless ``holds`` is true everywhere, naming the first place where it is not."""
    holds = np.asarray(holds)
    if holds.all():
        return
    place = np.argwhere(~holds)[0].tolist() if holds.ndim else []
    raise ContractViolation(rule, f"{detail} (first broken at index {place})" if place else detail)


def check_observation(
    observation: Observation, spec: EntitySpec, is_first: np.ndarray, last_action: np.ndarray
) -> None:
    """Check the observation of ``n`` environments.

    Args:
        is_first: (n,) bool, the first observation of an episode.
        last_action: (n, A) integers, the joint action that led here; ignored where ``is_first``.
    """
    _check_layout(observation, spec)
    mask = observation["action_mask"]
    require((mask == 0) | (mask == 1), "action_mask", "action_mask must hold zeros and ones only")
    require(mask.any(axis=2), "action_mask", "every agent needs at least one allowed action, at [environment, agent]")
    if set(observation) >= set(ENTITY_KEYS):
        _check_entities(observation, spec, is_first)
        _check_subtasks(observation, spec)
    if set(observation) >= set(FLAT_KEYS):
        _check_flat(observation, spec, is_first, last_action)


def check_step(step: VectorStep, spec: EntitySpec, previous_done: np.ndarray | None, steps: np.ndarray) -> None:
    """Check what a step returns beside the observation.

    Args:
        previous_done: (n, K) ``subtask_done`` before the step, None if unknown.
        steps: (n,) steps since the reset, this one included.
    """
    n, k = len(steps), spec.subtasks
    layout = {
        "reward": ((n,), np.float64),
        "done": ((n,), np.bool_),
        "time_limit": ((n,), np.bool_),
        "subtask_reward": ((n, k), np.float64),
        "subtask_done": ((n, k), np.bool_),
        "subtasks_changed": ((n,), np.bool_),
    }
    for name, (shape, dtype) in layout.items():
        value = getattr(step, name)
        is_right = isinstance(value, np.ndarray) and value.shape == shape and value.dtype == dtype
        found = (getattr(value, "shape", None), getattr(value, "dtype", type(value)))
        require(is_right, "step_layout", f"{name} must be an array of shape {shape}, {dtype.__name__}, got {found}")
    for name in ("reward", "subtask_reward"):
        require(np.isfinite(getattr(step, name)), "finite", f"{name} must be finite")
    require(~step.time_limit | step.done, "time_limit", "time_limit may be set only where done is")
    require(
        ~step.time_limit | (steps == spec.episode_limit) | spec.cuts_early,
        "time_limit",
        f"time_limit may be set only at step {spec.episode_limit}",
    )
    require(
        step.done | (steps < spec.episode_limit), "time_limit", f"no episode may pass {spec.episode_limit} steps undone"
    )
    if previous_done is not None:
        changed = (step.subtask_done != previous_done).any(axis=1)
        require(
            step.subtasks_changed == changed, "subtasks_changed", "must be set exactly where some subtask_done changed"
        )
    if "subtask_mask" in step.observation:
        require(
            step.observation["subtask_mask"] == ~step.subtask_done,
            "subtask_mask",
            "a subtask must be masked exactly when subtask_done says finished or absent, at [environment, subtask]",
        )
    require(
        set(step.episode_info) == set(np.flatnonzero(step.done).tolist()),
        "episode_info",
        f"needs one entry per environment that is done, got entries {sorted(step.episode_info)}",
    )


def check_episode_info(info: dict[str, float], episode_return: float, names: set[str] | None) -> None:
    """Check the metrics of a finished episode; ``names`` are those of earlier episodes, None if there were none."""
    for name, value in info.items():
        is_number = isinstance(value, int | float | np.number | np.bool_)
        require(isinstance(name, str) and is_number, "episode_info", f"{name!r} must be a number, got {value!r}")
    require("return" in info, "episode_info", f"'return' is missing among {sorted(info)}")
    require(
        np.isclose(info["return"], episode_return, rtol=1e-6, atol=1e-6),
        "episode_info",
        f"'return' is {info['return']}, but the rewards sum to {episode_return}",
    )
    require(
        names is None or names == set(info),
        "episode_info",
        f"every episode must report the same names, got {sorted(info)} after {sorted(names or ())}",
    )


def _check_layout(observation: Observation, spec: EntitySpec) -> None:
    fitting = [choice for choice in OBSERVATION_CHOICES if set(spec.observation_keys(choice)) == set(observation)]
    require(bool(fitting), "keys", f"the keys {sorted(observation)} are those of none of {OBSERVATION_CHOICES}")
    for key, box in spec.observation_space(fitting[0]).spaces.items():
        value = observation[key]
        require(isinstance(value, np.ndarray), "dtypes", f"{key} must be an array, got {type(value).__name__}")
        require(value.shape[1:] == box.shape, "shapes", f"{key} must be {box.shape}, got {value.shape[1:]}")
        require(value.dtype == box.dtype, "dtypes", f"{key} must be {box.dtype}, got {value.dtype}")
        if box.dtype == np.float32:
            require(np.isfinite(value), "finite", f"{key} must be finite")
        elif box.dtype == np.int64:
            inside = (value >= box.low) & (value <= box.high)
            require(inside, "subtask_ids", f"{key} must lie in [{box.low.min()}, {box.high.max()}]")


def _check_entities(observation: Observation, spec: EntitySpec, is_first: np.ndarray) -> None:
    entity_mask, obs_mask = observation["entity_mask"], observation["obs_mask"]
    alive = entity_mask[:, : spec.agents]
    # Only at the start is a masked entity known to be absent: later it may have died and left its row behind.
    absent = ~entity_mask & is_first[:, None]
    require(~(observation["entities"].any(axis=2) & absent), "absent_rows", "absent entities must have zero rows")
    require(
        ~(obs_mask & absent[:, None, :]).any(axis=2), "absent_unseen", "an agent sees an absent entity, at [env, agent]"
    )
    require(~(obs_mask.any(axis=2) & absent[:, : spec.agents]), "absent_unseen", "an absent agent sees something")
    sees_itself = obs_mask[:, np.arange(spec.agents), np.arange(spec.agents)]
    require(sees_itself | ~alive, "sees_itself", "a living agent must see itself, at [environment, agent]")
    no_op = np.zeros(spec.actions, bool)
    no_op[0] = True
    only_no_op = ((observation["action_mask"] > 0) == no_op).all(axis=2)
    require(
        only_no_op | alive,
        "no_op_only",
        "an absent or dead agent must be allowed exactly action 0, at [environment, agent]",
    )


def _check_subtasks(observation: Observation, spec: EntitySpec) -> None:
    require(
        observation["entity_subtask"][:, : spec.agents] == -1, "agent_subtask", "entity_subtask of agents must be -1"
    )
    assigned = observation["heuristic_allocation"]
    unfinished = np.take_along_axis(observation["subtask_mask"], np.maximum(assigned, 0), axis=1)
    require(
        (assigned == -1) | unfinished,
        "heuristic_allocation",
        "must be -1 or a subtask that is present and unfinished, at [environment, agent]",
    )


def _check_flat(observation: Observation, spec: EntitySpec, is_first: np.ndarray, last_action: np.ndarray) -> None:
    state, n = observation["agent_state"], len(is_first)
    names, previous = state[..., -spec.agents :], state[..., -spec.agents - spec.actions : -spec.agents]
    require(
        (names == np.eye(spec.agents)).all(axis=2),
        "flat_layout",
        f"the last {spec.agents} entries of an agent's agent_state must be its one-hot, at [environment, agent]",
    )
    expected = np.eye(spec.actions)[last_action] * ~is_first[:, None, None]
    if "entity_mask" not in observation:
        # A dead agent cannot be told from a living one here; its row may be zero.
        require(
            ((previous == expected) | (previous == 0)).all(axis=2),
            "flat_layout",
            "before its one-hot, agent_state must hold the agent's previous action as one-hot, at [environment, agent]",
        )
        return
    entities, agents = observation["entities"], spec.agents
    alive = observation["entity_mask"][:, :agents]
    seen = np.where(observation["obs_mask"][..., None], entities[:, None], 0).reshape(n, agents, -1)
    full = np.concatenate([entities[:, :agents], seen, expected], axis=2) * alive[..., None]
    require(
        (state[..., :-agents] == full).all(axis=2),
        "flat_layout",
        "agent_state must be [own row, rows of seen entities, previous action one-hot, agent one-hot], all but the "
        "last zero for an absent or dead agent, at [environment, agent]",
    )
    require(
        observation["global_state"] == entities.reshape(n, -1), "flat_layout", "global_state must be all entities' rows"
    )
