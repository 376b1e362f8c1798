"""Masked PPO against the golden cases: advantages, mixes, distributions, losses, trajectories, ablations."""

import json

import numpy as np
import pytest
import torch

from ding_alma.model.actor_critic.action_tree import ActionTree, TreeCategorical
from ding_alma.model.actor_critic.categorical import MaskedCategorical
from ding_alma.rl.ppo import PpoConfig, normalised, ppo_loss
from ding_alma.rl.sample_reduction import largest, reduction_score
from ding_alma.rl.separation import SEPARATIONS
from ding_alma.rl.trajectories import mixed_reward, share_sum, shared_reward, trajectory_advantages
from ding_alma.rl.trajectory_examples import (
    ExampleConfig,
    MemberSteps,
    to_trajectories,
    trajectories_with,
    trajectory_examples,
)

TOLERANCE = 1e-9
SEPARATION_OF = {
    "separate": "full",
    "global_reward": "global_reward",
    "global_dones": "global_dones",
    "global_logp": "global_log_prob",
    "global_entropy": "global_entropy",
    "global_group": "none",
}
"""The golden variants' names to ours."""


@pytest.fixture
def case(golden_path):
    """The case's arrays as tensors, and its entry in the manifest."""
    manifest = json.loads((golden_path.parent / "manifest.json").read_text())
    with np.load(golden_path) as file:
        arrays = {key: torch.from_numpy(file[key]) for key in file.files}
    return arrays, manifest[golden_path.stem]


def assert_equals(ours, expected):
    torch.testing.assert_close(ours, torch.as_tensor(expected, dtype=ours.dtype), atol=TOLERANCE, rtol=TOLERANCE)


def with_last(x, last):
    return torch.cat([x, last.unsqueeze(0)])


def member_steps(arrays):
    """One member per trajectory, as in the golden rollouts."""
    return MemberSteps(
        own_reward=arrays["reward"],
        team_reward=arrays["reward"].sum(-1),
        value=with_last(arrays["value"], arrays["last_value"]),
        log_prob=arrays.get("logp_old", torch.zeros_like(arrays["value"])),
        active=with_last(arrays["active"], arrays["active_next"]),
        left=torch.zeros_like(arrays["done"]),
        episode_over=arrays["env_done"],
        valid=torch.ones_like(arrays["env_done"]),
    )


@pytest.mark.golden("mppo", "advantage")
def test_golden_mppo_advantages(case):
    arrays, setting = case
    ours = trajectory_advantages(
        arrays["reward"],
        with_last(arrays["value"], arrays["last_value"]),
        arrays["done"],
        arrays["active"],
        setting["gamma"],
        setting["lam"],
    )
    assert_equals(ours.advantage, arrays["advantage"])
    assert_equals(ours.returns, arrays["ret"])


@pytest.mark.golden("mppo", "rollout")
def test_golden_mppo_ends_of_trajectories_follow_from_who_is_there(case):
    """Fed with activity and ends of episodes alone, unless a slot changes hands without a step between."""
    arrays, setting = case
    continues = arrays["active"] & with_last(arrays["active"], arrays["active_next"])[1:]
    steps = member_steps(arrays)
    handed_over = continues & arrays["done"] & ~arrays["env_done"].unsqueeze(-1)
    config = ExampleConfig(setting["gamma"], setting["lam"])
    ours = trajectory_examples(MemberSteps(**{**vars(steps), "left": handed_over}), config)
    assert_equals(ours.advantage, arrays["advantage"])
    assert_equals(ours.returns, arrays["ret"])
    assert torch.equal(ours.active, arrays["active"])


@pytest.mark.golden("mppo", "mix")
def test_golden_mppo_reward_mixes(case):
    arrays, _ = case
    mixes = [key for key in arrays if key.startswith("mixed_")]
    assert mixes
    for key in mixes:
        _, aggregate, percent = key.split("_")
        shared = shared_reward(arrays["reward"], arrays["active"], aggregate)
        assert_equals(mixed_reward(arrays["reward"], shared, arrays["active"], int(percent) / 100), arrays[key])


@pytest.mark.golden("mppo", "masked_categorical")
def test_golden_mppo_masked_categorical(case):
    arrays, _ = case
    ours = MaskedCategorical(arrays["logits"], arrays["mask"])
    assert_equals(ours.probs(), arrays["prob"])
    assert (ours.probs()[~arrays["mask"]] == 0).all()
    assert_equals(ours.log_prob(arrays["action"]), arrays["log_prob"])
    assert_equals(ours.entropy(), arrays["entropy"])


