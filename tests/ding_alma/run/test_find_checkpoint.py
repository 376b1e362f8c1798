"""What is said where a run or a checkpoint is named that is not there."""

import os

import pytest

from ding_alma.run.checkpoint import find_checkpoint
from ding_alma.run.run_config import RUN_CONFIG_NAME
from ding_alma.run.run_error import RunError


@pytest.fixture
def runs(tmp_path):
    """Runs of increasing age: a single one, and seeds in folders."""
    for age, name in enumerate(("single", "b/seed1", "a/seed0", "a/backup")):
        folder = tmp_path / "runs" / name
        folder.mkdir(parents=True)
        (folder / RUN_CONFIG_NAME).touch()
        os.utime(folder, (1000 - age, 1000 - age))
    return tmp_path / "runs"


def test_what_is_there_is_named_instead_of_a_run_that_is_not(runs):
    with pytest.raises(RunError) as caught:
        find_checkpoint(runs / "nope")
    assert str(caught.value) == (
        f"run or checkpoint {runs}/nope does not exist; newest in {runs}: single, b/seed1, a/seed0"
    )
    with pytest.raises(RunError, match=r"newest in .*/nowhere: none"):
        find_checkpoint(runs / "nowhere" / "run")


def test_a_folder_above_folders_of_seeds_holds_several_runs(runs):
    with pytest.raises(RunError, match=r"holds several runs; name one of them, such as .*a/seed0"):
        find_checkpoint(runs)
