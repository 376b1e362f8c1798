"""A signal ends all processes of a parallel run of one host, and says how to go on."""

import multiprocessing
import os
import re
import signal
import tempfile
import time
from pathlib import Path

import pytest
from ding.framework import Parallel
from easydict import EasyDict

from ding_alma.pipeline import parallel
from ding_alma.run.job import Job
from ding_alma.run.stop_request import STOPPING

FORK = multiprocessing.get_context("fork")


def wait_for(condition, seconds=60.0):
    deadline = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < deadline
        time.sleep(0.02)


def is_alive(process):
    try:
        return Path(f"/proc/{process}/stat").read_text().rpartition(")")[2].split()[0] != "Z"
    except FileNotFoundError:
        return False


def sleeping_pool(**options):
    """In the place of DI-engine's: processes that wait, as those that still import do."""

    def run(*job):
        processes = [FORK.Process(target=time.sleep, args=(100,)) for _ in range(options["n_parallel_workers"])]
        for process in processes:
            process.start()
        numbers = [str(process.pid) for process in processes]
        Path("started.part").write_text("\n".join([tempfile.gettempdir(), *numbers]))
        os.replace("started.part", "started")
        for process in processes:
            process.join()
        raise RuntimeError("the pool takes processes that were killed for failed")

    return run


def train():
    # Who started the tests may have them ignored, as nohup does.
    for number in STOPPING:
        signal.signal(number, signal.SIG_DFL)
    signal.signal(signal.SIGINT, signal.default_int_handler)
    parallel.train_on_this_host(Job(EasyDict(exp_name="runs/a run"), EasyDict()), 1)


@pytest.mark.parametrize("number", STOPPING)
def test_a_signal_ends_all_processes(tmp_path, monkeypatch, capfd, number):
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(Parallel, "runner", sleeping_pool)
    process = FORK.Process(target=train)
    process.start()
    wait_for(Path("started").exists)
    folder, *numbers = Path("started").read_text().splitlines()
    assert len(numbers) == 3 and Path(folder).stat().st_mode & 0o077 == 0
    os.kill(process.pid, number)
    process.join(60)
    assert process.exitcode == 128 + number
    wait_for(lambda: not any(map(is_alive, numbers)))
    told = capfd.readouterr().err
    assert re.fullmatch(rf"{number.name}: all processes .*--resume 'runs/a run' goes on in one process\n", told), told
    assert not Path(folder).exists()


@pytest.fixture
def handlers():
    """Handlers of this test's own: what earlier tests of this process left is not its matter."""
    before = {number: signal.getsignal(number) for number in STOPPING}
    own = {number: lambda received, frame: None for number in STOPPING}
    for number, handler in own.items():
        signal.signal(number, handler)
    yield own
    for number, handler in before.items():
        signal.signal(number, handler)


def test_signals_mean_what_they_did_after_a_run(monkeypatch, handlers):
    monkeypatch.setattr(Parallel, "runner", lambda **options: lambda *job: None)
    parallel.train_on_this_host(Job(EasyDict(exp_name="run"), EasyDict()), 1)
    assert {number: signal.getsignal(number) for number in STOPPING} == handlers
