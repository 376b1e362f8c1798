import threading

import pytest
from lossy_transport import LossyTransport

from ding_alma.pipeline import worker
from ding_alma.pipeline.client import Client, Dismissed, LearnerLost
from ding_alma.pipeline.messages import COLLECTOR, Collection, Plan, Ready, Received, Reply, Stop
from ding_alma.pipeline.server import Server, WorkerFailed

PLAN = Plan(main={}, create={}, seed=3, exp_name="run", collectors=1)


def test_every_request_is_answered_once_and_in_order_though_messages_are_lost_and_repeated():
    transport, got = LossyTransport(), []

    def worker():
        client = Client(transport, 2)
        assert client.join() == PLAN
        answer = client.ask(Ready())
        while not isinstance(answer, Stop):
            got.append(answer)
            answer = client.ask(Collection([len(got)], env_steps=1, scalars=[]))
        client.leave()

    server = Server(transport, PLAN)
    thread = threading.Thread(target=worker)
    thread.start()
    brought = []
    for number in range(6):
        request = server.wait(COLLECTOR)
        brought += [] if isinstance(request.content, Ready) else request.content.samples
        server.answer(request, number)
    server.dismiss(seconds=1.0)
    thread.join(5)
    assert not thread.is_alive()
    assert got[:5] == [0, 1, 2, 3, 4]
    assert brought == [1, 2, 3, 4, 5]


def test_a_worker_that_was_started_again_gets_the_plan_and_no_answer_meant_for_the_one_before():
    transport = LossyTransport(lost=0)
    server = Server(transport, PLAN)
    first = Client(transport, 2)
    assert first.join() == PLAN
    threading.Thread(target=first.ask, args=(Ready(),), daemon=True).start()
    old = server.wait(COLLECTOR)
    second = Client(transport, 2)
    assert second.join() == PLAN
    server.answer(old, "late")
    threading.Timer(0.1, lambda: server.answer(server.wait(COLLECTOR), "now")).start()
    assert second.ask(Ready()) == "now"


def test_failures_of_workers_reach_the_learner_with_their_traceback():
    transport = LossyTransport()
    server = Server(transport, PLAN)
    client = Client(transport, 3)
    client.join()
    client.fail("ZeroDivisionError: in the environment")
    with pytest.raises(WorkerFailed, match=r"collector at node 3.*ZeroDivisionError"):
        server.wait(COLLECTOR)


def test_silent_workers_and_silent_learners_are_noticed():
    transport = LossyTransport(lost=0)
    server = Server(transport, PLAN, silence_seconds=0.3)
    client = Client(transport, 2)
    client.join()
    assert server.poll(COLLECTOR, 0.5) is None, "a worker that heartbeats counts as alive"
    client.leave()
    client = Client(transport, 2)
    client.join()
    client._ended.set()
    with pytest.raises(WorkerFailed, match="silent"):
        server.wait(COLLECTOR)
    with pytest.raises(LearnerLost, match="node 0"):
        Client(LossyTransport(), 2, join_seconds=0.2).join()


class BusyLearner:
    """Receives what it is sent, or not even that, answers nothing, and ends the run after a second."""

    def __init__(self, receives):
        self.receives, self.listeners, self.sent = receives, [], []

    def listen(self, topic, function):
        self.listeners.append(function)

    def send(self, topic, request):
        if not self.sent:
            threading.Timer(1, lambda: [function(Stop()) for function in self.listeners]).start()
        self.sent.append(request)
        if self.receives:
            self.listeners[0](Reply(request.number, Received()))


@pytest.mark.parametrize("receives", [True, False])
def test_a_learner_that_is_slow_to_answer_is_asked_ever_less_often(receives):
    learner = BusyLearner(receives)
    assert Client(learner, 2).ask(Ready()) == Stop()
    # After 0.05 s, 0.1 s, 0.2 s, ...; with equal pauses it would be twenty.
    assert 2 <= len(learner.sent) <= 6


def test_a_learner_does_not_wait_for_ever_for_collectors_that_never_come():
    with pytest.raises(WorkerFailed, match="no collector has joined"):
        Server(LossyTransport(), PLAN, join_seconds=0.1).wait(COLLECTOR)


def test_busy_workers_learn_that_the_run_is_over():
    transport = LossyTransport(lost=0)
    server = Server(transport, PLAN)
    client = Client(transport, 2)
    client.join()
    client.check_dismissed()
    server.dismiss(seconds=0.1)
    with pytest.raises(Dismissed):
        for _ in range(100):
            client.check_dismissed()
            threading.Event().wait(0.01)
    assert client.ask(Ready()) == Stop()


def test_a_worker_that_gives_its_learner_up_tells_it(monkeypatch):
    told = []

    class Joined:
        def __init__(self, transport, node):
            self.fail = told.append

        def join(self):
            return "plan"

    def lose(plan, node, client):
        raise LearnerLost("not heard")

    monkeypatch.setattr(worker, "Client", Joined)
    monkeypatch.setattr(worker, "evaluator", lose)
    with pytest.raises(LearnerLost):
        worker.work(None, 1)
    assert len(told) == 1 and "LearnerLost: not heard" in told[0]
