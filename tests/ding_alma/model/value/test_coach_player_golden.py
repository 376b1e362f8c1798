import pytest
import torch
from coach_player import AveragedAttention
from coach_player_loss import Segment, imagined_subsets, recognised_likelihood
from golden_copa import agents_and_others, coach, mixer, player, recognition, tensors
from golden_value import assert_close

from ding_alma.model.value.copa import LOG_VARIANCE_RANGE, Gaussian
from ding_alma.reference_runs.names_copa import averaged_attention_names, load_copa
from ding_alma.rl.strategies import broadcast


@pytest.mark.golden("copa", "attention")
@pytest.mark.parametrize(("case", "tolerance"), [("small", 1e-5), ("rawinit", 1e-4)])
def test_golden_copa_attention(golden, case, tolerance):
    data = tensors(golden, f"{case}.")
    inputs = {name: data.pop(name) for name in ("x", "mask", "out")}
    heads = sum(name.startswith("WQs.") for name in data)
    attention = AveragedAttention(inputs["x"].shape[2], heads)
    load_copa(attention, data, averaged_attention_names("", ""))
    assert_close(attention(inputs["x"], inputs["mask"] > 0), inputs, "out", tolerance=tolerance)


@pytest.mark.golden("copa", "coach")
def test_golden_copa_coach(golden):
    network = coach(golden)
    encoding = network.encoder(*agents_and_others(golden), torch.from_numpy(golden["ms"]) > 0)
    assert_close(encoding, golden, "h")
    strategies = network(encoding)
    assert_close(strategies.mean, golden, "mu")
    assert_close(strategies.log_variance, golden, "logvar")
    assert_close(network.log_variance(encoding), golden, "logvar_unclamped")
    low, high = LOG_VARIANCE_RANGE
    assert (strategies.log_variance >= low).all() and (strategies.log_variance <= high).all()
    assert_close(strategies.sample(torch.from_numpy(golden["eps"])), golden, "z")


@pytest.mark.golden("copa", "player")
@pytest.mark.parametrize("variant", ["released", "fixed"])
def test_golden_copa_player(golden, variant):
    network = player(golden)
    agents, others = agents_and_others(golden)
    seen = torch.from_numpy(golden["m"]) > 0
    action = torch.from_numpy(golden["actions"])
    strategy = torch.from_numpy(golden["z_team"]) if "z_team" in golden else None
    rows, steps, count = action.shape
    memory = torch.zeros(rows, count, network.recurrence.hidden_size)
    results = []
    for t in range(steps):
        previous = action[:, t - 1] if t else torch.zeros_like(action[:, 0])
        results.append(network.step(agents[:, t], previous, others[:, t], seen[:, t], memory, strategy))
        memory = results[-1][1 if variant == "released" else 2]
    utilities, embeddings, memories = (torch.stack(parts, 1) for parts in zip(*results, strict=True))
    assert_close(utilities, golden, f"{variant}.q")
    assert_close(embeddings, golden, f"{variant}.h")
    assert_close(embeddings if variant == "released" else memories, golden, f"{variant}.hidden_out")
    if "im_sample" in golden:
        _check_imagined_step(golden, network, agents, others, seen)


def _check_imagined_step(golden, network, agents, others, seen):
    full = torch.from_numpy(golden["ms"]) > 0
    action = torch.from_numpy(golden["actions"])
    segment = Segment(agents, others, seen, full, action, torch.zeros(action.shape[:2]))
    subsets = imagined_subsets(segment, torch.from_numpy(golden["im_sample"]) > 0)
    for ours, name in zip(subsets, ("im_mi", "im_mo"), strict=True):
        assert_close(ours.float(), golden, name)
    for ours, name in zip(subsets, ("im_fmi", "im_fmo"), strict=True):
        assert_close((ours & full[:, 0]).float(), golden, name)
    utilities = []
    for ours in subsets:
        memory = torch.zeros(*action.shape[::2], network.recurrence.hidden_size)
        previous = torch.zeros_like(action[:, 0])
        utility, _, _ = network.step(agents[:, 0], previous, others[:, 0], ours & seen[:, 0], memory)
        utilities.append(utility.gather(-1, action[:, 0].unsqueeze(-1)).squeeze(-1))
    assert_close(torch.cat(utilities), golden, "im_q_chosen")


