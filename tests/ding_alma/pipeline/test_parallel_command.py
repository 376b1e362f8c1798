"""The command `ding -m parallel`, which DI-engine 0.5.3 alone does not bring to train anything."""

import pytest
from click.testing import CliRunner
from ding.entry.cli import cli

from ding_alma.pipeline import parallel
from ding_alma.pipeline.parallel_command import completed_entry

CONFIG = """
from tiny_runs import tiny_config
main_config, create_config = tiny_config("refil")
"""


@pytest.fixture
def started(tmp_path, monkeypatch):
    """Jobs and numbers of collectors with which a parallel run was started."""
    monkeypatch.chdir(tmp_path)
    (tmp_path / "config.py").write_text(CONFIG)
    calls = []
    monkeypatch.setattr(parallel, "train_on_this_host", lambda job, collectors: calls.append((job, collectors)))
    return calls


def ding_parallel(*arguments):
    done = CliRunner().invoke(cli, ["-m", "parallel", "-c", "config.py", *arguments], catch_exceptions=False)
    assert done.exit_code == 0, done.output


def test_the_command_hands_config_seed_name_and_limits_to_the_parallel_pipeline(started, monkeypatch):
    monkeypatch.setenv("DING_ALMA_COLLECTORS", "3")
    ding_parallel("-s", "5", "--env-step", "2e4", "--exp-name", "elsewhere")
    ((job, collectors),) = started
    assert (job.create.policy.type, job.main.exp_name, job.seed, collectors) == ("refil", "elsewhere", 5, 3)
    assert (job.max_env_step, job.max_train_iter) == (20_000, None)


def test_without_limits_it_goes_on_and_takes_a_collector_at_least(started, monkeypatch):
    monkeypatch.setattr("os.cpu_count", lambda: 1)
    ding_parallel()
    ((job, collectors),) = started
    assert (job.max_env_step, job.max_train_iter, collectors) == (None, None, 1)


def test_a_number_of_collectors_that_is_none_is_refused(started, monkeypatch):
    monkeypatch.setenv("DING_ALMA_COLLECTORS", "many")
    with pytest.raises(ValueError, match="DING_ALMA_COLLECTORS must be a whole number"):
        ding_parallel()


def test_a_config_of_three_parts_reaches_di_engine():
    calls = []
    completed_entry(lambda *arguments: calls.append(arguments))(({}, {}, {}), 1, False)
    assert calls == [(({}, {}, {}), 1, False)]
