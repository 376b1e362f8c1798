import pytest
import torch
from allocator_cases import close, decision_state, random_allocation, random_state, with_prefix
from hypothesis import given, settings
from hypothesis import strategies as st
from proposal_variants import PROPOSAL_VARIANTS, build_proposal_network

from ding_alma.reference_runs.names_allocator import load_proposal

POINTERS = ("default", "agattn", "nosubtaskmask")


def variant_of(golden):
    switches = {
        "agattn": golden["cfg/pi_ag_attn"] == 1,
        "nosubtaskmask": golden["cfg/subtask_mask"] == 0,
        "updall": golden["cfg/sel_task_upd"] == 0,
        "nonautoreg": golden["cfg/pi_autoreg"] == 0,
        "nopointer": golden["cfg/pi_pointer_net"] == 0,
    }
    switched = [name for name, on in switches.items() if on]
    assert len(switched) <= 1, f"no class combines {switched}"
    return switched[0] if switched else "default"


@pytest.mark.golden("alma", "allocation_policy")
def test_golden_alma_proposals(golden):
    variant = variant_of(golden)
    state = decision_state(with_prefix(golden, "in/"))
    subtasks = state.subtasks
    dim, heads = int(golden["cfg/attn_embed_dim"]), int(golden["cfg/attn_n_heads"])
    extra = int(golden["cfg/n_extra_tasks"])
    network = build_proposal_network(variant, state.entities.shape[-1], subtasks, dim, heads, extra)
    load_proposal(network, with_prefix(golden, "param/"))
    draw, out = with_prefix(golden, "draw/"), with_prefix(golden, "out/")
    identity = torch.arange(subtasks + extra)
    uniforms = draw["uniforms"]
    if variant == "nonautoreg":
        uniforms = uniforms.transpose(0, 1)
    uniforms = uniforms.reshape(state.agents, state.points, -1, subtasks)

    def compare(proposals, name):
        one_hot = torch.nn.functional.one_hot(proposals.allocation + 1, subtasks + 1)[..., 1:]
        close(one_hot.float(), out[f"{name}_allocs"])
        for field, key in (("log_prob", "log_pi"), ("entropy", "entropy"), ("best_prob", "best_prob")):
            close(getattr(proposals, field), out[f"{name}_{key}"].squeeze(-1))
        choice = proposals.allocation.clamp_min(0).unsqueeze(-1)
        of_choices = out[f"{name}_all_log_pi"].gather(-1, choice).squeeze(-1)
        close(proposals.log_prob, (of_choices * (proposals.allocation >= 0)).sum(-1))

    compare(network.sample(state, draw.get("perm", identity), uniforms), "sampled")
    allocation = torch.from_numpy(golden["in/given_alloc_index"])
    compare(network.evaluate(state, draw.get("perm_given", identity), allocation), "given")


def build(variant, state, seed=0, extra=0):
    torch.manual_seed(seed)
    return build_proposal_network(variant, state.entities.shape[-1], state.subtasks, 8, 2, extra)


def sample(network, state, generator, proposals=7):
    uniforms = torch.rand(state.agents, state.points, proposals, state.subtasks, generator=generator)
    return network.sample(state, torch.randperm(state.subtasks, generator=generator), uniforms)


@settings(max_examples=25, deadline=None)
@given(
    seed=st.integers(0, 2**31), variant=st.sampled_from(sorted(PROPOSAL_VARIANTS)), others=st.sampled_from((0, 1, 5))
)
def test_masked_subtasks_are_never_proposed_and_inactive_agents_get_none(seed, variant, others):
    generator = torch.Generator().manual_seed(seed)
    state = random_state(generator, 5, 4, others, 3, 6)
    proposals = sample(build(variant, state, seed % 100), state, generator)
    active = state.active.unsqueeze(1).expand_as(proposals.allocation)
    assert (proposals.allocation[~active] == -1).all()
    unfinished = state.subtask_mask.unsqueeze(1).expand(-1, proposals.allocation.shape[1], -1)
    assert unfinished.gather(2, proposals.allocation.clamp_min(0))[active].all()
    assert torch.isfinite(proposals.log_prob).all()


