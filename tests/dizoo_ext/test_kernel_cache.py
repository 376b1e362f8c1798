"""Environments work where numba can write neither to the installation nor to a home folder."""

import os

import pytest
from fresh_import import run_fresh

from dizoo_ext.kernel_cache import source_field

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
import atexit, logging, os, tempfile, numba
# What a new interpreter would do at its start ...
atexit._clear()
logging.basicConfig(force=True)
tempfile.tempdir = None
os.environ.pop("NUMBA_CACHE_DIR", None)
os.environ.update({environment!r})
numba.config.reload_config()
import {package}
from numba.core import event
{kernels}
with event.install_recorder("numba:compile") as recorder:
    begin()
print("compiled:", *(compiled.data["dispatcher"].py_func.__module__ for _, compiled in recorder.buffer))
# ... and at its end.
atexit._run_exitfuncs()
"""


def compile_kernels(package, kernels, folder):
    """Compile in a process that imports the package for the first time; returns what is printed."""
    # As in a read-only installation without HOME: numba may only look where NUMBA_CACHE_DIR says.
    environment = {"NUMBA_CACHE_LOCATOR_CLASSES": "UserProvidedCacheLocator", "TMPDIR": str(folder)}
    # What is compiled is not run for long: unoptimised code takes half the time to make.
    environment |= {"NUMBA_OPT": "0", "NUMBA_LOOP_VECTORIZE": "0", "NUMBA_SLP_VECTORIZE": "0"}
    return run_fresh(COMPILE.format(environment=environment, package=package, kernels=kernels))


def compiled_modules(told):
    (line,) = (line for line in told.splitlines() if line.startswith("compiled:"))
    return line.split()[1:]


@pytest.mark.parametrize(("package", "kernels"), [("dizoo_ext", VIEW), ("ding_alma.plugin", GAME)])
def test_compiled_code_goes_elsewhere_and_a_line_says_so(package, kernels, tmp_path):
    told = compile_kernels(package, kernels, tmp_path)
    folder = tmp_path / f"numba-cache-{os.getuid()}"
    lines = [line for line in told.splitlines() if "numba can keep compiled code neither" in line]
    assert len(lines) == 1 and str(folder) in lines[0]
    assert [*folder.rglob("*.nbi")] != []
    compiled = compiled_modules(told)
    assert "dizoo_ext.flat_view" in compiled
    assert not [module for module in compiled if "unicode" in module], "text in a kernel takes seconds to compile"


def test_nobody_else_can_put_code_there(tmp_path):
    shared = tmp_path / f"numba-cache-{os.getuid()}"
    shared.mkdir()
    shared.chmod(0o777)
    assert "dizoo_ext.flat_view" in compiled_modules(compile_kernels("dizoo_ext", VIEW, tmp_path))
    assert [*shared.iterdir()] == [] and [*tmp_path.iterdir()] == [shared]


def test_a_record_has_another_type_once_a_source_of_its_kernels_changes(tmp_path):
    room, single = tmp_path / "room", tmp_path / "single.py"
    room.mkdir()
    sources = [room / "rules.py", room / "placement.py", single]
    for source in sources:
        source.write_text("ONE = 1\n")
    fields = [source_field(room, single)]
    assert source_field(room, single) == fields[0]
    for source in sources:
        source.write_text("ONE = 2\n")
        fields.append(source_field(room, single))
    (room / "notes.txt").write_text("no source")
    assert source_field(room, single) == fields[-1]
    assert len({name for name, _ in fields}) == 4


@pytest.mark.parametrize("chosen", ["NOTSET", "DEBUG"])
def test_numba_says_nothing_in_programs_that_log_debug_messages_unless_it_is_asked(chosen):
    told = run_fresh(
        "import logging, numba; logging.basicConfig(level=logging.DEBUG, force=True); "
        f"logging.getLogger('numba').setLevel(logging.{chosen}); import dizoo_ext.kernel_cache; "
        "numba.njit(lambda number: number + 1)(1)"
    )
    assert ("DEBUG:numba" in told) == (chosen == "DEBUG")
