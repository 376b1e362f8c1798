"""Returns that look further ahead than one step."""

import torch
from torch import Tensor


def traced_returns(reward: Tensor, ends: Tensor, value: Tensor, trace: Tensor, discount: float) -> Tensor:
    """``G_t = r_t + discount (1 - ends_t) ((1 - trace_t) value_t + trace_t G_{t+1})`` (Peng's Q(lambda)).

    Args:
        reward: (B, S, G) float32, of the transitions.
        ends: (B, S, G) bool, nothing follows the transition.
        value: (B, S, G) float32, of what follows it.
        trace: (B, S, G) in [0, 1], share of the return of the next transition; its last step is not looked at.
        discount: per step.

    Returns:
        (B, S, G).
    """
    follows = discount * ~ends
    slope = follows * trace
    slope[:, -1] = 0
    constant = reward + (follows - slope) * value
    # Steps are taken apart once: a loop over indices spends most of its time on making views.
    returns = [constant[:, -1]]
    for known, share in zip(reversed(constant[:, :-1].unbind(1)), reversed(slope[:, :-1].unbind(1)), strict=True):
        returns.append(torch.addcmul(known, share, returns[-1]))
    return torch.stack(returns[::-1], 1)
