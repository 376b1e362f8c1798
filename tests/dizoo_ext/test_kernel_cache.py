"""Environments work where numba can write neither to the installation nor to a home folder."""

import os
import subprocess
import sys

import pytest

# The game whose kernels compile fastest.
PLAY = """
import {package}
from numba.core import event
from dizoo_ext.group_matching.env import GroupMatchingEnv
env = GroupMatchingEnv({{}})
env.seed(0)
with event.install_recorder("numba:compile") as recorder:
    env.reset()
print(*(compiled.data["dispatcher"].py_func.__module__ for _, compiled in recorder.buffer))
"""


def play(package, folder, **variables):
    # As in a read-only installation without HOME: numba may only look where NUMBA_CACHE_DIR says.
    nowhere = {"NUMBA_CACHE_LOCATOR_CLASSES": "UserProvidedCacheLocator", "TMPDIR": str(folder)}
    environment = {**os.environ, "PYTHONPATH": os.pathsep.join(sys.path), **nowhere, **variables}
    command = [sys.executable, "-W", "ignore", "-c", PLAY.format(package=package)]
    return subprocess.run(command, env=environment, capture_output=True, text=True, check=False)


@pytest.mark.parametrize("package", ["dizoo_ext", "ding_alma.plugin"])
def test_compiled_code_goes_elsewhere_and_a_line_says_so(package, tmp_path):
    result = play(package, tmp_path)
    assert result.returncode == 0, result.stderr
    folder = tmp_path / f"numba-cache-{os.getuid()}"
    told = [line for line in result.stderr.splitlines() if "numba can keep compiled code neither" in line]
    assert len(told) == 1 and str(folder) in told[0]
    assert [*folder.rglob("*.nbi")] != []
    compiled = result.stdout.split()
    assert "dizoo_ext.flat_view" in compiled
    assert not [module for module in compiled if "unicode" in module], "text in a kernel takes seconds to compile"


def test_nobody_else_can_put_code_there(tmp_path):
    shared = tmp_path / f"numba-cache-{os.getuid()}"
    shared.mkdir()
    shared.chmod(0o777)
    result = play("dizoo_ext", tmp_path)
    assert result.returncode == 0, result.stderr
    assert [*shared.iterdir()] == [] and [*tmp_path.iterdir()] == [shared]


@pytest.mark.parametrize("chosen", ["NOTSET", "DEBUG"])
def test_numba_says_nothing_in_programs_that_log_debug_messages_unless_it_is_asked(chosen):
    code = (
        "import logging, numba; logging.basicConfig(level=logging.DEBUG); "
        f"logging.getLogger('numba').setLevel(logging.{chosen}); import dizoo_ext.kernel_cache; "
        "numba.njit(lambda number: number + 1)(1)"
    )
    environment = {**os.environ, "PYTHONPATH": os.pathsep.join(sys.path)}
    told = subprocess.run([sys.executable, "-W", "ignore", "-c", code], env=environment, capture_output=True, text=True)
    assert told.returncode == 0, told.stderr
    assert ("DEBUG:numba" in told.stderr) == (chosen == "DEBUG")
