import json
import multiprocessing
import re

import pytest
from click.testing import CliRunner
from tiny_runs import tiny_config

from ding_alma.cli import side_by_side
from ding_alma.cli.main import main
from ding_alma.pipeline import parallel
from ding_alma.run import training
from ding_alma.run.checkpoint import BEST_CHECKPOINT
from ding_alma.run.hooks import register_hooks
from ding_alma.run.run_error import RunError

SIZES = dict(entities=6, features=3, subtasks=2)
CONFIG = "from toy_run import toy_config\nmain_config, create_config = toy_config('runs/toy_coma')\n"


@pytest.fixture(autouse=True)
def folder(tmp_path, monkeypatch):
    register_hooks()
    monkeypatch.chdir(tmp_path)
    (tmp_path / "toy_config.py").write_text(CONFIG)
    return tmp_path


def call(*arguments):
    return CliRunner().invoke(main, ["train", "toy_config.py", *map(str, arguments)])


def record(run):
    return json.loads((run / "evaluations.json").read_text())


def merged(run):
    return json.loads((run / "run_config.json").read_text())["main"]


def test_trains_one_run_with_its_changes(folder):
    result = call("--env-step", "30", "policy.learn.batch_size=2")
    assert result.exit_code == 0, result.output
    run = folder / "runs" / "toy_coma" / "seed0"
    assert record(run)["policy"] == "coma" and record(run)["seed"] == 0
    assert merged(run)["policy"]["learn"]["batch_size"] == 2
    assert re.search(r"/ 30 env steps", result.output)


def test_a_run_too_short_to_learn_says_so_and_how_far_it_came(caplog, capfd):
    (job,) = training.plan(tiny_config("alma"), ["policy.learn.batch_size=40"], [0], 20)
    training.train(job)
    text = caplog.text + capfd.readouterr().out
    said = re.search(r"no update was made in (\d+) environment steps: the replay buffer holds 4 samples, .* 40", text)
    assert said and int(said[1]) >= 20, text
    assert json.loads((job.folder / "reached.json").read_text()) == {"env_step": int(said[1])}
    assert re.search(rf"{said[1]} / 20 env steps.* \| 0 updates", text)


def test_swaps_the_policy_and_takes_its_pipeline(folder, monkeypatch):
    called = []
    for name in ("serial_pipeline", "serial_pipeline_onpolicy"):
        monkeypatch.setattr(training, name, lambda config, name=name, **limits: called.append((name, config, limits)))
    sizes = f"policy.entity={SIZES}"
    assert call("--policy", "alma", sizes, "policy.allocation.period=2").exit_code == 0
    assert call("--policy", "mppo", sizes, "--seeds", "7", "--env-step", "1e3").exit_code == 0
    (serial, (main_part, create), limits), (onpolicy, (other, _), more) = called
    assert (serial, create.policy.type, main_part.exp_name) == ("serial_pipeline", "alma", "runs/toy_alma/seed0")
    assert main_part.policy.allocation.period == 2 and limits == {"seed": 0}
    assert (onpolicy, other.exp_name) == ("serial_pipeline_onpolicy", "runs/toy_mppo/seed7")
    assert more == {"seed": 7, "max_env_step": 1000}


def test_collectors_share_one_run(folder, monkeypatch):
    called = []
    monkeypatch.setattr(parallel, "train_on_this_host", lambda job, collectors: called.append((job, collectors)))
    result = call("--collectors", "3", "--seeds", "4", "--env-step", "200")
    assert result.exit_code == 0, result.output
    ((job, collectors),) = called
    assert (job.main.exp_name, job.seed, job.max_env_step, collectors) == ("runs/toy_coma/seed4", 4, 200, 3)
    refused = call("--collectors", "3", "--seeds", "4", "5")
    assert refused.exit_code != 0 and "one seed" in refused.output


