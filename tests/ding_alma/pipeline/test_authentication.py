"""What reaches the router's socket from a stranger is not unpickled."""

import logging
import pickle
import socket
import threading
import time
from pathlib import Path

import pynng
import pytest
from ding.framework.message_queue.nng import NNGMQ
from ding.framework.parallel import Parallel

from ding_alma.pipeline import parallel
from ding_alma.pipeline.authentication import SECRET, SECRET_FILE, authenticate, ensure_secret, shared_key
from ding_alma.run.run_error import RunError

KEY = b"known to all of a run"


class Payload:
    """Touches a file when it is unpickled."""

    def __init__(self, path):
        self._path = path

    def __reduce__(self):
        return Path.touch, (self._path,)


def wait_for(condition, seconds=10.0):
    deadline = time.monotonic() + seconds
    while not condition() and time.monotonic() < deadline:
        time.sleep(0.01)
    return condition()


def free_address():
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return f"tcp://127.0.0.1:{probe.getsockname()[1]}"


@pytest.fixture
def router():
    """Makes DI-engine's routers, as processes of `ditask` have one each."""
    routers = []

    def make(key, address, *attach_to):
        # Not by the class, which makes a single one per process.
        router = object.__new__(Parallel)
        router.__init__()
        routers.append(router)
        router._mq, router.is_active, router.node_id = NNGMQ(address, attach_to), True, len(routers)
        router._listener = threading.Thread(target=router.listen, daemon=True)
        router._listener.start()
        assert wait_for(lambda: router._mq._running)
        if key is not None:
            authenticate(router, key)
        return router

    yield make
    for router in routers:
        router.stop()


def test_messages_arrive_between_those_who_know_the_secret(router):
    address, heard = free_address(), []
    learner = router(KEY, address)
    learner.on("topic", heard.append)
    worker = router(KEY, free_address(), address)
    worker.on("answer", heard.append)
    assert wait_for(lambda: worker.emit("topic", {"a": 1}) or heard)
    learner.emit("answer", "b")
    assert wait_for(lambda: "b" in heard)
    assert heard[0] == {"a": 1}


def test_what_strangers_send_is_not_unpickled(router, tmp_path, caplog):
    address, heard = free_address(), []
    learner = router(KEY, address)
    learner.on("topic", heard.append)
    payload = pickle.dumps({"a": (Payload(tmp_path / "ran"),), "k": {}})
    stranger = router(None, free_address(), address)
    other_run = router(b"another run's secret", free_address(), address)
    with caplog.at_level(logging.WARNING), pynng.Bus0(dial=address) as bus:
        for message in (b"topic::", b"topic::" + bytes(31), b"topic::" + payload, b"topic::" + bytes(32) + payload):
            bus.send(message)
        stranger.emit("topic", Payload(tmp_path / "ran"))
        other_run.emit("topic", Payload(tmp_path / "ran"))
        worker = router(KEY, free_address(), address)
        assert wait_for(lambda: worker.emit("topic", "honest") or heard)
    assert set(heard) == {"honest"}
    assert not (tmp_path / "ran").exists()
    assert len([record for record in caplog.records if SECRET in record.getMessage()]) == 1


def test_a_proof_is_of_its_topic_and_its_data(router, tmp_path):
    address, heard, wire = free_address(), [], []
    worker = router(KEY, address)
    # Beneath the signature.
    worker._mq._sock = type("Wire", (), {"send": wire.append, "close": lambda self: None})()
    worker.emit("topic", 1)
    learner = router(KEY, free_address())
    for topic in ("topic", "topi", "topicc", "elsewhere"):
        learner.on(topic, heard.append)
    topic, message = wire[0].split(b"::", maxsplit=1)
    for forged in ("topi", "topicc", "elsewhere"):
        learner._handle_message(forged, message)
    for position in range(0, len(message), 7):
        learner._handle_message("topic", message[:position] + bytes([message[position] ^ 1]) + message[position + 1 :])
    learner._handle_message(topic.decode(), message)
    assert wait_for(lambda: heard) and heard == [1]


def test_a_process_without_a_secret_does_not_begin(monkeypatch):
    monkeypatch.delenv(SECRET, raising=False)
    monkeypatch.delenv(SECRET_FILE, raising=False)
    monkeypatch.setattr(Parallel(), "is_active", True)
    monkeypatch.setattr(Parallel(), "node_id", 2)
    with pytest.raises(RunError, match="DING_ALMA_SECRET on all hosts"):
        parallel.run_node(None)


def test_the_secret_comes_from_a_variable_or_a_private_file(tmp_path):
    file = tmp_path / "secret"
    file.write_text("0123456789abcdef\n")
    file.chmod(0o600)
    assert shared_key({SECRET_FILE: str(file)}) == shared_key({SECRET: "0123456789abcdef"}) == b"0123456789abcdef"
    with pytest.raises(RunError, match="both set"):
        shared_key({SECRET_FILE: str(file), SECRET: "0123456789abcdef"})
    with pytest.raises(RunError, match="at least 16 characters, got 5"):
        shared_key({SECRET: "short"})
    file.chmod(0o640)
    with pytest.raises(RunError, match="chmod 600"):
        shared_key({SECRET_FILE: str(file)})
    file.unlink()
    with pytest.raises(RunError, match=r"secret cannot be read: .*No such file"):
        shared_key({SECRET_FILE: str(file)})


def test_runs_of_one_host_make_up_a_secret_of_their_own():
    first, second, named = {}, {}, {SECRET: "a secret of the user's"}
    for environment in (first, second, named):
        ensure_secret(environment)
    assert shared_key(first) != shared_key(second)
    assert shared_key(named) == b"a secret of the user's"


def test_runs_of_one_host_open_no_port(monkeypatch):
    monkeypatch.setenv(SECRET, "a secret of this test")
    calls = []
    monkeypatch.setattr(Parallel, "runner", lambda **options: calls.append(options) or (lambda *job: None))
    parallel.train_on_this_host(None, 2)
    addresses = Parallel._nng_args_parser(**calls[0])
    assert all(node["listen_to"].startswith("ipc://") for node in addresses)
