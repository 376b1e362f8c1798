"""A StarCraft II for tests: the double, installed for each test."""

import numpy as np
import pytest
from embedded_engine import EmbeddedEngine
from installed_double import InstalledDouble
from random_battle import play

from dizoo_ext.smac_multiarmy.vector import SmacMultiArmyVector


@pytest.fixture(scope="session")
def compiled_battles():
    """Compile here what the double would compile at its first battle, while somebody waits for it."""
    play(EmbeddedEngine(), seed=0, steps=1)


@pytest.fixture(scope="session")
def compiled_rules(compiled_battles):
    """Compile here what several workers would compile at once."""
    env = SmacMultiArmyVector(1, engine=EmbeddedEngine)
    env.seed([0])
    observation = env.reset()
    env.step(np.argmax(observation["action_mask"], axis=-1))


@pytest.fixture
def double(tmp_path, monkeypatch):
    """The double in ``SC2PATH``, its units standing still; fails if one of its processes outlives the test."""
    installed = InstalledDouble(tmp_path / "StarCraftII")
    monkeypatch.setenv("SC2PATH", str(installed.folder))
    monkeypatch.setenv("SC2_DOUBLE_STILL", "1")
    yield installed
    left = installed.wait_until_gone()
    assert not left, f"processes left behind: {left}"


@pytest.fixture
def fighting_double(double, monkeypatch, compiled_battles):
    """The double, its units fighting as those of the embedded engine do."""
    monkeypatch.delenv("SC2_DOUBLE_STILL")
    return double
