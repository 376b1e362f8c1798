"""What holds for every policy whatever its weights: padding, order and absence as the policies' acting shows them.

The policies over entities are asked through ``eval_mode``; what they think of every action is caught where they choose.
DI-engine's own policies read a flat view of fixed sizes, so that only what concerns absent agents can hold for them.
"""

import numpy as np
import pytest
import torch
from ding.utils import POLICY_REGISTRY, deep_merge_dicts
from easydict import EasyDict
from tiny_runs import collect, tiny_config

from ding_alma.policy.member_policy import MemberPolicy
from ding_alma.rl.exploration import epsilon_greedy
from dizoo_ext.contract import EntitySpec
from dizoo_ext.flat_view import flat_view

AGENTS, ENTITIES, SUBTASKS, ACTIONS, FEATURES, ROWS, STEPS = 3, 7, 2, 4, 5, 4, 3
OVER_ENTITIES = ["alma", "aqmix", "refil", "copa", "mppo"]
FLAT = ["coma", "coma_ext", "qmix", "vdn"]


def _observations(seed=0):
    """(ROWS, ...) per key, STEPS times; agent 1 of row 0 is absent, agent 0 of row 1 sees nothing, not even itself."""
    random = np.random.default_rng(seed)
    shown = []
    for _ in range(STEPS):
        exists = np.ones((ROWS, ENTITIES), bool)
        exists[0, [1, 5]] = exists[2, 4] = False
        agents = exists[:, :AGENTS]
        sees = (random.random((ROWS, AGENTS, ENTITIES)) < 0.7) & exists[:, None] & agents[..., None]
        sees[1, 0] = False
        mask = random.random((ROWS, AGENTS, ACTIONS)) < 0.6
        mask[..., 1] = True
        mask = np.where(agents[..., None], mask, np.arange(ACTIONS) == 0)
        subtask = np.full((ROWS, ENTITIES), -1)
        subtask[:, AGENTS:] = np.arange(ENTITIES - AGENTS) % SUBTASKS
        shown.append(
            {
                "entities": random.normal(size=(ROWS, ENTITIES, FEATURES)).astype(np.float32) * exists[..., None],
                "entity_mask": exists,
                "obs_mask": sees,
                "entity_subtask": subtask,
                "subtask_mask": np.ones((ROWS, SUBTASKS), bool),
                "action_mask": mask.astype(np.float32),
                "action_subtask": np.full((ROWS, AGENTS, ACTIONS), -1),
                "heuristic_allocation": np.where(agents, random.integers(SUBTASKS, size=(ROWS, AGENTS)), -1),
            }
        )
    return shown


AGENT_AXIS = {"obs_mask": 1, "action_mask": 1, "action_subtask": 1, "heuristic_allocation": 1}
ENTITY_AXIS = {"entities": 1, "entity_mask": 1, "obs_mask": 2, "entity_subtask": 1}
ABSENT = {"entities": 0.0, "entity_mask": False, "obs_mask": False, "entity_subtask": -1} | {
    "action_subtask": -1,
    "heuristic_allocation": -1,
}


def _reordered(observation, agents, others):
    """With agents and other entities in another order."""
    order = np.concatenate([agents, AGENTS + np.asarray(others)])
    moved = {}
    for key, value in observation.items():
        value = np.take(value, agents, AGENT_AXIS[key]) if key in AGENT_AXIS else value
        moved[key] = np.take(value, order, ENTITY_AXIS[key]) if key in ENTITY_AXIS else value
    return moved


def _padded(observation):
    """With two more absent agents behind the agents, and absent entities behind those and at the end."""
    padded = {}
    for key, value in observation.items():
        if key in AGENT_AXIS:
            more = np.take(value, [0, 0], AGENT_AXIS[key])
            more[:] = (np.arange(ACTIONS) == 0) if key == "action_mask" else ABSENT[key]
            value = np.concatenate([value, more], AGENT_AXIS[key])
        if key in ENTITY_AXIS:
            axis = ENTITY_AXIS[key]
            agents, others = np.split(value, [AGENTS], axis)
            more = np.take(value, [0, 0, 0], axis)
            more[:] = ABSENT[key]
            value = np.concatenate([agents, more, others, np.take(more, [0], axis)], axis)
        padded[key] = value
    return padded


def _policy(name, agents=AGENTS, entities=ENTITIES, weights=None):
    main, _ = tiny_config(policy=name)
    spec = EntitySpec(agents, entities, SUBTASKS, ACTIONS, FEATURES, 9)
    main.policy.model.update(
        agent_num=agents,
        action_shape=ACTIONS,
        obs_shape=EasyDict(agent_state=spec.agent_state_size, global_state=spec.global_state_size),
    )
    main.policy.entity.update(entities=entities, features=FEATURES, subtasks=SUBTASKS, coordinates=[])
    main.policy.allocation.source = "heuristic"
    if name in ("aqmix", "refil", "copa"):
        main.policy.network.agent = "recurrent"
    main.policy.ppo = EasyDict(sample_in_evaluation=False)
    main.policy.eval.env_num = ROWS
    torch.manual_seed(0)
    policy = POLICY_REGISTRY.get(name)
    policy = policy(deep_merge_dicts(policy.default_config(), main.policy))
    if weights is not None:
        policy._model.load_state_dict(weights)
    elif name == "mppo":
        # Fresh outputs are nearly zero.
        with torch.no_grad():
            for parameter in policy._model.parameters():
                parameter.add_(0.3 * torch.randn_like(parameter))
    return policy


