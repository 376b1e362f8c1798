"""A run whose logs cannot be written stops with the file's name."""

import logging
import threading
import time

import pytest
from full_disk import files_up_to
from tensorboardX import SummaryWriter

from ding_alma.monitor.log_guard import guard_logs


def within(seconds, function):
    """Call it in a thread; False if it hangs."""
    thread = threading.Thread(target=function, daemon=True)
    thread.start()
    thread.join(seconds)
    return not thread.is_alive()


def test_tensorboard_s_error_reaches_whoever_writes_and_nobody_waits(tmp_path, caplog):
    # Flushed after every value.
    writer = SummaryWriter(str(tmp_path), flush_secs=0)
    guard_logs(writer)
    writer.add_scalar("loss", 0.5, 0)
    errors = []

    def write():
        for step in range(1000):
            try:
                writer.add_scalar("loss", 0.5, step)
            except OSError as error:
                errors.append(str(error))

    with files_up_to(200):
        assert within(60, write)
        assert within(60, writer.close)
    assert len(errors) > 500
    assert f"cannot write {tmp_path}/events" in errors[0] and "File too large; make room" in errors[0]
    # What other tests have left open is on the same disk.
    assert [record for record in caplog.records if str(tmp_path) in record.getMessage()] == []


def test_an_error_that_nobody_has_heard_of_is_told_in_the_end(tmp_path, caplog):
    writer = SummaryWriter(str(tmp_path))
    guard_logs(writer)
    with files_up_to(20):
        for step in range(8):
            writer.add_scalar("loss", 0.5, step)
        assert within(60, writer.close)
    assert "events" in caplog.text and "is missing: [Errno 27]" in caplog.text


def test_a_text_log_raises_with_its_name(tmp_path, capsys):
    logger, path = logging.getLogger("a full disk"), tmp_path / "learner_logger.txt"
    logger.propagate = False
    handler = logging.FileHandler(path)
    logger.addHandler(handler)
    guard_logs(SummaryWriter(str(tmp_path)), logger)
    try:
        logger.warning("short")
        with files_up_to(50), pytest.raises(OSError, match=f"cannot write {path}: File too large; make room"):
            logger.warning("long " * 100)
        logger.warning("%d", "not a number")
    finally:
        logger.removeHandler(handler)
        handler.close()
    assert capsys.readouterr().err.count("Logging error") == 1


def test_a_closed_file_is_left_alone(tmp_path, caplog):
    writer = SummaryWriter(str(tmp_path))
    guard_logs(writer)
    file = writer.file_writer.event_writer._ev_writer
    writer.add_scalar("loss", 0.5, 0)
    writer.close()
    assert file.flush() and file.close()
    file.write_event(object())
    assert file.error is None and caplog.text == ""


def test_a_queue_that_is_closed_under_the_writer_ends_its_thread_in_silence(tmp_path, monkeypatch):
    """As multiprocessing does when a process of ``--seeds`` ends that has not closed its writer."""
    errors = []
    monkeypatch.setattr(threading, "excepthook", errors.append)
    writer = SummaryWriter(str(tmp_path), flush_secs=0)
    guard_logs(writer)
    events = writer.file_writer.event_writer
    # Until the thread asks anew.
    time.sleep(0.5)
    events._event_queue.close()
    events._worker.join(60)
    assert not events._worker.is_alive() and errors == []
    writer.close()
