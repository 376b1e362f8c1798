import numpy as np
import pytest
import torch
from golden_value import assert_close, index_of, networks, setting, tensors, there

from ding_alma.model.attention.attention_plan import DensePlan, PackedPlan
from ding_alma.model.attention.entity_inputs import EntityInputs
from ding_alma.model.one_hot import one_hot
from ding_alma.model.value.copa import hold
from ding_alma.reference_runs.names import AGENT_NAMES, MIXER_NAMES, load
from ding_alma.rl.network_inputs import agent_allowed, mixer_allowed, mixer_inputs, mixer_membership, subtask_label
from ding_alma.rl.refil import agent_views, split_pairs
from ding_alma.rl.strategies import coach_allowed

PLANS = pytest.mark.parametrize("plan_class", [DensePlan, PackedPlan])


def _conditioning(name):
    return "mask" if "mask" in name else "embed" if "full_obs" in name else "none"


def _flat(x):
    """Rows and time as one axis."""
    return x.flatten(0, 1)


class _Case:
    """The inputs that agent, mixer and COPA cases share."""

    def __init__(self, golden):
        self.agents = setting(golden, "n_agents")
        self.subtasks = setting(golden, "n_tasks")
        self.exists = there(golden["in/entity_mask"])
        self.subtask = index_of(golden["in/entity2task_mask"])
        self.present = self.exists[..., : self.agents]
        group = golden.get("draw/group", golden.get("in/group"))
        self.split = None
        if group is not None:
            self.split = split_pairs(torch.from_numpy(group[:, 0] == 1), self.exists[:, 0], self.exists.shape[-1])

    def agent_views(self, golden, conditioning):
        """All views of the agents, (V, B T, A, E)."""
        obs_mask = there(golden["in/obs_mask"])
        views = [agent_allowed(conditioning, obs_mask[:, :, : self.agents], self.subtask)]
        if self.split is not None:
            imagined = agent_views(obs_mask, self.split)
            assert np.array_equal(torch.cat(imagined), golden["out/imagined_obs_mask"] == 0)
            views += [view[:, :, : self.agents] for view in imagined]
        return torch.stack([_flat(view) for view in views])


@PLANS
@pytest.mark.golden("alma", "agent")
def test_golden_alma_agent(golden, golden_path, plan_class):
    case = _Case(golden)
    conditioning = _conditioning(golden_path.stem)
    agent = networks(golden, conditioning).agent
    load(agent, tensors(golden, "param/"), AGENT_NAMES)
    plan = plan_class(case.agent_views(golden, conditioning), _flat(case.present))
    # The reference drops the labels of imagining agents.
    labelled = "draw/perm" in golden and "imagine" not in golden_path.stem
    permutation = torch.from_numpy(golden["draw/perm"]) if labelled else None
    label = subtask_label(_flat(case.subtask), case.subtasks, permutation)
    entities = EntityInputs(_flat(torch.from_numpy(golden["in/entities"])))
    assert_close(agent(entities, plan, label), golden, "out/q")
    where = case.present.repeat(plan.views, 1, 1)
    hidden = plan.scatter(agent.hidden_state(entities, plan, label))
    assert_close(hidden, golden, "out/hidden", where)
    if case.split is not None:
        for pairs, name in zip(case.split, ("within_mask_mixer", "interact_mask_mixer"), strict=True):
            steps = golden[f"out/{name}"].shape[1]
            ours = pairs.expand(-1, steps, -1, -1)
            assert np.array_equal(ours, golden[f"out/{name}"] == 0)


