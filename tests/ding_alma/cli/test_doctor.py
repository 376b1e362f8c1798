"""`ding-alma doctor`: a line per check, and the exit status that scripts go by."""

import importlib
import platform
from importlib import metadata

import pytest
import torch
from click.testing import CliRunner

from ding_alma.cli import doctor as doctor_module
from ding_alma.cli.doctor import FAILED, IMPORTS, MISSING, OK, examine, is_healthy
from ding_alma.cli.main import main

REQUIREMENTS = [
    "torch>=2.4",
    "protobuf<6,>=5.29",
    'pysc2==4.0.0; extra == "sc2"',
    'matplotlib>=3.8; extra == "report"',
    'pytest>=8; extra == "dev"',
]


@pytest.fixture
def installed(monkeypatch):
    """Versions of the packages, to be changed by the test."""
    versions = {"torch": "2.13.0+cpu", "pysc2": "4.0.0", "protobuf": "5.29.6"}

    def version(name):
        if name not in versions:
            raise metadata.PackageNotFoundError(name)
        return versions[name]

    monkeypatch.setattr(metadata, "requires", lambda name: REQUIREMENTS)
    monkeypatch.setattr(metadata, "version", version)
    monkeypatch.delenv("SC2PATH", raising=False)
    return versions


def checks_by_name():
    return {check.name: check for check in examine()}


def doctor():
    return CliRunner().invoke(main, ["doctor"])


def test_a_good_installation_is_healthy(installed):
    checks = checks_by_name()
    assert {name: checks[name].state for name in ("Python", "torch", "pysc2", "protobuf")} == dict.fromkeys(
        ("Python", "torch", "pysc2", "protobuf"), OK
    )
    assert all(checks[f"import {module}"].state == OK for module in IMPORTS)
    assert "pytest" not in checks
    result = doctor()
    assert result.exit_code == 0, result.output
    assert len(result.output.splitlines()) == len(checks)


def test_every_real_requirement_is_checked():
    checks = checks_by_name()
    assert {"di-engine", "torch", "numba", "protobuf", "pysc2", "luxai-s2"} <= checks.keys()
    assert is_healthy(list(checks.values()))


@pytest.mark.parametrize(("name", "version"), [("torch", "2.3.1"), ("torch", None), ("protobuf", "6.33.2")])
def test_a_wrong_required_package_fails_with_its_fix(installed, name, version):
    installed.pop(name)
    if version is not None:
        installed[name] = version
    check = checks_by_name()[name]
    assert check.state == FAILED
    assert (version or "not installed") in check.found
    assert "uv sync" in check.fix
    result = doctor()
    assert result.exit_code == 1
    assert f"{FAILED}  " in result.output


@pytest.mark.parametrize("version", [None, "3.0.0"])
def test_a_missing_optional_package_is_no_failure(installed, version):
    installed.pop("pysc2")
    if version is not None:
        installed["pysc2"] = version
    check = checks_by_name()["pysc2"]
    assert (check.state, check.fix) == (MISSING, "`uv sync --extra sc2`")
    assert doctor().exit_code == 0


def test_where_there_is_no_clone_pip_is_the_remedy(installed, monkeypatch):
    installed.clear()
    monkeypatch.setattr(doctor_module, "_is_clone", lambda: False)
    checks = checks_by_name()
    assert checks["torch"].fix == "`pip install 'torch>=2.4'`"
    assert checks["matplotlib"].fix == "`pip install 'ding-alma[report]'`"
    assert (
        checks["pysc2"].fix
        == "`uv sync --extra sc2` in a clone of the repository; pip cannot install all that it needs"
    )


def test_the_tests_run_from_a_clone():
    assert doctor_module._is_clone()


def test_another_python_fails(installed, monkeypatch):
    monkeypatch.setattr(platform, "python_version", lambda: "3.13.0")
    assert checks_by_name()["Python"].state == FAILED
    assert doctor().exit_code == 1


def test_a_broken_import_fails_in_one_line(installed, monkeypatch):
    load = importlib.import_module

    def broken(name, package=None):
        if name == "ding.framework":
            raise ImportError("cannot import name\n  'Deprecated'")
        return load(name, package)

    monkeypatch.setattr(importlib, "import_module", broken)
    check = checks_by_name()["import ding.framework"]
    assert (check.state, check.found) == (FAILED, "ImportError: cannot import name 'Deprecated'")


@pytest.mark.skipif(platform.system() != "Linux", reason="the game's files have other names elsewhere")
def test_starcraft_is_looked_at_part_by_part(installed, tmp_path, monkeypatch):
    monkeypatch.setenv("SC2PATH", str(tmp_path / "game"))
    checks = checks_by_name()
    assert checks["StarCraft II"].state == MISSING
    assert "SC2PATH" in checks["StarCraft II"].fix
    assert "StarCraft II map" not in checks

    program = tmp_path / "game" / "Versions" / "Base69232" / "SC2_x64"
    program.parent.mkdir(parents=True)
    checks = checks_by_name()
    assert [checks[f"StarCraft II{part}"].state for part in ("", " builds", " map")] == [OK, MISSING, MISSING]
    assert checks["StarCraft II map"].fix.startswith("copy empty_passive.SC2Map")

    program.touch(mode=0o755)
    map_file = tmp_path / "game" / "Maps" / "SMAC_Maps" / "empty_passive.SC2Map"
    map_file.parent.mkdir(parents=True)
    map_file.touch()
    checks = checks_by_name()
    assert checks["StarCraft II builds"][1:3] == (OK, "69232")
    assert checks["StarCraft II map"][1:3] == (OK, str(map_file))


@pytest.mark.parametrize(("names", "state"), [([], MISSING), (["H200", "H200"], OK)])
def test_gpus_are_optional(installed, monkeypatch, names, state):
    monkeypatch.setattr(torch.cuda, "device_count", lambda: len(names))
    monkeypatch.setattr(torch.cuda, "get_device_name", lambda index: names[index])
    check = checks_by_name()["GPU"]
    assert check.state == state
    assert check.found == (", ".join(names) or "none that torch can use")
