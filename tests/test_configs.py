"""Every shipped config fits its environment and its policies, and says nothing that stands elsewhere."""

import functools
import json
import re
from importlib import import_module

import pytest
import toy_env
from ding.envs.env.base_env import get_env_cls
from ding.utils import ENV_REGISTRY, POLICY_REGISTRY, deep_merge_dicts
from tiny_runs import CONFIGS
from tiny_runs import read_config as run_config

from ding_alma.setting import group_matching, lbf, lux, rware, save_the_city, smac_multiarmy
from ding_alma.setting.compose import compose

NAMES = sorted(path.relative_to(CONFIGS).as_posix() for path in CONFIGS.rglob("*_config.py"))
SETTINGS = dict(
    save_the_city=save_the_city,
    smac_multiarmy=smac_multiarmy,
    group_matching=group_matching,
    lux=lux,
    lbf=lbf,
    rware=rware,
)
MAPS = [name for name in NAMES if "lux_mppo" in name]
"""Configs of environments of maps."""
ENTITIES = [name for name in NAMES if name not in MAPS]
SUBTASK_ENVS = ("save_the_city", "smac_multiarmy")
POLICIES = ("alma", "aqmix", "refil", "copa", "coma")
VARIANTS = (*POLICIES, "mppo", "alma_heuristic", "alma_no_mask")
COMA_KEYS = {"agent_num", "obs_shape", "action_shape", "actor_hidden_size_list"}

every_config = pytest.mark.parametrize("name", NAMES)
read_config = functools.cache(run_config)
"""Run once; tests only look."""


def parts_of(name):
    """Environment, policy and size that a config's file name stands for."""
    folder, _, stem = name.removesuffix("_config.py").rpartition("/")
    env = next(env for env in SETTINGS if stem.startswith(env))
    return env, stem.removeprefix(f"{env}_").split("_")[0], folder or "paper"


def setting_of(name):
    """The configs that the environment's setting makes for the policy."""
    env, policy, size = parts_of(name)
    return getattr(SETTINGS[env], size)(policy)


def leaves(block, path=""):
    """Dotted path -> value of everything in a config."""
    for key, value in block.items():
        if isinstance(value, dict) and value:
            yield from leaves(value, f"{path}{key}.")
        else:
            yield f"{path}{key}", value


def build(main, policy, fields=None):
    """A policy from a config's block, by default with all its sides."""
    policy_class = POLICY_REGISTRY.get(policy)
    return policy_class(deep_merge_dicts(policy_class.default_config(), main.policy), enable_field=fields)


def test_there_is_a_config_for_every_environment_and_policy():
    expected = {f"group_matching_{policy}_config.py" for policy in POLICIES}
    expected |= {f"small/group_matching_{policy}_config.py" for policy in ("aqmix", "refil")}
    expected |= {f"fast/group_matching_{policy}_config.py" for policy in ("aqmix", "refil", "copa")}
    for env in SUBTASK_ENVS:
        for variant in VARIANTS:
            expected |= {f"{folder}{env}_{variant}_config.py" for folder in ("", "fast/", "small/")}
    expected |= {f"lux_mppo{variant}_config.py" for variant in ("", "_global", "_monolithic")}
    expected |= {"lux_alma_config.py", "lux_coma_config.py"}
    expected |= {f"small/lux_{policy}_config.py" for policy in ("mppo", "alma", "coma")}
    for env in ("lbf", "rware"):
        variants = ("alma", "alma_heuristic", "aqmix", "coma", "refil")
        expected |= {f"{folder}{env}_{variant}_config.py" for folder in ("", "small/") for variant in variants}
    assert set(NAMES) == expected


@every_config
def test_the_file_s_name_is_what_it_trains(name):
    main, create = read_config(name)
    env, policy, size = parts_of(name)
    registered = "lux_entities" if env == "lux" and name in ENTITIES else env
    assert (create.env.type, create.policy.type) == (registered, policy)
    assert policy in main.exp_name and env in main.exp_name
    assert main.exp_name.startswith(f"runs/{'' if size == 'paper' else size + '_'}{env}")
    for block in create.values():
        for module in block.get("import_names", []):
            import_module(module)
    assert env in ENV_REGISTRY and {policy, f"{policy}_command"} <= {*POLICY_REGISTRY}
    assert (CONFIGS / name).read_text().count(f"-c configs/{name} ") == 1, "the command in the docstring"


@every_config
def test_the_command_in_the_docstring_is_as_long_as_the_setting_s_runs(name):
    progress = read_config(name)[0].policy.learn.learner.hook.progress
    (told,) = re.findall(r"--env-step (\S+?)``", (CONFIGS / name).read_text())
    assert progress.ext_args.total_env_steps == int(float(told))


def test_no_two_configs_write_to_one_folder():
    folders = [read_config(name)[0].exp_name for name in NAMES]
    assert len(set(folders)) == len(NAMES)


@every_config
def test_values_are_plain(name):
    for config in read_config(name):
        assert json.loads(json.dumps(config)) == config


@pytest.mark.parametrize("name", MAPS)
def test_sizes_of_maps_are_the_environment_s(name):
    main, create = read_config(name)
    spec = get_env_cls(create.env)(main.env).map_spec
    assert dict(main.policy.model) == dict(agent_num=spec.members, action_shape=spec.actions)
    assert (main.policy.map.planes, main.policy.map.member_types) == (spec.planes, spec.member_types)


