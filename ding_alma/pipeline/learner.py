"""The learner's process: the only one that writes the run's folder."""

import logging
import pickle
import time
from copy import deepcopy
from pathlib import Path
from typing import Any

import numpy as np
from ding.config import compile_config
from ding.framework import OnlineRLContext, task
from ding.policy import create_policy
from ding.utils import set_pkg_seed
from ding.worker import BaseLearner, create_buffer
from ding.worker.replay_buffer import IBuffer
from easydict import EasyDict
from tensorboardX import SummaryWriter

from ding_alma.monitor.log_guard import guard_logs
from ding_alma.pipeline.collecting import OrderCollections, ReceiveCollections
from ding_alma.pipeline.evaluating import OrderEvaluations
from ding_alma.pipeline.messages import Plan
from ding_alma.pipeline.server import FAREWELL_SECONDS, Server, WorkerFailed
from ding_alma.pipeline.transport import Transport
from ding_alma.run.faults import GuardedLearner
from ding_alma.run.job import Job
from ding_alma.run.progress_limits import tell_progress
from ding_alma.run.run_lock import acquire, release
from ding_alma.setting.registered import SUFFIX

HURRIED_SECONDS = 2.0
"""Time that workers get to say goodbye when the learner itself has failed."""


class Train:
    """Stores new samples, then updates as often per collection as the serial pipeline does."""

    def __init__(self, learner: BaseLearner, buffer: IBuffer, updates: int) -> None:
        self._learner, self._buffer, self._updates = learner, buffer, updates
        self._batch_size = learner.policy.get_attribute("batch_size")

    def __call__(self, ctx: OnlineRLContext) -> None:
        """Learn from ``ctx.trajectories`` and all that came before."""
        self._buffer.push(ctx.trajectories, cur_collector_envstep=ctx.env_step)
        for _ in range(self._updates):
            data = self._buffer.sample(self._batch_size, self._learner.train_iter)
            if data is None:
                break
            self._learner.train(data, ctx.env_step)
            if self._learner.policy.get_attribute("priority"):
                self._buffer.update(self._learner.priority_info)
        ctx.train_iter = self._learner.train_iter


def learn(transport: Transport, job: Job, collectors: int) -> None:
    """Train until a limit of the job or its stop value is reached.

    Args:
        collectors: how many there are; on-policy learning shares every round among them.

    Raises:
        ValueError: the config wants something that only the serial pipeline does.
        WorkerFailed: a worker has ended with an error or is silent. Checkpoints hold the state before it.
        RunError: a loss or gradient is not finite, or another process trains in the run's folder.
    """
    cfg = _compile(job)
    acquire(cfg.exp_name)
    set_pkg_seed(cfg.seed, use_cuda=cfg.policy.cuda)
    policy = create_policy(cfg.policy, enable_field=["learn", "command"])
    writer = SummaryWriter(f"./{cfg.exp_name}/log/serial")
    learner = BaseLearner(cfg.policy.learn.learner, policy.learn_mode, writer, exp_name=cfg.exp_name)
    GuardedLearner(learner)
    guard_logs(writer, learner.logger)
    buffer = create_buffer(cfg.policy.other.replay_buffer, tb_logger=writer, exp_name=cfg.exp_name)
    learner.call_hook("before_run")
    ctx = OnlineRLContext(train_iter=learner.train_iter)
    if cfg.policy.learn.resume_training:
        ctx.env_step = learner.collector_envstep

    server = Server(transport, Plan(job.main, job.create, cfg.seed, cfg.exp_name, collectors))
    orders = OrderCollections(server, policy, learner)
    is_on_policy = bool(cfg.policy.on_policy)
    receive = ReceiveCollections(server, orders, writer, at_once=collectors if is_on_policy else 1)
    evaluations = OrderEvaluations(
        server, policy, learner, writer, cfg.policy.eval.evaluator.eval_freq, Path(cfg.exp_name)
    )
    train = Train(learner, buffer, cfg.policy.learn.update_per_collect)
    # Off-policy, collectors act while the learner trains; on-policy they need what comes out of it.
    order_and_train = (train, orders) if is_on_policy else (orders, train)

    def check_limits(ctx: OnlineRLContext) -> None:
        reached_value = evaluations.result is not None and evaluations.result.reached_stop_value
        reached_steps = job.max_env_step is not None and ctx.env_step >= job.max_env_step
        reached_iters = job.max_train_iter is not None and ctx.train_iter >= job.max_train_iter
        task.finish = reached_value or reached_steps or reached_iters

    try:
        with task.start(ctx=ctx):
            for middleware in (evaluations, receive, *order_and_train, check_limits):
                task.use(middleware)
            task.run()
            evaluations.finish(task.ctx.env_step)
            learner.call_hook("after_run")
            _write_result(Path(cfg.exp_name), evaluations, task.ctx)
    except WorkerFailed as error:
        learner.save_checkpoint()
        logging.error(f"training stops, the last state is in {cfg.exp_name}/ckpt: {error}")
        raise
    finally:
        # Whatever ends the learner itself, an interrupt among others, should not be held up by its workers.
        server.dismiss(FAREWELL_SECONDS if task.finish else HURRIED_SECONDS)
        writer.close()
        release(cfg.exp_name)


def _compile(job: Job) -> EasyDict:
    create = deepcopy(job.create)
    create.policy.type += SUFFIX
    renew = not job.main.policy.learn.get("resume_training", False)
    cfg = compile_config(job.main, seed=job.seed, auto=True, create_cfg=create, save_cfg=True, renew_dir=renew)
    if "persist" in cfg.policy.other.replay_buffer:
        # Only the serial pipelines' checkpoints say which of the episodes on the disk belong to them.
        cfg.policy.other.replay_buffer.persist = False
    if job.max_env_step or job.max_train_iter:
        tell_progress(cfg, cfg, job.max_env_step or 0, job.max_train_iter or 0)
    if cfg.policy.get("random_collect_size", 0) > 0:
        raise ValueError("policy.random_collect_size must be 0 in the parallel pipeline; use ding -m serial")
    if cfg.policy.get("multi_gpu", False):
        raise ValueError("policy.multi_gpu must be False in the parallel pipeline; use torchrun, see docs/scale.md")
    return cfg


def _write_result(folder: Path, evaluations: OrderEvaluations, ctx: OnlineRLContext) -> None:
    """Leave DI-engine's summary of the run, as its serial pipelines do."""
    result: dict[str, Any] = {"env_step": ctx.env_step, "train_iter": ctx.train_iter, "finish_time": time.ctime()}
    if evaluations.result is not None:
        returns = evaluations.result.episodes["eval_episode_return"]
        result |= {
            "stop": evaluations.result.reached_stop_value,
            "eval_value": np.mean(returns),
            "eval_value_raw": returns,
        }
    with open(folder / "result.pkl", "wb") as file:
        pickle.dump(result, file)
