import copy

import pytest
from ding.envs.env.base_env import get_env_cls
from ding.utils import ENV_REGISTRY, POLICY_REGISTRY
from easydict import EasyDict
from tiny_runs import read_config
from toy_run import toy_config

from ding_alma.policy.sizes import read_sizes
from ding_alma.run.config_override import override
from ding_alma.run.config_shape import default_config
from ding_alma.run.ding_keys import check_ding_keys
from ding_alma.run.hooks import register_hooks
from ding_alma.run.run_error import RunError
from dizoo_ext.entity_env import EntityEnv


@pytest.fixture(scope="module", autouse=True)
def hooks():
    register_hooks()


def changed(*changes, policy="refil"):
    main, create = toy_config()
    create.policy.type = policy
    return override(main, create, list(changes))


def get(config, path):
    for key in path.split("."):
        config = config[key]
    return config


@pytest.mark.parametrize(
    ("path", "text", "value"),
    [
        ("policy.learn.batch_size", "16", 16),
        ("policy.other.replay_buffer.replay_buffer_size", "1e3", 1000),
        ("policy.learn.learning_rate", "1", 1.0),
        ("policy.cuda", "true", True),
        ("policy.cuda", "0", False),
        ("policy.entity.coordinates", "[4, 4]", [4, 4]),
        ("exp_name", "12", "12"),
        ("env.eval_metric", "1", "1"),
        # The default is an integer, the file says 1e10.
        ("env.stop_value", "0.5", 0.5),
        # No default shows these keys.
        ("policy.multi_gpu", "true", True),
        ("policy.learn.learner.hook.progress.ext_args.style", "off", "off"),
        ("env.manager.step_timeout", "60", 60),
        ("env.manager.step_timeout", "none", "none"),
    ],
)
def test_values_take_the_type_of_the_default(path, text, value):
    main, _ = changed(f"{path}={text}")
    found = get(main, path)
    assert found == value and type(found) is type(value)


def follow(*changes, env="save_the_city", policy="alma", folder="small"):
    main, create = read_config(f"{folder}/{env}_{policy}_config.py")
    return override(main, create, list(changes))


OWN_BATTLE = "env.scenario={'agents': {'marine': 3}, 'armies': [{'zealot': 1}, {'stalker': 1}, {'marine': 2}]}"


@pytest.mark.parametrize(
    ("change", "env"),
    [
        ("env.scenario=['BBFFGG']", "save_the_city"),
        ("env.scenario=2-5a_2-5b", "save_the_city"),
        ("env.scenario=['B','FG']", "save_the_city"),
        ("env.scenario={'agents': 'BFGG', 'buildings': 9}", "save_the_city"),
        (OWN_BATTLE, "smac_multiarmy"),
        ("env.scenario=2s3z", "smac_multiarmy"),
    ],
)
def test_sizes_follow_the_scenario(change, env):
    main, create = follow(change, env=env)
    spec = get_env_cls(create.env)(main.env).entity_spec
    assert (main.policy.model.agent_num, main.policy.entity.entities) == (spec.agents, spec.entities)
    assert main.policy.entity.subtasks == spec.subtasks and main.policy.entity.features == spec.features
    assert main.policy.model.obs_shape.agent_state == spec.agent_state_size
    assert main.policy.model.obs_shape.global_state == spec.global_state_size
    read_sizes(main.policy)


def test_counts_follow_the_numbers_of_environments():
    main, _ = follow("env.collector_env_num=4", "env.evaluator_env_num=6")
    assert (main.policy.collect.n_episode, main.policy.collect.env_num) == (4, 4)
    assert (main.env.n_evaluator_episode, main.policy.eval.env_num) == (6, 6)


def test_what_a_change_or_the_file_says_itself_stays():
    main, _ = follow("env.collector_env_num=4", "policy.collect.n_episode=12", "policy.entity.entities=99")
    assert (main.policy.collect.n_episode, main.policy.collect.env_num) == (12, 4)
    assert main.policy.entity.entities == 99
    main, create = read_config("small/save_the_city_alma_config.py")
    main.policy.collect.n_episode = 48
    assert override(main, create, ["env.collector_env_num=4"])[0].policy.collect.n_episode == 48


def test_the_config_itself_stays_as_it_is():
    main, create = toy_config()
    before = copy.deepcopy((main, create))
    override(main, create, ["policy.type=alma", "policy.learn.batch_size=16"])
    assert (main, create) == before


