import threading

import pytest
from lossy_bus import LossyBus

from ding_alma.pipeline.desk import Desk, WorkerFailed
from ding_alma.pipeline.link import Dismissed, LearnerLost, Link
from ding_alma.pipeline.messages import COLLECTOR, Collection, Plan, Ready, Stop

PLAN = Plan(main={}, create={}, seed=3, exp_name="run", collectors=1)


def test_every_request_is_answered_once_and_in_order_though_messages_are_lost_and_repeated():
    bus, got = LossyBus(), []

    def worker():
        link = Link(bus, 2)
        assert link.join() == PLAN
        answer = link.ask(Ready())
        while not isinstance(answer, Stop):
            got.append(answer)
            answer = link.ask(Collection([len(got)], env_steps=1, scalars=[]))
        link.leave()

    desk = Desk(bus, PLAN)
    thread = threading.Thread(target=worker)
    thread.start()
    brought = []
    for number in range(6):
        request = desk.wait(COLLECTOR)
        brought += [] if isinstance(request.content, Ready) else request.content.samples
        desk.answer(request, number)
    desk.dismiss()
    thread.join(5)
    assert not thread.is_alive()
    assert got[:5] == [0, 1, 2, 3, 4]
    assert brought == [1, 2, 3, 4, 5]


def test_a_worker_that_was_started_again_gets_the_plan_and_no_answer_meant_for_the_one_before():
    bus = LossyBus(lost=0)
    desk = Desk(bus, PLAN)
    first = Link(bus, 2)
    assert first.join() == PLAN
    threading.Thread(target=first.ask, args=(Ready(),), daemon=True).start()
    old = desk.wait(COLLECTOR)
    second = Link(bus, 2)
    assert second.join() == PLAN
    desk.answer(old, "late")
    threading.Timer(0.1, lambda: desk.answer(desk.wait(COLLECTOR), "now")).start()
    assert second.ask(Ready()) == "now"


def test_failures_of_workers_reach_the_learner_with_their_traceback():
    bus = LossyBus()
    desk = Desk(bus, PLAN)
    link = Link(bus, 3)
    link.join()
    link.fail("ZeroDivisionError: in the environment")
    with pytest.raises(WorkerFailed, match=r"collector at node 3.*ZeroDivisionError"):
        desk.wait(COLLECTOR)


def test_silent_workers_and_silent_learners_are_noticed():
    bus = LossyBus(lost=0)
    desk = Desk(bus, PLAN, silence_seconds=0.3)
    link = Link(bus, 2)
    link.join()
    assert desk.poll(COLLECTOR, 0.5) is None, "a worker that beats counts as alive"
    link.leave()
    link = Link(bus, 2)
    link.join()
    link._ended.set()
    with pytest.raises(WorkerFailed, match="silent"):
        desk.wait(COLLECTOR)
    with pytest.raises(LearnerLost, match="node 0"):
        Link(LossyBus(), 2, join_seconds=0.2).join()


def test_a_learner_does_not_wait_for_ever_for_collectors_that_never_come():
    with pytest.raises(WorkerFailed, match="no collector has joined"):
        Desk(LossyBus(), PLAN, join_seconds=0.1).wait(COLLECTOR)


def test_busy_workers_learn_that_the_run_is_over():
    bus = LossyBus(lost=0)
    desk = Desk(bus, PLAN)
    link = Link(bus, 2)
    link.join()
    link.check_dismissed()
    desk.dismiss(seconds=0.1)
    with pytest.raises(Dismissed):
        for _ in range(100):
            link.check_dismissed()
            threading.Event().wait(0.01)
    assert link.ask(Ready()) == Stop()
