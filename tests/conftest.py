"""Options and golden data shared by all tests."""

from pathlib import Path

import numpy as np
import pytest

GOLDEN_PATTERNS = {
    "save_the_city": {
        "episode": "ep*.npz",
        "index": "index.json",
        "scenario_sets": "scenario_sets.json",
    },
    "alma": {
        "agent": "agent_*.npz",
        "mixer": "mixer_*.npz",
        "copa": "copa_*.npz",
        "learner": "learner_*.npz",
        "allocation_policy": "alloc_policy_*.npz",
        "allocation_critic": "alloc_critic_*.npz",
        "allocation_learner": "alloc_learner_*.npz",
        "acting": "acting_*.npz",
        "decision_points": "fn_meta_batch_*.npz",
        "schedules": "fn_eps_schedules.npz",
        "popart": "fn_popart.npz",
        "masks": "fn_masks.npz",
        "broadcast": "fn_broadcast_decisions.npz",
        "windows": "fn_window_sampler.npz",
    },
}
"""Area -> kind -> files. A test marked ``golden(area, kind)`` gets one ``golden_path`` per file of that kind."""


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


def pytest_collection_modifyitems(config, items):
    if config.getoption("--slow"):
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


@pytest.fixture
def golden(golden_path) -> dict[str, np.ndarray]:
    """All arrays of one golden ``.npz`` file."""
    with np.load(golden_path, allow_pickle=False) as file:
        return {key: file[key] for key in file.files}