@settings(max_examples=15, deadline=None)
@given(seed=st.integers(0, 2**31), variant=st.sampled_from((*POINTERS, "updall", "nonautoreg")))
def test_relabelling_subtasks_relabels_the_distribution(seed, variant):
    generator = torch.Generator().manual_seed(seed)
    state = random_state(generator, 4, 4, 5, 3, 6)
    network = build(variant, state, seed % 100)
    permutation = torch.randperm(3, generator=generator)
    label = torch.randperm(3, generator=generator)

    def relabel(index):
        return torch.where(index >= 0, label[index.clamp_min(0)], -1)

    renamed = type(state)(
        state.entities,
        state.entity_mask,
        relabel(state.entity_subtask),
        state.subtask_mask[:, label.argsort()],
        relabel(state.last_allocation),
    )
    allocation = random_allocation(generator, state, 6)
    before = network.evaluate(state, permutation, allocation)
    after = network.evaluate(renamed, label[permutation], relabel(allocation))
    close(after.log_prob, before.log_prob)
    close(after.entropy, before.entropy)


@pytest.mark.parametrize("variant", sorted(set(PROPOSAL_VARIANTS) - {"nopointer"}))
def test_absent_entities_change_nothing(variant):
    generator = torch.Generator().manual_seed(3)
    state = random_state(generator, 6, 4, 5, 3, 6)
    network = build(variant, state)
    allocation = random_allocation(generator, state, 6)
    more_agents, more_others = 2, 3

    def pad(x, value):
        def rows(count):
            return x.new_full((x.shape[0], count, *x.shape[2:]), value)

        return torch.cat([x[:, :4], rows(more_agents), x[:, 4:], rows(more_others)], 1)

    padded = type(state)(
        pad(state.entities, 0.0),
        pad(state.entity_mask, False),
        pad(state.entity_subtask, -1),
        state.subtask_mask,
        torch.cat([state.last_allocation, torch.full((6, more_agents), -1)], 1),
    )
    permutation = torch.randperm(3, generator=generator)
    before = network.evaluate(state, permutation, allocation)
    after = network.evaluate(padded, permutation, torch.cat([allocation, torch.full((6, 6, more_agents), -1)], 2))
    close(after.log_prob, before.log_prob)
    close(after.entropy, before.entropy)


@pytest.mark.parametrize("variant", sorted(PROPOSAL_VARIANTS))
def test_probabilities_of_all_allocations_sum_to_one(variant):
    generator = torch.Generator().manual_seed(5)
    state = random_state(generator, 3, 3, 4, 3, 6)
    every = torch.cartesian_prod(*[torch.arange(3)] * 3).expand(3, -1, -1)
    proposals = build(variant, state).evaluate(state, torch.arange(3), every)
    masked = (~state.subtask_mask).unsqueeze(1).expand(-1, every.shape[1], -1)
    proposed = ~(masked.gather(2, every) & state.active.unsqueeze(1)).any(-1)
    duplicates = 3.0 ** (~state.active).sum(1)
    close((proposals.log_prob.exp() * proposed).sum(1), duplicates)
    assert (proposals.log_prob.exp()[~proposed] == 0).all()


def test_shared_computation_equals_one_proposal_at_a_time():
    """Values and gradients do not depend on which other proposals share prefixes and teams."""
    generator = torch.Generator().manual_seed(7)
    state = random_state(generator, 6, 5, 6, 4, 6)
    network = build("default", state)
    allocation = random_allocation(generator, state, 12)
    permutation = torch.randperm(4, generator=generator)
    weight = torch.randn(6, 12, generator=generator)

    def loss_of(chosen, weight):
        proposals = network.evaluate(state, permutation, chosen)
        return (weight * (proposals.log_prob + 0.3 * proposals.entropy)).sum()

    together = torch.autograd.grad(loss_of(allocation, weight), list(network.parameters()))
    alone = [
        torch.autograd.grad(loss_of(allocation[:, p : p + 1], weight[:, p : p + 1]), list(network.parameters()))
        for p in range(12)
    ]
    for shared, separate in zip(together, zip(*alone, strict=True), strict=True):
        close(shared, sum(separate), 1e-4)


def test_refuses_wrong_shapes_and_allocations():
    generator = torch.Generator().manual_seed(0)
    state = random_state(generator, 2, 3, 3, 2, 4)
    network = build("default", state)
    with pytest.raises(ValueError, match="uniforms must be"):
        network.sample(state, torch.arange(2), torch.rand(3, 2, 4, 5))
    with pytest.raises(ValueError, match="every active agent"):
        network.evaluate(state, torch.arange(2), torch.full((2, 1, 3), -1))
    with pytest.raises(ValueError, match="unknown proposal network"):
        build("pointy", state)
    with pytest.raises(KeyError, match="fc9"):
        load_proposal(network, {"fc9.weight": torch.zeros(1)})
