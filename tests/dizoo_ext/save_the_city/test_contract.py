"""SaveTheCity keeps the contract that users' environments are checked against."""

import pytest
from easydict import EasyDict

from dizoo_ext.check import check_env
from dizoo_ext.save_the_city import SaveTheCityEnv


@pytest.mark.parametrize("config", [{}, {"scenario": ["BF", "BFG"], "episode_limit": 20}, {"observation": "flat"}])
def test_the_environment_passes_its_conformance_test(config):
    check_env(SaveTheCityEnv(EasyDict(config)))