@pytest.fixture
def thoughts(monkeypatch):
    """Collects what policies over entities think of every action, (ROWS, A, U) a step."""
    caught = []

    def choose(utility, *args, **kwargs):
        caught.append(utility.clone())
        return epsilon_greedy(utility, *args, **kwargs)

    judge = MemberPolicy._judge

    def caught_judge(self, observed, active):
        judged = judge(self, observed, active)
        caught.append(judged.actions.log_probs().clone())
        return judged

    for module in ("alma", "aqmix"):
        monkeypatch.setattr(f"ding_alma.policy.{module}.epsilon_greedy", choose)
    monkeypatch.setattr(MemberPolicy, "_judge", caught_judge)
    return caught


def _act(policy, observations, thoughts=None):
    """Actions (STEPS, ROWS, A) in evaluation and, caught on the way, utilities (STEPS, ROWS, A, U)."""
    policy.eval_mode.reset()
    played = []
    for observation in observations:
        rows = {row: {key: torch.as_tensor(v[row]).float() for key, v in observation.items()} for row in range(ROWS)}
        outputs = policy.eval_mode.forward(rows)
        played.append(np.stack([np.asarray(outputs[row]["action"]) for row in range(ROWS)]))
    if thoughts is None:
        return np.stack(played), None
    thought = torch.stack(thoughts)
    thoughts.clear()
    return np.stack(played), thought


@pytest.mark.parametrize("name", OVER_ENTITIES)
def test_padded_agents_and_entities_change_no_utility(name, thoughts):
    policy, observations = _policy(name), _observations()
    actions, before = _act(policy, observations, thoughts)
    larger = _policy(name, AGENTS + 2, ENTITIES + 4, policy._model.state_dict())
    more_actions, after = _act(larger, [_padded(observation) for observation in observations], thoughts)
    torch.testing.assert_close(after[:, :, :AGENTS], before, atol=1e-5, rtol=1e-5)
    assert (more_actions[..., :AGENTS] == actions).all() and not more_actions[..., AGENTS:].any()
    assert before.std() > 1e-3


@pytest.mark.parametrize("name", OVER_ENTITIES)
def test_reordered_entities_reorder_the_outputs(name, thoughts):
    policy, observations = _policy(name), _observations()
    actions, before = _act(policy, observations, thoughts)
    agents = [2, 0, 1]
    moved = [_reordered(observation, agents, [3, 1, 0, 2]) for observation in observations]
    moved_actions, after = _act(policy, moved, thoughts)
    torch.testing.assert_close(after, before[:, :, agents], atol=1e-5, rtol=1e-5)
    assert (moved_actions == actions[..., agents]).all()
    # The order of the rows alone would be another scene.
    wrong = [{**observation, "entities": m["entities"]} for observation, m in zip(observations, moved, strict=True)]
    assert not torch.allclose(_act(policy, wrong, thoughts)[1], before, atol=1e-4)


@pytest.mark.parametrize("name", OVER_ENTITIES)
def test_who_sees_nothing_or_is_absent_gets_numbers_and_the_absent_zeros(name, thoughts):
    observations = _observations()
    nobody = dict(observations[-1])
    nobody["entity_mask"] = np.zeros_like(nobody["entity_mask"])
    nobody["obs_mask"] = np.zeros_like(nobody["obs_mask"])
    nobody["action_mask"] = np.broadcast_to(np.arange(ACTIONS) == 0, (ROWS, AGENTS, ACTIONS)).astype(np.float32)
    nobody["heuristic_allocation"] = np.full((ROWS, AGENTS), -1)
    actions, thought = _act(_policy(name), [*observations, nobody], thoughts)
    assert thought.isfinite().all()
    assert not actions[-1].any() and not actions[:, 0, 1].any()
    if name != "mppo":
        assert not thought[-1].any() and not thought[:, 0, 1].any()
        assert thought[:, 1, 0].any(), "an agent that sees nothing has an opinion all the same"


@pytest.mark.parametrize("name", FLAT)
def test_absent_agents_do_nothing_in_the_flat_view(name):
    observations = _observations()
    for observation in observations:
        observation["entity_mask"][3, :AGENTS] = False
        observation["action_mask"][3] = np.arange(ACTIONS) == 0
        masks = (observation["entities"], observation["entity_mask"], observation["obs_mask"])
        flat = flat_view(*masks, np.full((ROWS, AGENTS), -1), ACTIONS)
        observation.update(zip(("agent_state", "global_state"), flat, strict=True))
    actions, _ = _act(_policy(name), observations)
    assert not actions[:, 3].any() and not actions[:, 0, 1].any()
    assert actions.any()


def test_refil_without_imagined_groups_is_aqmix():
    """The same weights, the same acting and, without a share of imagined groups in the loss, the same update."""
    main, _ = tiny_config()
    main.policy.learn.imagined_weight = 0.0
    learnt = []
    for name in ("aqmix", "refil"):
        torch.manual_seed(0)
        policy = POLICY_REGISTRY.get(name)
        policy = policy(deep_merge_dicts(policy.default_config(), main.policy))
        episodes = collect(policy, main)
        policy._forward_learn(episodes)
        learnt.append((episodes, policy._model.state_dict()))
    (aqmix, weights), (refil, others) = learnt
    for one, other in zip(aqmix, refil, strict=True):
        assert torch.equal(one["action"], other["action"])
    assert weights.keys() == others.keys()
    assert all(torch.equal(weights[key], others[key]) for key in weights)
