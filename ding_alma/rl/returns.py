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
    constant = reward + follows * value
    slope = follows * trace
    returns = torch.empty_like(constant)
    returns[:, -1] = constant[:, -1]
    for step in range(constant.shape[1] - 2, -1, -1):
        # The part of the next return that its own value does not know yet is passed on.
        news = returns[:, step + 1] - value[:, step]
        torch.addcmul(constant[:, step], slope[:, step], news, out=returns[:, step])
    return returns
