"""SaveTheCity keeps the contract that users' environments are checked against."""

import numpy as np
import pytest
from easydict import EasyDict

from dizoo_ext.check import check_env
from dizoo_ext.save_the_city import SaveTheCityEnv, SaveTheCityVector


@pytest.mark.parametrize("config", [{}, {"scenario": ["BF", "BFG"], "episode_limit": 20}, {"observation": "flat"}])
def test_the_environment_passes_its_conformance_test(config):
    check_env(SaveTheCityEnv(EasyDict(config)))


def test_coordinates_say_where_entities_are():
    env = SaveTheCityVector(20, ["BFG"])
    env.seed(range(20))
    seen = env.reset()
    counts = {"agent": env.spec.agents, "building": env.spec.subtasks}
    x, y = (np.concatenate([env.cities[f"{kind}_{axis}"][:, :n] for kind, n in counts.items()], 1) for axis in "xy")
    shown, present = seen["entities"][..., env.spec.coordinates], seen["entity_mask"]
    np.testing.assert_allclose(shown[present], np.stack([x, y], -1)[present] / 16)
    assert np.unique(x[present]).size > 3


def test_buildings_stay_within_reach_of_the_centre():
    env = SaveTheCityVector(20, ["BFG"], building_reach=4)
    env.seed(range(20))
    env.reset()
    for axis in ("building_x", "building_y"):
        assert set(env.cities[axis][:, :4].flatten()) <= {4, 7, 10}


@pytest.mark.parametrize(("reach", "message"), [(9, "must lie in"), (2, "leaves 1 places for up to 4 buildings")])
def test_an_impossible_reach_is_refused(reach, message):
    with pytest.raises(ValueError, match=message):
        SaveTheCityVector(1, ["BFG"], building_reach=reach)
