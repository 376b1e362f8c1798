import click
import pytest
from click.testing import CliRunner

from ding_alma.monitor.evaluation import Evaluation
from ding_alma.monitor.progress import Limits, ProgressMeter, UpdateMeter, command_line_limits, duration, headline


class Clock:
    now = 0.0

    def __call__(self):
        return self.now


@pytest.fixture
def clock():
    return Clock()


def play(meter, clock, seconds, rate, from_step=0):
    """One update per second."""
    for second in range(seconds):
        clock.now += 1
        meter.update(from_step + rate * (second + 1), meter.train_iter + 1)


def test_rate_share_and_remaining_time(clock):
    meter = ProgressMeter(Limits(env_steps=10_000), clock)
    meter.update(0, 0)
    play(meter, clock, 20, 100)
    assert meter.env_steps_per_second() == pytest.approx(100)
    assert meter.share_done() == pytest.approx(0.2)
    assert meter.remaining_seconds() == pytest.approx(80)


def test_rate_is_recent(clock):
    meter = ProgressMeter(Limits(), clock)
    meter.update(0, 0)
    play(meter, clock, 200, 10)
    play(meter, clock, 70, 50, from_step=2000)
    assert meter.env_steps_per_second() == pytest.approx(50, rel=0.05)


def test_a_resumed_run_counts_only_its_own_steps_for_the_rate(clock):
    meter = ProgressMeter(Limits(env_steps=2000), clock)
    meter.update(1000, 50)
    play(meter, clock, 10, 10, from_step=1000)
    assert meter.env_steps_per_second() == pytest.approx(10)
    assert meter.share_done() == pytest.approx(0.55)
    assert meter.remaining_seconds() == pytest.approx(90)


def test_the_nearer_limit_counts(clock):
    meter = ProgressMeter(Limits(env_steps=100_000, train_iters=40), clock)
    meter.update(0, 0)
    play(meter, clock, 10, 100)
    assert meter.share_done() == pytest.approx(0.25)
    assert meter.remaining_seconds() == pytest.approx(30)


def test_many_updates_within_a_second_do_not_hide_the_rate(clock):
    meter = ProgressMeter(Limits(env_steps=1000), clock)
    meter.update(0, 0)
    for index in range(1000):
        clock.now += 0.01
        meter.update((index + 1) // 2, index)
    assert meter.env_steps_per_second() == pytest.approx(50, rel=0.02)


def test_without_limits_there_is_no_share(clock):
    meter = ProgressMeter(Limits(), clock)
    meter.update(5, 1)
    assert meter.share_done() is None and meter.remaining_seconds() is None
    assert "%" not in meter.line() and "elapsed" in meter.line()


def test_line_tells_everything(clock):
    meter = ProgressMeter(Limits(env_steps=2_000_000), clock)
    meter.update(0, 0)
    play(meter, clock, 10, 100_000)
    meter.epsilon = 0.25
    meter.evaluation = Evaluation(500, 5, {"solved_mean": 0.5, "return_mean": 7.25, "eval_episode_return_mean": 0.5})
    line = meter.line()
    for part in (
        "50.0%",
        "1M / 2M env steps",
        "100,000/s",
        "ETA 0:00:10",
        "10 updates",
        "epsilon 0.250",
        "solved 0.500, return 7.25",
    ):
        assert part in line


def test_headline_without_a_headline_metric():
    assert headline(Evaluation(0, 0, {"eval_episode_return_mean": 2.0})) == "return 2.00"


def test_durations():
    assert [duration(s) for s in (5, 3723.9, 90_000)] == ["0:00:05", "1:02:03", "1d 01:00"]


@pytest.mark.parametrize(
    ("arguments", "expected"),
    [
        ([], Limits(77)),
        (["--env-step", "2e3"], Limits(2000)),
        (["--env-step", "1e8"], Limits(100_000_000)),
        (["--train-iter", "50"], Limits(0, 50)),
        (["--train-iter", "50", "--env-step", "9"], Limits(9, 50)),
    ],
)
def test_limits_come_from_the_command_line_or_else_from_the_config(arguments, expected):
    found = []

    @click.command()
    @click.option("--train-iter", default="1e8")
    @click.option("--env-step", default="1e8")
    def ding(train_iter, env_step):
        found.append(command_line_limits(Limits(77)))

    CliRunner().invoke(ding, arguments, catch_exceptions=False)
    assert found == [expected]


def test_limits_outside_a_command():
    assert command_line_limits(Limits(5)) == Limits(5)


def test_a_long_update_says_where_it_is_and_when_it_ends(clock):
    learning = UpdateMeter(clock)
    assert learning.text() == ""
    learning.update(0, 160)
    assert learning.text() == "minibatch 1 / 160" and learning.remaining_seconds() == 0
    clock.now += 36
    learning.update(2, 160)
    assert learning.remaining_seconds() == pytest.approx(158 * 18)
    assert learning.text() == "minibatch 3 / 160, update ends in 0:47:24"
    clock.now += 100
    learning.update(160, 160)
    assert learning.text() == "" and learning.remaining_seconds() == 0 and learning.seconds == pytest.approx(136)


def test_remaining_time_counts_updates_that_are_longer_than_everything_else(clock):
    """Cycles of 10 s in which 1,000 steps are collected, and an update of 1,990 s: 2 steps per second."""
    meter = ProgressMeter(Limits(env_steps=10_000), clock)
    meter.update(0, 0)
    for cycle in range(4):
        play(meter, clock, 10, 100, from_step=1000 * cycle)
        for done in range(100):
            meter.learning.update(done, 100)
            expected = 19.9 * (100 - done) + 2000 * (9 - cycle)
            if done:
                assert meter.remaining_seconds() == pytest.approx(expected, rel=0.02)
                assert f"minibatch {done + 1} / 100" in meter.line()
            clock.now += 19.9
        meter.learning.update(100, 100)
        meter.update(1000 * (cycle + 1), meter.train_iter + 100)
        assert meter.remaining_seconds() == pytest.approx(2000 * (9 - cycle), rel=0.02)


def test_the_rate_is_one_over_collections_and_updates_and_stays_while_updates_go_on(clock):
    """Collections of 1,000 steps, each followed by 100 updates of a second."""
    meter = ProgressMeter(Limits(env_steps=10_000), clock)
    meter.update(0, 0)
    for cycle in range(1, 4):
        for update in range(100):
            clock.now += 1
            meter.update(1000 * cycle if update == 99 else 1000 * (cycle - 1), 100 * cycle + update)
            if cycle > 1:
                assert meter.env_steps_per_second() == pytest.approx(10)
                assert "10/s" in meter.line()
    clock.now += 70
    meter.update(3000, 400)
    assert meter.env_steps_per_second() == pytest.approx(10)


def test_lines_are_as_wide_as_the_terminal_and_lose_nothing(clock):
    meter = ProgressMeter(Limits(env_steps=2_000_000), clock)
    meter.update(0, 0)
    play(meter, clock, 10, 100_000)
    meter.epsilon, meter.evaluating = 0.25, "the trained team"
    meter.evaluation = Evaluation(500, 5, {"solved_mean": 0.5, "return_mean": 7.25})
    rows = meter.lines(80).splitlines()
    assert len(rows) > 1 and all(len(row) <= 80 for row in rows)
    assert " | ".join(rows) == meter.line() == meter.lines(1000)
    assert meter.line().endswith("evaluating the trained team ...")
