import pytest
import torch
from golden_refil import heads_of, mixer_kind, split_of, tensors, there, value_network
from golden_value import assert_close

from ding_alma.model.attention.attention import EntityAttention
from ding_alma.model.attention.attention_plan import DensePlan, PackedPlan
from ding_alma.model.attention.entity_inputs import EntityInputs
from ding_alma.model.attention.pooling import MaxPooling, MeanPooling
from ding_alma.model.value.mixer import hyper_rows
from ding_alma.model.value.value_network import MIXERS
from ding_alma.reference_runs.names import attention_names, convert, linear_names, load
from ding_alma.reference_runs.names_refil import MIXER_NAMES
from ding_alma.rl.network_inputs import both_exist
from ding_alma.rl.refil import agent_views

PLANS = pytest.mark.parametrize("plan_class", [DensePlan, PackedPlan])


def _flat(x):
    """Rows and time as one axis."""
    return x.flatten(0, 1)


def _state(golden, prefix, names):
    """One of our modules' state, of names that begin with ``own.`` on our side."""
    converted = convert(tensors(golden, prefix), names)
    return {name.removeprefix("own."): value for name, value in converted.items()}


@PLANS
@pytest.mark.golden("refil", "attention")
def test_golden_refil_attention_and_pools(golden, plan_class):
    x = torch.from_numpy(golden["x"])
    dim = x.shape[2]
    heads = golden["n_heads"].item()
    names = {theirs.removeprefix("."): ours for theirs, ours in attention_names("", "own").items()}
    attention = EntityAttention(dim, heads)
    attention.load_state_dict(_state(golden, "attn.", names))
    for who in ("agents", "entities"):
        asking = there(golden[f"post_mask_{who}"])
        queries = asking.shape[1]
        seen = there(golden["pre_mask"][:, :queries])
        plan = plan_class(seen.unsqueeze(0), asking)
        assert_close(plan.scatter(attention.attend(plan.gather(x), plan)), golden, f"out_{who}")
        assert_close(attention(x, seen, asking), golden, f"out_{who}")

    asking = there(golden["post_mask_agents"])
    plan = plan_class(there(golden["pre_mask"][:, : asking.shape[1]]).unsqueeze(0), asking)
    names = linear_names("in_trans", "own.project_in") | linear_names("out_trans", "own.project_out")
    for pooling, name in ((MaxPooling, "pool_max"), (MeanPooling, "pool_mean")):
        pool = pooling(dim, heads)
        pool.load_state_dict(_state(golden, f"{name}.", names))
        assert_close(plan.scatter(pool.attend(plan.gather(x), plan)), golden, f"{name}_out")


class _AgentCase:
    """Inputs of an agent's file, in `views` views."""

    def __init__(self, golden, split=None):
        self.exists = there(golden["entity_mask"])
        self.inputs = torch.from_numpy(golden["agent_in_entities"])
        q = golden["q"]
        self.agents = q.shape[2]
        self.present = self.exists[..., : self.agents]
        obs_mask = there(golden["obs_mask"][:, :, : self.agents])
        views = [obs_mask] if split is None else [obs_mask, *agent_views(obs_mask, split)]
        self.views = torch.stack(views)


def _roll_out(agent, case, plan_class, hidden):
    """Utilities and memories (V B, T, A, ...) of acting step by step."""
    memory = hidden.expand(len(case.views), -1, -1, -1)
    utilities, memories = [], []
    for t in range(case.inputs.shape[1]):
        plan = plan_class(case.views[:, :, t], case.present[:, t])
        utility, memory = agent.step(EntityInputs(case.inputs[:, t]), plan, memory)
        utilities.append(utility)
        memories.append(memory)
    return tuple(torch.stack(parts, 2).flatten(0, 1) for parts in (utilities, memories))


@PLANS
@pytest.mark.golden("refil", "recurrent_agent")
def test_golden_refil_recurrent_agent(golden, plan_class):
    agent = value_network(golden).agent
    hidden = torch.from_numpy(golden["hidden0"])
    utilities, memories = _roll_out(agent, _AgentCase(golden), plan_class, hidden)
    assert_close(utilities, golden, "q")
    assert_close(memories, golden, "hs")

    exists = there(golden["entity_mask"])
    split = split_of(golden, "random", exists, exists.shape[-1])
    agents = hidden.shape[1]
    case = _AgentCase(golden, type(split)(*(pairs[:, :, :agents] for pairs in split)))
    views = agent_views(there(golden["obs_mask"]), split)
    for ours, name in zip(views, ("within", "interact"), strict=True):
        assert torch.equal(ours, there(golden[f"agent_mask_{name}"]))
    for ours, name in zip(split, ("W", "I"), strict=True):
        theirs = there(golden[f"imagine_{name}mask_mixer"])
        assert torch.equal(ours.expand_as(theirs), theirs)
    utilities, memories = _roll_out(agent, case, plan_class, hidden)
    assert_close(utilities, golden, "imagine_q")
    assert_close(memories, golden, "imagine_hs")


