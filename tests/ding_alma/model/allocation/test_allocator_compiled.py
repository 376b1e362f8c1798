"""On a CPU the allocator runs in compiled loops; they equal the regular tensor operations of other devices."""

import pytest
import torch
from allocator_cases import close, random_allocation, random_state
from hypothesis import given, settings
from hypothesis import strategies as st
from proposal_variants import build_proposal_network

from ding_alma.model.allocation.cases import AllocationCases
from ding_alma.model.allocation.critic import AllocationCritic
from ding_alma.model.allocation.proposal import choose_by

SIZES = dict(
    seed=st.integers(0, 2**31),
    points=st.integers(1, 6),
    agents=st.integers(1, 5),
    others=st.sampled_from((0, 1, 6)),
    subtasks=st.integers(1, 4),
    extra=st.sampled_from((0, 2)),
)
POINTERS = ("default", "agattn", "nosubtaskmask")


def draw(seed, points, agents, others, subtasks, extra):
    generator = torch.Generator().manual_seed(seed)
    torch.manual_seed(seed % 1000)
    state = random_state(generator, points, agents, others, subtasks, 6)
    return generator, state, torch.randperm(subtasks + extra, generator=generator)


def assert_same_gradients(actual, expected, module):
    weight = torch.linspace(-1, 1, actual.numel())
    both = [
        torch.autograd.grad((weight * values.flatten()).sum(), list(module.parameters()), allow_unused=True)
        for values in (actual, expected)
    ]
    for parameter, *gradients in zip(module.parameters(), *both, strict=True):
        close(*(torch.zeros_like(parameter) if gradient is None else gradient for gradient in gradients), 1e-4)


@settings(max_examples=40, deadline=None)
@given(**SIZES, variant=st.sampled_from(POINTERS), proposals=st.integers(1, 9))
def test_pointer_decoder(seed, points, agents, others, subtasks, extra, variant, proposals):
    generator, state, permutation = draw(seed, points, agents, others, subtasks, extra)
    network = build_proposal_network(variant, 6, subtasks, 8, 2, extra)
    choose = choose_by(torch.rand(agents, points, proposals, subtasks, generator=generator))
    for field in ("log_prob", "entropy"):
        compiled, regular = (
            decode(network.encoder.encode(state, permutation), state, choose, proposals)
            for decode in (network.decoder, network.decoder.decode)
        )
        assert compiled.allocation.equal(regular.allocation)
        close(compiled.best_prob, regular.best_prob)
        close(getattr(compiled, field), getattr(regular, field))
        assert_same_gradients(getattr(compiled, field), getattr(regular, field), network)


@settings(max_examples=40, deadline=None)
@given(**SIZES, variant=st.sampled_from(POINTERS))
def test_proposal_encoder(seed, points, agents, others, subtasks, extra, variant):
    _, state, permutation = draw(seed, points, agents, others, subtasks, extra)
    encoder = build_proposal_network(variant, 6, subtasks, 8, 2, extra).encoder
    compiled, regular = encoder(state, permutation), encoder.encode(state, permutation)
    assert compiled.pairs is regular.pairs is None
    for mine, theirs in zip(compiled[:3], regular[:3], strict=True):
        close(mine, theirs)
    assert_same_gradients(*(torch.cat([x.agents, x.subtasks], 1) for x in (compiled, regular)), encoder)


@settings(max_examples=40, deadline=None)
@given(**SIZES)
def test_critic_of_one_allocation(seed, points, agents, others, subtasks, extra):
    generator, state, permutation = draw(seed, points, agents, others, subtasks, extra)
    critic = AllocationCritic(6, subtasks, 8, 2, extra)
    # Allocations of agents that have died since are legal inputs.
    allocation = torch.randint(-1, subtasks, (points, agents), generator=generator)
    compiled, regular = critic.raw_value(state, allocation, permutation), critic._value(state, allocation, permutation)
    close(compiled, regular)
    assert_same_gradients(compiled, regular, critic)


@settings(max_examples=40, deadline=None)
@given(**SIZES, proposals=st.integers(1, 9))
def test_cases_describe_every_entity_of_every_proposal(seed, points, agents, others, subtasks, extra, proposals):
    generator, state, _ = draw(seed, points, agents, others, subtasks, extra)
    allocation = random_allocation(generator, state, proposals)
    cases = AllocationCases.of(state, allocation)
    assert len(cases.case) == sum(len(of_point.unique(dim=0)) for of_point in allocation)
    for n, entity in state.entity_mask.nonzero().tolist():
        for p in range(proposals):
            row = cases.place[n, p]
            case = cases.case[row, entity]
            on = int(allocation[n, p, entity] if entity < agents else state.entity_subtask[n, entity])
            assert cases.exists[row].equal(state.entity_mask[n])
            assert (case < cases.agent_cases) == (entity < agents)
            assert cases.entity[case] == n * state.entity_mask.shape[1] + entity
            assert cases.slot[case] == n * (subtasks + 1) + on % (subtasks + 1)
            assert cases.team[case] == ((allocation[n, p] == on).sum() if on >= 0 else 0)


@settings(max_examples=40, deadline=None)
@given(**SIZES, proposals=st.integers(1, 9))
def test_values_of_all_proposals(seed, points, agents, others, subtasks, extra, proposals):
    generator, state, permutation = draw(seed, points, agents, others, subtasks, extra)
    critic = AllocationCritic(6, subtasks, 8, 2, extra)
    allocation = random_allocation(generator, state, proposals)
    regular = critic.popart(critic._values_of_all(state, allocation, permutation).unsqueeze(-1)).squeeze(-1)
    close(critic.values(state, allocation, permutation), regular)


def test_compiled_loops_are_not_for_other_dtypes():
    _, state, _ = draw(0, 2, 3, 3, 2, 0)
    assert state.compiled
    double = type(state)(state.entities.double(), *list(vars(state).values())[1:])
    assert not double.compiled


@pytest.mark.parametrize("agents", [1, 4])
def test_gradient_of_a_proposal_that_nobody_weighs_is_zero(agents):
    generator, state, permutation = draw(3, 4, agents, 3, 3, 0)
    network = build_proposal_network("default", 6, 3, 8, 2)
    proposals = network.sample(state, permutation, torch.rand(agents, 4, 5, 3, generator=generator))
    (0 * proposals.log_prob.sum()).backward()
    assert all((p.grad == 0).all() for p in network.parameters())