def test_choices_go_where_ding_reads_them():
    main, create = changed("env.manager.type=vector", "policy.allocation.period=4", "policy.type=alma", policy="coma")
    assert (create.policy.type, create.env_manager.type) == ("alma", "vector")
    assert main.policy.allocation.period == 4 and "type" not in main.policy


def test_options_without_defaults_are_open():
    class OpenEnv(EntityEnv):
        config = dict(
            # (dict) Anything.
            game_config={},
        )

    main, create = toy_config()
    create.env.type = "open_toy"
    ENV_REGISTRY.register("open_toy", OpenEnv)
    try:
        main, _ = override(main, create, ["env.game_config.rate=0.25"])
    finally:
        del ENV_REGISTRY["open_toy"]
    assert main.env.game_config.rate == 0.25


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ("policy.learn.batch_sze=4", "unknown config key policy.learn.batch_sze; did you mean policy.learn.batch_size"),
        ("batch_size=4", "did you mean policy.learn.batch_size"),
        ("policy.eval.evaluator.eval_frq=1", "did you mean policy.eval.evaluator.eval_freq"),
        ("evn.eval_metric=return", "did you mean env.eval_metric"),
        ("policy.model.agent_nm=3", "did you mean policy.model.agent_num"),
        ("policy.allocation.period=4", "policy.allocation.period has no effect"),
        ("zzz=1", "top-level keys are exp_name, env, policy"),
        ("policy.type=refill", "unknown policy 'refill'; did you mean refil"),
        ("policy.learn.batch_size=many", "must be of type int, such as 32, got 'many'"),
        ("policy.learn.batch_size=2.5", "must be of type int"),
        ("policy.learn.learning_rate=fast", "must be of type float"),
        ("policy.cuda=maybe", "must be of type bool"),
        ("policy.entity.coordinates=4", "must be of type list"),
        ("policy.network=4", "must be of type dict"),
        ("policy.learn.batch_size", "expected dotted.key=value"),
        ("policy..learn=4", "expected dotted.key=value"),
        ("seed=3", "no effect; set --seeds"),
        ("policy.eval.evaluator.stop_value=3", "set env.stop_value instead"),
    ],
)
def test_what_cannot_be_changed_is_explained(change, message):
    with pytest.raises(RunError, match=message):
        changed(change)


def check(break_it, policy="coma"):
    main, create = toy_config()
    create.policy.type = policy
    break_it(main)
    check_ding_keys(main, default_config(create))


@pytest.mark.parametrize("policy", ["coma", "refil", "mppo"])
def test_a_sound_config_passes_with_keys_of_every_policy(policy):
    check(lambda main: main.policy.update(allocation=dict(period=3), ppo=dict(epochs=2)), policy)


@pytest.mark.parametrize(
    ("path", "value", "message"),
    [
        ("exp_nme", "x", "did you mean exp_name"),
        ("env.manager", EasyDict(step_timout=3), "did you mean env.manager.step_timeout"),
        ("policy.lern", 3, "did you mean policy.learn"),
        ("policy.learn.update_per_colect", 3, "did you mean policy.learn.update_per_collect"),
        ("policy.learn.learning_rate", "3", "must be of type float"),
        ("policy.learn.learner.log_polcy", True, "did you mean policy.learn.learner.log_policy"),
        ("policy.learn.learner.hook.save_ckpt_after_itr", 3, "did you mean .*hook.save_ckpt_after_iter"),
        ("policy.learn.learner.hook.mine", EasyDict(type="progres", position="before_run"), "did you mean 'progress'"),
        (
            "policy.learn.learner.hook.mine",
            EasyDict(type="progress", position="before"),
            "mine.position must be one of",
        ),
        ("policy.learn.learner.hook.mine", EasyDict(typ="progress"), "did you mean .*mine.type"),
        ("policy.collect.collector", EasyDict(get_train_sampl=True), "did you mean .*get_train_sample"),
        ("policy.eval.evaluator.eval_frq", 3, "did you mean policy.eval.evaluator.eval_freq"),
        ("policy.other.eps.decy", 3, "did you mean policy.other.eps.decay"),
        ("policy.eval", 3, "must be a block of keys, but eval is 3"),
    ],
)
def test_keys_that_ding_ignores_are_refused(path, value, message):
    *blocks, key = path.split(".")

    def break_it(main):
        node = main
        for name in blocks:
            node = node[name]
        node[key] = value

    with pytest.raises((ValueError, TypeError), match=message):
        check(break_it)


