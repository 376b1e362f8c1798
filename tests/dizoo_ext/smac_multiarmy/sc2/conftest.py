"""A StarCraft II for tests: the double, compiled once and installed for each test."""

import pytest
from installed_double import InstalledDouble
from random_battle import play

from dizoo_ext.smac_multiarmy.engine.embedded import EmbeddedEngine


@pytest.fixture(scope="session")
def compiled_kernels():
    """Compile here what the double would compile at its first battle, while somebody waits for it."""
    play(EmbeddedEngine(), seed=0, steps=1)


@pytest.fixture
def double(tmp_path, monkeypatch, compiled_kernels):
    """The double in ``SC2PATH``; the test fails if one of its processes outlives it."""
    installed = InstalledDouble(tmp_path / "StarCraftII")
    monkeypatch.setenv("SC2PATH", str(installed.folder))
    yield installed
    left = installed.wait_until_gone()
    assert not left, f"processes left behind: {left}"
