"""Scenarios as one word."""

import pytest
from easydict import EasyDict

from ding_alma.run.scenario_text import scenario_name, scenario_of
from ding_alma.setting.compose import compose
from ding_alma.setting.save_the_city import SMALL_SETTING

OWN = dict(agents="BFG", buildings=6)
BATTLE = dict(agents=dict(stalker=2), armies=[dict(zealot=1), dict(marine=2)])


@pytest.mark.parametrize("scenario", ["2-5a_2-5b", "3m", ["BF", "BFG"], OWN, [OWN, "BF"], [OWN], BATTLE, [BATTLE]])
def test_a_name_stands_for_its_scenario(scenario):
    assert scenario_of(scenario_name(EasyDict(scenario=scenario))) == scenario


def test_environments_without_scenarios_have_no_name():
    assert scenario_name(EasyDict(episode_limit=3)) is None
    assert scenario_name(EasyDict(scenario=None)) is None


def test_a_scenario_replaces_another_as_a_whole():
    first = dict(env=dict(scenario=dict(agents="BFG", buildings="FFS")))
    main, _ = compose("run", "save_the_city", "alma", SMALL_SETTING, first, scenario=dict(agents="BF"))
    assert main.env.scenario == dict(agents="BF")
    assert (main.policy.model.agent_num, main.policy.entity.subtasks) == (2, 3)
