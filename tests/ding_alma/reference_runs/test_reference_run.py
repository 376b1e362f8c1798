"""Checkpoints of the original repositories: what is recorded of their networks comes out of ours after the import."""

import json
import re

import pytest
import torch
from click.testing import CliRunner
from golden_acting import replay
from golden_refil import learner_case
from golden_refil import learner_loss as refil_loss
from golden_value import assert_close, conditioning_of, learner_loss, networks, setting, shape
from reference_folders import golden_states, reference_states, sized_config, write_config, write_folder
from tiny_runs import tiny_config, train, write_untrained_run

from ding_alma.cli.main import main
from ding_alma.model.value.value_network import ValueNetwork, ValueShape
from ding_alma.reference_runs.files import FILES
from ding_alma.reference_runs.names_refil import RECURRENT_AGENT_NAMES
from ding_alma.report.play import load_run
from ding_alma.run.checkpoint import BEST_CHECKPOINT
from ding_alma.run.open_policy import open_policy

assert_same = torch.testing.assert_close
SIZES = ("agents", "entities", "actions", "tasks")


def call(*arguments):
    return CliRunner().invoke(main, [str(argument) for argument in arguments])


def imported(folder, config, output, *options):
    """The imported run's model, as the command leaves it, and what the command printed."""
    result = call("import", folder, "--config", config, "-o", output, *options)
    assert result.exit_code == 0, result.output
    run = load_run(output)
    policy = open_policy(run.config.policy, "learn").learn_mode
    policy.load_state_dict(run.state)
    return policy.get_attribute("model"), result.output


def alma_config(path, golden, policy, **blocks):
    agents, entities, actions, tasks = (setting(golden, f"n_{name}") for name in SIZES)
    softmax = dict(network=dict(softmax_mixing=bool(setting(golden, "softmax_mixing_weights"))))
    sizes = dict(agents=agents, entities=entities, subtasks=tasks)
    return write_config(
        path, *sized_config(policy, setting(golden, "entity_shape"), actions, **sizes, **softmax, **blocks)
    )


@pytest.mark.golden("alma", "acting")
def test_golden_alma_checkpoint_of_a_whole_run_acts(golden, tmp_path):
    states = golden_states(golden)
    model = {f"value_network.{name}": value for name, value in ValueNetwork(shape(golden)).state_dict().items()}
    states["mixer"] = reference_states(model, setting(golden, "attn_n_heads"))["mixer"]
    write_folder(tmp_path / "123_", states, legacy=True)
    config = alma_config(
        tmp_path / "config.py", golden, "alma", allocation=dict(proposals=setting(golden, "n_proposals"))
    )
    model, printed = imported(tmp_path, config, tmp_path / "run")
    replay(golden, model.value_network, model.allocator)
    assert "at 123 environment steps" in printed
    for path, name in (("network.attention_dim", "attn_embed_dim"), ("allocation.dim", "alloc_embed_dim")):
        assert f"policy.{path}: 128 -> {setting(golden, name)}" in printed


@pytest.mark.golden("alma", "learner")
def test_golden_alma_checkpoint_of_the_value_network_has_the_recorded_loss(golden, golden_path, tmp_path):
    kind = golden_path.stem.split("_")[1]
    write_folder(f"{tmp_path}/models/40/", golden_states(golden))
    rule = dict(allocation=dict(source="heuristic")) if kind in ("alma", "nomask") else {}
    policy = {"copa": "copa", "flat": "refil"}.get(kind, "alma")
    model, _ = imported(
        tmp_path / "models", alma_config(tmp_path / "config.py", golden, policy, **rule), tmp_path / "run"
    )
    live, options = model.value_network, dict(coach=kind == "copa")
    assert live.conditioning == conditioning_of(golden_path.stem)
    target = networks(golden, live.conditioning, "target_param_", **options)
    _, metrics = learner_loss(golden, live, target)
    assert_close(metrics["q_loss"], golden, "log/losses.q_loss")


