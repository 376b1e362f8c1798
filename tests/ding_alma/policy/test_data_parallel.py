"""Two processes that learn from half a batch each, against one that learns from all of it."""

import copy
import json
import multiprocessing
import socket
from dataclasses import fields, replace

import numpy as np
import pytest
import torch
import torch.distributed as dist
from ding.config import compile_config
from ding.policy import create_policy
from tiny_runs import collect, tiny_config

from ding_alma.pipeline.data_parallel import share, train_jointly
from ding_alma.replay.episode import table_of
from ding_alma.replay.store import TrainData
from ding_alma.replay.training_sequences import draw_sequences
from ding_alma.rl.allocation import AllocationDraws
from ding_alma.rl.decision_points import decision_points
from ding_alma.rl.mixed_q import MixedQDraws
from ding_alma.rl.ppo_update import minibatch_rows

EPISODES = 6
HALVES = (slice(0, 2), slice(2, EPISODES))
"""Unequal, so that the processes' counts of valid steps differ."""
UPDATES = 3
SECONDS = 300


def ranks(function, *args):
    """What ``function(rank, *args)`` returns in two processes joined by gloo; forked, to import nothing anew."""
    context = multiprocessing.get_context("fork")
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        address = f"tcp://127.0.0.1:{free.getsockname()[1]}"
    results = context.Queue()
    processes = [context.Process(target=_rank, args=(rank, address, results, function, args)) for rank in range(2)]
    for process in processes:
        process.start()
    try:
        found = dict(results.get(timeout=SECONDS) for _ in processes)
    finally:
        for process in processes:
            process.join(5)
            process.kill()
    errors = [result for result in found.values() if isinstance(result, str)]
    assert not errors, errors[0]
    return found[0], found[1]


def _rank(rank, address, results, function, args):
    torch.set_num_threads(1)
    try:
        dist.init_process_group("gloo", init_method=address, rank=rank, world_size=2)
        result = function(rank, *args)
    except Exception as error:
        result = f"rank {rank}: {error!r}"
    # As arrays: tensors would travel as file descriptors of a process that is about to end.
    results.put((rank, result))


def new_policy(main, create, multi_gpu=False):
    main = copy.deepcopy(main)
    main.policy.multi_gpu = multi_gpu
    cfg = compile_config(main, create_cfg=create, auto=True, save_cfg=False)
    return create_policy(cfg.policy, enable_field=["learn", "collect"])


def arrays(policy):
    return {name: value.numpy().copy() for name, value in policy._model.state_dict().items()}


def assert_same(got, expected, **tolerance):
    assert got.keys() == expected.keys()
    for name, value in expected.items():
        np.testing.assert_allclose(got[name], value, err_msg=name, **tolerance)


def rows_of(batch, rows):
    values = {field.name: getattr(batch, field.name) for field in fields(batch)}
    return replace(batch, **{name: value[rows] for name, value in values.items() if torch.is_tensor(value)})


def share_draws(monkeypatch, policy, joint):
    """Let every process draw what one process would draw for its part of the joint batch."""
    draw_mixed_q, draw_allocation = MixedQDraws.draw, AllocationDraws.draw
    count = [0]

    def generator():
        count[0] += 1
        return torch.Generator().manual_seed(count[0])

    def value_network(networks, batch, config, _):
        draws = draw_mixed_q(networks, joint, config, generator())
        rows = place(batch.collected_at, joint.collected_at)
        before, here = (int(joint.decision[part].sum()) for part in (slice(0, rows.start), rows))
        cut = {"groups": rows, "coach_noise": (slice(None), slice(before, before + here))}
        cut["target_coach_noise"] = cut["coach_noise"]
        values = {field.name: getattr(draws, field.name) for field in fields(draws)}
        return MixedQDraws(**{k: v[cut[k]] if k in cut and v is not None else v for k, v in values.items()})

    def allocation(_, allocator, points):
        every = decision_points(joint, policy._cfg.allocation.period, policy._cfg.allocation.max_points)
        draws = draw_allocation(generator(), allocator, every)
        proposals = copy.copy(draws.proposals)
        object.__setattr__(
            proposals, "uniforms", proposals.uniforms[:, place(points.collected_at, every.collected_at)].contiguous()
        )
        return AllocationDraws(draws.stored_permutation, proposals, draws.target_permutation)

    monkeypatch.setattr(MixedQDraws, "draw", value_network)
    monkeypatch.setattr(AllocationDraws, "draw", allocation)


def place(part, whole):
    """Where the numbers of a part, all different from the rest's, stand in the whole."""
    start = int((whole == part[0]).nonzero()[0])
    return slice(start, start + len(part))


