"""The wheel holds the two packages, the configs and the licence, and nothing else."""

import subprocess
import sys
import zipfile
from pathlib import Path

import pytest

ROOT = Path(__file__).parent.parent


@pytest.fixture(scope="module")
def wheel(tmp_path_factory):
    folder = tmp_path_factory.mktemp("wheel")
    subprocess.run([sys.executable, "-m", "hatchling", "build", "-t", "wheel", "-d", folder], cwd=ROOT, check=True)
    (path,) = folder.glob("*.whl")
    with zipfile.ZipFile(path) as archive:
        yield archive


def test_only_the_packages_and_their_metadata_are_inside(wheel):
    places = {name.split("/")[0] for name in wheel.namelist()}
    (metadata,) = (place for place in places if place.endswith(".dist-info"))
    assert places == {"ding_alma", "dizoo_ext", metadata}


def test_all_sources_configs_parts_of_the_page_and_marks_of_types_are_inside(wheel):
    sources = [path.relative_to(ROOT) for name in ("ding_alma", "dizoo_ext") for path in (ROOT / name).rglob("*.py")]
    configs = [Path("ding_alma") / path.relative_to(ROOT) for path in (ROOT / "configs").rglob("*.py")]
    assert configs, "no configs to ship"
    page = [path.relative_to(ROOT) for path in (ROOT / "ding_alma" / "report" / "page").iterdir() if path.is_file()]
    assert {path.suffix for path in page} == {".py", ".html", ".css", ".js"}
    markers = [Path(name) / "py.typed" for name in ("ding_alma", "dizoo_ext")]
    missing = {path.as_posix() for path in (*sources, *configs, *page, *markers)} - set(wheel.namelist())
    assert not missing


def test_no_caches_tests_or_results_are_inside(wheel):
    parts = {part for name in wheel.namelist() for part in name.split("/")}
    assert not parts & {"tests", "golden", "benchmarks", "docs", "runs", "__pycache__", ".venv"}
    assert not [name for name in wheel.namelist() if name.endswith((".pyc", ".npz", ".nbi", ".nbc"))]


def test_metadata_names_licence_extras_and_command(wheel):
    def read(suffix):
        (name,) = (name for name in wheel.namelist() if name.endswith(suffix))
        return wheel.read(name).decode()

    metadata = read(".dist-info/METADATA")
    assert "License-Expression: Apache-2.0" in metadata
    assert {line for line in metadata.splitlines() if line.startswith("Provides-Extra: ")} >= {
        "Provides-Extra: sc2",
        "Provides-Extra: lux",
    }
    assert "Version 2.0, January 2004" in read(".dist-info/licenses/LICENSE")
    assert "ding-alma = ding_alma.cli.start:main" in read(".dist-info/entry_points.txt")
