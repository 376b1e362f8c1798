"""No two processes train in the same folder."""

import contextlib
import multiprocessing
import os
import signal
from pathlib import Path

import pytest
from resumed_runs import resumable_config, resume
from tiny_runs import last_checkpoint, train

from ding_alma.run.run_error import RunError
from ding_alma.run.run_lock import LOCK, acquire, release

CONTEXT = multiprocessing.get_context("fork")


@contextlib.contextmanager
def another_that_holds(folder):
    """A process that trains in ``folder`` until it is killed."""
    holds = CONTEXT.Event()

    def train_for_ever():
        acquire(folder)
        holds.set()
        signal.pause()

    process = CONTEXT.Process(target=train_for_ever)
    process.start()
    assert holds.wait(30)
    try:
        yield process
    finally:
        process.kill()
        process.join()


def test_a_folder_is_held_by_one_process_until_its_end(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    with another_that_holds("run") as other, pytest.raises(RunError, match="run is being trained by") as refusal:
        acquire("run")
    assert f"(process {other.pid} on " in str(refusal.value)
    acquire("run")
    acquire("run")
    assert f"process {os.getpid()} " in Path("run", LOCK).read_text()
    release("run")
    release("run")


def test_a_forked_process_neither_holds_nor_ends_what_its_parent_holds(tmp_path):
    acquire(tmp_path)
    ends = CONTEXT.SimpleQueue()

    def child():
        release(tmp_path)
        try:
            acquire(tmp_path)
        except RunError:
            ends.put("refused")
        else:
            ends.put("held")

    for _ in range(2):
        process = CONTEXT.Process(target=child)
        process.start()
        process.join()
        assert ends.get() == "refused"
    release(tmp_path)
    process = CONTEXT.Process(target=child)
    process.start()
    process.join()
    assert ends.get() == "held"


def test_a_run_is_not_resumed_while_it_goes_on_and_its_checkpoint_stays_as_it_is(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    main, create = resumable_config("refil")
    train(main, create, iterations=8)
    before = last_checkpoint_bytes()
    with another_that_holds("run"):
        resume(main, "run")
        with pytest.raises(RunError, match="is being trained by another process"):
            train(main, create, iterations=12)
        assert last_checkpoint_bytes() == before
    train(main, create, iterations=12)
    assert last_checkpoint(Path("run"))["last_iter"] == 12


def last_checkpoint_bytes():
    return Path("run/ckpt/ckpt_last.pth.tar").read_bytes()


def test_a_lock_that_is_a_link_is_neither_followed_nor_emptied(tmp_path):
    """As ``ding -m serial`` would, which knows nothing of links."""
    kept = tmp_path / "kept.txt"
    kept.write_text("mine")
    (tmp_path / "run").mkdir()
    (tmp_path / "run" / LOCK).symlink_to(kept)
    with pytest.raises(RunError, match=r"lock is a symbolic link to .*kept\.txt"):
        acquire(tmp_path / "run")
    assert kept.read_text() == "mine"
