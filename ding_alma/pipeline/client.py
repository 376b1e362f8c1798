"""A worker's end of the exchange: requests that are repeated until they are answered."""

import queue
import threading
import time
import uuid
from dataclasses import replace
from typing import Any

from ding_alma.pipeline.messages import Failure, Heartbeat, Hello, Leave, Plan, Received, Reply, Request, Stop
from ding_alma.pipeline.transport import TO_ALL, TO_LEARNER, Transport, to_node

RESEND_SECONDS = {Hello: 0.2}
"""Pause before a request is sent again that nobody has received: short where nobody may be listening yet."""
RESEND_SECONDS_OF_DATA = 5.0
REMIND_SECONDS = 1.0
"""Pause before asking again for the answer to a request that has been received."""
LONGEST_PAUSE_SECONDS = 8.0
"""Pauses double up to this: on a slow way, what is sent again would be one more thing that the answer waits for."""
BEAT_SECONDS = 2.0
JOIN_SECONDS = 600.0
"""How long a worker looks for its learner."""
SILENCE_SECONDS = 120.0
"""How long the other side may be silent before it counts as dead."""
FAREWELL_SECONDS = 5.0


class LearnerLost(RuntimeError):
    """The learner does not answer."""


class Dismissed(Exception):
    """The run is over while this worker is busy."""


class Client:
    """Asks the learner, one thing after the other, and tells it that this worker lives.

    Args:
        node: id of this process, 1 or more.
        silence_seconds, join_seconds: patience with the learner, once it is known and before.
    """

    def __init__(
        self,
        transport: Transport,
        node: int,
        silence_seconds: float = SILENCE_SECONDS,
        join_seconds: float = JOIN_SECONDS,
    ) -> None:
        self._transport, self._node = transport, node
        self._silence_seconds, self._join_seconds = silence_seconds, join_seconds
        self._session = uuid.uuid4().hex
        self._number = -1
        self._inbox: queue.Queue[Reply | Stop] = queue.Queue()
        self._stop = threading.Event()
        self._ended = threading.Event()
        transport.listen(to_node(node), self._inbox.put)
        transport.listen(TO_ALL, self._on_announcement)

    def join(self) -> Plan | Stop:
        """Find the learner. From now on it hears that this worker lives, until `leave` or `fail`.

        Raises:
            LearnerLost: it does not answer.
        """
        plan = self._ask(Hello(), self._join_seconds)
        threading.Thread(target=self._heartbeat, daemon=True).start()
        return plan

    def ask(self, content: Any) -> Any:
        """Send a request and wait for its answer, which is `Stop` once the run is over.

        Raises:
            LearnerLost: the learner is silent.
        """
        return self._ask(content, self._silence_seconds)

    def check_dismissed(self) -> None:
        """Raises: Dismissed, if the run is over."""
        if self._stop.is_set():
            raise Dismissed

    def leave(self) -> None:
        """Tell the learner that this worker has stopped as it was told to."""
        self._ended.set()
        self._send(Leave())

    def fail(self, traceback: str) -> None:
        """Tell the learner why this worker ends, if it still listens."""
        self._ended.set()
        if self._stop.is_set():
            return
        self._number += 1
        deadline = time.monotonic() + FAREWELL_SECONDS
        while time.monotonic() < deadline and not self._stop.is_set():
            self._send(Failure(traceback))
            if self._reply_within(REMIND_SECONDS) is not None:
                return

    def _ask(self, content: Any, patience: float) -> Any:
        self._number += 1
        request = Request(self._node, self._session, self._number, content)
        heard = time.monotonic()
        pause = RESEND_SECONDS.get(type(content), RESEND_SECONDS_OF_DATA)
        while not self._stop.is_set():
            self._transport.send(TO_LEARNER, request)
            reply = self._reply_within(pause)
            pause = min(2 * pause, LONGEST_PAUSE_SECONDS)
            if isinstance(reply, Received):
                heard = time.monotonic()
                if request.content is not None:
                    # What follows only reminds the learner: the content need not travel again.
                    request, pause = replace(request, content=None), REMIND_SECONDS
                reply = self._reply_within(pause)
            if reply is not None and not isinstance(reply, Received):
                return reply
            if time.monotonic() - heard > patience:
                raise LearnerLost(
                    f"node {self._node} has not heard from the learner (node 0) for {patience:.0f} s; does it still "
                    "run, and is it attached to this process?"
                )
        return Stop()

    def _reply_within(self, seconds: float) -> Any:
        """Content of a reply to the latest request; None if none comes."""
        deadline = time.monotonic() + seconds
        while (left := deadline - time.monotonic()) > 0:
            try:
                message = self._inbox.get(timeout=left)
            except queue.Empty:
                break
            if isinstance(message, Stop):
                return message
            if message.number == self._number:
                return message.content
        return None

    def _on_announcement(self, message: Stop) -> None:
        self._stop.set()
        self._inbox.put(message)

    def _heartbeat(self) -> None:
        while not self._ended.wait(BEAT_SECONDS):
            self._send(Heartbeat())

    def _send(self, content: Any) -> None:
        self._transport.send(TO_LEARNER, Request(self._node, self._session, self._number, content))
