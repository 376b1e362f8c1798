"""How far a run is, how fast it goes and when it will be over."""

import time
from collections import deque
from collections.abc import Callable
from dataclasses import dataclass

import click
from click.core import ParameterSource

from ding_alma.monitor.evaluation import Evaluation

RATE_SECONDS = 60.0
"""Length of the past that the shown rate is measured over."""
ETA_SECONDS = 600.0
"""Length of the past that the remaining time is extrapolated from: long enough to contain evaluations."""
ETA_UPDATES = 3
"""Lengths of the longest update that it is at least extrapolated from."""
HEADLINE_METRICS = ("solved", "battle_won")
SEPARATOR = " | "


@dataclass(frozen=True)
class Limits:
    """Where a run ends; 0 means unknown."""

    env_steps: int = 0
    train_iters: int = 0


def command_line_limits(otherwise: Limits = Limits()) -> Limits:
    """The limits given to the ``ding`` command that is running, else ``otherwise``."""
    context = click.get_current_context(silent=True)
    given = {"env_step": 0, "train_iter": 0}
    while context is not None:
        for name in given.keys() & context.params.keys():
            if context.get_parameter_source(name) is not ParameterSource.DEFAULT:
                given[name] = int(float(context.params[name]))
        context = context.parent
    if any(given.values()):
        return Limits(given["env_step"], given["train_iter"])
    return otherwise


class UpdateMeter:
    """How far an update is that takes many minibatches."""

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        self._clock = clock
        self._begun = 0.0
        self.done = self.total = 0
        self.seconds = 0.0
        """What the last finished update took."""

    def update(self, done: int, total: int) -> None:
        """Note that ``done`` of ``total`` minibatches are behind; an update begins with 0."""
        if done == 0:
            self._begun = self._clock()
        self.done, self.total = done, total
        if done == total:
            self.seconds = self._clock() - self._begun

    @property
    def is_running(self) -> bool:
        """Some minibatches are still to come."""
        return self.done < self.total

    def remaining_seconds(self) -> float:
        """Until the update's end, 0 while unknown or beyond it."""
        if not self.done:
            return 0.0
        return (self._clock() - self._begun) / self.done * (self.total - self.done)

    def text(self) -> str:
        """``minibatch 12 / 160, update ends in 0:36:10``, nothing between updates."""
        if not self.is_running:
            return ""
        end = f", update ends in {duration(self.remaining_seconds())}" if self.done else ""
        return f"minibatch {self.done + 1} / {self.total}{end}"


