"""What is carried to a machine without a network is all that the benchmark imports there."""

from pathlib import Path

import pytest
from fresh_import import run_fresh

ROOT = Path(__file__).parent.parent

SCRIPT = """
import sys
from importlib import metadata
sys.path[:0] = ["benchmarks", "."]
import carry

allowed = {name.lower() for name in (*carry.PACKAGES, *carry.WITH_TORCH)}
allowed.add("pytest")  # loads other packages' files that look like tests
known = metadata.packages_distributions()

def is_left_out(module):
    top, _, rest = module.partition(".")
    if top == "scipy":
        return rest.partition(".")[0] in carry.NOT_OF_SCIPY
    owners = {owner.lower() for owner in known.get(top, ())}
    return bool(owners) and "ding-alma" not in owners and not owners & allowed

class Carried:
    finders = sys.meta_path[:]

    def find_spec(self, name, path=None, target=None):
        if not is_left_out(name):
            return next(filter(None, (finder.find_spec(name, path, target) for finder in self.finders)), None)

for name in [name for name in sys.modules if is_left_out(name)]:
    del sys.modules[name]
sys.meta_path[:] = [Carried()]
import gpu_checks
with gpu_checks.scratch_folder():
    print(gpu_checks.updates_row("aqmix", "cpu", False, "small", 1, 1.0))
with gpu_checks.scratch_folder():
    gpu_checks.end_to_end(*gpu_checks.settings("aqmix", "cpu", False, "small"), 10, 0.0)
"""


@pytest.mark.slow
def test_the_benchmark_imports_nothing_that_is_not_carried(monkeypatch):
    monkeypatch.chdir(ROOT)
    assert "needs --device cuda" in run_fresh(SCRIPT, "benchmarks", "yapf", "yapf_third_party")
