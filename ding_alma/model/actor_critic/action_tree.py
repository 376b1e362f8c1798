"""Actions that are chosen in stages: type first, then its parameters (docs/reference/mppo.md#staged-actions)."""

from collections.abc import Sequence
from typing import NamedTuple

import torch
from torch import Tensor, nn

from ding_alma.model.actor_critic.categorical import ILLEGAL, ActionDistribution, legal_entropy, masked_log_softmax


class _Stage(NamedTuple):
    column: Tensor
    """(D, C) int64, the logits that compete in each of D decisions of this depth; 0 where there are fewer than C."""
    choice_of_action: Tensor
    """(D * C, U) float32, 1 = taking this choice can end in this action."""
    place: Tensor
    """(U,) int64, where an action's choice of this depth stands among D * C; 0 for shorter paths."""
    reaches: Tensor
    """(U,) bool, the action's path is this long."""


class ActionTree(nn.Module):
    """U actions as paths of choices; every choice has a column in a network's output.

    Choices that follow the same prefix compete with each other. A choice is legal if it can end in a legal action, so
    an earlier choice acts upon later ones through the mask alone.
    """

    def __init__(self, paths: Sequence[Sequence[int]]) -> None:
        """``paths`` holds the columns of each action's choices, first choice first.

        Raises:
            ValueError: a path is empty, occurs twice, or is the beginning of another.
        """
        super().__init__()
        routes = [tuple(path) for path in paths]
        for path in routes:
            if not path or sum(other[: len(path)] == path for other in routes) != 1:
                raise ValueError(f"an action's path must be its own and end where no other goes on, got {path}")
        self.actions = len(routes)
        self.depth = max(map(len, routes))
        self.columns = 1 + max(column for path in routes for column in path)
        for depth in range(self.depth):
            for name, value in _stage(routes, depth)._asdict().items():
                self.register_buffer(f"{name}_{depth}", value, persistent=False)

    def stage(self, depth: int) -> _Stage:
        """Tables of one depth, on the module's device."""
        return _Stage(*(getattr(self, f"{name}_{depth}") for name in _Stage._fields))


def _stage(paths: list[tuple[int, ...]], depth: int) -> _Stage:
    decisions: dict[tuple[int, ...], list[int]] = {}
    for path in paths:
        if len(path) > depth:
            choices = decisions.setdefault(path[:depth], [])
            if path[depth] not in choices:
                choices.append(path[depth])
    widest = max(map(len, decisions.values()))
    order = {prefix: i for i, prefix in enumerate(decisions)}
    column = torch.zeros(len(decisions), widest, dtype=torch.int64)
    for prefix, choices in decisions.items():
        column[order[prefix], : len(choices)] = torch.tensor(choices)
    choice_of_action = torch.zeros(len(decisions) * widest, len(paths))
    place = torch.zeros(len(paths), dtype=torch.int64)
    for action, path in enumerate(paths):
        if len(path) > depth:
            prefix = path[:depth]
            place[action] = order[prefix] * widest + decisions[prefix].index(path[depth])
            choice_of_action[place[action], action] = 1
    return _Stage(column, choice_of_action, place, torch.tensor([len(path) > depth for path in paths]))


class TreeCategorical(ActionDistribution):
    """Product of the masked softmaxes along an action's path.

    Args:
        tree: the actions' paths.
        logits: (..., columns or more).
        mask: (..., U) bool, True = legal.
    """

    def __init__(self, tree: ActionTree, logits: Tensor, mask: Tensor) -> None:
        total = logits.new_zeros(mask.shape)
        entropies = logits.new_zeros(mask.shape)
        for depth in range(tree.depth):
            stage = tree.stage(depth)
            decisions, choices = stage.column.shape
            legal = (mask.to(stage.choice_of_action.dtype) @ stage.choice_of_action.T > 0).unflatten(
                -1, (decisions, choices)
            )
            log_probs = masked_log_softmax(logits[..., stage.column], legal)
            entropy = legal_entropy(log_probs, legal).repeat_interleave(choices, -1)
            total = total + torch.where(stage.reaches, log_probs.flatten(-2)[..., stage.place], 0.0)
            entropies = entropies + torch.where(stage.reaches, entropy[..., stage.place], 0.0)
        self._log_probs = total.masked_fill(~mask, ILLEGAL)
        self._entropies = entropies

    def log_probs(self) -> Tensor:
        return self._log_probs

    def entropy(self, action: Tensor) -> Tensor:
        """(...), an estimate: the entropies of the decisions that the action (...) int64 passed through."""
        return self._entropies.gather(-1, action.unsqueeze(-1)).squeeze(-1)
