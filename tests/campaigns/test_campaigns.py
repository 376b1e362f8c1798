"""A small run of every campaign; docs/resume_and_faults.md has the large ones."""

import subprocess
import sys
from pathlib import Path

import pytest

HERE = Path(__file__).parent

pytestmark = pytest.mark.slow


@pytest.mark.parametrize(
    "command",
    [
        ["fuzz_configs.py", "--changes", "40", "--seed", "1"],
        ["damage_runs.py", "--damages", "20", "--seed", "1"],
        ["kill_runs.py", "--kills", "8", "--seed", "1"],
    ],
    ids=lambda command: command[0],
)
def test_a_campaign_finds_nothing(command, tmp_path):
    name, *options = command
    done = subprocess.run(
        [sys.executable, "-W", "ignore", HERE / name, *options], cwd=tmp_path, capture_output=True, text=True
    )
    assert done.returncode == 0, done.stdout[-3000:] + done.stderr[-2000:]
