"""Runs that are asked to stop by a signal save first, and go on as if nobody had asked."""

import json
import multiprocessing
import os
import re
import signal
import subprocess
import sys
import threading
import time
from pathlib import Path

import pytest
from ding.worker import BaseLearner, EpisodeSerialCollector, InteractionSerialEvaluator
from resumed_runs import differences, end_of, resumable_config, resume
from tiny_runs import last_checkpoint, train

from ding_alma.cli import side_by_side
from ding_alma.run import stop_request, training
from ding_alma.run.stop_request import STOPPING, StopRequest

PLACES = {
    "update": (BaseLearner, "train"),
    "collection": (EpisodeSerialCollector, "collect"),
    "evaluation": (InteractionSerialEvaluator, "eval"),
}
FORK = multiprocessing.get_context("fork")


@pytest.fixture(autouse=True)
def own_folder(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    kept = {number: signal.signal(number, signal.SIG_DFL) for number in STOPPING}
    signal.signal(signal.SIGINT, signal.default_int_handler)
    yield
    for number, handler in kept.items():
        signal.signal(number, handler)


def wait_for(condition, seconds=120.0):
    deadline = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < deadline
        time.sleep(0.05)


def in_a_process(function, *arguments):
    """Run in a forked process; returns its exit code."""
    process = FORK.Process(target=function, args=arguments)
    process.start()
    process.join()
    return process.exitcode


def ask(number, place, calls, send=lambda number: os.kill(os.getpid(), number)):
    """Send this process a signal in the given call of a worker's method."""
    holder, name = PLACES[place]
    original, left = getattr(holder, name), [calls]

    def asking(*args, **kwargs):
        left[0] -= 1
        if left[0] == 0:
            send(number)
        return original(*args, **kwargs)

    setattr(holder, name, asking)


def train_asked(main, create, *asked):
    ask(*asked)
    train(main, create, seed=3, iterations=16)


def test_a_run_that_was_asked_to_stop_ends_as_one_that_was_not(capfd):
    main, create = resumable_config("alma")
    main.exp_name = "whole"
    train(main, create, seed=3, iterations=16)
    main.exp_name = "broken"
    iterations = []
    for number, place, calls in (
        (signal.SIGINT, "evaluation", 1),
        (signal.SIGTERM, "update", 3),
        (signal.SIGUSR1, "collection", 2),
        (signal.SIGHUP, "evaluation", 2),
    ):
        assert in_a_process(train_asked, main, create, number, place, calls) == 128 + number
        assert f"{number.name}: the run ends after this iteration" in (told := capfd.readouterr().err)
        assert re.search(rf"{number.name}: saved broken/ckpt/ckpt_last.pth.tar after .*--resume broken\n", told), told
        iterations.append(last_checkpoint(Path("broken"))["last_iter"])
        resume(main, "broken")
    train(main, create, seed=3, iterations=16)
    assert [*differences(end_of("whole"), end_of("broken"))] == []
    assert iterations == sorted(iterations) and iterations[:2] == [0, 4]


def test_environments_in_processes_survive_what_their_whole_group_is_sent():
    main, create = resumable_config("alma", manager="subprocess")

    def train_in_a_group():
        os.setpgid(0, 0)
        train_asked(main, create, signal.SIGTERM, "collection", 2, lambda number: os.killpg(0, number))

    assert in_a_process(train_in_a_group) == 128 + signal.SIGTERM
    assert last_checkpoint(Path("run"))["last_iter"] > 0


def test_a_second_signal_ends_at_once(monkeypatch, capfd):
    monkeypatch.setattr(stop_request, "TOGETHER_SECONDS", 0.05)

    def collect(self, *args, **kwargs):
        for _ in range(2):
            os.kill(os.getpid(), signal.SIGTERM)
            time.sleep(0.1)
        print("went on")

    monkeypatch.setattr(EpisodeSerialCollector, "collect", collect)
    main, create = resumable_config("alma")
    assert in_a_process(train, main, create) == -signal.SIGTERM
    assert "went on" not in capfd.readouterr().out


def test_signals_mean_what_they_did_before_and_after_a_run():
    before = [signal.getsignal(number) for number in STOPPING]
    main, create = resumable_config("alma")
    train(main, create)
    with pytest.raises(KeyboardInterrupt):
        signal.raise_signal(signal.SIGINT)
        time.sleep(1)
    assert [signal.getsignal(number) for number in STOPPING] == before


def test_ignored_signals_stay_ignored():
    kept = signal.signal(signal.SIGHUP, signal.SIG_IGN)
    try:
        request = StopRequest(lambda number: None)
        request.install()
        assert signal.getsignal(signal.SIGHUP) is signal.SIG_IGN
        request.remove()
    finally:
        signal.signal(signal.SIGHUP, kept)


def test_wrappers_that_repeat_a_signal_ask_once(monkeypatch):
    heard = []
    request = StopRequest(heard.append)
    request.install()
    try:
        for number in (signal.SIGTERM, signal.SIGTERM, signal.SIGINT):
            signal.raise_signal(number)
    finally:
        request.remove()
    assert heard == [signal.SIGTERM]


def toy_jobs(seeds):
    Path("config.py").write_text(
        "from toy_run import toy_config\nmain_config, create_config = toy_config('toy')\n", encoding="utf-8"
    )
    return training.plan(Path("config.py"), [], seeds, output=Path("out"))


def have_saved(jobs):
    return all((job.folder / "ckpt" / "ckpt_last.pth.tar").is_file() for job in jobs)


def have_evaluated(jobs):
    records = [job.folder / "evaluations.json" for job in jobs]
    return all(record.is_file() and json.loads(record.read_text())["evaluations"] for record in records)


def trainers(jobs):
    """Numbers of the processes that train."""
    return [int((job.folder / "lock").read_text().split()[1]) for job in jobs]


def is_alive(process):
    try:
        return Path(f"/proc/{process}/stat").read_text().rpartition(")")[2].split()[0] != "Z"
    except FileNotFoundError:
        return False


def test_runs_side_by_side_are_asked_too(monkeypatch, capfd):
    monkeypatch.setattr(multiprocessing, "get_context", lambda method: FORK)
    jobs, news = toy_jobs([0, 1, 2]), []
    others = set(multiprocessing.active_children())

    def interrupt():
        wait_for(lambda: have_saved(jobs[:2]) and have_evaluated(jobs[:2]))
        os.kill(os.getpid(), signal.SIGTERM)

    with capfd.disabled(), pytest.raises(SystemExit) as ended:
        threading.Thread(target=interrupt).start()
        side_by_side.train_side_by_side(jobs, 2, news.append)
    assert ended.value.code == 128 + signal.SIGTERM
    assert set(multiprocessing.active_children()) <= others
    text = "\n".join(news)
    assert "out/seed0: saved; evaluation at" in text and "out/seed1: saved" in text, text
    assert "out/seed2: not begun" in text and "go on with ding-alma train --resume out" in text
    assert "saved out/seed1/ckpt/ckpt_last.pth.tar" in Path("out/seed1.log").read_text()


def test_runs_side_by_side_do_not_outlive_a_killed_parent(monkeypatch):
    monkeypatch.setattr(multiprocessing, "get_context", lambda method: FORK)
    jobs = toy_jobs([0, 1])
    parent = FORK.Process(target=side_by_side.train_side_by_side, args=(jobs, 2, print))
    parent.start()
    wait_for(lambda: have_saved(jobs))
    processes = trainers(jobs)
    parent.kill()
    parent.join()
    wait_for(lambda: not any(map(is_alive, processes)))
    for job in jobs:
        assert "SIGTERM: saved" in job.log.read_text()


DING = [sys.executable, "-c", "from ding.entry.cli import cli; cli()"]
DING_ALMA = [sys.executable, "-c", "from ding_alma.cli.main import main; main()"]


@pytest.mark.slow
@pytest.mark.parametrize("number", STOPPING)
@pytest.mark.parametrize(
    ("command", "folders"),
    [
        ([*DING, "-m", "serial", "-c", "config.py"], ["toy"]),
        ([*DING_ALMA, "train", "config.py", "--seeds", "0", "1"], ["toy/seed0", "toy/seed1"]),
    ],
)
def test_the_commands_save_when_asked_and_go_on(command, folders, number):
    toy_jobs([0])
    environment = {**os.environ, "PYTHONPATH": os.pathsep.join(sys.path)}
    with open("told", "w", encoding="utf-8") as told:
        process = subprocess.Popen(
            command, stdout=told, stderr=subprocess.STDOUT, env=environment, start_new_session=True
        )
        wait_for(lambda: all(Path(folder, "ckpt", "ckpt_last.pth.tar").is_file() for folder in folders))
        # As a terminal and a batch system send it: to all processes at once.
        os.killpg(process.pid, number)
        assert process.wait(60) == 128 + number, Path("told").read_text()
    (resumption,) = set(re.findall(r"ding-alma (train --resume \S+)", Path("told").read_text()))
    step = max(last_checkpoint(Path(folder))["last_step"] for folder in folders) + 30
    again = [*DING_ALMA, *resumption.split(), "--env-step", str(step)]
    subprocess.run(again, check=True, env=environment)
    for folder in folders:
        assert len(json.loads(Path(folder, "evaluations.json").read_text())["parts"]) == 2
