"""What the processes of a parallel run tell each other."""

from dataclasses import dataclass, field
from typing import Any

from easydict import EasyDict

LEARNER, EVALUATOR, COLLECTOR = "learner", "evaluator", "collector"

Scalar = tuple[str, float, int]
"""Tag, value and step, as a tensorboard writer takes them."""


def role_of(node: int) -> str:
    """Node 0 learns, node 1 evaluates, all others collect."""
    return (LEARNER, EVALUATOR)[node] if node < 2 else COLLECTOR


@dataclass(frozen=True)
class Hello:
    """A worker's first request; answered by a `Plan`."""


@dataclass(frozen=True)
class Ready:
    """A worker is set up and has nothing to do; answered by an `Order`."""


@dataclass(frozen=True)
class Collection:
    """What a collector brings; answered by the next `Order`."""

    samples: list[Any]
    env_steps: int
    """Environment steps that the samples took."""
    scalars: list[Scalar]


@dataclass(frozen=True)
class Evaluated:
    """What an evaluator found out; answered by the next `Order`."""

    order: "Order"
    """What was evaluated, without its weights."""
    episodes: dict[str, list[float]]
    """DI-engine's numbers of every episode."""
    reached_stop_value: bool
    scalars: list[Scalar]


@dataclass(frozen=True)
class Failure:
    """A worker ends with this traceback."""

    traceback: str


@dataclass(frozen=True)
class Heartbeat:
    """A worker lives; needs no answer."""


@dataclass(frozen=True)
class Leave:
    """A worker has stopped as it was told to; needs no answer."""


@dataclass(frozen=True)
class Request:
    """From a worker to the learner."""

    node: int
    session: str
    """Tells a worker that was started again from the one before it."""
    number: int
    """Counts the worker's requests; a repeated one keeps its number."""
    content: Any
    """One of the above; None repeats a request that has been received."""


@dataclass(frozen=True)
class Plan:
    """What a worker is to set up."""

    main: EasyDict
    create: EasyDict
    seed: int
    exp_name: str
    collectors: int
    """How many collectors there are to be."""


@dataclass(frozen=True)
class Order:
    """What a worker is to do next, with which weights."""

    train_iter: int
    """Version of the weights: learner iterations that made them."""
    env_step: int
    """Environment steps counted when the order was given."""
    weights: dict[str, Any] = field(repr=False)
    """State of the policy's collect or eval mode, on the CPU."""
    setting: dict[str, Any] = field(default_factory=dict)
    """Exploration, as the policy's command mode sets it."""


@dataclass(frozen=True)
class Received:
    """The request has come; its answer will follow."""


@dataclass(frozen=True)
class Stop:
    """The run is over."""


@dataclass(frozen=True)
class Reply:
    """From the learner to one worker."""

    number: int
    """Of the request that this answers."""
    content: Any
    """`Plan`, `Order`, `Received` or `Stop`."""
