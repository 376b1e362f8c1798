"""Whole runs within one process: workers are threads, the transport loses messages."""

import json
import os
import signal
import threading

import numpy as np
import pytest
import torch
from easydict import EasyDict
from lossy_transport import LossyTransport
from tiny_runs import tiny_config

from ding_alma.pipeline import worker as worker_module
from ding_alma.pipeline.environment_variables import job_from_environment
from ding_alma.pipeline.learner import learn
from ding_alma.pipeline.messages import Collection, Order, Reply, Request
from ding_alma.pipeline.server import WorkerFailed
from ding_alma.pipeline.worker import share_round, work
from ding_alma.policy.value_policy import ValuePolicy
from ding_alma.replay.ring import JOURNAL_FOLDER
from ding_alma.rl.optimisation import NotFiniteError
from ding_alma.run.faults import FAILURE
from ding_alma.run.job import Job
from ding_alma.run.run_error import RunError
from ding_alma.run.run_lock import acquire, release
from dizoo_ext.save_the_city.vector import SaveTheCityVector


class Threads:
    """Workers that run until the learner stops them."""

    def __init__(self, transport, nodes):
        self.errors = []
        self._threads = [threading.Thread(target=self._run, args=(transport, node), daemon=True) for node in nodes]
        for thread in self._threads:
            thread.start()

    def _run(self, transport, node):
        try:
            work(transport, node)
        except Exception as error:
            self.errors.append(error)

    def are_gone(self):
        for thread in self._threads:
            thread.join(10)
        return not any(thread.is_alive() for thread in self._threads)


