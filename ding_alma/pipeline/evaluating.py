"""The learner's middleware that has its weights evaluated while it goes on."""

import copy
import logging
import math
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
from ding.framework import OnlineRLContext
from ding.policy import Policy
from ding.worker import BaseLearner

from ding_alma.atomic_file import save_atomically
from ding_alma.monitor.evaluation import Evaluation, announce, mean_metrics
from ding_alma.pipeline.messages import EVALUATOR, Evaluated, Order, Ready, Request
from ding_alma.pipeline.scalars import log_scalars
from ding_alma.pipeline.server import Server
from ding_alma.pipeline.weights import host_copy
from ding_alma.run.checkpoint import BEST_CHECKPOINT


class OrderEvaluations:
    """Sends weights to the evaluator every ``eval_freq`` iterations, the first ones before any training.

    The learner does not wait: what is due while an evaluation goes on is evaluated after it. The full state at the time
    of the order becomes the best checkpoint if its evaluation is the best.
    """

    def __init__(
        self, server: Server, policy: Policy, learner: BaseLearner, writer: Any, eval_freq: int, folder: Path
    ) -> None:
        self._server, self._policy, self._learner, self._writer = server, policy, learner, writer
        self._eval_freq, self._folder = eval_freq, folder
        self._last_iter = -math.inf
        self._best = -math.inf
        self._idle: Request | None = None
        self._order: Order | None = None
        self._state: dict[str, Any] = {}
        self.result: Evaluated | None = None
        """The latest one."""

    def __call__(self, ctx: OnlineRLContext) -> None:
        """Take the result that has come, give the order that is due."""
        request = self._server.poll(EVALUATOR)
        if request is not None:
            self._take(request)
        if self._order is None and self._learner.train_iter - self._last_iter >= self._eval_freq:
            self._make_order(ctx.env_step)
        self._give_order()

    def finish(self, env_step: int) -> None:
        """Wait for the evaluation that is ordered, and for one of what the run ends with, if somebody evaluates."""
        self._wait()
        if self._order is None and self._learner.train_iter > self._last_iter:
            self._make_order(env_step)
            self._give_order()
            self._wait()

    def _make_order(self, env_step: int) -> None:
        train_iter = self._last_iter = self._learner.train_iter
        self._order = Order(train_iter, env_step, host_copy(self._policy.eval_mode.state_dict()))
        state = copy.deepcopy(self._policy.learn_mode.state_dict())
        self._state = {**state, "last_iter": train_iter, "last_step": env_step}

    def _wait(self) -> None:
        while self._order is not None:
            if self._idle is None and not self._server.has_joined(EVALUATOR):
                logging.warning("no evaluator has joined: the run has no evaluations; see docs/scale.md")
                return
            self._take(self._server.wait(EVALUATOR))
            self._give_order()

    def _take(self, request: Request) -> None:
        self._idle = request
        if isinstance(request.content, Ready):
            return
        result: Evaluated = request.content
        self.result = result
        log_scalars(self._writer, result.scalars)
        metrics = mean_metrics(result.episodes)
        announce(self._learner, Evaluation(result.order.env_step, result.order.train_iter, metrics))
        mean = float(np.mean(result.episodes["eval_episode_return"]))
        if mean > self._best:
            self._best = mean
            save_atomically(self._state, self._folder / "ckpt" / BEST_CHECKPOINT)
        self._order, self._state = None, {}

    def _give_order(self) -> None:
        if self._order is not None and self._idle is not None:
            self._server.answer(self._idle, self._order)
            self._idle = None


def without_weights(order: Order) -> Order:
    """An order as an evaluator sends it back: without the weights."""
    return replace(order, weights={})