@PLANS
@pytest.mark.golden("refil", "pooling_agent")
def test_golden_refil_pooling_agent(golden, golden_path, plan_class):
    agent = value_network(golden, pooling=golden_path.stem.split("_")[-1]).agent
    utilities, memories = _roll_out(agent, _AgentCase(golden), plan_class, torch.from_numpy(golden["hidden0"]))
    assert_close(utilities, golden, "q")
    assert_close(memories, golden, "hs")


@PLANS
@pytest.mark.golden("refil", "direct_agent")
def test_golden_refil_direct_agent(golden, plan_class):
    agent = value_network(golden, shown_last_action=False).agent
    exists = there(golden["entity_mask"])
    for kind, name in (("random", "random_"), ("given", "gt_"), ("random_given", "rand_gt_")):
        split = split_of(golden, kind, exists, golden["q"].shape[2], name)
        case = _AgentCase(golden, split)
        plan = plan_class(case.views.flatten(1, 2), _flat(case.present))
        utilities = agent(EntityInputs(_flat(case.inputs)), plan)
        assert_close(utilities, golden, f"{name}q")
        assert_close(utilities[0], golden, "q")
        for ours, mask in zip(split, ("Wmask", "Imask"), strict=True):
            theirs = there(golden[f"{name}{mask}"])
            assert torch.equal(ours.expand_as(theirs), theirs)


class _MixerCase:
    def __init__(self, golden, plan_class):
        exists = there(golden["entity_mask"])
        agents = golden["agent_qs"].shape[-1]
        imagined = [there(golden[f"{name}mask"])[:, :, :agents] for name in "WI"]
        views = [both_exist(exists, agents), *imagined]
        self.inputs = EntityInputs(_flat(torch.from_numpy(golden["mixer_in_entities"])))
        self.plan = plan_class(torch.stack([_flat(view) for view in views]), _flat(exists[..., :agents]))
        self.membership = torch.zeros(self.plan.steps, agents, dtype=torch.int64)
        self.real = _flat(torch.from_numpy(golden["agent_qs"])).unsqueeze(0)
        self.imagined = _flat(torch.from_numpy(golden["agent_qs_imagine"])).unflatten(1, (2, -1)).transpose(0, 1)


def _mixer(golden):
    state = tensors(golden, "mixer.")
    sizes = (state["hyper_w_1.fc1.weight"].shape[1], 1, state["hyper_w_1.fc1.weight"].shape[0])
    mixing = state["hyper_w_1.fc2.weight"].shape[0]
    heads = heads_of(state, "hyper_w_1.")
    softmax = golden["softmax_mixing_weights"].item() == 1
    mixer = MIXERS[mixer_kind(state)](*sizes, heads, mixing, softmax, bias_abs=False, popart=False)
    load(mixer, state, MIXER_NAMES)
    return mixer


@PLANS
@pytest.mark.golden("refil", "flex_mixer")
def test_golden_refil_flex_mixer(golden, plan_class):
    mixer, case = _mixer(golden), _MixerCase(golden, plan_class)
    raw = case.plan.scatter(hyper_rows([mixer.agent_weight], case.inputs, case.plan)[0])
    for ours, name in zip(raw, ("raw_hyper_w_1", "raw_hyper_w_1_W", "raw_hyper_w_1_I"), strict=True):
        assert_close(ours, golden, name)
    weights = mixer.weights(case.inputs, case.plan, case.membership)
    assert_close(weights.hidden_bias, golden, "raw_hyper_b_1")
    assert_close(weights.value_bias, golden, "raw_V")
    assert_close(mixer.mix(case.real, weights), golden, "q_tot")
    assert_close(mixer.mix(case.imagined, weights, slice(1, 3)), golden, "q_tot_imagine")


@PLANS
@pytest.mark.golden("refil", "linear_mixer")
def test_golden_refil_linear_mixer(golden, plan_class):
    mixer, case = _mixer(golden), _MixerCase(golden, plan_class)
    weights = mixer.weights(case.inputs, case.plan, case.membership)
    assert_close(mixer.mix(case.real, weights), golden, "q_tot")
    assert_close(mixer.mix(case.imagined, weights, slice(1, 3)), golden, "q_tot_imagine")
    within = mixer.shares(weights, slice(1, 3))[0].sum(-1).mean()
    assert_close(within, golden, "ingroup_prop")
