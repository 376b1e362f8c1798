"""The house's order: who may import whom, how long a file may be, and what importing the packages costs."""

import ast
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parent.parent
ROOMS = ("model", "rl", "replay", "policy", "guard", "pipeline", "report", "setting")
"""ding_alma's rooms: each imports only from itself and from those before it."""
SHARED_WITH_ALGORITHMS = {"contract", "vector_env", "strict_config", "gif", "starcraft_files"}
"""What ding_alma may import from dizoo_ext."""
SIMULATORS = ("pysc2", "s2clientprotocol", "luxai_s2", "vec_noise", "noise", "pygame", "matplotlib.pyplot")
LONGEST_FILE = 450


def sources(package):
    return sorted((ROOT / package).rglob("*.py"))


def imported_modules(path):
    """Absolute names of all modules a file imports, wherever in the file it does so."""
    package = path.relative_to(ROOT).with_suffix("").parts[:-1]
    for node in ast.walk(ast.parse(path.read_text())):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            base = ".".join(package[: len(package) - node.level + 1]) if node.level else ""
            module = ".".join(part for part in (base, node.module or "") if part)
            yield module
            # "from package import module" names a module too.
            yield from (f"{module}.{alias.name}" for alias in node.names)


def forbidden_imports(path):
    package, *inside = path.relative_to(ROOT).with_suffix("").parts
    for module in imported_modules(path):
        parts = module.split(".")
        if package == "dizoo_ext" and parts[0] == "ding_alma":
            yield module
        if package != "ding_alma":
            continue
        if parts[0] == "dizoo_ext" and len(parts) > 1 and parts[1] not in SHARED_WITH_ALGORITHMS:
            yield module
        is_between_rooms = inside[0] in ROOMS and parts[0] == "ding_alma" and len(parts) > 1 and parts[1] in ROOMS
        if is_between_rooms and ROOMS.index(parts[1]) > ROOMS.index(inside[0]):
            yield module


@pytest.mark.parametrize("package", ["dizoo_ext", "ding_alma"])
def test_data_flow_only_downwards(package):
    found = {str(path.relative_to(ROOT)): [*forbidden_imports(path)] for path in sources(package)}
    assert found, f"no sources of {package}"
    assert {path: modules for path, modules in found.items() if modules} == {}


def test_every_folder_of_the_algorithms_is_a_known_room():
    folders = {path.parent.name for path in (ROOT / "ding_alma").glob("*/*.py")}
    assert folders <= set(ROOMS), f"give {folders - set(ROOMS)} a place in ROOMS"


@pytest.mark.parametrize(
    ("place", "line", "is_allowed"),
    [
        ("dizoo_ext/x.py", "import ding_alma", False),
        ("dizoo_ext/x.py", "def f():\n    from ding_alma.rl import y", False),
        ("dizoo_ext/lux/x.py", "from dizoo_ext.contract import y", True),
        ("ding_alma/rl/x.py", "from ding_alma.model.attention import y", True),
        ("ding_alma/rl/x.py", "from ding_alma import policy", False),
        ("ding_alma/model/x.py", "from ..rl import y", False),
        ("ding_alma/model/x.py", "from . import attention", True),
        ("ding_alma/report/x.py", "import ding_alma.policy.alma", True),
        ("ding_alma/policy/x.py", "from dizoo_ext.strict_config import y", True),
        ("ding_alma/policy/x.py", "from dizoo_ext.save_the_city.env import y", False),
        ("ding_alma/report/x.py", "from dizoo_ext import env_manager", False),
        ("ding_alma/report/x.py", "import dizoo_ext", True),
    ],
)
def test_the_rules_see_what_they_should(place, line, is_allowed, tmp_path, monkeypatch):
    path = tmp_path / place
    path.parent.mkdir(parents=True)
    path.write_text(line)
    monkeypatch.setattr(sys.modules[__name__], "ROOT", tmp_path)
    assert (not [*forbidden_imports(path)]) is is_allowed


def test_files_are_short_and_named_for_their_content():
    files = [*sources("dizoo_ext"), *sources("ding_alma")]
    lengths = {str(path.relative_to(ROOT)): len(path.read_text().splitlines()) for path in files}
    assert {path: length for path, length in lengths.items() if length > LONGEST_FILE} == {}
    assert [path for path in files if path.stem == "utils"] == []


def test_importing_registers_everything_twice_over_without_any_simulator():
    script = f"""
import importlib, sys
import dizoo_ext, ding_alma
importlib.reload(dizoo_ext), importlib.reload(ding_alma)
from ding.utils import ENV_MANAGER_REGISTRY, ENV_REGISTRY
assert "vector" in ENV_MANAGER_REGISTRY
assert "save_the_city" in ENV_REGISTRY
loaded = [name for name in {SIMULATORS!r} if name in sys.modules]
assert not loaded, loaded
"""
    subprocess.run([sys.executable, "-W", "ignore", "-c", script], check=True, cwd=ROOT.parent)
