"""What can be trained, by name, and with which values."""

import inspect
import re
from pathlib import Path

import pytest
from click.testing import CliRunner
from ding.utils import POLICY_REGISTRY

from ding_alma.cli import configs, train
from ding_alma.cli.main import main
from ding_alma.setting import shipped
from ding_alma.setting.meanings import UNKNOWN, blocks_of, class_defaults
from ding_alma.setting.shipped import config_folder, describe, find_config, shipped_configs

ROOT = Path(__file__).parents[3]
SETTING = ROOT / "ding_alma" / "setting" / "save_the_city.py"


def call(*arguments):
    return CliRunner().invoke(main, [str(argument) for argument in arguments])


def listed(*arguments):
    """Key -> (value, meaning and origin) as the command prints them."""
    result = call("config", *arguments)
    assert result.exit_code == 0, result.output
    lines = [line for line in result.output.splitlines() if " = " in line or line.startswith("    ")]
    pairs = [(lines[i].partition(" = "), lines[i + 1].strip()) for i in range(0, len(lines), 2)]
    return {key: (value, told) for (key, _, value), told in pairs}


def test_every_shipped_config_has_a_name_of_its_own():
    named = shipped_configs()
    assert sorted(named.values()) == sorted((ROOT / "configs").rglob("*_config.py"))
    assert named["fast/smac_multiarmy/alma_heuristic"].name == "smac_multiarmy_alma_heuristic_config.py"
    result = call("configs", "small/lux")
    assert [line.split()[0] for line in result.output.splitlines()] == [
        f"small/lux/{policy}" for policy in ("alma", "coma", "mppo")
    ]
    assert call("configs", "chess").exit_code == 1


def test_every_summary_is_a_whole_sentence():
    summaries = {name: describe(path) for name, path in shipped_configs().items()}
    assert not {name: text for name, text in summaries.items() if not re.fullmatch(r"[A-Z].*[^.\s]\.", text)}
    assert summaries["lux/mppo_monolithic"] in call("configs", "lux/mppo_monolithic").output


def test_an_installed_package_has_them_inside(tmp_path, monkeypatch):
    (tmp_path / "ding_alma" / "configs" / "small").mkdir(parents=True)
    config = tmp_path / "ding_alma" / "configs" / "small" / "lux_alma_config.py"
    config.touch()
    monkeypatch.setattr(shipped, "_PACKAGE", tmp_path / "ding_alma")
    assert shipped_configs() == {"small/lux/alma": config} and find_config("small/lux/alma") == config


def test_a_file_goes_before_a_name_and_a_wrong_name_is_told(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    assert find_config("lux/alma") == config_folder() / "lux_alma_config.py"
    (tmp_path / "lux").mkdir()
    (tmp_path / "lux" / "alma").touch()
    assert find_config("lux/alma") == Path("lux/alma")
    result = call("train", "small/save_the_city/alme")
    assert result.exit_code == 1 and "did you mean small/save_the_city/alma" in result.output


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (("small/save_the_city/alme",), "did you mean small/save_the_city/alma"),
        (("small/save_the_city/alma", "policy.allocation.period"), "expected dotted.key=value"),
    ],
)
@pytest.mark.parametrize("command", ["config", "train"])
def test_a_wrong_name_or_change_is_told_before_anything_is_imported(monkeypatch, command, arguments, message):
    for module in (configs, train):
        monkeypatch.setattr(module, "import_everything", lambda: pytest.fail("imports everything"))
    result = call(command, *arguments)
    assert result.exit_code == 1 and message in result.output


@pytest.mark.parametrize(
    ("config", "change"),
    [
        ("small/save_the_city/alma", "env.scenario=BXQ"),
        ("small/smac_multiarmy/alma", "env.scenario=99z"),
        ("small/save_the_city/alma", "policy.allocation.period=-3"),
        ("small/save_the_city/alma", "policy.learn.batch_size=-1"),
    ],
)
def test_what_cannot_be_trained_is_not_listed_as_if_it_could(config, change):
    result = call("config", config, change)
    assert result.exit_code == 1 and change.partition("=")[0] in result.output, result.output