@pytest.mark.golden("copa", "coach_mixer")
def test_golden_copa_coach_mixer(golden):
    present = (torch.from_numpy(golden["ms"]) > 0).any(-1)
    utilities, encoding = torch.from_numpy(golden["qa"]), torch.from_numpy(golden["coach_h"])
    assert_close(mixer(golden)(utilities, encoding, present), golden, "q_tot")


@pytest.mark.golden("copa", "team_mixer")
def test_golden_copa_team_mixer(golden):
    network = mixer(golden)
    agents, others = agents_and_others(golden)
    full = torch.from_numpy(golden["ms"]) > 0
    assert_close(network.agent_weight(agents, others, full), golden, "hyper_W1_out")
    utilities = torch.from_numpy(golden["qa"]).unsqueeze(0)
    assert_close(network(utilities, agents, others, full.unsqueeze(0), full), golden, "q_tot")
    seen = torch.stack([torch.from_numpy(golden[name]) > 0 for name in ("im_fmi", "im_fmo")])
    utilities = torch.from_numpy(golden["im_q"]).unflatten(0, (2, -1))
    assert_close(network(utilities, agents, others, seen, full), golden, "im_q_tot")


@pytest.mark.golden("copa", "recognition")
def test_golden_copa_recognition(golden):
    network = recognition(golden)
    agents, others = agents_and_others(golden)
    full, partial = (torch.from_numpy(golden[name]) > 0 for name in ("ms", "m"))
    action = torch.from_numpy(golden["actions"])
    steps = action.shape[1] - 1
    for t in range(steps):
        guess = network(agents[:, t], action[:, t], others[:, t], partial[:, t] if t else full[:, 0])
        assert_close(guess.mean, {"mu": golden["mu"][:, t]}, "mu")
        assert_close(guess.log_variance, {"logvar": golden["logvar"][:, t]}, "logvar")
        assert isinstance(guess, Gaussian)
    segment = Segment(agents, others, partial, full, action, torch.zeros(action.shape[:2]))
    likelihood = recognised_likelihood(network, segment, torch.from_numpy(golden["z_t0"]))
    expected = {"logprob": golden["logprob_sum_dims"].sum(1)}
    assert_close(likelihood, expected, "logprob")
    present = segment.present[:, 0]
    assert_close(-likelihood[present[:, 0]].mean(), golden, "vi_loss_released")
    assert_close(-likelihood[present].mean(), golden, "vi_loss_agent_masked")


@pytest.mark.golden("copa", "adaptive_communication")
def test_golden_copa_adaptive_communication(golden):
    mean = torch.from_numpy(golden["z_mean"])
    present = torch.from_numpy(golden["active"]) > 0
    thresholds = sorted({key.removesuffix(".rate") for key in golden if key.endswith(".rate")})
    assert thresholds
    for name in thresholds:
        held = torch.zeros_like(mean[0])
        sent = 0
        for k in range(len(mean)):
            first = torch.full((mean.shape[1],), k == 0)
            held, receives = broadcast(mean[k], held, present[k], first, float(name.removeprefix("thr")))
            there = present[k].unsqueeze(-1).expand_as(held)
            assert_close(held, {name: golden[f"{name}.z_team"][k]}, name, where=there)
            assert_close(receives.float(), {name: golden[f"{name}.broadcast"][k]}, name)
            sent += receives.sum().item()
        assert sent / present.sum().item() == pytest.approx(golden[f"{name}.rate"].item(), abs=1e-9)