@PLANS
@pytest.mark.golden("alma", "mixer")
def test_golden_alma_mixer(golden, golden_path, plan_class):
    case = _Case(golden)
    conditioning = _conditioning(golden_path.stem)
    mixer = networks(golden, conditioning).mixer
    load(mixer, tensors(golden, "param/"), MIXER_NAMES)
    real = mixer_allowed(conditioning, case.exists, case.subtask, case.agents)
    imagined = [there(golden[f"in/{name}_mask"])[:, :, : case.agents] for name in ("within", "interact")]
    if conditioning == "mask":
        imagined = [view & real for view in imagined]
    plan = plan_class(torch.stack([_flat(view) for view in (real, *imagined)]), _flat(case.present))
    subtask = _flat(case.subtask)
    inputs = EntityInputs(_flat(torch.from_numpy(golden["in/entities"])))
    inputs = mixer_inputs(conditioning, inputs, subtask, case.subtasks)
    membership = mixer_membership(conditioning, subtask[:, : case.agents])
    weights = mixer.weights(inputs, plan, membership)

    # Agents that do not ask have the weight of a row of zeros, by which the reference multiplies their utility of zero.
    nobodys = mixer._positive(torch.zeros(weights.agent_weight.shape[-1]))
    agent_weight = plan.scatter(weights.agent_weight.flatten(0, 1))
    agent_weight = torch.where(_flat(case.present).unsqueeze(-1), agent_weight, nobodys)
    gate = one_hot(membership, weights.value_bias.shape[1])
    gated = agent_weight.unsqueeze(2) * gate.transpose(1, 2).unsqueeze(-1)
    for ours, name in zip(gated, ("w1", "w1_within", "w1_interact"), strict=True):
        assert_close(ours, golden, f"out/{name}")
    assert_close(weights.value_weight, golden, "out/w_final")
    assert_close(weights.hidden_bias, golden, "out/b1")
    assert_close(weights.value_bias, golden, "out/v")

    utilities = _flat(torch.from_numpy(golden["in/agent_q"]))
    value = mixer.popart(mixer(utilities, inputs, plan_class(plan_masks(real), _flat(case.present)), membership))
    assert_close(value, golden, "out/q_tot")
    assert_close(mixer.popart.denormalise(value), golden, "out/q_tot_denorm")
    pair = _flat(torch.from_numpy(golden["in/agent_q_imagine"])).unflatten(1, (2, -1)).transpose(0, 1)
    value = mixer.popart(mixer.mix(pair, weights, slice(1, 3)))
    assert_close(value, golden, "out/q_tot_imagine")


def plan_masks(view):
    """One view (B, T, A, E) as a plan takes it."""
    return _flat(view).unsqueeze(0)


@PLANS
@pytest.mark.golden("alma", "copa")
def test_golden_alma_copa(golden, plan_class):
    case = _Case(golden)
    labelled = "draw/perm_coach" in golden
    # Together with an allocation, coach and agents see their own subtask instead of labels.
    conditioning = "none" if labelled else "mask"
    value_network = networks(golden, conditioning, coach=True, coach_labels=labelled)
    entities = _flat(torch.from_numpy(golden["in/entities"]))
    subtask, present = _flat(case.subtask), _flat(case.present)
    seen = coach_allowed(labelled, case.exists, case.subtask, case.agents)
    views = [seen]
    if case.split is not None:
        views += [seen & pairs[:, :, : case.agents] for pairs in case.split]
        both = seen.repeat(2, 1, 1, 1)
        imagined = torch.cat(views[1:])
        assert np.array_equal(imagined, (golden["out/imagine_mask"][:, :, : case.agents] == 0) & both.numpy())
    plan = plan_class(torch.stack([_flat(view) for view in views]), present)

    def label(name):
        permutation = torch.from_numpy(golden[f"draw/{name}"]) if labelled else None
        return subtask_label(subtask, case.subtasks, permutation)

    assert_close(value_network.coach.hidden_state(entities, plan, label("perm_coach")), golden, "out/coach_h")
    strategies = value_network.coach(entities, plan, label("perm_coach"))
    assert_close(strategies.mean, golden, "out/mu")
    assert_close(strategies.log_variance, golden, "out/logvar")
    strategy = strategies.sample(torch.from_numpy(golden["draw/eps"]).view_as(strategies.mean))
    assert_close(strategy, golden, "out/z")

    actions = _flat(torch.from_numpy(golden["in/actions"]))[..., 0]
    guess = value_network.recognition(entities, actions, plan_class(plan_masks(seen), present), label("perm_recog"))
    assert_close(guess.mean, golden, "out/recog_mean")
    assert_close(guess.log_variance, golden, "out/recog_logvar")

    plan = plan_class(case.agent_views(golden, conditioning), present)
    agent_entities = EntityInputs(_flat(torch.from_numpy(golden["in/agent_entities"])))
    assert_close(value_network.agent(agent_entities, plan, strategy=strategy), golden, "out/agent_q")


@pytest.mark.golden("alma", "broadcast")
def test_golden_alma_strategies_are_held(golden):
    decision = torch.from_numpy(golden["in/hier_decision"][..., 0] == 1)
    names = [key.removeprefix("out/") for key in golden if key.startswith("out/")]
    assert names
    for name in names:
        values = torch.from_numpy(golden[f"in/values_{name}"])
        held = hold(values.unflatten(0, (-1, int(decision.sum()))), decision)
        assert_close(held, golden, f"out/{name}")
