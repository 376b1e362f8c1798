import pytest
import torch
from allocator_cases import close, decision_state, index_of, random_allocation, random_state, subtask_of, with_prefix

from ding_alma.model.allocation import critic as allocation_critic
from ding_alma.model.allocation.case_attention import attend_cases
from ding_alma.model.allocation.critic import AllocationCritic
from ding_alma.model.attention.masked_attention import masked_attention
from ding_alma.reference_runs.names_allocator import load_critic


@pytest.mark.golden("alma", "allocation_critic")
def test_golden_alma_allocation_critic(golden):
    state = decision_state(with_prefix(golden, "in/"))
    critic = AllocationCritic(
        features=state.entities.shape[-1],
        subtasks=state.subtasks,
        dim=int(golden["cfg/alloc_embed_dim"]),
        heads=int(golden["cfg/alloc_n_heads"]),
        extra_subtasks=int(golden["cfg/n_extra_tasks"]),
        popart_alpha=0.01 if golden["cfg/popart"] else None,
    )
    load_critic(critic, with_prefix(golden, "param/"))
    inputs, draw, out = (with_prefix(golden, part) for part in ("in/", "draw/", "out/"))
    stored = subtask_of(inputs["entity2task_mask"])[:, : state.agents]
    proposals = index_of(inputs["proposals"])

    value = critic(state, stored, draw["perm_stored"])
    close(value, out["q_stored"].squeeze(-1))
    if "q_stored_denorm" in out:
        close(critic.popart.denormalise(value), out["q_stored_denorm"].squeeze(-1))
    close(critic(state, proposals[:, 0], draw["perm_single"]), out["q_single"].squeeze(-1))
    close(critic.values(state, proposals, draw["perm_multi"]), out["q_multi"].squeeze(-1))


@pytest.mark.parametrize("chunk", [1, 10**9])
def test_values_of_many_proposals_equal_one_at_a_time(chunk, monkeypatch):
    monkeypatch.setattr(allocation_critic, "CHUNK_FLOATS", chunk)
    generator = torch.Generator().manual_seed(1)
    state = random_state(generator, 9, 4, 5, 3, 6)
    torch.manual_seed(0)
    critic = AllocationCritic(6, 3, 8, 2)
    allocation = random_allocation(generator, state, 11)
    # Allocations of units that have died since, and agents left out, are legal inputs too.
    allocation[0, :, :] = torch.randint(-1, 3, (11, 4), generator=generator)
    permutation = torch.randperm(3, generator=generator)
    expected = torch.stack([critic(state, allocation[:, p], permutation) for p in range(11)], 1)
    close(critic.values(state, allocation, permutation), expected)


def test_value_ignores_absent_entities():
    generator = torch.Generator().manual_seed(2)
    state = random_state(generator, 5, 4, 5, 3, 6)
    torch.manual_seed(0)
    critic = AllocationCritic(6, 3, 8, 2)
    allocation = random_allocation(generator, state, 3)
    disturbed = torch.where(state.entity_mask.unsqueeze(-1), state.entities, 9.0)
    changed = type(state)(disturbed, state.entity_mask, state.entity_subtask, state.subtask_mask, state.last_allocation)
    close(critic.values(changed, allocation, torch.arange(3)), critic.values(state, allocation, torch.arange(3)))


@pytest.mark.parametrize("heads", [1, 2, 4])
def test_attention_over_cases_is_attention_over_entities(heads):
    generator = torch.Generator().manual_seed(3)
    rows, agents, others, dim, cases = 30, 3, 4, 8, 12
    query, key_value = (torch.randn(cases, width, generator=generator) for width in (dim, 2 * dim))
    place = torch.randint(cases, (rows, agents + others), generator=generator)
    exists = torch.rand(rows, agents + others, generator=generator) < 0.6
    compiled = attend_cases(query, key_value, place, exists, agents, heads)
    assert len(compiled) == exists[:, :agents].sum()
    key, value = key_value[place].view(rows, agents + others, 2, heads, -1).permute(2, 0, 3, 1, 4)
    asking = query[place[:, :agents]].view(rows, agents, heads, -1).transpose(1, 2)
    mixed = masked_attention(asking, key, value, exists[:, None]).transpose(1, 2).reshape(rows, agents, dim)
    close(compiled, mixed[exists[:, :agents]])
