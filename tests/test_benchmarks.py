"""The scripts in ``benchmarks/``, each of which somebody runs once in a while, can still be started."""

import importlib
import sys
from pathlib import Path

import pytest

BENCHMARKS = Path(__file__).parents[1] / "benchmarks"
SCRIPTS = sorted(path.stem for path in BENCHMARKS.glob("*.py"))


@pytest.fixture
def importable(monkeypatch):
    """They import each other as a script does; their names are free again afterwards."""
    monkeypatch.syspath_prepend(str(BENCHMARKS))
    yield
    for name in SCRIPTS:
        sys.modules.pop(name, None)


@pytest.mark.parametrize("script", SCRIPTS)
def test_everything_that_a_script_imports_is_there(script, importable):
    try:
        importlib.import_module(script)
    except ModuleNotFoundError as error:
        if error.name in SCRIPTS or error.name.split(".")[0] in ("ding_alma", "dizoo_ext"):
            raise
        pytest.skip(f"{error.name} is not installed")
