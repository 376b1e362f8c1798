"""The order of the packages: who may import whom, how long a file may be, and what importing the packages costs."""

import ast
import functools
import subprocess
import sys
from pathlib import Path

import pytest
from fresh_import import run_fresh

ROOT = Path(__file__).parent.parent
ROOMS = (
    "model",
    "rl",
    "replay",
    "policy",
    "setting",
    "monitor",
    "run",
    "pipeline",
    "report",
    "reference_runs",
    "api",
    "cli",
)
"""ding_alma's rooms: each imports only from itself and from those before it."""
MODEL_ROOMS = ("attention", "value", "allocation", "actor_critic")
"""The same for ding_alma/model; what stands beside them imports from none of them."""
BASEMENT, ROOF = {"atomic_file", "registration"}, {"ding_import", "ding_patches", "plugin"}
"""Modules of ding_alma itself: anybody may import the first, and the second may import anybody."""
FULLEST_ROOM = 26
SHARED_WITH_ALGORITHMS = {
    "checked_json",
    "checked_load",
    "compilation",
    "contract",
    "gif",
    "gym_notice",
    "kernel_cache",
    "gymnasium",
    "starcraft_files",
    "strict_config",
    "subtask_colours",
    "trusted_imports",
    "vector_env",
}
"""What ding_alma may import from dizoo_ext."""
SIMULATORS = (
    "pysc2",
    "s2clientprotocol",
    "luxai_s2",
    "vec_noise",
    "noise",
    "lbforaging",
    "rware",
    "pyglet",
    "pettingzoo",
    "pygame",
    "matplotlib.pyplot",
)
LONGEST_FILE = 400
HEAVY = ("torch", "ding", "numba", "gym", "pandas", "matplotlib")
"""What takes long to import."""


def sources(package):
    return sorted((ROOT / package).rglob("*.py"))


@functools.cache
def imported_modules(path):
    """Absolute names of all modules a file imports, wherever in the file it does so."""
    package = path.relative_to(ROOT).with_suffix("").parts[:-1]
    found = []
    for node in ast.walk(ast.parse(path.read_text())):
        if isinstance(node, ast.Import):
            found += [alias.name for alias in node.names]
        elif isinstance(node, ast.ImportFrom):
            base = ".".join(package[: len(package) - node.level + 1]) if node.level else ""
            module = ".".join(part for part in (base, node.module or "") if part)
            # "from package import module" names a module too.
            found += [module, *(f"{module}.{alias.name}" for alias in node.names)]
    return tuple(found)


def is_upwards(rooms, here, there):
    return here in rooms and there in rooms and rooms.index(there) > rooms.index(here)


def forbidden_imports(path):
    package, *inside = path.relative_to(ROOT).with_suffix("").parts
    for module in imported_modules(path):
        parts = [*module.split("."), "", "", ""]
        if package == "dizoo_ext" and parts[0] == "ding_alma":
            yield module
        if package != "ding_alma":
            continue
        if parts[0] == "dizoo_ext" and parts[1] and parts[1] not in SHARED_WITH_ALGORITHMS:
            yield module
        if parts[0] != "ding_alma":
            continue
        if is_upwards(ROOMS, inside[0], parts[1]) or (inside[0] in BASEMENT and parts[1]):
            yield module
        if inside[0] in ROOMS and parts[1] in ROOF:
            yield module
        into_room = inside[0] == parts[1] == "model" and parts[2] in MODEL_ROOMS
        if into_room and (inside[1] not in MODEL_ROOMS or is_upwards(MODEL_ROOMS, inside[1], parts[2])):
            yield module


def module_name(path):
    parts = path.relative_to(ROOT).with_suffix("").parts
    return ".".join(parts[:-1] if parts[-1] == "__init__" else parts)


def circles(graph):
    """The modules that can reach themselves, type-checking imports included."""
    reached = {module: set(after) for module, after in graph.items()}
    is_growing = True
    while is_growing:
        is_growing = False
        for after in reached.values():
            more = set().union(*(reached.get(module, ()) for module in after)) - after
            after |= more
            is_growing |= bool(more)
    return sorted(module for module, after in reached.items() if module in after)


@pytest.mark.parametrize("package", ["dizoo_ext", "ding_alma"])
def test_data_flow_only_downwards(package):
    found = {str(path.relative_to(ROOT)): [*forbidden_imports(path)] for path in sources(package)}
    assert found, f"no sources of {package}"
    assert {path: modules for path, modules in found.items() if modules} == {}


def test_every_folder_of_the_algorithms_is_a_known_room():
    folders = {path.parent.name for path in (ROOT / "ding_alma").glob("*/*.py")}
    assert folders == set(ROOMS), f"give {folders ^ set(ROOMS)} a place in ROOMS, or take it away"
    inner = {path.parent.name for path in (ROOT / "ding_alma" / "model").glob("*/*.py")}
    assert inner == set(MODEL_ROOMS)
    single = {path.stem for path in (ROOT / "ding_alma").glob("*.py")} - {"__init__"}
    assert single == BASEMENT | ROOF


