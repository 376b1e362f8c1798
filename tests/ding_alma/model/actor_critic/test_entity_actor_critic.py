"""Actor and critic over entities: the actor keeps to what an agent sees, the critic to what exists."""

import pytest
import torch

from ding_alma.model.actor_critic.entity_actor_critic import EntityActorCritic
from ding_alma.model.attention.attention_plan import plan_attention

AGENTS, ENTITIES, FEATURES, ACTIONS = 3, 6, 4, 5


@pytest.fixture(params=["attention", "pairwise"])
def look(request):
    return request.param


def network(look, **options):
    torch.manual_seed(0)
    made = EntityActorCritic(FEATURES, ACTIONS, 16, 4, 12, look=look, coordinates=[1], **options)
    # Fresh outputs are nearly zero.
    with torch.no_grad():
        for name, weight in made.named_parameters():
            if "output.weight" in name or "state_value.weight" in name:
                weight.mul_(100)
    return made


def observation(rows=4, seed=0):
    g = torch.Generator().manual_seed(seed)
    exists = torch.ones(rows, ENTITIES, dtype=torch.bool)
    exists[0, 2] = exists[1, 5] = False
    mask = torch.rand(rows, AGENTS, ACTIONS, generator=g) < 0.7
    mask[..., 0] = True
    sees = (torch.rand(rows, AGENTS, ENTITIES, generator=g) < 0.6) & exists.unsqueeze(1)
    sees[:, torch.arange(AGENTS), torch.arange(AGENTS)] = exists[:, :AGENTS]
    # Agent 0 of row 2 does not see entity 4.
    sees[2, 0, 4] = False
    return {
        "entities": torch.randn(rows, ENTITIES, FEATURES, generator=g),
        "entity_mask": exists,
        "obs_mask": sees,
        "action_mask": mask,
    }


def judge(made, seen):
    return made(seen, seen["entity_mask"][:, :AGENTS])


def test_an_unseen_entity_reaches_the_value_but_not_the_policy(look):
    made, seen = network(look), observation()
    changed = {**seen, "entities": seen["entities"].clone()}
    changed["entities"][2, 4] += 1
    before, after = judge(made, seen), judge(made, changed)
    assert torch.equal(before.actions.probs()[2, 0], after.actions.probs()[2, 0])
    assert not torch.isclose(before.value[2, 0], after.value[2, 0])
    # Also the agent's own part of it.
    torch.nn.init.zeros_(made.state_value.weight)
    assert not torch.isclose(judge(made, seen).value[2, 0], judge(made, changed).value[2, 0])


def test_absent_entities_reach_nobody_and_absent_agents_learn_nothing(look):
    made, seen = network(look), observation()
    changed = {**seen, "entities": seen["entities"].clone()}
    changed["entities"][0, 2] = changed["entities"][1, 5] = 1e3
    before, after = judge(made, seen), judge(made, changed)
    active = seen["entity_mask"][:, :AGENTS]
    assert torch.equal(before.value[active], after.value[active])
    assert torch.equal(before.actions.probs()[active], after.actions.probs()[active])


def test_agents_are_judged_alike_whatever_their_number(look):
    made, seen = network(look), observation()
    order = [2, 0, 1]
    whole = [*order, 3, 4, 5]
    permuted = {
        "entities": seen["entities"][:, whole],
        "entity_mask": seen["entity_mask"][:, whole],
        "obs_mask": seen["obs_mask"][:, order][:, :, whole],
        "action_mask": seen["action_mask"][:, order],
    }
    before, after = judge(made, seen), judge(made, permuted)
    torch.testing.assert_close(after.value, before.value[:, order])
    torch.testing.assert_close(after.actions.probs(), before.actions.probs()[:, order])


def test_without_local_critic_all_agents_have_the_state_s_value(look):
    seen = observation()
    value = judge(network(look, local_critic=False), seen).value
    assert (value == value[:, :1]).all() and value[0, 0] != value[3, 0]
    own = judge(network(look), seen).value
    assert (own[3] != own[3, :1]).any()


def test_pairs_compare_places_more_than_other_features():
    made, seen = network("pairwise"), observation()
    plan = plan_attention(seen["obs_mask"].unsqueeze(0), seen["obs_mask"].any(-1))
    change = []
    for feature in range(FEATURES):
        moved = seen["entities"].clone()
        moved[..., 3:, feature] += 0.01
        change.append((made.critic(moved, plan) - made.critic(seen["entities"], plan)).abs().sum())
    assert change[1] > 3 * max(change[0], *change[2:])
