"""What an environment shows and what a policy reads are compared before anything is played."""

import pytest
from tiny_runs import read_config

from ding_alma.run.checked_config import checked_config


def check(name, policy, **changes):
    """Check a shipped config with another policy and other values, ``block__key=value`` each."""
    main, create = read_config(f"{name}_config.py")
    create.policy.type = policy
    for path, value in changes.items():
        *blocks, key = path.split("__")
        node = main
        for block in blocks:
            node = node[block]
        node[key] = value
    return checked_config(main, create)


@pytest.mark.parametrize("policy", ["alma", "refil", "copa", "mppo"])
def test_policies_of_entities_need_them(policy):
    with pytest.raises(ValueError, match=r"observations lack \['entities', .*set env\.observation to 'both' or 'ent"):
        check("small/save_the_city_alma", policy, env__observation="flat")
    check("small/save_the_city_alma", policy, env__observation="entities")


@pytest.mark.parametrize("policy", ["coma", "coma_ext", "vdn"])
def test_policies_of_flat_states_need_them(policy):
    message = r"observations lack \['agent_state', 'global_state'\]; set env\.observation to 'both' or 'flat'"
    with pytest.raises(ValueError, match=message):
        check("small/save_the_city_coma", policy, env__observation="entities")
    check("small/save_the_city_coma", policy, env__observation="flat")


def test_true_groups_are_known_to_few_environments():
    with pytest.raises(ValueError, match="lack 'groups', which only come from environments that know true groups"):
        check("small/save_the_city_refil", "refil", policy__learn__imagined_groups="given")
    check("group_matching_refil", "refil", policy__learn__imagined_groups="given")


@pytest.mark.parametrize("policy", ["alma", "coma", "vdn"])
def test_maps_are_for_masked_ppo(policy):
    with pytest.raises(ValueError, match=f"policy '{policy}' reads no maps, which 'lux' shows"):
        check("small/lux_mppo", policy)


def test_masked_ppo_looks_at_what_there_is():
    with pytest.raises(ValueError, match=r"policy\.view = 'entities', but the environment 'lux' is made for 'map'"):
        check("small/lux_mppo", "mppo", policy__view="entities")
    with pytest.raises(ValueError, match="'save_the_city' is made for 'entities'"):
        check("small/save_the_city_mppo", "mppo", policy__view="map")


def test_the_merged_config_is_as_it_was_given():
    merged = check("small/save_the_city_alma", "mppo", policy__learn__update_per_collect=7)
    assert merged.policy.learn.update_per_collect == 7
