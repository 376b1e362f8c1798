"""What batches and proposals are summed up to on a CPU equals the regular tensor operations of other devices."""

from types import SimpleNamespace

import torch
from allocator_cases import close, random_allocation, random_state
from hypothesis import given, settings
from hypothesis import strategies as st

from ding_alma.model.allocation.allocator import RatedProposals
from ding_alma.model.allocation.proposal import Proposals
from ding_alma.rl.batch import HostSteps
from ding_alma.rl.decision_points import _compiled_segments, _regular_segments
from ding_alma.rl.proposal_metrics import _compiled_sums, _regular_sums


@settings(max_examples=60, deadline=None)
@given(seed=st.integers(0, 2**31), rows=st.integers(1, 4), steps=st.integers(1, 12))
def test_segments(seed, rows, steps):
    generator = torch.Generator().manual_seed(seed)

    def flags(share):
        return torch.rand(rows, steps, generator=generator) < share

    ended = flags(0.2)
    batch = SimpleNamespace(
        decision=flags(0.4),
        last_transition=ended,
        terminated=ended & flags(0.5),
        valid=flags(0.8),
        reward=torch.randn(rows, steps, generator=generator),
        allocation=torch.randint(-1, 3, (rows, steps, 2), generator=generator),
    )
    batch.host_steps = lambda: HostSteps(batch.decision, batch.valid, ended)
    for compiled, regular in zip(_compiled_segments(batch), _regular_segments(batch), strict=True):
        close(compiled, regular)


@settings(max_examples=40, deadline=None)
@given(seed=st.integers(0, 2**31), agents=st.integers(1, 5), others=st.sampled_from((0, 4)))
def test_proposal_metrics(seed, agents, others):
    generator = torch.Generator().manual_seed(seed)
    state = random_state(generator, 6, agents, others, 3, 2)
    allocation = random_allocation(generator, state, 4)
    nothing = torch.zeros(6, 4)
    best = torch.randint(4, (6,), generator=generator)
    rated = RatedProposals(Proposals(allocation, nothing, nothing, nothing), nothing, best)
    for compiled, regular in zip(_compiled_sums(state, rated), _regular_sums(state, rated), strict=True):
        close(compiled, regular)