def test_several_seeds_side_by_side_survive_one_that_fails(folder, monkeypatch, capfd):
    """Forked instead of spawned: importing everything anew takes ten seconds a process."""
    monkeypatch.setattr(multiprocessing, "get_context", lambda method, get=multiprocessing.get_context: get("fork"))
    train = training.train

    def train_unless_seed_1(job):
        if job.seed == 1:
            raise RuntimeError("out of luck")
        train(job)

    monkeypatch.setattr(training, "train", train_unless_seed_1)
    jobs = training.plan(folder / "toy_config.py", [], [0, 1, 2], max_env_step=30, output=folder / "out")
    news = []
    # The processes' standard output is then the real one, which they redirect.
    with capfd.disabled():
        failed = side_by_side.train_side_by_side(jobs, 2, news.append)
    assert failed == [jobs[1]]
    text = "\n".join(news)
    assert re.search(r"out/seed0: done; evaluation at \d+ env steps: solved", text), text
    assert "out/seed1: failed, RuntimeError: out of luck (see out/seed1.log)" in text
    assert [record(folder / "out" / f"seed{seed}")["seed"] for seed in (0, 2)] == [0, 2]
    hooks = merged(folder / "out" / "seed2")["policy"]["learn"]["learner"]["hook"]
    assert hooks["progress"]["ext_args"]["total_env_steps"] == 30
    assert "/ 30 env steps" in (folder / "out" / "seed0.log").read_text()


def test_failures_end_the_command_with_an_error(monkeypatch):
    monkeypatch.setattr("ding_alma.cli.train.train_side_by_side", lambda jobs, *_: jobs[1:2])
    result = call("--seeds", "0", "1", "2", "--jobs", "2")
    assert result.exit_code == 1 and "1 of 3 runs failed: runs/toy_coma/seed1" in result.output


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["policy.learn.batch_sze=3"], "did you mean policy.learn.batch_size"),
        (["--policy", "refill"], "did you mean refil"),
        (["env.episode_limit=0"], r"env.episode_limit must lie in \[1"),
        (["env.options.dept=2"], "did you mean env.options.depth"),
        (["--policy", "refil", f"policy.entity={SIZES}", "policy.learn.imagined_weight=3.0"], "imagined_weight"),
        (["--seeds", "1", "1"], "a seed is given twice: 1 1"),
        (["-o", "there"], "there/seed0 is there already"),
        (["--env-step", "inf"], "--env-step must be a finite number of steps, got inf"),
        (["--env-step", "nan"], "--env-step must be a finite number of steps, got nan"),
        (["env.n_evaluator_episode=1"], "env.n_evaluator_episode = 1 must be at least env.evaluator_env_num = 2"),
        (["policy.collect.n_episode=1"], "policy.collect.n_episode = 1 must be at least env.collector_env_num = 2"),
        (["--policy", "rainbow"], "policy 'rainbow' cannot be built from this config"),
        (["--policy", "rainbw"], "policy.type: unknown policy 'rainbw'; did you mean rainbow"),
    ],
)
def test_what_cannot_be_trained_is_explained_before_it_starts(folder, arguments, message):
    (folder / "there" / "seed0").mkdir(parents=True)
    result = call(*arguments)
    assert result.exit_code == 1 and re.search(message, result.output), result.output
    assert len(result.output.strip().splitlines()) == 1
    assert not (folder / "runs").exists()


@pytest.mark.parametrize("error", [RunError("no memory"), OSError("disk full"), SystemExit(1)])
def test_a_start_that_fails_is_not_in_the_way_of_the_next(folder, monkeypatch, error):
    def refuse(*_):
        raise error

    with monkeypatch.context() as patch:
        patch.setattr("ding_alma.run.commander.CheckpointCommander._tell_memory", refuse)
        assert call("--env-step", "30").exit_code == 1
    assert not (folder / "runs" / "toy_coma" / "seed0").exists()
    assert call("--env-step", "30").exit_code == 0


def test_a_run_that_fails_later_leaves_its_folder(folder, monkeypatch):
    def fail(*_, **__):
        raise RunError("later")

    monkeypatch.setattr("ding.worker.BaseLearner.train", fail)
    assert call("--env-step", "30").exit_code == 1
    assert (folder / "runs" / "toy_coma" / "seed0" / "ckpt" / "ckpt_last.pth.tar").exists()


