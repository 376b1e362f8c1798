"""Which reward a member earns by itself (docs/reference/mppo.md#own-and-shared-rewards)."""

from collections.abc import Callable, Mapping
from typing import Any

import torch
from easydict import EasyDict
from torch import Tensor


def _team(reward: float, obs: Mapping[str, Any], action: Tensor, info: Mapping[str, Any]) -> Tensor:
    return torch.full(action.shape, reward)


def _subtask(reward: float, obs: Mapping[str, Any], action: Tensor, info: Mapping[str, Any]) -> Tensor:
    ties = torch.as_tensor(obs["action_subtask"]).long().view(*action.shape, -1)
    subtask = ties.gather(-1, action.unsqueeze(-1)).squeeze(-1)
    earned = torch.as_tensor(info["subtask_reward"]).float()[subtask.clamp_min(0)]
    return torch.where(subtask >= 0, earned, 0.0)


def _given(reward: float, obs: Mapping[str, Any], action: Tensor, info: Mapping[str, Any]) -> Tensor:
    if "member_reward" not in info:
        raise KeyError(
            "policy.credit.own = 'given' needs info['member_reward'], which this environment of maps does not hand out"
        )
    return torch.as_tensor(info["member_reward"]).float().view(action.shape)


OWN_REWARDS: dict[str, Callable[[float, Mapping[str, Any], Tensor, Mapping[str, Any]], Tensor]] = {
    "team": _team,
    "subtask": _subtask,
    "given": _given,
}
"""By the names that configs use.

- 'team': every member is given the environment's global reward (SaveTheCity, StarCraft).
- 'subtask': the reward of the subtask that the member's action is tied to (``action_subtask``), such as the building
  it works at or the army it shoots at; nothing for actions that are tied to none or to another agent.
- 'given': what the environment says (Lux).
"""


def own_rewards(source: str, reward: float, obs: Mapping[str, Any], action: Tensor, info: Mapping[str, Any]) -> Tensor:
    """Own rewards (P, M) float32 of one transition.

    Args:
        source: one of `OWN_REWARDS`.
        reward: the environment's global reward.
        obs: observation before the transition.
        action: (P, M) int64.
        info: of the timestep.

    Raises:
        KeyError: the environment does not hand out what ``source`` needs.
    """
    return OWN_REWARDS[source](reward, obs, action, info)


def check_credit(credit: EasyDict, view: str) -> None:
    """Raise a ValueError for a block ``policy.credit`` whose values do not go together."""
    if credit.own == "team" and credit.shared == "sum":
        raise ValueError(
            "policy.credit.own = 'team' gives every member the whole global reward, whose 'sum' would multiply it by "
            "their number; set policy.credit.shared to 'team'"
        )
    if view == "entities" and credit.own == "given":
        raise ValueError(
            "policy.credit.own = 'given' is for policy.view = 'map', whose environments say what each member earned; "
            "use 'team' or 'subtask'"
        )
    if view == "map" and ("team" in (credit.own, credit.shared) or credit.own == "subtask"):
        raise ValueError(
            "policy.view = 'map' needs policy.credit.own = 'given' and shared = 'sum' or 'mean': there may be several "
            "teams, and the global reward does not tell them apart"
        )
