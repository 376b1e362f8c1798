"""Environments work where numba can write neither to the installation nor to a home folder."""

import os
import subprocess
import sys

import pytest

# The game whose kernels compile fastest, and the kernel that does.
GAME = """
from dizoo_ext.group_matching.env import GroupMatchingEnv
env = GroupMatchingEnv({})
env.seed(0)
begin = env.reset
"""
VIEW = """
import numpy as np
from dizoo_ext.flat_view import flat_view
def begin():
    entities, seen = np.zeros((1, 2, 1), np.float32), np.ones((1, 1, 2), bool)
    flat_view(entities, seen[0], seen, np.zeros((1, 1), int), 2)
"""
COMPILE = """
import {package}
from numba.core import event
{kernels}
with event.install_recorder("numba:compile") as recorder:
    begin()
print(*(compiled.data["dispatcher"].py_func.__module__ for _, compiled in recorder.buffer))
"""


def compile_kernels(package, kernels, folder, **variables):
    # As in a read-only installation without HOME: numba may only look where NUMBA_CACHE_DIR says.
    nowhere = {"NUMBA_CACHE_LOCATOR_CLASSES": "UserProvidedCacheLocator", "TMPDIR": str(folder)}
    # What is compiled is not run for long: unoptimised code takes half the time to make.
    nowhere |= {"NUMBA_OPT": "0", "NUMBA_LOOP_VECTORIZE": "0", "NUMBA_SLP_VECTORIZE": "0"}
    environment = {**os.environ, "PYTHONPATH": os.pathsep.join(sys.path), **nowhere, **variables}
    command = [sys.executable, "-W", "ignore", "-c", COMPILE.format(package=package, kernels=kernels)]
    return subprocess.run(command, env=environment, capture_output=True, text=True, check=False)


@pytest.mark.parametrize(("package", "kernels"), [("dizoo_ext", VIEW), ("ding_alma.plugin", GAME)])
def test_compiled_code_goes_elsewhere_and_a_line_says_so(package, kernels, tmp_path):
    result = compile_kernels(package, kernels, tmp_path)
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
    result = compile_kernels("dizoo_ext", VIEW, tmp_path)
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
