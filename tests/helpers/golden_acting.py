"""Golden files of the original's acting, replayed step by step."""

import pytest
import torch
from allocator_cases import close, environment_subtask, index_of, with_prefix

from ding_alma.model.allocation.allocator import ProposalDraws
from ding_alma.model.allocation.decision_state import DecisionState
from ding_alma.rl.exploration import ExplorationDraws, epsilon_greedy, learned_allocation
from ding_alma.rl.network_inputs import available_actions
from ding_alma.rl.schedules import linear
from ding_alma.rl.value_acting import acting_utilities


def ties_of(codes):
    """Reference availability codes as the tie of each action."""
    subtask_tie = torch.where(codes >= 2, codes - 2, -1)
    return torch.where(codes >= 1000, -2 - (codes - 1000), subtask_tie).long()


def replay(golden, value_network, allocator):
    """Compare proposals, their values, allocations, utilities and greedy actions of every recorded step."""
    agents, subtasks = int(golden["cfg/n_agents"]), int(golden["cfg/n_tasks"])
    training = not golden["cfg/test_mode"]
    inputs = with_prefix(golden, "in/")
    exists, entity_subtask = inputs["entity_mask"] == 0, environment_subtask(inputs["entity2task_mask"], agents)
    agent_epsilon = proposal_epsilon = 0.0
    if training:
        step, total = int(golden["cfg/t_env"]), int(golden["cfg/t_max"])
        agent_epsilon, proposal_epsilon = linear(1.0, 0.0, 0.05 * total, step), linear(1.0, 0.05, 0.2 * total, step)
        assert agent_epsilon == pytest.approx(float(golden["out/alloc_eps"]), abs=1e-6)
        assert proposal_epsilon == pytest.approx(float(golden["out/prop_alloc_eps"]), abs=1e-6)

    rows, steps = exists.shape[:2]
    held = torch.full((rows, agents), -1)
    last_action = torch.full((rows, agents), -1)
    for t in range(steps):
        draw, out = with_prefix(golden, f"draw/t{t}/"), with_prefix(golden, f"out/t{t}/")
        decides = inputs["hier_decision"][:, t, 0] == 1
        if decides.any():
            state = DecisionState(
                inputs["entities"][decides, t],
                exists[decides, t],
                entity_subtask[decides, t],
                inputs["task_mask"][decides, t] == 0,
                held[decides],
            )
            uniforms = draw["uniforms"].view(agents, state.points, allocator.proposals, subtasks)
            proposal_draws = ProposalDraws(draw["perm_policy"], draw["perm_critic"], uniforms)
            rated = allocator.propose(state, proposal_draws)
            assert rated.proposals.allocation.equal(index_of(out["proposals"]))
            close(rated.value, out["proposal_q"].squeeze(-1))
            exploration_draws = None
            if training:
                drawn = torch.where(state.active, index_of(draw["rand_allocs"]), -1)
                exploration_draws = ExplorationDraws(drawn, draw["prop_draw"], draw["agent_draw"])
            held[decides] = learned_allocation(
                allocator,
                state,
                proposal_epsilon=proposal_epsilon,
                agent_epsilon=agent_epsilon,
                proposal_draws=proposal_draws,
                exploration_draws=exploration_draws,
            )
            assert held[decides].equal(index_of(out["alloc"]))
        assert held.equal(index_of(out["task_allocations"]))

        utility, _ = acting_utilities(
            value_network,
            inputs["entities"][:, t],
            last_action,
            exists[:, t],
            inputs["obs_mask"][:, t, :agents] == 0,
            entity_subtask[:, t],
            held,
            subtasks,
        )
        close(utility, out["q"])
        codes = inputs["avail_actions"][:, t]
        ties = ties_of(codes) if golden["cfg/mask_subtask_actions"] else None
        available = available_actions(codes >= 1, ties, held)
        assert available.equal(out["parsed_avail"] >= 1)
        assert epsilon_greedy(utility, available, 0.0).equal(out["greedy_actions"])
        last_action = inputs["actions"][:, t].squeeze(-1)