@pytest.mark.parametrize(
    ("name", "changes"),
    [
        ("alma", {}),
        ("alma", {"learn": {"imagined_weight": 0.5}}),
        ("refil", {}),
        ("copa", {"learn": {"imagined_weight": 0.5}}),
    ],
)
def test_two_processes_learn_what_one_learns_from_the_joint_batch(name, changes, monkeypatch):
    main, create = tiny_config(name)
    main.policy.learn.update(changes.get("learn", {}))
    # Gradients that differ by float noise around zero would otherwise make RMSprop's first steps differ.
    main.policy.learn.rmsprop_eps = 1e-3
    torch.manual_seed(0)
    np.random.seed(0)
    alone = new_policy(main, create)
    episodes = [
        {**episode, "collected_at": 10 * number} for number, episode in enumerate(collect(alone, main, EPISODES))
    ]
    table = table_of(episodes)
    joint = table.batch(np.arange(EPISODES), draw_sequences(table.lengths + 1, 64, np.zeros(EPISODES)))
    state = copy.deepcopy(alone._state_dict_learn())
    share_draws(monkeypatch, alone, joint)

    def learn(rank):
        torch.manual_seed(rank)
        policy = new_policy(main, create, multi_gpu=True)
        start = arrays(policy)
        policy._load_state_dict_learn(copy.deepcopy(state))
        part = rows_of(joint, HALVES[rank])
        steps = []
        for _ in range(UPDATES):
            policy._update(TrainData(part, part, env_step=100))
            steps.append(arrays(policy))
        return start, steps

    (start0, steps0), (start1, steps1) = ranks(learn)
    assert_same(start0, start1, rtol=0, atol=0)
    for step0, step1 in zip(steps0, steps1, strict=True):
        assert_same(step0, step1, rtol=0, atol=0)
    before = arrays(alone)
    for step0 in steps0:
        alone._update(TrainData(joint, joint, env_step=100))
        assert_same(step0, arrays(alone), rtol=1e-4, atol=1e-6)
    moved = [name for name, value in arrays(alone).items() if not np.array_equal(value, before[name])]
    assert any("mean" in name for name in moved) and len(moved) > len(before) / 2


def test_masked_ppo_learns_in_two_processes_what_it_learns_in_one(monkeypatch):
    main, create = tiny_config("mppo", config="small/save_the_city_mppo")
    main.policy.ppo.update(epochs=3, minibatch_steps=1000, adam_eps=1e-3, normalisation="active")
    torch.manual_seed(0)
    alone = new_policy(main, create)
    episodes = collect(alone, main, EPISODES)
    state = copy.deepcopy(alone._state_dict_learn())

    def learn(rank):
        torch.manual_seed(rank)
        policy = new_policy(main, create, multi_gpu=True)
        policy._load_state_dict_learn(copy.deepcopy(state))
        policy._forward_learn(copy.deepcopy(episodes[HALVES[rank]]))
        return arrays(policy)

    one, other = ranks(learn)
    assert_same(one, other, rtol=0, atol=0)
    before = arrays(alone)
    alone._forward_learn(episodes)
    assert_same(one, arrays(alone), rtol=1e-4, atol=1e-6)
    assert any(not np.array_equal(value, before[name]) for name, value in one.items())


def test_the_serial_pipeline_runs_in_two_processes_and_counts_the_steps_of_both(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    main, create = tiny_config()
    # Compiles and imports here, once, what both processes would have to.
    collect(new_policy(main, create), main, episodes=1)

    def train(rank):
        return arrays(train_jointly(main, create, max_env_step=150))

    one, other = ranks(train)
    assert_same(one, other, rtol=0, atol=0)
    state = torch.load(tmp_path / "run" / "ckpt" / "ckpt_last.pth.tar", weights_only=True)
    # Two processes, two episodes each per collection: at most 48 steps, so the limit is passed by no more.
    assert 150 <= state["last_step"] < 150 + 48
    record = json.loads((tmp_path / "run" / "evaluations.json").read_text())
    assert record["evaluations"][0]["env_step"] == 0
    assert (tmp_path / "run" / "log" / "rank1" / "log" / "learner").is_dir()


def test_every_process_does_its_share():
    main, create = tiny_config()
    main.policy.learn.batch_size, main.policy.collect.n_episode = 32, 8
    part, _ = share(main, create, 4)
    assert (part.policy.learn.batch_size, part.policy.collect.n_episode) == (8, 2)
    assert not part.policy.other.replay_buffer.persist
    assert part.env.collector_env_num == part.policy.collect.env_num == 2
    create.policy.type = "coma"
    with pytest.raises(ValueError, match="does not average"):
        share(main, create, 2)


def test_minibatches_are_equally_many_though_processes_hold_different_numbers_of_rows():
    def cut(rank):
        return [len(rows) for rows in minibatch_rows(torch.arange(30 + 50 * rank), 25, 0, None)]

    one, other = ranks(cut)
    assert (one, other) == ([6] * 5, [16] * 5)


def test_processes_that_would_learn_apart_are_refused():
    main, create = tiny_config()

    def build(rank):
        try:
            new_policy(main, create)
        except ValueError as error:
            return str(error), 0
        return "", 1

    for message, _ in ranks(build):
        assert "policy.multi_gpu must be True" in message