def test_nothing_imports_itself_by_way_of_others():
    files = {module_name(path): path for name in ("dizoo_ext", "ding_alma") for path in sources(name)}
    # An import of a module runs its packages' __init__, which is not what this is about.
    modules = {module for module, path in files.items() if path.stem != "__init__"}
    graph = {module: set(imported_modules(files[module])) & modules for module in modules}
    assert circles(graph) == []


def test_a_circle_is_found():
    assert circles({"a": {"b"}, "b": {"c"}, "c": {"b"}, "d": {"a"}}) == ["b", "c"]


@pytest.mark.parametrize(
    ("place", "line", "is_allowed"),
    [
        ("dizoo_ext/x.py", "import ding_alma", False),
        ("dizoo_ext/x.py", "def f():\n    from ding_alma.rl import y", False),
        ("dizoo_ext/lux/x.py", "from dizoo_ext.contract import y", True),
        ("ding_alma/rl/x.py", "from ding_alma.model.attention.linear import y", True),
        ("ding_alma/rl/x.py", "from ding_alma import policy", False),
        ("ding_alma/model/x.py", "from ..rl import y", False),
        ("ding_alma/model/x.py", "from . import popart", True),
        ("ding_alma/report/x.py", "import ding_alma.policy.alma", True),
        ("ding_alma/policy/x.py", "from dizoo_ext.strict_config import y", True),
        ("ding_alma/policy/x.py", "from dizoo_ext.save_the_city.env import y", False),
        ("ding_alma/report/x.py", "from dizoo_ext import env_manager", False),
        ("ding_alma/report/x.py", "import dizoo_ext", True),
        ("ding_alma/run/x.py", "from ding_alma.pipeline.parallel import y", False),
        ("ding_alma/model/value/x.py", "from ding_alma.model.attention.linear import y", True),
        ("ding_alma/model/value/x.py", "from ding_alma.model.allocation.critic import y", False),
        ("ding_alma/model/popart.py", "from ding_alma.model.value.agent import y", False),
        ("ding_alma/rl/x.py", "from ding_alma.atomic_file import y", True),
        ("ding_alma/rl/x.py", "from ding_alma.ding_patches import y", False),
        ("ding_alma/atomic_file.py", "from ding_alma.rl.ppo import y", False),
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


def test_rooms_are_not_crowded():
    rooms = {}
    for path in (*sources("dizoo_ext"), *sources("ding_alma")):
        rooms.setdefault(str(path.parent.relative_to(ROOT)), []).append(path.name)
    assert {room: len(names) for room, names in rooms.items() if len(names) > FULLEST_ROOM} == {}


def test_importing_registers_everything_twice_over_without_any_simulator():
    script = f"""
import importlib, sys
import dizoo_ext.plugin, ding_alma.plugin
importlib.reload(dizoo_ext.plugin), importlib.reload(ding_alma.plugin)
from ding.utils import ENV_MANAGER_REGISTRY, ENV_REGISTRY
assert "vector" in ENV_MANAGER_REGISTRY
assert "save_the_city" in ENV_REGISTRY
loaded = [name for name in {SIMULATORS!r} if name in sys.modules]
assert not loaded, loaded
"""
    run_fresh(script, *{name.partition(".")[0] for name in SIMULATORS} - {"matplotlib"}, "matplotlib.pyplot")


@pytest.mark.parametrize("module", ["ding_alma", "dizoo_ext", "ding_alma.cli.main", "ding_alma.setting.lux"])
def test_what_needs_no_torch_does_without(module):
    """The command line answers at once, and a package can be imported to look at it."""
    script = f"import sys, {module}; print([name for name in {HEAVY!r} if name in sys.modules])"
    done = subprocess.run([sys.executable, "-c", script], check=True, cwd=ROOT, capture_output=True, text=True)
    assert (done.stdout, done.stderr) == ("[]\n", "")


def test_di_engine_is_imported_in_silence_and_without_scikit_learn():
    script = """
import sys, warnings, logging
import ding_alma.plugin
print([name for name in ("sklearn", "pandas", "scipy.stats") if name in sys.modules])
warnings.warn("mine", FutureWarning)
logging.warning("not found transformer")
from ding.reward_model import pdeil_irl_model
print(pdeil_irl_model.SVC().fit([[0.0], [1.0]] * 5, [0, 1] * 5).predict([[1.0]]))
"""
    done = subprocess.run([sys.executable, "-c", script], check=True, cwd=ROOT, capture_output=True, text=True)
    assert done.stdout == "[]\n[1]\n"
    assert done.stderr == "<string>:5: FutureWarning: mine\nWARNING:root:not found transformer\n"


def test_kernels_are_kept_where_the_cache_has_been_settled():
    """Whoever asks numba to keep a kernel comes after `dizoo_ext.kernel_cache`, by its own import or its package's."""
    place = "import dizoo_ext.kernel_cache"
    for path in (*sources("dizoo_ext"), *sources("ding_alma")):
        if "@njit(" in path.read_text() and "cache=True" in path.read_text():
            packages = [folder / "__init__.py" for folder in path.relative_to(ROOT).parents]
            above = [ROOT / package for package in packages if (ROOT / package).is_file()]
            assert any(place in file.read_text() for file in (path, *above)), path