@pytest.mark.golden("refil", "learner")
def test_golden_refil_checkpoint_has_the_recorded_loss(golden, golden_path, tmp_path):
    live, target, loss = learner_case(golden, golden_path.stem)
    states = golden_states(golden, "", ".")
    states.setdefault("mixer", {})
    write_folder(f"{tmp_path}/7/", states)
    first = "s0." if "s0.loss" in golden else ""
    entities, actions = golden[f"{first}entities"], golden[f"{first}avail_actions"]
    sizes = dict(agents=actions.shape[2], entities=entities.shape[2], subtasks=1)
    softmax = dict(network=dict(softmax_mixing=bool(golden.get("hp.softmax_mixing_weights", 1))))
    config = write_config(
        tmp_path / "config.py", *sized_config("refil", entities.shape[3], actions.shape[3], **sizes, **softmax)
    )
    model, _ = imported(tmp_path, config, tmp_path / "run")
    assert type(model.value_network.agent) is type(live.agent)
    total, _ = refil_loss(golden, first, model.value_network, target, loss)
    assert total.item() == pytest.approx(golden[f"{first}loss"].item(), rel=1e-5, abs=1e-5)


@pytest.fixture(scope="module")
def trained(tmp_path_factory):
    """Folder of a tiny run of ALMA on SaveTheCity, with its config file and the same run's folder as the original's."""
    folder = tmp_path_factory.mktemp("trained")
    main_config, create = tiny_config()
    # The original's feed-forward agents come with these.
    main_config.policy.network.mixer_bias_abs = True
    with pytest.MonkeyPatch.context() as patch:
        patch.chdir(folder)
        train(main_config, create, iterations=2)
    write_config(folder / "config.py", json.loads(json.dumps(main_config)), json.loads(json.dumps(create)))
    states = reference_states(load_run(folder / "run").state["model"], heads=2)
    for step in (50, 200):
        write_folder(f"{folder}/models/{step}/", states)
    return folder


def test_an_imported_run_plays_as_the_run_it_came_from(trained, tmp_path):
    _, printed = imported(trained / "models", trained / "config.py", tmp_path / "run")
    assert "200 environment steps" in printed and "from the weights" not in printed
    ours, theirs = (call("eval", run, "--episodes", 3) for run in (trained / "run", tmp_path / "run"))
    assert theirs.exit_code == 0 and theirs.output == ours.output
    kept = torch.load(tmp_path / "run" / "ckpt" / BEST_CHECKPOINT, weights_only=True)
    original = torch.load(trained / "run" / "ckpt" / BEST_CHECKPOINT, weights_only=True)
    assert all(kept["model"][name].equal(value) for name, value in original["model"].items())
    assert kept.keys() == original.keys() and kept["last_step"] == kept["env_step"] == 200


def test_proposal_network_and_critic_may_differ_in_width(trained, tmp_path):
    run = write_untrained_run(
        tmp_path / "wide", network=dict(mixer_bias_abs=True), allocation=dict(proposal_dim=6, dim=8)
    )
    states = reference_states(load_run(run).state["model"], heads=2)
    assert len(states["proposal"]["fc1.weight"]) == 6 and len(states["critic"]["in_fc_ent.weight"]) == 8
    write_folder(f"{tmp_path}/models/9/", states)
    _, printed = imported(tmp_path / "models", trained / "config.py", tmp_path / "run")
    assert "policy.allocation.proposal_dim: 0 -> 6" in printed
    ours, theirs = (call("eval", folder, "--episodes", 3) for folder in (run, tmp_path / "run"))
    assert theirs.exit_code == 0 and theirs.output == ours.output


