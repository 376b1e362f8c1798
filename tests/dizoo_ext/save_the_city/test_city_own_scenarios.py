"""Cities that a config describes itself: who saves how many buildings of which types."""

import numpy as np
import pytest

from dizoo_ext.check import check_env
from dizoo_ext.save_the_city.baseline import play_baseline
from dizoo_ext.save_the_city.city import FAST, SLOW
from dizoo_ext.save_the_city.env import SaveTheCityEnv
from dizoo_ext.save_the_city.vector import SaveTheCityVector

MIXED = [dict(agents="BFG", buildings=9), dict(agents="B", buildings="FSS"), "GG"]


def test_sizes_are_those_of_the_largest_scenario():
    spec = SaveTheCityVector(1, scenario=MIXED).spec
    assert (spec.agents, spec.subtasks, spec.entities) == (3, 9, 12)


def test_buildings_are_as_many_and_of_the_types_that_were_asked_for():
    env = SaveTheCityVector(8, scenario=MIXED, observation="entities")
    env.seed(range(8))
    seen = [env.reset(index=index)["subtask_mask"].sum(1) for index in range(3)]
    assert [set(counts.tolist()) for counts in seen] == [{9}, {3}, {3}]
    env.reset(index=1)
    assert (env.cities["building_type"][:, :3] == [FAST, SLOW, SLOW]).all()
    env.reset(index=0)
    assert {*np.unique(env.cities["building_type"][:, :9])} == {FAST, SLOW}
    assert (env.cities["agents"] == 3).all()


@pytest.mark.parametrize("scenario", [MIXED[0], "BF"])
def test_one_scenario_is_its_list(scenario):
    one, many = (SaveTheCityVector(1, scenario=s) for s in (scenario, [scenario]))
    for env in (one, many):
        env.seed([5])
    observations = one.reset(), many.reset()
    assert all(np.array_equal(observations[0][key], observations[1][key]) for key in observations[0])


def test_the_contract_holds():
    check_env(SaveTheCityEnv(dict(scenario=MIXED, episode_limit=30)), episodes=2)


def test_fewer_buildings_are_saved_more_often():
    few, many = (
        play_baseline(SaveTheCityVector(32, scenario=dict(agents="BF", buildings=n)), episodes=64) for n in (1, 8)
    )
    assert few["solved"] > many["solved"] + 0.3


@pytest.mark.parametrize(
    ("scenario", "message"),
    [
        (
            dict(agents="BF", building=3),
            "unknown config key env.scenario.building; did you mean env.scenario.buildings",
        ),
        (dict(buildings=3), "a team of env.scenario must be 1 to 24 letters .* got None"),
        (dict(agents="BX"), "a team of env.scenario must be 1 to 24 letters"),
        (dict(agents="BF", buildings=26), "env.scenario.buildings must be a number from 1 to 25.* got 26"),
        (dict(agents="BF", buildings=0), "env.scenario.buildings must be .* got 0"),
        (dict(agents="BF", buildings=2.5), "env.scenario.buildings must be .* got 2.5"),
        (dict(agents="BF", buildings=True), "env.scenario.buildings must be .* got True"),
        (dict(agents="BF", buildings=""), "env.scenario.buildings must be .* got ''"),
        (dict(agents="BF", buildings="FX"), "env.scenario.buildings must be .* got 'FX'"),
        ([dict(agents="BF"), 3], "a team of env.scenario must be .* got 3"),
    ],
)
def test_impossible_scenarios_are_refused_in_one_line(scenario, message):
    with pytest.raises(ValueError, match=message) as refusal:
        SaveTheCityEnv(dict(scenario=scenario))
    assert "\n" not in str(refusal.value)


def test_buildings_need_places():
    with pytest.raises(ValueError, match="leaves 9 places for up to 12 buildings"):
        SaveTheCityEnv(dict(scenario=dict(agents="BF", buildings=12), building_reach=5))
