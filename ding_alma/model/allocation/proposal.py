"""The network that proposes allocations (docs/reference/alma.md#proposal-network)."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Protocol

import numba
import numpy as np
import torch
from torch import Tensor, nn

from ding_alma.model.allocation.decision_state import DecisionState
from ding_alma.model.allocation.proposal_encoder import Encoder, ProposalEncoding


@dataclass(frozen=True)
class Proposals:
    """P allocations for each of N decisions."""

    allocation: Tensor
    """(N, P, A) int64, -1 for inactive agents."""
    log_prob: Tensor
    """(N, P) of the whole allocation, differentiable."""
    entropy: Tensor
    """(N, P) summed over the active agents along the proposal's own prefix, differentiable."""
    best_prob: Tensor
    """(N, P) largest probability of an agent's choice, mean over active agents, detached."""


Chooser = Callable[[int, Tensor, Tensor], Tensor]
"""(agent, log_prob (R, K), row (N, P) int64) -> choice (N, P) int64, of proposal (n, p) by ``log_prob[row[n, p]]``."""


class ProposalDecoder(Protocol):
    """Turns an encoding into allocations, one agent after another or all at once."""

    def __call__(self, encoding: ProposalEncoding, state: DecisionState, choose: Chooser, proposals: int) -> Proposals:
        """Decide ``proposals`` allocations per decision, every choice made by ``choose``."""


class ProposalNetwork(nn.Module):
    """Distribution over allocations: an encoder of the decision and a decoder of the choices."""

    def __init__(self, encoder: Encoder, decoder: nn.Module) -> None:
        super().__init__()
        self.encoder = encoder
        self.decoder = decoder

    def sample(self, state: DecisionState, permutation: Tensor, uniforms: Tensor) -> Proposals:
        """Draw P independent allocations per decision.

        Args:
            permutation: (K + extra,) int64 of the subtask embedding.
            uniforms: (A, N, P, K) in (0, 1), the noise of every choice (Gumbel-max).
        """
        expected = (state.agents, state.points, uniforms.shape[-2], state.subtasks)
        if uniforms.shape != expected:
            raise ValueError(
                f"uniforms must be (agents, decisions, proposals, subtasks) = {expected}, got {tuple(uniforms.shape)}"
            )
        return self.decoder(self.encoder(state, permutation), state, choose_by(uniforms), uniforms.shape[2])

    def evaluate(self, state: DecisionState, permutation: Tensor, allocation: Tensor) -> Proposals:
        """Probabilities of given allocations (N, P, A) int64; entries of inactive agents are not looked at.

        Raises:
            ValueError: an active agent has no subtask, or one out of range.
        """
        known = (allocation >= 0) & (allocation < state.subtasks)
        if not bool((known | ~state.active.unsqueeze(1)).all()):
            raise ValueError(f"every active agent must be allocated to one of the subtasks 0..{state.subtasks - 1}")

        def choose(agent: int, log_prob: Tensor, row: Tensor) -> Tensor:
            return allocation[..., agent].clamp(0, state.subtasks - 1)

        return self.decoder(self.encoder(state, permutation), state, choose, allocation.shape[1])


def choose_by(uniforms: Tensor) -> Chooser:
    """Sample from the log-probabilities with given uniforms (A, N, P, K)."""
    smallest = torch.finfo(uniforms.dtype).eps
    # The largest of log p + Gumbel noise is the largest of p over an exponential variable, with one log less.
    waiting = uniforms.clamp(smallest, 1 - smallest).log_().neg_()
    on_cpu = waiting.numpy() if waiting.device.type == "cpu" else None

    def choose(agent: int, log_prob: Tensor, row: Tensor) -> Tensor:
        prob = log_prob.exp()
        if on_cpu is None:
            return (prob[row] / waiting[agent]).argmax(-1)
        choice = np.empty(row.shape, np.int64)
        _first_arrival(prob.numpy(), row.numpy(), on_cpu[agent], choice)
        return torch.from_numpy(choice)

    return choose


@numba.njit(cache=True, fastmath=True, nogil=True, error_model="numpy")
def _first_arrival(prob, row, waiting, choice):
    """Fill ``choice`` (N, P) with the largest of ``prob[row]`` (N, P, K) over ``waiting`` (N, P, K)."""
    for n in range(row.shape[0]):
        for p in range(row.shape[1]):
            best = 0
            for k in range(1, prob.shape[1]):
                if prob[row[n, p], k] * waiting[n, p, best] > prob[row[n, p], best] * waiting[n, p, k]:
                    best = k
            choice[n, p] = best


FINISHED_LOGIT = -1e30
"""Far from the float32 limit, so that gradients through the entropy cannot overflow; its probability is exactly 0."""


def choice_log_prob(logits: Tensor, subtask_mask: Tensor) -> Tensor:
    """Log-softmax (..., K) over the unfinished subtasks; finished ones get about -1e30, all-finished is uniform."""
    return logits.masked_fill(~subtask_mask, FINISHED_LOGIT).log_softmax(-1)


def choice_entropy(log_prob: Tensor) -> Tensor:
    """(...) entropy of the distributions ``log_prob`` (..., K)."""
    return -(log_prob.exp() * log_prob).sum(-1)