def test_heads_need_not_divide_the_hypernetworks_that_vdn_does_not_have(tmp_path):
    sizes = dict(agent="recurrent", mixer="vdn", popart=False)
    network = ValueNetwork(ValueShape(9, 5, 1, attention_dim=6, attention_heads=3, hidden_dim=4), "none", **sizes)
    model = {f"value_network.{name}": value for name, value in network.state_dict().items()}
    place = "value_network.agent."
    names = {theirs: place + ours for theirs, ours in RECURRENT_AGENT_NAMES.items() if place + ours in model}
    agent = {theirs: model[ours] for theirs, ours in names.items()}
    agent["attn.scale_factor"] = torch.tensor(2.0).sqrt()
    write_folder(f"{tmp_path}/7/", {"agent": agent, "mixer": {}})
    config = write_config(tmp_path / "config.py", *sized_config("aqmix", 9, 5, subtasks=1))
    imported_model, printed = imported(tmp_path, config, tmp_path / "run")
    assert "policy.network.mixer: flex -> vdn" in printed and "policy.network.attention_heads: 4 -> 3" in printed
    assert all(imported_model.state_dict()[name].equal(value) for name, value in model.items())


def test_a_time_step_can_be_chosen(trained, tmp_path):
    _, printed = imported(trained / "models", trained / "config.py", tmp_path / "run", "--step", 50)
    assert "at 50 environment steps" in printed
    result = call("import", trained / "models", "--config", trained / "config.py", "-o", tmp_path / "b", "--step", 60)
    assert result.exit_code == 1 and "no time step 60; there are [50, 200]" in result.output


def _without(network):
    return lambda folder, states, config: (folder / "200" / FILES[network]).unlink()


def _config_value(path, value):
    def change(folder, states, config):
        *blocks, key = path.split(".")
        block = config
        for name in blocks:
            block = block[name]
        block[key] = value

    return change


def _state(network, change):
    def apply(folder, states, config):
        write_folder(f"{folder}/200/", {network: change(states[network])})

    return apply


