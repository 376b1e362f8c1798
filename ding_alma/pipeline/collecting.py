"""The learner's middleware that gives orders to collectors and takes what they bring."""

from typing import Any

from ding.framework import OnlineRLContext
from ding.policy import Policy
from ding.worker import BaseLearner

from ding_alma.pipeline.messages import COLLECTOR, Order, Ready, Request
from ding_alma.pipeline.scalars import log_scalars
from ding_alma.pipeline.server import Server
from ding_alma.pipeline.weights import host_copy


class OrderCollections:
    """Sends the present weights to every collector that waits.

    A collector has one order at a time and gets the next one when what it brought is learnt from, so that collectors
    never run ahead by more than one collection each.
    """

    def __init__(self, server: Server, policy: Policy, learner: BaseLearner) -> None:
        self._server, self._policy, self._learner = server, policy, learner
        self.waiting: list[Request] = []

    def __call__(self, ctx: OnlineRLContext) -> None:
        """Answer those that wait."""
        if self.waiting:
            self.give(ctx, self.waiting)
            self.waiting = []

    def give(self, ctx: OnlineRLContext, requests: list[Request]) -> None:
        """Answer these requests."""
        info = {**self._learner.learn_info, "envstep": ctx.env_step}
        order = Order(
            train_iter=self._learner.train_iter,
            env_step=ctx.env_step,
            weights=host_copy(self._policy.collect_mode.state_dict()),
            setting=self._policy.command_mode.get_setting_collect(info),
        )
        for request in requests:
            self._server.answer(request, order)


class ReceiveCollections:
    """Waits for collections and counts their steps.

    Args:
        at_once: collections to learn from together: one, or for on-policy learning that of every collector.
    """

    def __init__(self, server: Server, orders: OrderCollections, writer: Any, at_once: int) -> None:
        self._server, self._orders, self._writer, self._at_once = server, orders, writer, at_once

    def __call__(self, ctx: OnlineRLContext) -> None:
        """Put samples into ``ctx.trajectories`` and add to ``ctx.env_step``."""
        ctx.trajectories = []
        received = 0
        while received < self._at_once:
            request = self._server.wait(COLLECTOR)
            if isinstance(request.content, Ready):
                # It alone: one that has brought its part of the round waits for what comes out of it.
                self._orders.give(ctx, [request])
                continue
            self._orders.waiting.append(request)
            collection = request.content
            ctx.trajectories += [_dated(sample, ctx.env_step) for sample in collection.samples]
            ctx.env_step += collection.env_steps
            log_scalars(self._writer, collection.scalars)
            received += 1


def _dated(sample: Any, env_step: int) -> Any:
    """An episode whose steps are counted from ``env_step`` on: orders overlap, the count of steps must not."""
    return {**sample, "collected_at": env_step} if isinstance(sample, dict) and "collected_at" in sample else sample