def test_a_file_that_changes_the_scenario_after_the_setting_is_refused(folder):
    (folder / "toy_config.py").write_text(
        "from ding_alma.setting.save_the_city import small\n"
        "main_config, create_config = small('alma')\n"
        "main_config.env.scenario = '2-5a_2-5b'\n"
    )
    result = call("--env-step", "30")
    assert result.exit_code == 1 and len(result.output.strip().splitlines()) == 1
    assert "policy.model.agent_num is 2, but the environment of this config has 5: give the scenario" in result.output
    assert not (folder / "runs").exists()


def test_a_wrong_key_in_the_file_is_explained(folder):
    (folder / "toy_config.py").write_text(CONFIG + "main_config.policy.eval.evaluator.eval_frq = 3\n")
    assert "did you mean policy.eval.evaluator.eval_freq" in call().output
    (folder / "toy_config.py").unlink()
    assert "toy_config.py does not exist" in call().output


def resume(*arguments):
    return CliRunner().invoke(main, ["train", "--resume", *map(str, arguments)])


def test_resumes_by_folder_alone_and_knows_when_it_is_done(folder):
    assert call("--env-step", "30", "--seeds", "4").exit_code == 0
    run = folder / "runs" / "toy_coma" / "seed4"
    done = resume("runs/toy_coma")
    assert done.exit_code == 0 and "complete" in done.output
    less = resume(run, "--env-step", "20")
    assert less.exit_code == 0 and "20 environment steps were made before" in less.output
    further = resume(run, "--env-step", "60")
    assert further.exit_code == 0, further.output
    kept = record(run)
    assert kept["parts"][0]["env_step"] == 0 and kept["parts"][1]["env_step"] >= 30
    assert kept["seed"] == 4 and merged(run)["exp_name"] == "runs/toy_coma/seed4"


def test_what_is_left_of_a_run_without_its_last_checkpoint_is_not_overwritten(folder):
    assert call("--env-step", "30").exit_code == 0
    run = folder / "runs" / "toy_coma" / "seed0"
    for path in (run / "ckpt").iterdir():
        if path.name != BEST_CHECKPOINT:
            path.unlink()
    for lost in (None, "reached.json", "evaluations.json"):
        if lost is not None:
            (run / lost).unlink()
        kept = {path: path.read_bytes() for path in run.rglob("*") if path.is_file()}
        refused = resume(run, "--env-step", "60")
        assert refused.exit_code == 1 and "would overwrite what is left" in refused.output, refused.output
        assert {path: path.read_bytes() for path in run.rglob("*") if path.is_file()} == kept
    weights = f"policy.learn.learner.hook.load_ckpt_before_run={run / 'ckpt' / BEST_CHECKPOINT}"
    assert weights in refused.output
    other = call("-o", "other", "--env-step", "30", weights)
    assert other.exit_code == 0, other.output


def test_the_pipeline_of_ding_does_not_overwrite_it_either(folder):
    assert call("--env-step", "30").exit_code == 0
    run = folder / "runs" / "toy_coma" / "seed0"
    for path in (run / "ckpt").glob("*[0-9t].pth.tar"):
        if path.name != BEST_CHECKPOINT:
            path.unlink()
    (job,) = training.plan(folder / "toy_config.py", ["policy.learn.resume_training=True"], [0], 60, folder / "new")
    job.main.exp_name = "runs/toy_coma/seed0"
    kept = (run / "evaluations.json").read_bytes()
    with pytest.raises(RunError, match="would overwrite what is left"):
        training.train(job)
    assert (run / "evaluations.json").read_bytes() == kept


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["nothing"], "there is no run nothing"),
        (["."], "holds no run to resume"),
        (["nothing", "policy.learn.batch_size=4"], "a run that is resumed keeps its own config"),
        (["nothing", "toy_config.py"], "--resume takes everything but"),
        (["nothing", "--policy", "alma"], "--resume takes everything but"),
    ],
)
def test_what_cannot_be_resumed_is_told(arguments, message):
    result = resume(*arguments)
    assert result.exit_code != 0 and message in " ".join(result.output.split()), result.output


def test_a_config_or_a_folder_is_needed():
    result = CliRunner().invoke(main, ["train"])
    assert result.exit_code == 2 and "name a CONFIG to train, or a run's folder to --resume" in result.output
