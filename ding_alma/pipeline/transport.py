"""The way messages take: DI-engine's router, which may lose them, and which is made to drop those of strangers."""

from collections.abc import Callable
from typing import Any, Protocol

from ding.framework import Parallel

from ding_alma.pipeline.authentication import authenticate

TO_LEARNER = "ding_alma.learner"
TO_ALL = "ding_alma.all"


def to_node(node: int) -> str:
    """Topic of the messages for one worker."""
    return f"ding_alma.node.{node}"


class Transport(Protocol):
    """Sends messages to whoever listens to their topic, in other processes; any may be lost or come out of order."""

    def send(self, topic: str, message: Any) -> None:
        """Send, without waiting for anybody."""

    def listen(self, topic: str, function: Callable[[Any], None]) -> None:
        """Have ``function`` called, in another thread, with every message of a topic."""


class RouterTransport:
    """`Transport` over DI-engine's router, which `ditask` has set up in this process; one for each process.

    Args:
        key: what all processes of the run know; messages from others are not unpickled.
    """

    def __init__(self, key: bytes) -> None:
        self._router = Parallel()
        authenticate(self._router, key)

    def send(self, topic: str, message: Any) -> None:
        """Pickle, sign and send."""
        self._router.emit(topic, message)

    def listen(self, topic: str, function: Callable[[Any], None]) -> None:
        """Subscribe."""
        self._router.on(topic, function)