def test_values_meanings_and_origins_of_a_shipped_config():
    values = listed("small/save_the_city/alma", "policy.learn.batch_size=16", "policy.network.mixing_dim=32")
    value, told = values["policy.learn.batch_size"]
    assert value == "16" and told.startswith("(int) Rows in a batch") and told.endswith("[command line]")
    for key, place in {
        "policy.allocation.period": "ding_alma/setting/save_the_city.py",
        "policy.learn.learning_rate": "ding_alma/setting/blocks.py",
        "policy.learn.rmsprop_alpha": "ding_alma/policy/value_policy.py",
        "policy.other.replay_buffer.persist": "ding_alma/replay/ring.py",
        "policy.entity.subtasks": "ding_alma/setting/compose.py",
        "env.reward_scale": "dizoo_ext/save_the_city/env.py",
        "policy.eval.evaluator.figure_path": "ding/worker/collector/interaction_serial_evaluator.py",
    }.items():
        assert re.search(rf"^\(.*\) .*\[{place}:\d+\]$", values[key][1]), (key, values[key])
    # What the setting imports from beside it.
    assert "ding_alma/setting/adapted.py" in listed("small/lbf/alma")["policy.allocation.period"][1]
    ours = [key for key, (_, told) in values.items() if "ding_alma/policy" in told or "dizoo_ext" in told]
    assert len(ours) > 30 and all(values[key][1].startswith("(") for key in ours)


def test_an_origin_is_in_a_block_that_the_config_consists_of():
    values = listed("fast/save_the_city/mppo")
    lines = SETTING.read_text().splitlines()
    first = lines.index("SMALL_SETTING: dict[str, Any] = dict(")
    small = range(first + 1, lines.index(")", first) + 2)
    places = [re.search(r"setting/save_the_city\.py:(\d+)", told) for _, told in values.values()]
    assert len([place for place in places if place]) > 5
    assert not [place for place in places if place and int(place[1]) in small]
    assert "dizoo_ext/save_the_city/env.py" in values["env.game_config"][1]
    assert "setting/blocks.py" in values["policy.learn.learner.hook.progress.ext_args.total_env_steps"][1]


def test_a_shipped_config_is_a_file_of_its_folder():
    told = listed("fast/save_the_city/mppo", "--only", "policy.eval.evaluator.eval_freq")
    assert "[configs/fast/save_the_city_mppo_config.py:" in told["policy.eval.evaluator.eval_freq"][1]


def test_another_setting_s_reasons_are_not_given():
    assert listed("lux/mppo")["policy.ppo.clip_value"][1].startswith("(bool) Clip the value loss too.  [")


def test_a_block_given_as_a_whole_replaces_that_of_the_config():
    values = listed("small/save_the_city/alma", "policy.network={'subtask_mixer': 'vdn'}", "--only", "policy.network")
    assert values["policy.network.subtask_mixer"][1].endswith("[command line]")
    assert values["policy.network.attention_dim"][0] == "128"
    assert all("ding_alma/policy/" in told for key, (_, told) in values.items() if not key.endswith("subtask_mixer"))


@pytest.mark.parametrize(
    "text",
    [
        "from ding_alma.setting.save_the_city import small as mine\nmain_config, create_config = mine('alma')",
        "from ding_alma.setting import save_the_city\nmain_config, create_config = save_the_city.small('alma')",
        "import ding_alma.setting.save_the_city as city\nmain_config, create_config = city.small('alma')",
    ],
)
def test_a_setting_is_found_however_it_is_imported(tmp_path, text):
    config = tmp_path / "own.py"
    config.write_text(text)
    values = listed(config)
    assert "ding_alma/setting/save_the_city.py" in values["policy.allocation.period"][1]
    assert "ding_alma/setting/blocks.py" in values["policy.learn.batch_size"][1]


