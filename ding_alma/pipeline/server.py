"""The learner's end of the exchange: who the workers are, what they ask, what they were told."""

import queue
import threading
import time
from dataclasses import dataclass, field
from typing import Any

from ding_alma.pipeline.client import JOIN_SECONDS, SILENCE_SECONDS
from ding_alma.pipeline.messages import (
    COLLECTOR,
    EVALUATOR,
    Failure,
    Heartbeat,
    Hello,
    Leave,
    Plan,
    Received,
    Reply,
    Request,
    Stop,
    role_of,
)
from ding_alma.pipeline.transport import TO_ALL, TO_LEARNER, Transport, to_node

POLL_SECONDS = 0.2
FAREWELL_SECONDS = 10.0


class WorkerFailed(RuntimeError):
    """A worker has ended with an error, is silent, or has never come."""


@dataclass
class _Member:
    session: str
    number: int = -1
    """Of the latest request."""
    answer: Any = None
    heard: float = field(default_factory=time.monotonic)


class Server:
    """Receives requests, each once however often it is sent, and repeats answers that were lost.

    Args:
        plan: what every worker is told first.
        silence_seconds: patience with a worker that has joined.
        join_seconds: patience until the first worker of a role that is waited for.
    """

    def __init__(
        self,
        transport: Transport,
        plan: Plan,
        silence_seconds: float = SILENCE_SECONDS,
        join_seconds: float = JOIN_SECONDS,
    ) -> None:
        self._transport, self._plan = transport, plan
        self._silence_seconds, self._join_seconds = silence_seconds, join_seconds
        self._members: dict[int, _Member] = {}
        self._requests: dict[str, queue.Queue[Request]] = {COLLECTOR: queue.Queue(), EVALUATOR: queue.Queue()}
        self._failure: str | None = None
        self._lock = threading.Lock()
        self._begun = time.monotonic()
        transport.listen(TO_LEARNER, self._receive)

    def wait(self, role: str) -> Request:
        """The next request of a worker of this role.

        Raises:
            WorkerFailed: some worker has failed, is silent, or none of this role has joined for too long.
        """
        while True:
            request = self.poll(role, POLL_SECONDS)
            if request is not None:
                return request
            if not self.has_joined(role) and time.monotonic() - self._begun > self._join_seconds:
                raise WorkerFailed(f"no {role} has joined within {self._join_seconds:.0f} s; see docs/scale.md")

    def poll(self, role: str, seconds: float = 0.0) -> Request | None:
        """As `wait`, but None if there is none for so long."""
        self.check()
        try:
            return self._requests[role].get(timeout=seconds) if seconds else self._requests[role].get_nowait()
        except queue.Empty:
            return None

    def has_joined(self, role: str) -> bool:
        """Whether there is a worker of this role."""
        with self._lock:
            return any(role_of(node) == role for node in self._members)

    def check(self) -> None:
        """Raises: WorkerFailed, if some worker has failed or is silent."""
        if self._failure is not None:
            raise WorkerFailed(self._failure)
        with self._lock:
            silent = [node for node, member in self._members.items() if self._silence(member) > self._silence_seconds]
        if silent:
            raise WorkerFailed(
                f"the {role_of(silent[0])} at node {silent[0]} has been silent for {self._silence_seconds:.0f} s"
            )

    def answer(self, request: Request, content: Any) -> None:
        """Answer a request, unless the worker is gone or was started again since."""
        with self._lock:
            member = self._members.get(request.node)
            if member is None or (member.session, member.number) != (request.session, request.number):
                return
            member.answer = content
        self._transport.send(to_node(request.node), Reply(request.number, content))

    def dismiss(self, seconds: float = FAREWELL_SECONDS) -> None:
        """Tell all workers that the run is over, until they have left or for so long."""
        deadline = time.monotonic() + seconds
        while True:
            self._transport.send(TO_ALL, Stop())
            with self._lock:
                is_alone = not self._members
            if is_alone or time.monotonic() > deadline:
                return
            time.sleep(POLL_SECONDS)

    @staticmethod
    def _silence(member: _Member) -> float:
        return time.monotonic() - member.heard

    def _receive(self, request: Request) -> None:
        reply = None
        with self._lock:
            if isinstance(request.content, Leave):
                self._members.pop(request.node, None)
                return
            member = self._members.get(request.node)
            if member is None or member.session != request.session:
                if not isinstance(request.content, Hello):
                    return
                member = self._members[request.node] = _Member(request.session)
            member.heard = time.monotonic()
            if isinstance(request.content, Heartbeat):
                return
            if isinstance(request.content, Failure):
                self._failure = f"the {role_of(request.node)} at node {request.node}: {request.content.traceback}"
                self._members.pop(request.node)
                reply = Received()
            elif request.number > member.number and request.content is not None:
                member.number, member.answer = request.number, None
                if isinstance(request.content, Hello):
                    member.answer = self._plan
                else:
                    self._requests[role_of(request.node)].put(request)
                reply = member.answer or Received()
            elif request.number == member.number:
                reply = member.answer or Received()
        if reply is not None:
            self._transport.send(to_node(request.node), Reply(request.number, reply))
