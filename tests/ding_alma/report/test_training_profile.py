import click
import pytest

SCRIPT = "training_profile"


class Clock:
    now = 0.0

    def __call__(self):
        return self.now


def test_time_is_counted_once_for_the_innermost_part(benchmark_script):
    clock = Clock()
    watch = benchmark_script.Stopwatch(clock)
    watch.enter("outer")
    clock.now = 1
    watch.enter("inner")
    clock.now = 4
    watch.leave()
    clock.now = 6
    watch.leave()
    clock.now = 10
    watch.stop()
    assert watch.seconds == {"outer": 3, "inner": 3, benchmark_script.REST: 4}
    watch.enter("outer")
    watch.restart()
    clock.now = 11
    watch.leave()
    assert watch.seconds == {"outer": 1}


def test_profile_of_a_run(benchmark_script, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    config = tmp_path / "toy_config.py"
    config.write_text("from toy_run import toy_config\nmain_config, create_config = toy_config()\n")
    result = benchmark_script.profile(config, ["policy.learn.update_per_collect=3"], env_steps=100, seed=0, warmup=2)
    assert sum(result["seconds"].values()) == pytest.approx(result["wall_seconds"])
    assert result["env_steps_per_second"] == pytest.approx(result["env_steps"] / result["wall_seconds"])
    assert 0 < result["env_steps"] < 100 and result["train_iters"] == result["calls"]["update: all else"]
    assert result["train_iters"] % 3 == 0 and result["changes"] == ["policy.learn.update_per_collect=3"]
    assert min(result["seconds"].values()) >= 0
    assert result["calls"]["environment: step"] == result["calls"]["collect: policy"] > result["train_iters"] / 2
    assert "env steps/s" in benchmark_script.table(result)
    assert [path.name for path in tmp_path.iterdir()] == ["toy_config.py"]

    from ding.worker import InteractionSerialEvaluator

    assert InteractionSerialEvaluator.eval.__name__ == "eval"


def test_too_few_steps_are_explained(benchmark_script, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    config = tmp_path / "toy_config.py"
    config.write_text("from toy_run import toy_config\nmain_config, create_config = toy_config()\n")
    with pytest.raises(click.ClickException, match="raise --env-steps"):
        benchmark_script.profile(config, [], env_steps=1, seed=0, warmup=2)
