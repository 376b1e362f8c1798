"""An allocator that compares agents with subtasks: fast and plain paths agree, and it learns who is near."""

from dataclasses import replace

import numpy as np
import pytest
import torch
from allocator_cases import close, random_allocation, random_state
from hypothesis import given, settings
from hypothesis import strategies as st

from ding_alma.model.allocation.allocator import Allocator
from ding_alma.model.allocation.decision_state import DecisionState
from ding_alma.model.allocation.pairwise import PairwiseCritic, PairwiseEncoder
from ding_alma.model.allocation.pointer_decoder import PointerDecoder
from ding_alma.model.allocation.proposal import choose_by

FEATURES = 6
SIGNALLING_NAN = 0x7FA00000
"""A float32 that numpy warns of when it is added to."""
SIZES = dict(
    seed=st.integers(0, 2**31),
    points=st.integers(1, 6),
    agents=st.integers(1, 5),
    others=st.sampled_from((0, 1, 6)),
    subtasks=st.integers(1, 4),
    proposals=st.integers(1, 9),
)


def draw(seed, points, agents, others, subtasks):
    generator = torch.Generator().manual_seed(seed)
    torch.manual_seed(seed % 1000)
    state = random_state(generator, points, agents, others, subtasks, FEATURES)
    return generator, state, torch.randperm(subtasks, generator=generator)


@settings(max_examples=40, deadline=None)
@given(**SIZES)
def test_compiled_and_regular_decoding_agree(seed, points, agents, others, subtasks, proposals):
    generator, state, permutation = draw(seed, points, agents, others, subtasks)
    encoder, decoder = PairwiseEncoder(FEATURES, 8, coordinates=(0, 1)), PointerDecoder(8)
    choose = choose_by(torch.rand(agents, points, proposals, subtasks, generator=generator))
    results = []
    for decode in (decoder, decoder.decode):
        proposed = decode(encoder(state, permutation), state, choose, proposals)
        (proposed.log_prob * torch.linspace(-1, 1, proposals) + proposed.entropy).sum().backward()
        gradients = [p.grad.clone() for p in encoder.parameters()]
        encoder.zero_grad()
        results.append((proposed, gradients))
    (compiled, of_compiled), (regular, of_regular) = results
    assert compiled.allocation.equal(regular.allocation)
    close(compiled.log_prob, regular.log_prob)
    for mine, theirs in zip(of_compiled, of_regular, strict=True):
        close(mine, theirs, 1e-4)


def test_what_memory_held_is_not_added_to(monkeypatch):
    """Logits of absent agents are never read, but must not warn of invalid values either."""
    generator, state, permutation = draw(seed=0, points=6, agents=5, others=6, subtasks=4)
    assert not state.active.all()
    encoding, decoder = PairwiseEncoder(FEATURES, 8, coordinates=(0, 1))(state, permutation), PointerDecoder(8)
    choose = choose_by(torch.rand(5, 6, 3, 4, generator=generator))
    empty = np.empty

    def filthy(shape, dtype=float):
        array = empty(shape, dtype)
        if dtype == np.float32:
            array.view(np.uint32)[...] = SIGNALLING_NAN
        return array

    monkeypatch.setattr(np, "empty", filthy)
    with np.errstate(invalid="raise"):
        assert torch.isfinite(decoder(encoding, state, choose, 3).log_prob).all()


@settings(max_examples=40, deadline=None)
@given(**SIZES)
def test_values_of_proposals_are_those_of_each(seed, points, agents, others, subtasks, proposals):
    generator, state, permutation = draw(seed, points, agents, others, subtasks)
    critic = PairwiseCritic(FEATURES, 8, coordinates=(0, 1))
    allocation = random_allocation(generator, state, proposals)
    together = critic.values(state, allocation, permutation)
    for p in range(proposals):
        close(together[:, p], critic(state, allocation[:, p], permutation))


def test_dead_agents_and_dead_entities_do_not_count():
    generator, state, permutation = draw(0, 5, 3, 6, 3)
    critic = PairwiseCritic(FEATURES, 8)
    allocation = random_allocation(generator, state, 1)[:, 0]
    before = critic.raw_value(state, allocation, permutation)
    other = replace(state, entities=state.entities + 100 * ~state.entity_mask.unsqueeze(-1))
    close(critic.raw_value(other, allocation, permutation), before)


def test_numbers_of_subtasks_do_not_matter():
    generator, state, permutation = draw(1, 5, 3, 6, 4)
    encoder, critic = PairwiseEncoder(FEATURES, 8), PairwiseCritic(FEATURES, 8)
    torch.nn.init.normal_(encoder.held)
    allocation = random_allocation(generator, state, 1)[:, 0]
    new_number = torch.tensor([2, 0, 3, 1])

    def renumbered(subtask):
        return torch.where(subtask >= 0, new_number[subtask.clamp_min(0)], -1)

    other = replace(
        state,
        entity_subtask=renumbered(state.entity_subtask),
        last_allocation=renumbered(state.last_allocation),
        subtask_mask=state.subtask_mask[:, new_number.argsort()],
    )
    close(
        critic.raw_value(other, renumbered(allocation), permutation), critic.raw_value(state, allocation, permutation)
    )
    before, after = encoder(state, permutation), encoder(other, permutation)
    close(after.pairs[..., new_number], before.pairs)
    close(after.subtasks[:, new_number], before.subtasks)


def test_the_critic_sees_subtasks_where_nobody_works():
    _, state, permutation = draw(2, 5, 3, 6, 4)
    critic, nobody = PairwiseCritic(FEATURES, 8), torch.full((5, 3), -1)
    before = critic.raw_value(state, nobody, permutation)
    other = replace(state, entities=state.entities + 1)
    assert (critic.raw_value(other, nobody, permutation) - before).abs().max() > 1e-3


@pytest.mark.parametrize("network", ["attention", "pairwise"])
def test_pairs_learn_sooner_who_is_near(network):
    torch.manual_seed(0)
    allocator = Allocator(4, 4, 8, 16, 2, 16, 2, network=network, coordinates=(0, 1))
    optimiser = torch.optim.Adam(allocator.critic.parameters(), 3e-3)
    subtask = torch.cat([torch.full((3,), -1), torch.arange(4)])

    def states(points):
        entities = torch.cat([torch.rand(points, 7, 2), torch.zeros(points, 7, 2)], -1)
        entities[:, :3, 2] = entities[:, 3:, 3] = 1
        everything = torch.ones(points, 7, dtype=torch.bool)
        return DecisionState(
            entities, everything, subtask.expand(points, -1), everything[:, :4], torch.full((points, 3), -1)
        )

    def nearness(state, allocation):
        places = state.entities[..., :2]
        chosen = places[:, 3:].gather(1, allocation.unsqueeze(-1).expand(-1, -1, 2))
        return -(places[:, :3] - chosen).abs().sum(-1).mean(-1)

    for _ in range(150):
        state, allocation = states(128), torch.randint(4, (128, 3))
        error = allocator.critic.raw_value(state, allocation, torch.randperm(4)) - nearness(state, allocation)
        optimiser.zero_grad()
        error.square().mean().backward()
        optimiser.step()
    state, allocation = states(1000), torch.randint(4, (1000, 3))
    with torch.no_grad():
        value = allocator.critic.raw_value(state, allocation, torch.randperm(4))
    explained = 1 - (value - nearness(state, allocation)).var() / nearness(state, allocation).var()
    assert explained > 0.4 if network == "pairwise" else explained < 0.1


def test_unknown_networks_are_refused():
    with pytest.raises(ValueError, match="network must be one of"):
        Allocator(4, 4, network="pair")
