"""The way messages take: DI-engine's router, which may lose them."""

from collections.abc import Callable
from typing import Any, Protocol

from ding.framework import Parallel

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
    """`Transport` over DI-engine's router, which `ditask` has set up in this process."""

    def __init__(self) -> None:
        self._router = Parallel()

    def send(self, topic: str, message: Any) -> None:
        """Pickle and send."""
        self._router.emit(topic, message)

    def listen(self, topic: str, function: Callable[[Any], None]) -> None:
        """Subscribe."""
        self._router.on(topic, function)