def flip_a_bit(path):
    data = bytearray(path.read_bytes())
    data[len(data) // 2] ^= 1
    path.write_bytes(data)


@pytest.mark.parametrize(
    ("break_it", "message"),
    [
        (_without("agent"), "no agent.th in"),
        (_without("mixer"), "mixer.th missing"),
        (_without("critic"), "alloc_q.th missing"),
        (
            lambda folder, *_: [(folder / "200" / name).unlink() for name in ("alloc_pi.th", "alloc_q.th")],
            "has no alloc_pi.th.*'heuristic' or 'random'",
        ),
        (lambda folder, *_: (folder / "200" / "agent.th").write_bytes(b"half"), "agent.th cannot be read"),
        (lambda folder, *_: (folder / "200" / "mixer.th").write_bytes(b""), "mixer.th cannot be read"),
        (lambda folder, *_: flip_a_bit(folder / "200" / "alloc_q.th"), "alloc_q.th cannot be read .*checksum"),
        (lambda folder, *_: torch.save([1], folder / "200" / "agent.th"), "does not hold a network's parameters"),
        (_state("agent", lambda state: {**state, "_head.rnn.weight": torch.zeros(1)}), "neither the agents of ALMA"),
        (
            _state("mixer", lambda state: {**state, "hyper.0.weight": torch.zeros(1)}),
            "unknown parameter 'hyper.0.w",
        ),
        (
            _state("proposal", lambda state: {**state, "task_embed.fc.weight": torch.zeros(8, 8)}),
            r"alloc_pi.th: allocator.proposal.encoder.embed_subtask.project.weight is \(8, 8\), the policy has \(8, ",
        ),
        (_config_value("create.policy.type", "refil"), "set the policy's type to 'alma'"),
        (_config_value("create.policy.type", "mppo"), "no policy 'mppo'"),
        (
            _config_value("main.policy.model.action_shape", 30),
            "actions, the config has 30; use a config",
        ),
        (_config_value("main.policy.entity.features", 30), "features, the config has 30; use a config of the scenario"),
        (_config_value("main.policy.entity.subtasks", 9), "subtasks, the config has 9; use a config of the scenario"),
        (_config_value("main.policy.network.atention_dim", 8), "refuses the config.*attention_dim"),
    ],
)
def test_what_does_not_fit_is_explained(trained, tmp_path, break_it, message):
    states = reference_states(load_run(trained / "run").state["model"], heads=2)
    write_folder(f"{tmp_path}/200/", states)
    main_config, create = tiny_config()
    config = json.loads(json.dumps(dict(main=main_config, create=create)))
    break_it(tmp_path, states, config)
    path = write_config(tmp_path / "config.py", config["main"], config["create"])
    result = call("import", tmp_path, "--config", path, "-o", tmp_path / "run")
    assert result.exit_code == 1, result.output
    assert re.search(message, result.output.replace("\n", " ")), result.output
    assert not (tmp_path / "run").exists()


def test_agents_of_refil_are_no_agents_of_alma(tmp_path):
    state = {f"fc{i}.{part}": torch.zeros(8, 8) for i in (1, 2, 3) for part in ("weight", "bias")}
    write_folder(f"{tmp_path}/1/", {"agent": {**state, "rnn.weight_ih": torch.zeros(24, 8)}, "mixer": {}})
    config = write_config(tmp_path / "config.py", *sized_config("alma", 8, 8))
    result = call("import", tmp_path, "--config", config, "-o", tmp_path / "run")
    assert result.exit_code == 1 and "not trained as 'alma'" in result.output
    assert "'aqmix' or 'refil'" in result.output


def test_a_run_is_not_overwritten(trained):
    result = call("import", trained / "models", "--config", trained / "config.py", "-o", trained / "run")
    assert result.exit_code == 1 and "already holds a run" in result.output


def test_a_pickle_that_runs_code_is_refused(trained, tmp_path):
    class Opens:
        def __reduce__(self):
            return open, (str(tmp_path / "opened"), "w")

    write_folder(f"{tmp_path}/200/", reference_states(load_run(trained / "run").state["model"], heads=2))
    torch.save({"fc1.weight": Opens()}, tmp_path / "200" / "agent.th")
    result = call("import", tmp_path, "--config", trained / "config.py", "-o", tmp_path / "run")
    assert result.exit_code == 1 and "cannot be read" in result.output
    assert not (tmp_path / "opened").exists()


def test_refil_s_starcraft_agents_do_not_look_at_the_features_they_never_had(tmp_path):
    features, actions, extra = 9, 5, 4
    narrow = ValueNetwork(ValueShape(features, actions, 1, 8, 2, 6, 8, 4), "none", popart=False)
    states = reference_states({f"value_network.{name}": value for name, value in narrow.state_dict().items()}, heads=2)
    write_folder(f"{tmp_path}/1/", states)
    config = write_config(
        tmp_path / "config.py",
        *sized_config("aqmix", features + extra, actions, 2, 4, 1, env="smac_multiarmy", network=dict(popart=False)),
    )
    model, printed = imported(tmp_path, config, tmp_path / "run")
    assert "4 columns of zeros" in printed
    inputs = torch.randn(3, 4, features + actions)
    wider = torch.cat([inputs[..., :features], torch.randn(3, 4, extra), inputs[..., features:]], -1)
    wide = model.value_network
    assert_same(wide.agent.encoder.encode(wider), narrow.agent.encoder.encode(inputs))
    for name in ("agent_weight", "value_weight", "hidden_bias", "value_bias"):
        assert_same(getattr(wide.mixer, name).encode(wider), getattr(narrow.mixer, name).encode(inputs))
    other = write_config(tmp_path / "toy.py", *sized_config("aqmix", features + extra, actions, 2, 4, 1))
    result = call("import", tmp_path, "--config", other, "-o", tmp_path / "toy")
    assert result.exit_code == 1 and "use a config of the scenario" in result.output
