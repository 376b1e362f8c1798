"""A worker's process: set up what the learner planned, carry out its orders until it says stop."""

import contextlib
import logging
import os
import traceback
from collections.abc import Callable
from copy import deepcopy
from functools import partial
from typing import Any

import torch
from ding.config import compile_config
from ding.envs import create_env_manager, get_vec_env_setting
from ding.policy import create_policy
from ding.utils import set_pkg_seed
from ding.worker import create_serial_collector, create_serial_evaluator
from easydict import EasyDict

from ding_alma.pipeline.client import Client, Dismissed
from ding_alma.pipeline.environment_variables import SEED_STRIDE
from ding_alma.pipeline.evaluating import without_weights
from ding_alma.pipeline.messages import COLLECTOR, EVALUATOR, Collection, Evaluated, Order, Plan, Ready, Stop, role_of
from ding_alma.pipeline.scalars import ScalarBag
from ding_alma.pipeline.transport import Transport
from ding_alma.run.environment_guard import GuardedEnvironments

FIRST_COLLECTOR = 2

Work = Callable[[Order], Collection | Evaluated]


def work(transport: Transport, node: int) -> None:
    """Serve the learner until the run is over.

    Raises:
        LearnerLost: the learner is silent.
        ValueError: there are more collectors than the learner was told of or can use.
    """
    if "OMP_NUM_THREADS" not in os.environ:
        # Small networks: further threads only take the cores of other workers.
        torch.set_num_threads(1)
    client = Client(transport, node)
    plan = client.join()
    if isinstance(plan, Stop):
        return
    try:
        with contextlib.suppress(Dismissed):
            set_up = evaluator if role_of(node) == EVALUATOR else collector
            _serve(client, set_up(plan, node, client))
    except BaseException:
        # Also if the learner seems lost: one that was only slow would wait for ever for a worker that still beats.
        client.fail(traceback.format_exc())
        raise
    client.leave()


def _serve(client: Client, carry_out: Work) -> None:
    # The terminal is the learner's; a worker's own log file stays complete.
    for handler in logging.getLogger().handlers:
        handler.setLevel(logging.WARNING)
    order = client.ask(Ready())
    while not isinstance(order, Stop):
        order = client.ask(carry_out(order))


def collector(plan: Plan, node: int, client: Client) -> Work:
    """Set up a collector: DI-engine's own, on environments and exploration with seeds of their own."""
    number = node - FIRST_COLLECTOR
    cfg = _compile(plan, plan.seed + SEED_STRIDE * number)
    if cfg.policy.on_policy:
        share_round(cfg, number, plan.collectors)
    name = f"{COLLECTOR}{node}"
    policy, bag = _policy(cfg, "collect"), ScalarBag(name, COLLECTOR)
    worker = create_serial_collector(
        cfg.policy.collect.collector,
        env=_environments(cfg, for_evaluation=False),
        policy=_interruptible(policy.collect_mode, client),
        tb_logger=bag,
        exp_name=cfg.exp_name,
        instance_name=name,
    )
    GuardedEnvironments(worker, "collect")

    def collect(order: Order) -> Collection:
        policy.collect_mode.load_state_dict(order.weights)
        worker.envstep = order.env_step
        samples = worker.collect(train_iter=order.train_iter, policy_kwargs=order.setting)
        return Collection(samples, worker.envstep - order.env_step, bag.take())

    return collect


def evaluator(plan: Plan, node: int, client: Client) -> Work:
    """Set up an evaluator: DI-engine's own, on the episodes that a serial run evaluates."""
    cfg = _compile(plan, plan.seed)
    policy, bag = _policy(cfg, "eval"), ScalarBag(EVALUATOR, EVALUATOR)
    worker = create_serial_evaluator(
        cfg.policy.eval.evaluator,
        env=_environments(cfg, for_evaluation=True),
        policy=_interruptible(policy.eval_mode, client),
        tb_logger=bag,
        exp_name=cfg.exp_name,
        instance_name=EVALUATOR,
    )
    GuardedEnvironments(worker, "eval")

    def evaluate(order: Order) -> Evaluated:
        policy.eval_mode.load_state_dict(order.weights)
        stop, episodes = worker.eval(train_iter=order.train_iter, envstep=order.env_step)
        return Evaluated(without_weights(order), episodes, bool(stop), bag.take())

    return evaluate


def share_round(cfg: EasyDict, number: int, collectors: int) -> None:
    """Cut a config's episodes of one on-policy round down to the share of one of the collectors.

    Raises:
        ValueError: there are more collectors than planned, or than environments to share.
    """
    if number >= collectors:
        raise ValueError(
            f"collector {number + 1} of {collectors}: on-policy learning shares every round among the collectors, "
            "whose number the learner must know (DING_ALMA_COLLECTORS)"
        )
    if collectors > cfg.env.collector_env_num:
        raise ValueError(
            f"{collectors} collectors cannot share env.collector_env_num = {cfg.env.collector_env_num} environments; "
            "start fewer"
        )
    environments = _share(cfg.env.collector_env_num, number, collectors)
    cfg.env.collector_env_num = cfg.policy.collect.env_num = environments
    cfg.policy.collect.n_episode = _share(cfg.policy.collect.n_episode, number, collectors)


def _share(total: int, number: int, collectors: int) -> int:
    return len(range(number, total, collectors))


def _compile(plan: Plan, seed: int) -> EasyDict:
    main = deepcopy(plan.main)
    main.exp_name = plan.exp_name
    main.policy.cuda = False
    return compile_config(main, seed=seed, auto=True, create_cfg=plan.create, save_cfg=False)


def _policy(cfg: EasyDict, field: str) -> Any:
    set_pkg_seed(cfg.seed, use_cuda=False)
    return create_policy(cfg.policy, enable_field=[field])


def _environments(cfg: EasyDict, for_evaluation: bool) -> Any:
    env_class, collector_cfgs, evaluator_cfgs = get_vec_env_setting(cfg.env, collect=True, eval_=True)
    each = evaluator_cfgs if for_evaluation else collector_cfgs
    manager = create_env_manager(cfg.env.manager, [partial(env_class, cfg=one) for one in each])
    manager.seed(cfg.seed, dynamic_seed=not for_evaluation)
    return manager


def _interruptible(mode: Any, client: Client) -> Any:
    """A policy's mode that raises `Dismissed` once the run is over, so that no episode need be finished."""

    def forward(*args: Any, **kwargs: Any) -> Any:
        client.check_dismissed()
        return mode.forward(*args, **kwargs)

    return mode._replace(forward=forward)