@pytest.mark.parametrize("name", ENTITIES)
def test_sizes_are_the_environment_s(name):
    main, create = read_config(name)
    spec = get_env_cls(create.env)(main.env).entity_spec
    model, entity = main.policy.model, main.policy.entity
    assert set(model) == COMA_KEYS, "anything else breaks DI-engine's COMA"
    assert (model.agent_num, model.action_shape) == (spec.agents, spec.actions)
    assert dict(model.obs_shape) == dict(agent_state=spec.agent_state_size, global_state=spec.global_state_size)
    assert (entity.entities, entity.features, entity.subtasks) == (spec.entities, spec.features, spec.subtasks)


@every_config
def test_its_policy_takes_it(name):
    main, create = read_config(name)
    build(main, create.policy.type)


@pytest.mark.parametrize(
    "name",
    # The sizes of a setting have the same keys.
    [pytest.param(name, marks=() if parts_of(name)[2] == "small" else pytest.mark.slow) for name in NAMES],
)
def test_any_other_policy_takes_it(name):
    main, _ = read_config(name)
    for policy in (*POLICIES, "mppo", "coma_ext", "qmix", "vdn") if name in ENTITIES else ("mppo",):
        build(main, policy, ["collect"])


@every_config
def test_counts_of_environments_agree(name):
    main, _ = read_config(name)
    assert main.policy.collect.env_num == main.env.collector_env_num
    assert main.policy.collect.n_episode % main.env.collector_env_num == 0
    assert main.policy.eval.env_num == main.env.evaluator_env_num == main.env.n_evaluator_episode


@every_config
def test_a_config_adds_to_its_setting_only_what_its_policy_reads(name):
    main, create = read_config(name)
    setting, shared = setting_of(name)
    assert create == shared
    defaults = deep_merge_dicts(POLICY_REGISTRY.get(create.policy.type).default_config(), setting.policy)
    known, common = dict(leaves(defaults)), dict(leaves(setting.policy))
    known |= {"collect.n_episode": None, "eval.evaluator.eval_freq": None}
    added = {path: value for path, value in leaves(main.policy) if path not in common or common[path] != value}
    assert set(added) <= set(known)
    assert {path for path, value in added.items() if dict(leaves(defaults)).get(path) == value} == set()
    changed = {path for path, value in leaves(main.env) if dict(leaves(setting.env)).get(path) != value}
    assert changed <= {"heuristic_style", "opponent", "collector_env_num", "n_evaluator_episode"}


@pytest.mark.parametrize("env", SETTINGS)
def test_a_setting_serves_any_policy_and_hands_out_its_own_copy(env):
    paper = SETTINGS[env].paper
    one, other = paper("qmix"), paper("alma")
    assert one[1].policy.type == "qmix"
    one[0].policy.allocation.period = one[0].policy.learn.learner.hook.priority = -1
    one[1].policy.import_names.append("nowhere")
    assert paper("alma") == other
    assert {path for path, _ in leaves(paper("refil")[0])} == {path for path, _ in leaves(other[0])}


def test_sizes_and_counts_follow_from_the_environment_s_block():
    main, _ = save_the_city.paper("alma", scenario="2-8a_2-8b", collector_env_num=4, evaluator_env_num=2)
    assert (main.policy.model.agent_num, main.policy.entity.subtasks) == (8, 9)
    assert (main.policy.collect.env_num, main.policy.collect.n_episode) == (4, 4)
    assert main.policy.eval.env_num == main.env.n_evaluator_episode == 2


def test_the_paper_s_four_settings_are_one_word():
    mains = [smac_multiarmy.paper("alma", setting)[0] for setting in smac_multiarmy.SETTINGS]
    assert [main.policy.model.action_shape for main in mains] == [14, 15, 22, 23]
    assert len({main.exp_name for main in mains}) == 4
    with pytest.raises(ValueError, match=r"setting must be one of .*did you mean 'MMM_symmetric'"):
        smac_multiarmy.paper("alma", "MMM_symetric")


def test_unknown_policies_and_keys_are_refused_with_the_nearest_name():
    with pytest.raises(ValueError, match=r"did you mean refil\?"):
        save_the_city.paper("refill")
    with pytest.raises(ValueError, match=r"did you mean env\.scenario"):
        save_the_city.paper("alma", scenarios="2-8a_2-8b")


def test_group_matching_has_the_networks_of_the_refil_paper():
    main, create = read_config("group_matching_refil_config.py")
    policy = build(main, create.policy.type)
    assert sum(parameter.numel() for parameter in policy._model.parameters()) == 56_963


def test_an_environment_of_one_s_own_needs_no_more_than_its_name():
    main, create = compose("runs/toy", "toy", "alma", dict(policy=dict(allocation=dict(period=7))), evaluator_env_num=2)
    spec = toy_env.ToyEnv().entity_spec
    assert create.env.type == "toy" and main.policy.eval.env_num == 2
    assert (main.policy.model.agent_num, main.policy.entity.features) == (spec.agents, spec.features)
    assert build(main, "alma")._cfg.allocation.period == 7