@pytest.mark.golden("mppo", "loss")
def test_golden_mppo_losses(case):
    arrays, setting = case
    advantage = normalised(arrays["advantage"], arrays["active"], setting["adv_norm"] or "none")
    assert_equals(advantage, arrays["advantage_norm"])
    ours = ppo_loss(
        advantage,
        arrays["ret"],
        arrays["value_old"],
        arrays["value_new"],
        arrays["logp_old"],
        arrays["logp_new"],
        arrays["entropy"],
        arrays["active"],
        loss_config(setting, setting["clip_value"]),
    )
    assert_losses(ours, setting["expected"], arrays["active"])


def loss_config(setting, clip_value):
    return PpoConfig(setting["clip"], clip_value, setting["ent_coef"], setting["vf_coef"])


def assert_losses(ours, expected, active):
    assert int(active.sum()) == expected["n"]
    assert set(ours._fields) == expected.keys() - {"n"}
    for name, value in ours._asdict().items():
        assert_equals(value, expected[name])


@pytest.mark.golden("mppo", "composite")
def test_golden_mppo_two_stage_actions_and_sums_of_members(case):
    arrays, _ = case
    types, parameters = arrays["param_mask"].shape[-2:]
    paths = [(t, types + t * parameters + p) for t in range(types) for p in range(parameters)]
    logits = torch.cat([arrays["type_logits"], arrays["param_logits"].flatten(-2)], -1)
    alive, trajectory = arrays["alive"], arrays["group_id"]
    ours = TreeCategorical(ActionTree(paths).double(), logits, arrays["param_mask"].flatten(-2))
    action = arrays["type"] * parameters + arrays["param"]
    assert_equals(ours.log_prob(action)[alive], arrays["member_logp"][alive])
    assert_equals(ours.entropy(action)[alive], arrays["member_entropy"][alive])
    trajectories = arrays["group_active"].shape[-1]
    assert_equals(to_trajectories(ours.log_prob(action), alive, trajectory, trajectories), arrays["group_logp"])
    assert_equals(to_trajectories(ours.entropy(action), alive, trajectory, trajectories), arrays["group_entropy"])
    assert_equals(to_trajectories(arrays["member_value"], alive, trajectory, trajectories), arrays["group_value"])
    assert torch.equal(trajectories_with(alive, trajectory, trajectories), arrays["group_active"])


@pytest.mark.golden("mppo", "sample_reduction")
def test_golden_mppo_sample_reduction(case):
    arrays, _ = case
    kept = [key for key in arrays if key.startswith("keep_")]
    assert kept
    for key in kept:
        _, by, number = key.split("_")
        score = reduction_score({"adv": "advantage", "abs": "abs_advantage"}[by], arrays["advantage"], None)
        assert torch.equal(largest(score, arrays["active"], int(number)), arrays[key])


@pytest.mark.golden("mppo", "ablation")
def test_golden_mppo_ablations_end_to_end(case):
    arrays, setting = case
    assert setting["expected"].keys() == SEPARATION_OF.keys()
    for variant, expected in setting["expected"].items():
        separation = SEPARATIONS[SEPARATION_OF[variant]]
        config = ExampleConfig(setting["gamma"], setting["lam"], separation=separation)
        examples = trajectory_examples(member_steps(arrays), config)
        assert_equals(examples.advantage, arrays[f"adv_{variant}"])

        active = arrays["active"]
        new = {"value": arrays["value_new"], "log_prob": arrays["logp_new"], "entropy": arrays["entropy"]}
        if separation.joint:
            new = {key: torch.where(active, x, 0).sum(-1, keepdim=True) for key, x in new.items()}
        if separation.log_prob:
            new["log_prob"] = share_sum(new["log_prob"], active)
        if separation.entropy:
            new["entropy"] = share_sum(new["entropy"], active)
        rows = examples.rows(torch.arange(len(active)))
        rows = type(rows)(**{key: value.flatten(0, 1) for key, value in vars(rows).items()})
        ours = ppo_loss(
            normalised(rows.advantage, rows.active, setting["adv_norm"]),
            rows.returns,
            rows.value,
            new["value"].flatten(0, 1),
            rows.log_prob,
            new["log_prob"].flatten(0, 1),
            new["entropy"].flatten(0, 1),
            rows.active,
            loss_config(setting, setting.get("clip_value", True)),
        )
        assert_losses(ours, expected, rows.active)
