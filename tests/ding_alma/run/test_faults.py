"""What goes wrong in a run stops it with a name and leaves a checkpoint to go on from."""

import copy
import gc
import logging
import multiprocessing
import os
import re
import signal
import threading
import time
from functools import partial
from multiprocessing.connection import Connection
from pathlib import Path
from types import SimpleNamespace

import pytest
import torch
from ding.envs.env_manager.base_env_manager import EnvState
from ding.envs.env_manager.subprocess_env_manager import AsyncSubprocessEnvManager
from ding.utils import ENV_REGISTRY
from easydict import EasyDict
from full_disk import files_up_to
from resumed_runs import differences, end_of, resumable_config, resume
from tiny_runs import last_checkpoint, train
from toy_env import ToyEnv
from toy_run import toy_config

from ding_alma.replay import memory
from ding_alma.rl.optimisation import Descent, NotFiniteError
from ding_alma.run import environment_guard
from ding_alma.run.faults import FAILURE
from ding_alma.run.run_error import RunError
from dizoo_ext.save_the_city.vector import SaveTheCityVector


@pytest.fixture(autouse=True)
def own_folder(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)


@pytest.mark.parametrize("bad", [float("nan"), float("inf")])
def test_parameters_are_as_they_were_when_the_loss_is_not_finite(bad):
    network = torch.nn.Linear(3, 1)
    before = [parameter.detach().clone() for parameter in network.parameters()]
    descent = Descent(network, partial(torch.optim.SGD, lr=1.0), 10.0)
    with pytest.raises(NotFiniteError, match=r"not finite: (nan|-?inf)"):
        descent.step((network.weight * bad).sum())
    for parameter, kept in zip(network.parameters(), before, strict=True):
        assert torch.equal(parameter, kept)


def spoil(monkeypatch, spoil_step, after):
    """From the ``after``-th step on, change what the environments return."""
    step, calls = SaveTheCityVector.step, []

    def wrapped(self, actions, ids=None):
        calls.append(0)
        result = step(self, actions, ids)
        return spoil_step(result) if len(calls) > after else result

    monkeypatch.setattr(SaveTheCityVector, "step", wrapped)


def not_a_reward(result):
    return result._replace(subtask_reward=result.subtask_reward * float("nan"))


def not_an_observation(result):
    result.observation["entities"][0, 0, 0] = float("nan")
    return result


def test_a_reward_that_is_not_a_number_stops_with_batch_and_weights(monkeypatch, tmp_path):
    main, create = resumable_config("alma")
    train(main, create, iterations=4)
    before = last_checkpoint(Path("run"))
    resume(main, "run")
    with monkeypatch.context() as patch:
        spoil(patch, not_a_reward, 0)
        with pytest.raises(RunError, match=r"not finite: batch\.batch\.subtask_reward.*run/failure.pth.tar"):
            train(main, create, iterations=40)
    failure = torch.load(tmp_path / "run" / FAILURE, weights_only=True)
    # Pop-Art's running statistics take a batch in before it has a loss.
    bad = [name for name, value in failure["policy"]["model"].items() if not value.isfinite().all()]
    assert all("popart" in name for name in bad), bad
    assert failure["batch"]["batch"]["subtask_reward"].isnan().any()
    assert last_checkpoint(Path("run"))["last_iter"] >= before["last_iter"]
    train(main, create, iterations=12)
    assert last_checkpoint(Path("run"))["last_iter"] >= 12


@pytest.mark.parametrize("policy", ["alma", "mppo"])
def test_an_observation_that_is_not_a_number_names_its_environment(policy, monkeypatch):
    main, create = resumable_config(policy)
    spoil(monkeypatch, not_an_observation, 60)
    with pytest.raises(
        ValueError, match=r"observation 'entities' of environment \[0\] holds values that are not finite"
    ):
        train(main, create, iterations=100)
    assert last_checkpoint(Path("run"))["last_iter"] >= 0


def test_a_full_disk_stops_with_the_file_and_the_run_goes_on_when_there_is_room(monkeypatch):
    main, create = resumable_config("refil")
    whole = copy.deepcopy(main)
    whole.exp_name = "whole"
    train(whole, create, iterations=12)
    fsync, calls = os.fsync, []

    def full(number):
        calls.append(number)
        if len(calls) > 12:
            raise OSError(28, "No space left on device")
        fsync(number)

    with monkeypatch.context() as patch:
        patch.setattr(os, "fsync", full)
        with pytest.raises(OSError, match=r"cannot write run/.*No space left on device; make room"):
            train(main, create, iterations=12)
    resume(main, "run")
    train(main, create, iterations=12)
    assert [*differences(end_of("whole"), end_of("run"))] == []