def test_keys_that_are_there_for_other_policies_are_marked():
    marked = {
        key for key, (_, told) in listed("fast/save_the_city/mppo").items() if told.endswith("for other policies]")
    }
    assert {"policy.network.mixing_dim", "policy.allocation.period", "policy.other.eps.decay"} <= marked
    assert not marked & {"policy.network.look", "policy.ppo.epochs", "policy.learn.discount_factor", "env.scenario"}


OF_THE_TASK = {"entity.extra_subtasks", "map.planes", "map.member_types", "ppo.minibatches_per_epoch"}
ADVICE = r"usually|[Vv]alues of|try \d|As many as|\(thesis: 1"


@pytest.mark.parametrize("policy", ["alma", "refil", "copa", "mppo", "coma_ext"])
def test_comments_of_numbers_say_what_they_usually_are(policy):
    for cls in POLICY_REGISTRY.get(policy).__mro__:
        if "config" in vars(cls) and cls.__module__.startswith("ding_alma"):
            entries = class_defaults(Path(inspect.getfile(cls)), cls.__name__)
            bare = {each.path for each in entries if is_number(each.value) and not re.search(ADVICE, each.meaning)}
            assert not bare & (set(vars(cls).get("ranges", {})) - OF_THE_TASK)


def is_number(value):
    return isinstance(value, int | float) and not isinstance(value, bool)


def test_the_fuller_meaning_is_shown():
    told = listed("fast/save_the_city/alma", "--only", "policy.learn.learning_rate")["policy.learn.learning_rate"][1]
    assert "usually 1e-4 to 1e-3" in told and "setting/blocks.py" in told


def test_another_scenario_has_other_sizes():
    before = listed("small/save_the_city/alma", "--only", "policy.")
    after = listed("small/save_the_city/alma", 'env.scenario=["BFG", "BFGG"]', "--only", "policy.")
    changed = {key for key in before if before[key][0] != after[key][0]}
    assert {"policy.model.agent_num", "policy.entity.entities", "policy.model.obs_shape.global_state"} <= changed
    assert after["policy.model.agent_num"][0] == "4" and int(after["policy.entity.subtasks"][0]) > 3


def test_a_wrong_key_and_an_unknown_prefix_are_one_line():
    wrong = call("config", "small/save_the_city/refil", "policy.learn.batch_sze=1")
    assert wrong.exit_code == 1 and "did you mean policy.learn.batch_size" in wrong.output
    assert "no key begins with 'x'" in call("config", "small/save_the_city/refil", "--only", "x").output


@pytest.fixture
def source(tmp_path):
    path = tmp_path / "source.py"
    path.write_text(
        """BASE = dict(
    # (int) From elsewhere.
    far=1,
)
class Policy:
    config = BASE | dict(
        # A heading.
        # (int) Two
        # lines.
        near=2,
        block=dict(inner={}, computed=len("x")),  # behind
        plain={"literal": 3},  # (dict) Behind.
    )

main_config = dict(env=dict(a=1))
# (float) Assigned.
main_config.policy.learn.b = 0.5
"""
    )
    return path


def test_comments_are_found_where_they_are_written(source):
    entries = {entry.path: (entry.value, entry.meaning) for entry in class_defaults(source, "Policy")}
    assert entries == {
        "near": (2, "(int) Two lines."),
        "block": ({}, "behind"),
        "block.inner": ({}, "behind"),
        "block.computed": (UNKNOWN, "behind"),
        "plain": ({}, "(dict) Behind."),
        "plain.literal": (3, "(dict) Behind."),
        "far": (1, "(int) From elsewhere."),
    }
    assert {entry.path: entry.value for entry in blocks_of(source)} == {"env": {}, "env.a": 1, "policy.learn.b": 0.5}
