import pytest
import torch
from allocator_cases import close, random_state

from ding_alma.model.allocation.allocator import Allocator, ProposalDraws
from ding_alma.rl.exploration import (
    ExplorationDraws,
    epsilon_greedy,
    heuristic_allocation,
    learned_allocation,
    random_allocation,
)


@pytest.fixture
def state():
    return random_state(torch.Generator().manual_seed(1), 40, 4, 5, 3, 6)


@pytest.fixture
def allocator():
    torch.manual_seed(0)
    return Allocator(6, 3, 4, 8, 2, 8, 2)


def test_random_allocation_is_uniform_over_unfinished_subtasks(state):
    generator = torch.Generator().manual_seed(2)
    drawn = torch.stack([random_allocation(state, generator) for _ in range(2000)])
    assert (drawn[:, ~state.active] == -1).all()
    share = torch.stack([(drawn == k).float().mean(0) for k in range(3)], -1)
    expected = state.subtask_mask / state.subtask_mask.sum(1, keepdim=True)
    close(share[state.active], expected.unsqueeze(1).expand(-1, 4, -1)[state.active], 0.06)


def test_random_allocation_without_any_unfinished_subtask_is_none(state):
    done = type(state)(**{**vars(state), "subtask_mask": torch.zeros_like(state.subtask_mask)})
    assert (random_allocation(done) == -1).all()


def test_best_proposal_is_taken_and_exploration_replaces_it(state, allocator):
    proposal_draws = ProposalDraws.draw(torch.Generator().manual_seed(3), allocator, state)
    rated = allocator.propose(state, proposal_draws)
    best, first = rated.best_allocation, rated.proposals.allocation[:, 0]
    assert learned_allocation(allocator, state, proposal_draws=proposal_draws).equal(best)

    draws = ExplorationDraws.draw(torch.Generator().manual_seed(4), state)
    explored = learned_allocation(
        allocator,
        state,
        proposal_epsilon=0.5,
        agent_epsilon=0.3,
        proposal_draws=proposal_draws,
        exploration_draws=draws,
    )
    per_agent = draws.per_agent <= 0.3
    whole = (draws.whole <= 0.5).unsqueeze(1).expand_as(per_agent)
    assert explored[per_agent].equal(draws.random_allocation[per_agent])
    assert explored[~per_agent & whole].equal(first[~per_agent & whole])
    assert explored[~per_agent & ~whole].equal(best[~per_agent & ~whole])
    assert (per_agent & whole).any() and (~per_agent & whole).any() and (~whole & ~per_agent).any()


def test_same_seed_gives_the_same_allocation_and_no_graph(state, allocator):
    first, second = (learned_allocation(allocator, state, torch.Generator().manual_seed(9), 0.3, 0.3) for _ in range(2))
    assert first.equal(second)
    assert all(p.grad is None for p in allocator.parameters())


def test_heuristic_advice_reaches_active_agents_only(state):
    advice = torch.full((40, 4), 2)
    assert heuristic_allocation(state.active, advice).equal(torch.where(state.active, 2, -1))


def test_epsilon_greedy_explores_uniformly_over_available_actions():
    generator = torch.Generator().manual_seed(5)
    utility = torch.tensor([3.0, 9.0, 1.0, 2.0]).expand(20_000, 1, -1)
    available = torch.tensor([True, False, True, True]).expand_as(utility)
    assert (epsilon_greedy(utility, available, 0.0) == 0).all()
    action = epsilon_greedy(utility, available, 0.3, generator)
    share = torch.bincount(action.flatten(), minlength=4) / 20_000
    close(share, torch.tensor([0.8, 0.0, 0.1, 0.1]), 0.02)


def test_epsilon_greedy_by_given_numbers():
    utility = torch.zeros(1, 2, 3)
    available = torch.tensor([[[True, False, True], [False, True, True]]])
    coin = torch.tensor([[0.1, 0.1]])
    for uniform, expected in ((0.0, [0, 1]), (0.6, [2, 2]), (0.999999, [2, 2])):
        uniforms = torch.full((1, 2), uniform)
        assert epsilon_greedy(utility, available, 0.2, coin=coin, uniforms=uniforms).tolist() == [expected]
    assert epsilon_greedy(utility, available, 0.1, coin=coin).tolist() == [[0, 1]]