@pytest.fixture
def run_folder(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    torch.set_num_threads(1)
    return tmp_path / "run"


def begin_together(monkeypatch, collectors):
    """Let no collector deliver before all have an order, or the fastest could bring all that a short run needs."""
    meeting, met, make = threading.Barrier(collectors, timeout=60), set(), worker_module.collector

    def collector(plan, node, client):
        collect = make(plan, node, client)

        def collect_together(order):
            if node not in met:
                met.add(node)
                meeting.wait()
            return collect(order)

        return collect_together

    monkeypatch.setattr(worker_module, "collector", collector)


@pytest.mark.parametrize(
    ("limit", "shown"), [({"max_env_step": 60}, "/ 60 env steps"), ({"max_train_iter": 4}, "4 / 4 updates")]
)
def test_progress_is_a_share_of_what_the_job_asks_for(run_folder, capfd, limit, shown):
    main, create = tiny_config()
    main.policy.learn.learner = EasyDict(hook=dict(progress=dict(ext_args=dict(total_env_steps=10_000))))
    transport = LossyTransport()
    workers = Threads(transport, nodes=(1, 2))
    learn(transport, Job(main, create, **limit), collectors=1)
    assert workers.are_gone()
    assert shown in capfd.readouterr().out


def test_one_learner_two_collectors_and_an_evaluator_leave_the_folder_of_a_serial_run(run_folder, monkeypatch):
    begin_together(monkeypatch, collectors=2)
    main, create = tiny_config()
    transport = LossyTransport()
    workers = Threads(transport, nodes=(1, 2, 3))
    learn(transport, Job(main, create, max_train_iter=12), collectors=2)
    assert workers.are_gone()
    assert not workers.errors

    record = json.loads((run_folder / "evaluations.json").read_text())
    evaluated = {point["train_iter"]: point["env_step"] for point in record["evaluations"]}
    assert evaluated[0] == 0 and max(evaluated) == 12, "what the run ends with is evaluated"
    assert "solved_mean" in record["evaluations"][0]["metrics"]
    state = torch.load(run_folder / "ckpt" / "ckpt_last.pth.tar", weights_only=True)
    assert state["last_iter"] == 12
    best = torch.load(run_folder / "ckpt" / "ckpt_best.pth.tar", weights_only=True)
    assert best["last_iter"] in evaluated
    assert best["last_step"] == evaluated[best["last_iter"]]
    assert (run_folder / "result.pkl").is_file()
    assert not (run_folder / JOURNAL_FOLDER).exists(), "nobody would ever thin it out"

    # Two updates per collection of four episodes of at most 12 steps, as the serial pipeline trains.
    used = {(m.node, m.session, m.number): m.content for m in transport.sent if is_collection(m)}
    assert {node for node, _, _ in used} == {2, 3}
    assert 6 <= len(used) <= 8, "a collector never brings more than it was asked for"
    assert all(len(collection.samples) == 4 for collection in used.values())

    first = [m.content.samples[0]["entities"][0] for m in transport.sent if is_collection(m) and m.number == 2]
    assert any(not torch.equal(first[0], other) for other in first), "collectors have seeds of their own"
    orders = [
        m.content for m in transport.sent if isinstance(m, Reply) and isinstance(m.content, Order) and m.content.setting
    ]
    newest = max(orders, key=lambda order: order.train_iter)
    assert newest.train_iter > 0
    assert newest.setting["env_step"] == newest.env_step
    old, new = orders[0].weights["model"], newest.weights["model"]
    assert any(not torch.equal(new[key], old[key]) for key in old)


def is_collection(message):
    return isinstance(message, Request) and isinstance(message.content, Collection)


def test_on_policy_rounds_are_shared_and_learnt_from_once(run_folder):
    main, create = tiny_config("mppo", config="small/save_the_city_mppo")
    main.policy.ppo.update(epochs=1, minibatch_steps=64)
    transport = LossyTransport()
    workers = Threads(transport, nodes=(1, 2, 3))
    learn(transport, Job(main, create, max_train_iter=3), collectors=2)
    assert workers.are_gone()
    assert not workers.errors
    used = {(m.node, m.number): m.content for m in transport.sent if is_collection(m)}
    assert all(len(collection.samples) == 2 for collection in used.values())
    for number in {number for _, number in used}:
        versions = {e["version"] for key, c in used.items() if key[1] == number for e in c.samples}
        assert len(versions) == 1, "all of a round are played by the same networks"


def test_an_error_in_a_collector_stops_the_run_with_its_name_and_a_checkpoint(run_folder, monkeypatch):
    def broken(plan, node, client):
        def collect(order):
            raise ZeroDivisionError("the game is broken")

        return collect

    monkeypatch.setattr(worker_module, "collector", broken)
    main, create = tiny_config()
    transport = LossyTransport()
    workers = Threads(transport, nodes=(1, 2))
    with pytest.raises(WorkerFailed, match=r"collector at node 2(.|\n)*the game is broken"):
        learn(transport, Job(main, create, max_train_iter=8), collectors=1)
    assert workers.are_gone()
    assert (run_folder / "ckpt" / "ckpt_last.pth.tar").is_file()


def test_an_error_in_the_learner_ends_the_workers(run_folder, monkeypatch):
    main, create = tiny_config()
    transport = LossyTransport()
    workers = Threads(transport, nodes=(1, 2))
    monkeypatch.setattr("ding_alma.pipeline.learner.Train.__call__", lambda self, ctx: 1 / 0)
    with pytest.raises(ZeroDivisionError):
        learn(transport, Job(main, create, max_train_iter=8), collectors=1)
    assert workers.are_gone()
    assert not workers.errors


def test_a_loss_that_is_not_finite_keeps_the_batch_and_ends_the_workers(run_folder, monkeypatch):
    monkeypatch.setattr(ValuePolicy, "_forward_learn", not_finite)
    main, create = tiny_config("refil")
    transport = LossyTransport()
    workers = Threads(transport, nodes=(1, 2))
    with pytest.raises(RunError, match="not finite: nan, in iteration 0; every tensor of batch and weights is finite"):
        learn(transport, Job(main, create, max_train_iter=8), collectors=1)
    assert workers.are_gone()
    assert torch.load(run_folder / FAILURE, weights_only=True)["batch"]
    acquire(run_folder)
    release(run_folder)


def not_finite(self, data):
    raise NotFiniteError("not finite: nan")


def test_a_collector_whose_environment_s_process_dies_names_it(run_folder, monkeypatch):
    monkeypatch.setattr(SaveTheCityVector, "step", lambda self, actions, ids=None: os.kill(os.getpid(), signal.SIGKILL))
    main, create = tiny_config(manager="subprocess")
    transport = LossyTransport()
    workers = Threads(transport, nodes=(2,))
    with pytest.raises(WorkerFailed, match=r"collector at node 2(.|\n)*collector2: the processes of .* -9"):
        learn(transport, Job(main, create, max_train_iter=8), collectors=1)
    assert workers.are_gone()


def test_shares_of_an_on_policy_round_add_up():
    shares = []
    for number in range(3):
        cfg = EasyDict(env=dict(collector_env_num=8), policy=dict(collect=dict(env_num=8, n_episode=16)))
        share_round(cfg, number, collectors=3)
        assert cfg.policy.collect.env_num == cfg.env.collector_env_num <= cfg.policy.collect.n_episode
        shares.append((cfg.env.collector_env_num, cfg.policy.collect.n_episode))
    assert np.sum(shares, axis=0).tolist() == [8, 16]
    with pytest.raises(ValueError, match="DING_ALMA_COLLECTORS"):
        share_round(cfg, 3, collectors=3)
    with pytest.raises(ValueError, match="start fewer"):
        share_round(cfg, 0, collectors=9)


def test_the_environment_describes_the_job(tmp_path):
    config = tmp_path / "config.py"
    config.write_text("main_config = dict(exp_name='x')\ncreate_config = dict()\n")
    job = job_from_environment({"DING_ALMA_CONFIG": str(config), "DING_ALMA_ENV_STEP": "4e5", "DING_ALMA_SEED": "7"})
    assert (job.main["exp_name"], job.max_env_step, job.seed, job.collectors) == ("x", 400_000, 7, None)
    with pytest.raises(ValueError, match="DING_ALMA_CONFIG"):
        job_from_environment({})
    with pytest.raises(ValueError, match="DING_ALMA_ENV_STEP"):
        job_from_environment({"DING_ALMA_CONFIG": str(config), "DING_ALMA_ENV_STEP": "many"})


def test_what_only_the_serial_pipeline_does_is_refused(run_folder):
    main, create = tiny_config()
    main.policy.multi_gpu = True
    with pytest.raises(ValueError, match="torchrun"):
        learn(LossyTransport(), Job(main, create), collectors=1)
