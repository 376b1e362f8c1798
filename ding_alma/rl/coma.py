"""Counterfactual policy gradients for teams whose members come and go (COMA, AAAI 2018, section 4)."""

from dataclasses import dataclass, fields

import torch
from torch import Tensor

from ding_alma.model.actor_critic.categorical import ActionDistribution
from ding_alma.model.processes import mean_count


@dataclass(frozen=True)
class ComaBatch:
    """B whole episodes of S steps, time first, padded at their ends; all start without a memory.

    An episode of L transitions fills L + 1 steps. The last one, the final observation, is not ``valid``; nor is
    padding, where everything is zero. At both ``action``, ``reward`` and ``terminated`` are zero.
    """

    agent_state: Tensor
    """(S, B, A, D) float32."""
    global_state: Tensor
    """(S, B, G) float32."""
    action_mask: Tensor
    """(S, B, A, U) bool."""
    action: Tensor
    """(S, B, A) int64."""
    epsilon: Tensor
    """(S, B) float32, share of the uniform policy in what the agents did."""
    reward: Tensor
    """(S, B) float32."""
    terminated: Tensor
    """(S, B) bool, the transition ended the episode and not by time limit."""
    valid: Tensor
    """(S, B) bool, a transition starts here."""

    @property
    def acting(self) -> Tensor:
        """(S, B, A) bool: the agent has another choice than the no-op, which is all that absent and dead ones have."""
        return self.action_mask[..., 1:].any(-1)

    def to(self, device: torch.device | str) -> "ComaBatch":
        """The same batch on another device."""
        return ComaBatch(**{f.name: getattr(self, f.name).to(device) for f in fields(self)})


def taken(values: Tensor, action: Tensor) -> Tensor:
    """(..., A, U) at the actions (..., A) int64 that were taken: (..., A)."""
    return values.gather(-1, action.unsqueeze(-1)).squeeze(-1)


def lambda_returns(
    q_taken: Tensor,
    acting: Tensor,
    reward: Tensor,
    terminated: Tensor,
    valid: Tensor,
    discount: float,
    trace: float,
) -> Tensor:
    """TD(lambda) returns ``G = r + discount (1 - terminated) ((1 - trace) Q' + trace G')`` of every agent.

    Q' is the target critic's value of the next joint action as the agent's own output states it. All outputs estimate
    the same number, so where the agent does not act any more the mean of those who do stands in for its untrained
    output, and where nobody acts G' does. A final observation's return is its Q'.

    Args:
        q_taken: (S, B, A), target critic's values of the joint actions; at final observations of ones sampled there.
        acting: (S, B, A) bool.
        reward, terminated, valid: (S, B), as in `ComaBatch`.
        discount, trace: in [0, 1] (paper: gamma, lambda).

    Returns:
        (S, B, A).
    """
    actors = acting.sum(-1, keepdim=True)
    mean = torch.where(acting, q_taken, 0.0).sum(-1, keepdim=True) / actors.clamp_min(1)
    value = torch.where(acting, q_taken, mean)
    returns = torch.empty_like(value)
    returns[-1] = running = value[-1]
    for t in reversed(range(len(value) - 1)):
        ahead = torch.where(actors[t + 1] > 0, (1 - trace) * value[t + 1] + trace * running, running)
        running = reward[t].unsqueeze(-1) + discount * (~terminated[t]).unsqueeze(-1) * ahead
        returns[t] = running = torch.where(valid[t].unsqueeze(-1), running, value[t])
    return returns


def critic_loss(q_value: Tensor, action: Tensor, returns: Tensor, counts: Tensor) -> Tensor:
    """Mean squared error of the values of the actions taken.

    Args: q_value (..., U); action (...) int64; returns (...); counts (...) bool, zero loss if none.
    """
    error = torch.where(counts, taken(q_value, action) - returns, 0.0)
    return error.square().sum() / mean_count(counts)


def actor_loss(policy: ActionDistribution, q_value: Tensor, action: Tensor, counts: Tensor) -> tuple[Tensor, Tensor]:
    """The policy's loss ``-log pi(u) (Q(u) - sum_u' pi(u') Q(u'))`` and its entropy, means over what counts.

    Args:
        policy: what the actions were drawn from, (S, B, A, U).
        q_value: (S, B, A, U), an agent's actions valued beside the others' as they were.
        action: (S, B, A) int64.
        counts: (S, B, A) bool.

    Returns:
        Two scalars, zero if nothing counts.
    """
    advantage = (taken(q_value, action) - (policy.probs() * q_value).sum(-1)).detach()
    number = mean_count(counts)
    loss = -torch.where(counts, policy.log_prob(action) * advantage, 0.0).sum() / number
    entropy = torch.where(counts, policy.entropy(action), 0.0).sum() / number
    return loss, entropy
