import pytest

from ding_alma.rl.schedules import linear

EXPLORATION = {
    # environment: (total steps, steps of the action schedule)
    "savethecity": (15_000_000, 2_000_000),
    "starcraft": (10_000_000, 500_000),
}


@pytest.mark.golden("alma", "schedules")
def test_golden_alma_schedules(golden):
    replayed = set()
    for environment, (total, length) in EXPLORATION.items():
        for name, (end, lasts) in {
            "epsilon": (0.05, length),
            "alloc_eps": (0.0, 0.05 * total),
            "prop_alloc_eps": (0.05, 0.2 * total),
        }.items():
            values = [linear(1.0, end, lasts, step) for step in golden[f"{environment}/t_env"].tolist()]
            assert golden[f"{environment}/{name}"].tolist() == pytest.approx(values, abs=1e-6)
            replayed.add(f"{environment}/{name}")
    assert {key for key in golden if not key.endswith("/t_env")} == replayed


def test_linear_reaches_its_end_and_stays():
    assert [linear(1.0, 0.2, 4, step) for step in (0, 1, 4, 9)] == pytest.approx([1.0, 0.8, 0.2, 0.2])


def test_linear_refuses_nonsense():
    with pytest.raises(ValueError, match="longer than 0"):
        linear(1.0, 0.1, 0, 5)
    with pytest.raises(ValueError, match="must not rise"):
        linear(0.1, 1.0, 10, 5)
