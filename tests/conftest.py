"""Options and golden data shared by all tests, and what would make each training among them slow."""

import ast
import gc
import os
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
from golden_patterns import GOLDEN_PATTERNS

MOST_CORES = 8
"""Each worker takes about a gigabyte."""

SLOW_SECONDS = 3600
"""The time limit of a slow test; the others' is in ``pyproject.toml``."""


def pytest_addoption(parser):
    parser.addoption(
        "--golden-dir",
        type=Path,
        default=Path(__file__).parent / "golden",
        help="folder with one sub-folder of golden data per area (default: tests/golden)",
    )
    parser.addoption("--slow", action="store_true", help="also run the tests marked slow")


def pytest_configure(config):
    config.addinivalue_line("markers", "golden(area, kind): replays every golden file of this kind")


def pytest_xdist_auto_num_workers(config):
    """All tests share the cores: one worker more than there are, because tests also wait for processes and their time
    limits. Some, chosen by name, file or folder, have no workers, whose start takes longer than most tests."""
    tests = Path(__file__).parent
    is_all = all(config.invocation_params.dir / path in (tests, tests.parent) for path in config.args)
    cores = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
    return min(cores, MOST_CORES) + 1 if is_all and not config.option.keyword else 0


def pytest_sessionstart(session):
    """What workers share: a core each, and kernels that one process compiles before they start."""
    if not session.config.getoption("numprocesses") or hasattr(session.config, "workerinput"):
        return
    for threads in ("OMP_NUM_THREADS", "MKL_NUM_THREADS"):
        os.environ.setdefault(threads, "1")
    tests = Path(__file__).parent
    if not any((tests.parent / "dizoo_ext").rglob("*.nbi")):
        print("compiling kernels, once after an installation ...", flush=True)
        script = tests / "helpers" / "compile_kernels.py"
        done = subprocess.run([sys.executable, "-W", "ignore", script], capture_output=True, text=True)
        if done.returncode:
            print(f"{script.name} failed, so that every worker compiles for itself:\n{done.stderr[-2000:]}", flush=True)


@pytest.hookimpl(hookwrapper=True)
def pytest_collection():
    """Modules stay: collecting garbage would take a fifth of the time of their imports, and look at them ever after."""
    gc.disable()
    yield
    gc.freeze()
    gc.enable()


def pytest_collection_modifyitems(config, items):
    if config.getoption("--slow"):
        for item in items:
            if "slow" in item.keywords:
                item.add_marker(pytest.mark.timeout(SLOW_SECONDS))
        return
    skip = pytest.mark.skip(reason="slow; run with --slow")
    for item in items:
        if "slow" in item.keywords:
            item.add_marker(skip)


def pytest_generate_tests(metafunc):
    if "golden_path" not in metafunc.fixturenames:
        return
    area, kind = metafunc.definition.get_closest_marker("golden").args
    folder = metafunc.config.getoption("--golden-dir") / area
    paths = sorted(folder.glob(GOLDEN_PATTERNS[area][kind]))
    metafunc.parametrize("golden_path", paths, ids=[path.stem for path in paths])


@pytest.fixture(scope="session", autouse=True)
def unformatted_configs():
    """DI-engine has yapf format two copies of the config of every run, which takes longer than a short training.

    A config that is no Python is refused as before.
    """
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("yapf.yapflib.yapf_api.FormatCode", lambda text: (text, not ast.parse(text)))
        yield


@pytest.fixture
def golden(golden_path) -> dict[str, np.ndarray]:
    """All arrays of one golden ``.npz`` file."""
    with np.load(golden_path, allow_pickle=False) as file:
        return {key: file[key] for key in file.files}