class ProgressMeter:
    """Rate, share done and remaining time from a stream of (env step, train iteration)."""

    def __init__(self, limits: Limits, clock: Callable[[], float] = time.monotonic) -> None:
        self._limits = limits
        self._clock = clock
        self._marks: deque[tuple[float, int, int]] = deque()
        self._growth: deque[tuple[float, int]] = deque()
        """When the environment steps grew: once per collection, whatever happens in between."""
        self._start = clock()
        self.env_step = self.train_iter = 0
        self.learning = UpdateMeter(clock)
        self.epsilon: float | None = None
        self.evaluation: Evaluation | None = None
        self.evaluating = ""
        """What is being evaluated now, in words; empty while the run trains."""

    def update(self, env_step: int, train_iter: int) -> None:
        """Note where the run is now; the first call says where this part of the run began."""
        now = self._clock()
        self.env_step, self.train_iter = env_step, train_iter
        if len(self._marks) < 2 or now - self._marks[-2][0] >= 1.0:
            self._marks.append((now, env_step, train_iter))
        else:
            self._marks[-1] = (now, env_step, train_iter)
        while now - self._marks[0][0] > self._eta_seconds and len(self._marks) > 2:
            self._marks.popleft()
        if not self._growth or env_step > self._growth[-1][1]:
            self._growth.append((now, env_step))
        while len(self._growth) > 2 and now - self._growth[1][0] > RATE_SECONDS:
            self._growth.popleft()

    @property
    def elapsed(self) -> float:
        """Seconds since the meter was made."""
        return self._clock() - self._start

    def env_steps_per_second(self) -> float | None:
        """Mean rate over about the last `RATE_SECONDS`, or over the last collection and the updates before it if they
        took longer; None while unknown."""
        if len(self._growth) < 2:
            return None
        (begun, before), (ended, after) = self._growth[0], self._growth[-1]
        passed = ended - begun
        if self.learning.is_running:
            passed += self._clock() - ended + self.learning.remaining_seconds()
        return (after - before) / passed if passed > 0 else None

    def share_done(self) -> float | None:
        """In [0, 1], of the limit that is nearer; None if there is none."""
        shares = [done / limit for done, limit, _ in self._axes() if limit]
        return min(1.0, max(shares)) if shares else None

    def remaining_seconds(self) -> float | None:
        """Until the first limit, None while unknown or beyond it."""
        wait = self.learning.remaining_seconds()
        past = self._eta_seconds
        rates = [(limit - done, self._rate(axis, past, wait)) for done, limit, axis in self._axes() if limit]
        times = [left / rate for left, rate in rates if rate and left > 0]
        return wait + min(times) if times else None

    def line(self) -> str:
        """Everything in one line of text."""
        return SEPARATOR.join(self._parts())

    def lines(self, width: int) -> str:
        """The same in as many lines as it takes, none of them wider unless one of its parts is."""
        rows: list[str] = []
        for part in self._parts():
            if rows and len(rows[-1]) + len(SEPARATOR) + len(part) <= width:
                rows[-1] += SEPARATOR + part
            else:
                rows.append(part)
        return "\n".join(rows)

    def _parts(self) -> list[str]:
        share, rate, remaining = self.share_done(), self.env_steps_per_second(), self.remaining_seconds()
        limits = self._limits
        parts = [
            "" if share is None else f"{share:6.1%}",
            f"elapsed {duration(self.elapsed)}" if remaining is None else f"ETA {duration(remaining)}",
            f"{amount(self.env_step, limits.env_steps)} env steps" + ("" if rate is None else f", {per_second(rate)}"),
            f"{amount(self.train_iter, limits.train_iters)} updates",
            self.learning.text(),
            "" if self.epsilon is None else f"epsilon {self.epsilon:.3f}",
            "" if self.evaluation is None else f"evaluation: {headline(self.evaluation)}",
            self.evaluating and f"evaluating {self.evaluating} ...",
        ]
        return [part for part in parts if part]

    @property
    def _eta_seconds(self) -> float:
        return max(ETA_SECONDS, ETA_UPDATES * self.learning.seconds)

    def _axes(self) -> tuple[tuple[int, int, int], ...]:
        return (
            (self.env_step, self._limits.env_steps, 1),
            (self.train_iter, self._limits.train_iters, 2),
        )

    def _rate(self, axis: int, seconds: float, wait: float = 0.0) -> float | None:
        """Over the last ``seconds``; within an update also over what has passed of it and the ``wait`` for its end."""
        if len(self._marks) < 2:
            return None
        last = self._marks[-1]
        first = next(mark for mark in self._marks if last[0] - mark[0] <= seconds or mark is self._marks[-2])
        passed = last[0] - first[0]
        if self.learning.is_running:
            passed += self._clock() - last[0] + wait
        return (last[axis] - first[axis]) / passed if passed > 0 else None


def headline(evaluation: Evaluation) -> str:
    """The one or two numbers of an evaluation that people look at, e.g. ``solved 0.41, return 12.3``."""
    metrics = evaluation.metrics
    parts = [f"{name} {metrics[f'{name}_mean']:.3f}" for name in HEADLINE_METRICS if f"{name}_mean" in metrics]
    mean_return = metrics.get("return_mean", metrics.get("eval_episode_return_mean"))
    if mean_return is not None:
        parts.append(f"return {mean_return:.2f}")
    return ", ".join(parts)


def amount(done: int, limit: int = 0) -> str:
    """``1,234`` or ``1.23M / 10M``."""

    def short(number: int) -> str:
        return f"{number:,}" if number < 1_000_000 else f"{number / 1e6:.4g}M"

    return f"{short(done)} / {short(limit)}" if limit else short(done)


def per_second(rate: float) -> str:
    """``1,234/s`` or ``0.25/s``."""
    return f"{rate:,.0f}/s" if rate >= 10 else f"{rate:.2g}/s"


def duration(seconds: float) -> str:
    """``1:02:03`` or ``2d 03:04``."""
    minutes, second = divmod(int(seconds), 60)
    hours, minute = divmod(minutes, 60)
    days, hour = divmod(hours, 24)
    return f"{days}d {hour:02}:{minute:02}" if days else f"{hour}:{minute:02}:{second:02}"