def train_on_a_full_disk(main, create, size, messages):
    """In a process of its own, whose output has room."""
    # DI-engine keeps the text logs of earlier runs of this process open.
    for logger in logging.root.manager.loggerDict.values():
        for handler in list(getattr(logger, "handlers", [])):
            if isinstance(handler, logging.FileHandler):
                logger.removeHandler(handler)
    nowhere = os.open(os.devnull, os.O_WRONLY)
    os.dup2(nowhere, 1)
    os.dup2(nowhere, 2)
    try:
        with files_up_to(size):
            train(main, create, iterations=12)
    except OSError as error:
        messages.put(str(error))
    else:
        messages.put("no error")


def test_a_disk_that_fills_in_the_middle_of_a_checkpoint_stops_with_its_name():
    main, create = resumable_config("alma")
    train(main, create, iterations=4)
    before = Path("run/ckpt/ckpt_last.pth.tar").read_bytes()
    resume(main, "run")
    context = multiprocessing.get_context("fork")
    messages = context.SimpleQueue()
    process = context.Process(target=train_on_a_full_disk, args=(main, create, len(before) * 2 // 3, messages))
    process.start()
    assert re.search(r"cannot write run/ckpt/iteration_8.pth.tar: File too large; make room", messages.get())
    process.join()
    assert Path("run/ckpt/ckpt_last.pth.tar").read_bytes() == before
    train(main, create, iterations=12)
    assert last_checkpoint(Path("run"))["last_iter"] == 12


@pytest.mark.parametrize("damage", ["deleted", "a bit"])
def test_a_damaged_file_of_episodes_is_named_and_the_others_are_kept(damage, caplog):
    main, create = resumable_config("refil")
    train(main, create, iterations=12)
    resume(main, "run")
    *others, newest = sorted(Path("run/replay").iterdir())
    assert others
    if damage == "deleted":
        newest.unlink()
    else:
        data = bytearray(newest.read_bytes())
        data[-7] ^= 16
        newest.write_bytes(data)
    train(main, create, iterations=16)
    warnings = [record.message for record in caplog.records if "fewer episodes" in record.message]
    assert len(warnings) == 1 and str(newest) in warnings[0], warnings
    # Older ones are no longer needed by now.
    assert others[-1].exists()
    assert last_checkpoint(Path("run"))["last_iter"] == 16


def test_a_buffer_that_does_not_fit_is_refused_with_the_key_to_lower(monkeypatch):
    main, create = resumable_config("alma")
    monkeypatch.setattr(memory, "free_memory", lambda device: 30_000)
    with pytest.raises(RunError, match=r"needs 0.00 GiB on cpu.*lower policy.other.replay_buffer.replay_buffer_size"):
        train(main, create)


def test_the_memory_is_what_the_buffer_takes(capsys):
    main, create = resumable_config("alma")
    main.policy.other.replay_buffer.replay_buffer_size = 50_000
    policy = train(main, create)
    line = re.search(
        r"Replay buffer: up to ([\d.]+) GiB of memory \(50000 episodes of 12 steps\)", capsys.readouterr().out
    )
    per_step = sum(array[0, 0].nbytes for array in policy._recorder._arrays.values())
    assert float(line.group(1)) == pytest.approx(50_000 * 13 * per_step / 2**30, abs=0.01)


def test_a_container_s_limit_counts(tmp_path, monkeypatch):
    monkeypatch.setattr(memory, "CGROUP", tmp_path)
    machine = memory.free_memory()
    (tmp_path / "memory.max").write_text("5000\n")
    (tmp_path / "memory.current").write_text("2000\n")
    assert memory.free_memory() == 3000
    (tmp_path / "memory.max").write_text("max\n")
    assert memory.free_memory() == pytest.approx(machine, rel=0.5)


class FailingEnv(ToyEnv):
    """Kills its own process, hangs or raises, at the 30th step or in the third reset."""

    how = ""
    steps = resets = 0

    def step(self, action):
        self.steps += 1
        if self.steps == 30 and not self._cfg.is_test:
            self._fail(("die", "hang in step", "raise in step"))
        return super().step(action)

    def reset(self):
        self.resets += 1
        if self.resets == 3 and not self._cfg.is_test:
            self._fail(("hang in reset", "raise in reset"))
        return super().reset()

    def _fail(self, here):
        how = self.how if self.how in here else ""
        if how == "die":
            os.kill(os.getpid(), signal.SIGKILL)
        if how.startswith("hang"):
            time.sleep(600)
        if how.startswith("raise"):
            raise OverflowError("too deep")


if "failing" not in ENV_REGISTRY:
    ENV_REGISTRY.register("failing", FailingEnv)


DIED = r"collector: the processes of environments \[[01, ]+\] died \(exit codes {[01]: -9"
HUNG = r"collector: the processes of environments \[[01, ]+\] hung, with no answer for 2 s"
CONNECT_SECONDS = 2.0
NOT_BEGUN = r"collector: environment [01] could not begin an episode: .*"


@pytest.mark.parametrize(
    ("how", "manager", "error", "message"),
    [
        ("die", "subprocess", RunError, DIED),
        ("hang in step", "subprocess", RunError, HUNG),
        ("hang in step", "async_subprocess", RunError, HUNG),
        ("hang in reset", "subprocess", RunError, f"{NOT_BEGUN}connection timeout"),
        ("raise in step", "subprocess", OverflowError, "too deep"),
        ("raise in reset", "async_subprocess", RunError, f"{NOT_BEGUN}too deep"),
    ],
)
def test_an_environment_s_process_that_fails_is_named_and_leaves_no_other(how, manager, error, message, monkeypatch):
    monkeypatch.setattr(environment_guard, "SILENCE_SECONDS", 2.0)
    monkeypatch.setattr(environment_guard, "POLL_SECONDS", 0.2)
    # DI-engine's manager gives every process five seconds to close.
    poll = Connection.poll
    monkeypatch.setattr(Connection, "poll", lambda self, timeout=0.0: poll(self, min(timeout, CONNECT_SECONDS)))
    # Known to the forked processes.
    monkeypatch.setattr(FailingEnv, "how", how)
    main, create = toy_config("run")
    create.env.type = "failing"
    create.env_manager = EasyDict(type=manager)
    main.env.manager = EasyDict(shared_memory=False, connect_timeout=CONNECT_SECONDS)
    before = multiprocessing.active_children()
    with pytest.raises(error, match=message):
        train(main, create, iterations=100)
    assert last_checkpoint(Path("run"))["run"]["collector_streams"] is not None
    gc.collect()
    if error is RunError:
        ours = [each for each in multiprocessing.active_children() if each not in before]
        for each in ours:
            each.join(5)
        assert not [each for each in ours if each.is_alive()]
    assert not [thread for thread in threading.enumerate() if thread.name == environment_guard.THREAD]


@pytest.mark.parametrize(
    ("errors", "said"),
    [
        ({1: OverflowError("one\ntoo deep"), 0: EOFError()}, "environment 1 could not begin an episode: too deep"),
        ({0: EOFError()}, "environment 0 could not begin an episode: EOFError"),
    ],
)
def test_the_first_reset_that_fails_is_named_and_interrupts_once(errors, said, monkeypatch):
    """DI-engine's manager resets in threads, and closes the pipes of all others when one has failed."""
    interrupted = []
    monkeypatch.setattr(environment_guard, "_raise_in", lambda thread, error: interrupted.append(error))

    def fail(number):
        raise errors[number]

    manager = SimpleNamespace(step=lambda actions: {}, _reset=fail, _pipe_parents={}, _subprocesses={}, _closed=True)
    watch = environment_guard.Watch(manager)
    with watch:
        for number, error in errors.items():
            with pytest.raises(type(error)):
                manager._reset(number)
    assert watch.failure() == said
    assert interrupted == [environment_guard.Interrupted, None]


def test_environments_are_closed_behind_their_resets():
    """DI-engine's manager resets in threads, which read from the pipes that ``close`` reads from."""
    manager = object.__new__(AsyncSubprocessEnvManager)
    manager._env_states = {0: EnvState.RUN, 1: EnvState.RESET}
    manager.close = lambda: closed_in.append(manager._env_states[1])
    closed_in = []
    reset = threading.Timer(0.2, lambda: manager._env_states.update({1: EnvState.RUN}))
    reset.start()
    environment_guard.close_environments(manager)
    assert closed_in == [EnvState.RUN]
    reset.join()


class Pipe:
    """One end, at which an answer waits or not."""

    def __init__(self, has_answer):
        self.poll = lambda: has_answer
        self.send = lambda message: None


@pytest.mark.parametrize(("has_answer", "killed"), [(True, 0), (False, 1)])
def test_an_answer_that_nobody_has_read_for_long_is_no_silence(has_answer, killed, monkeypatch):
    monkeypatch.setattr(environment_guard, "SILENCE_SECONDS", 0.0)
    monkeypatch.setattr(environment_guard, "POLL_SECONDS", 0.01)
    kills = []
    manager = SimpleNamespace(
        step=lambda actions: {},
        _reset=None,
        _pipe_parents={0: Pipe(has_answer)},
        _subprocesses={0: SimpleNamespace(kill=lambda: kills.append(0))},
    )
    watch = environment_guard.Watch(manager)
    manager.step({0: "an action"})
    with watch:
        time.sleep(0.2)
    assert len(kills) == killed
