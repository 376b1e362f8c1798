"""What importing the plugins replaces in DI-engine is what ding_patches.py lists, no more and no less."""

import gc
import multiprocessing
import os

import pytest
from fresh_import import run_fresh

from ding_alma import plugin  # noqa: F401  (applies them)
from ding_alma.ding_patches import PATCHES, apply_patches

SCRIPT = """
import sys
import ding.entry, ding.entry.parallel_entry, ding.envs, ding.framework, ding.model, ding.policy, ding.utils
import ding.worker, ding.worker.learner.learner_hook

def of_ding():
    return {name: module for name, module in list(sys.modules.items()) if name.split(".")[0] == "ding"}

def holdings(modules):
    found = {}
    for name, module in modules.items():
        for attribute, value in list(vars(module).items()):
            found[f"{name}.{attribute}"] = value
            if type(value) is dict or type(value).__name__ == "Registry":
                if not attribute.startswith("__"):
                    found |= {f"{name}.{attribute}[{key}]": entry for key, entry in value.items()}
    return found

modules = of_ding()
before = holdings(modules)
import ding_alma.plugin, dizoo_ext.plugin
after = holdings(modules)
changed = [name for name, value in before.items() if name not in after or after[name] is not value]
print("\\n".join(sorted(changed)))
"""


@pytest.fixture(scope="module")
def replaced():
    """Places in DI-engine that hold something else after the import."""
    return set(run_fresh(SCRIPT).split())


def test_every_listed_place_is_replaced(replaced):
    assert {patch.place for patch in PATCHES} <= replaced


def test_nothing_else_is_replaced(replaced):
    # A registry is one object under many names.
    registries = {patch.place.partition(".utils.")[2] for patch in PATCHES if ".utils." in patch.place}
    others = {place for place in replaced if place.rpartition(".")[2] not in registries}
    assert others <= {patch.place for patch in PATCHES}


def test_a_second_time_changes_nothing():
    from ding.entry import parallel_entry, serial_entry

    before = parallel_entry.parallel_pipeline, serial_entry.BaseSerialCommander
    apply_patches()
    assert (parallel_entry.parallel_pipeline, serial_entry.BaseSerialCommander) == before


@pytest.mark.parametrize("patch", PATCHES, ids=lambda patch: patch.place)
def test_every_patch_says_why(patch):
    assert len(patch.why) > 20


def test_forked_processes_do_not_collect_what_their_parent_has_left(tmp_path):
    """Learners of an earlier run would wait, in a process of an environment, for threads that it lacks."""

    class Left:
        def __del__(self):
            (tmp_path / str(os.getpid())).touch()

    left = Left()
    left.itself = left
    del left
    process = multiprocessing.get_context("fork").Process(target=gc.collect)
    process.start()
    process.join(60)
    assert process.exitcode == 0
    assert not (tmp_path / str(process.pid)).exists()
    gc.collect()
    assert (tmp_path / str(os.getpid())).exists()