@pytest.mark.parametrize(
    ("policy", "key", "readers"),
    [
        ("refil", "policy.allocation.period", "alma, copa"),
        ("mppo", "policy.network.mixer", "aqmix, copa, refil"),
        ("coma", "policy.network.hidden_dim", "alma, aqmix, copa, mppo, refil"),
    ],
)
def test_a_key_that_only_other_policies_read_is_refused(policy, key, readers):
    with pytest.raises(RunError, match=f"{key} has no effect under policy.type = {policy}; .* such as {readers}"):
        changed(f"{key}=3", policy=policy)


@pytest.mark.parametrize(
    ("policy", "key"),
    [
        ("alma", "policy.nstep"),
        ("coma_ext", "policy.learn.ignore_done"),
        ("mppo", "policy.other.eps.decay"),
        ("mppo", "policy.learn.update_per_collect"),
        ("refil", "policy.other.replay_buffer.recent_steps"),
    ],
)
def test_a_key_that_ding_knows_and_the_policy_does_not_read_is_refused(policy, key):
    with pytest.raises(RunError, match=f"{key} has no effect under policy.type = {policy}; other policies read it"):
        changed(f"{key}=3", policy=policy)
    assert get(changed(f"{key}=3", policy="coma")[0], key) == 3


@pytest.mark.parametrize("policy", ["alma", "refil", "mppo"])
def test_layers_of_coma_are_read_by_it_and_coma_ext(policy):
    change = "policy.model.actor_hidden_size_list=[4, 4]"
    with pytest.raises(RunError, match="has no effect under"):
        changed(change, policy=policy)
    assert changed(change, policy="coma_ext")[0].policy.model.actor_hidden_size_list == [4, 4]


def test_a_key_in_a_block_given_as_a_whole_is_refused_like_one_alone():
    with pytest.raises(RunError, match=r"policy\.network\.mixer has no effect under policy\.type = mppo"):
        changed("policy.network={'hidden_dim': 32, 'mixer': 'vdn'}", policy="mppo")
    assert changed("policy.network={'hidden_dim': 32}", policy="mppo")[0].policy.network == {"hidden_dim": 32}


def test_a_hint_names_no_key_that_would_be_refused():
    with pytest.raises(RunError, match=r"did you mean policy\.network\.mixer"):
        changed("policy.network.mxer=vdn")
    with pytest.raises(RunError, match="unknown config key") as error:
        changed("policy.network.mxer=vdn", policy="mppo")
    assert "mixer" not in str(error.value)


@pytest.mark.parametrize(
    ("key", "hint"),
    [
        ("policy.learn.learning_rat", r"did you mean policy\.ppo\.learning_rate\?"),
        ("policy.learn.learning_rate", r"no effect .* did you mean policy\.ppo\.learning_rate\?"),
        ("policy.eval.evaluator.stop_valu", r"did you mean env\.stop_value"),
        ("policy.lr", r"policy has model, learn, "),
        ("sed", "top-level keys are "),
    ],
)
def test_hints_lead_to_what_would_be_taken(key, hint):
    with pytest.raises(RunError, match=hint):
        changed(f"{key}=1", policy="mppo")


@pytest.mark.parametrize(("policy", "key"), [("coma", "value_weight"), ("qmix", "clip_value")])
def test_fractions_whose_default_ding_writes_as_an_integer(policy, key):
    assert changed(f"policy.learn.{key}=0.5", policy=policy)[0].policy.learn[key] == 0.5


def test_a_policy_from_elsewhere_may_read_what_its_defaults_do_not_show(monkeypatch):
    monkeypatch.setattr(POLICY_REGISTRY.get("qmix"), "__module__", "elsewhere")
    main, create = toy_config()
    create.policy.type = "qmix"
    main.policy.learn.anneal_steps = 5
    assert override(main, create, ["policy.learn.anneal_steps=7"])[0].policy.learn.anneal_steps == 7


@pytest.mark.parametrize("key", ["policy.other.eps.start", "policy.learn.learner.hook.log_show_after_iter"])
def test_what_ding_reads_is_taken_whatever_the_policy(key):
    assert get(changed(f"{key}=1", policy="coma")[0], key) == 1
