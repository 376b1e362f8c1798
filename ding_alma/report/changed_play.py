"""A trained team in another environment than the training's: other rules, other scenarios, another opponent."""

import copy
from collections.abc import Sequence
from typing import Any

from ding.envs.env.base_env import get_env_cls
from ding.policy import get_policy_cls
from easydict import EasyDict

from ding_alma.report.play import Run
from ding_alma.run.change_pair import change_pair
from ding_alma.run.config_override import change_value
from ding_alma.run.ding_keys import ABSENT, value_at
from ding_alma.run.run_error import RunError
from ding_alma.run.scenario_text import scenario_of

CLOCK = "policy.allocation.period"
"""Steps between decisions of ALMA's allocation and of COPA's coach: the only value of a policy that may change."""
INTERNAL = {"cfg_type", "eval_metric", "is_test", "observation"}
"""Keys of an environment that belong to training or to its policy."""
HEURISTIC = "env.heuristic_style"
"""The environment's own rule, which plays only where it allocates."""
OPTIONS = {
    "policy.allocation.source": "--allocation",
    "env.n_evaluator_episode": "--episodes",
    "policy.type": "--allocation or --allocator",
}
"""Keys that an option of the command sets."""


def change_play(run: Run, changes: Sequence[str]) -> Run:
    """The run with other values for its play; unchanged without any.

    Args:
        changes: ``env.KEY=value`` each, where KEY is one of the environment's own, or ``policy.allocation.period=N``.
            Values are read as by `config_override.override`.

    Raises:
        RunError: a key that has no effect on a trained team or does not exist, or a value of another type.
    """
    if not changes:
        return run
    main = copy.deepcopy(run.config)
    defaults = _defaults(main)
    changeable = [f"env.{key}" for key in defaults.env]
    if value_at(defaults, CLOCK) is not ABSENT:
        changeable.append(CLOCK)
    for path, text in map(change_pair, changes):
        if path in OPTIONS:
            raise RunError(f"{path} stays as in the training; use {OPTIONS[path]} instead")
        if path == "env.scenario":
            main.env.scenario = scenario_of(text)
            continue
        if not any(path == name or path.startswith(f"{name}.") for name in changeable):
            raise RunError(f"{path} cannot be changed for a trained team; these can: {', '.join(changeable)}")
        if path == HEURISTIC and main.policy.get("allocation", {}).get("source") != "heuristic":
            raise RunError(f"{path} has no effect unless the rule allocates: --allocation heuristic")
        change_value(main, path, text, defaults)
        if path == CLOCK:
            _make_room(main)
    return Run(main, run.state)


def _make_room(main: EasyDict) -> None:
    """Let training sequences hold a decision, which a policy wants; nothing is learnt from them here."""
    sequence = main.policy.other.replay_buffer
    if "sequence_length" in sequence:
        sequence.sequence_length = max(sequence.sequence_length, main.policy.allocation.period + 1)


def _defaults(main: EasyDict) -> EasyDict:
    """The defaults of the keys that may change."""
    env = get_env_cls(main.env).default_config()
    defaults: dict[str, Any] = dict(env={key: value for key, value in env.items() if key not in INTERNAL})
    period = value_at(dict(policy=get_policy_cls(main.policy).default_config()), CLOCK)
    if period is not ABSENT:
        defaults["policy"] = dict(allocation=dict(period=period))
    return EasyDict(defaults)
