"""What separated trajectories promise: they and empty slots leave each other alone; a single one is ordinary PPO."""

from dataclasses import fields, replace

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import nn

from ding_alma.model.actor_critic.categorical import MaskedCategorical
from ding_alma.model.actor_critic.interface import MemberActorCritic
from ding_alma.rl.ppo import NORMALISATIONS, PpoConfig, normalised
from ding_alma.rl.ppo_update import PpoRows, minibatch_backward, minibatch_rows
from ding_alma.rl.separation import SEPARATIONS
from ding_alma.rl.trajectories import explained_variance
from ding_alma.rl.trajectory_examples import ExampleConfig, MemberSteps, TrajectoryExamples, trajectory_examples

FEATURES, ACTIONS = 4, 5
CONFIG = ExampleConfig(discount=0.9, trace=0.8)
FULL = SEPARATIONS["full"]
seeds = st.integers(0, 2**32 - 1)


class EachItself(MemberActorCritic):
    """Members judged by their own features alone."""

    def __init__(self):
        super().__init__()
        self.policy = nn.Linear(FEATURES, ACTIONS).double()
        self.value = nn.Linear(FEATURES, 1).double()

    def act(self, observation, active):
        return MaskedCategorical(self.policy(observation["features"]), observation["action_mask"])

    def evaluate(self, observation, active):
        return self.value(observation["features"]).squeeze(-1)


@pytest.fixture
def network():
    torch.manual_seed(0)
    return EachItself()


def random_steps(seed, steps=7, rows=2, members=4, p_active=0.6):
    g = torch.Generator().manual_seed(seed)

    def normal(*shape):
        return torch.randn(*shape, generator=g, dtype=torch.float64)

    def flip(p, *shape):
        return torch.rand(*shape, generator=g) < p

    return MemberSteps(
        own_reward=normal(steps, rows, members),
        team_reward=normal(steps, rows),
        value=normal(steps + 1, rows, members),
        log_prob=-normal(steps, rows, members).abs(),
        active=flip(p_active, steps + 1, rows, members),
        left=flip(0.1, steps, rows, members),
        episode_over=flip(0.15, steps, rows),
        valid=flip(0.95, steps, rows),
    )


def random_rows(seed, examples):
    """Observations and actions for every step of ``examples`` (T, N, G), flattened; one member per trajectory."""
    g = torch.Generator().manual_seed(seed + 1)
    shape = examples.active.flatten(0, 1).shape
    mask = torch.rand(*shape, ACTIONS, generator=g) < 0.6
    mask[..., 0] = True
    return PpoRows(
        observed={
            "features": torch.randn(*shape, FEATURES, generator=g, dtype=torch.float64),
            "action_mask": mask,
        },
        acting=examples.active.flatten(0, 1),
        action=(torch.rand(mask.shape, generator=g) * mask).argmax(-1),
        trajectory=None,
        examples=flat(examples),
    )


def flat(examples):
    return TrajectoryExamples(**{f.name: getattr(examples, f.name).flatten(0, 1) for f in fields(examples)})


def slots(x, index):
    """Some members' slots of anything whose arrays end in members."""
    if isinstance(x, MemberSteps):
        of_team = {"team_reward", "episode_over", "valid", "trajectory"}
        return replace(x, **{f.name: getattr(x, f.name)[..., index] for f in fields(x) if f.name not in of_team})
    return PpoRows(
        {key: value[:, index] for key, value in x.observed.items()},
        x.acting[:, index],
        x.action[:, index],
        None,
        x.examples.rows((slice(None), index)),
    )


def loss_and_gradient(network, rows, normalisation="active", separation=FULL):
    network.zero_grad()
    loss = minibatch_backward(network, rows, separation, normalisation, PpoConfig())
    gradient = torch.cat([p.grad.flatten().clone() for p in network.parameters()])
    return torch.stack(loss), gradient


def close(left, right):
    torch.testing.assert_close(left, right, atol=1e-12, rtol=1e-12)


@settings(max_examples=25, deadline=None)
@given(seed=seeds)
def test_two_trajectories_in_one_batch_are_two_single_runs(seed):
    torch.manual_seed(0)
    network = EachItself()
    both = random_steps(seed, members=2)
    examples = trajectory_examples(both, CONFIG)
    rows = random_rows(seed, examples)
    parts = []
    for slot in ([0], [1]):
        alone = trajectory_examples(slots(both, slot), CONFIG)
        for f in fields(alone):
            assert torch.equal(getattr(alone, f.name), getattr(examples, f.name)[..., slot]), f.name
        single = replace(slots(rows, slot), examples=flat(alone))
        parts.append((*loss_and_gradient(network, single, "none"), single.acting.sum()))
    loss, gradient = loss_and_gradient(network, rows, "none")
    count = sum(n for *_, n in parts).clamp_min(1)
    # The batch's mean is that of all entries: the single runs' means weighted by their lengths.
    close(loss, sum(part * n for part, _, n in parts) / count)
    close(gradient, sum(part * n for _, part, n in parts) / count)


@settings(max_examples=25, deadline=None)
@given(seed=seeds, normalisation=st.sampled_from(["active", "none"]), separation=st.sampled_from(sorted(SEPARATIONS)))
def test_inactive_slots_and_their_order_change_nothing(seed, normalisation, separation):
    torch.manual_seed(0)
    network = EachItself()
    separation = SEPARATIONS[separation]
    config = replace(CONFIG, separation=separation, own_weight=0.7)
    steps = random_steps(seed, members=3)
    order = torch.randperm(6, generator=torch.Generator().manual_seed(seed))

    def widened(x, filling):
        return torch.cat([x, torch.full((*x.shape[:-1], 3), filling, dtype=x.dtype)], -1)[..., order]

    garbage = {"own_reward": torch.nan, "value": torch.inf, "log_prob": torch.nan, "active": False, "left": True}
    wide_steps = replace(steps, **{name: widened(getattr(steps, name), filling) for name, filling in garbage.items()})
    examples, wide_examples = trajectory_examples(steps, config), trajectory_examples(wide_steps, config)
    narrow = random_rows(seed, trajectory_examples(steps, CONFIG))
    wide = random_rows(seed + 5, trajectory_examples(wide_steps, CONFIG))
    where = order.argsort()[:3]
    for key, value in wide.observed.items():
        value[:, where] = narrow.observed[key]
    wide.action[:, where] = narrow.action
    narrow, wide = replace(narrow, examples=flat(examples)), replace(wide, examples=flat(wide_examples))

    for left, right in zip(
        loss_and_gradient(network, narrow, normalisation, separation),
        loss_and_gradient(network, wide, normalisation, separation),
        strict=True,
    ):
        close(left, right)
    statistics = [explained_variance(e.value, e.returns, e.active) for e in (examples, wide_examples)]
    close(*statistics)
    if not separation.joint:
        close(
            normalised(narrow.examples.advantage, narrow.examples.active, "active"),
            normalised(wide.examples.advantage, wide.examples.active, "active")[:, where],
        )


def plain_ppo(network, steps, rows, config, ppo):
    """Ordinary masked PPO of one agent per row, in loops, as a textbook has it."""
    advantages, returns = [], []
    for n in range(steps.own_reward.shape[1]):
        running, column = 0.0, []
        for t in reversed(range(len(steps.own_reward))):
            on = 0.0 if steps.episode_over[t, n] else 1.0
            delta = steps.own_reward[t, n, 0] + config.discount * steps.value[t + 1, n, 0] * on - steps.value[t, n, 0]
            running = delta + config.discount * config.trace * on * running
            column.insert(0, running)
        advantages.append(torch.stack(column))
        returns.append(advantages[-1] + steps.value[:-1, n, 0])
    advantage, target = torch.stack(advantages, 1).flatten(), torch.stack(returns, 1).flatten()
    advantage = (advantage - advantage.mean()) / (advantage.std() + 1e-8)
    features, mask = rows.observed["features"][:, 0], rows.observed["action_mask"][:, 0]
    logits = torch.where(mask, network.policy(features), torch.tensor(-1e10, dtype=torch.float64))
    distribution = torch.distributions.Categorical(logits=logits)
    log_prob = distribution.log_prob(rows.action[:, 0])
    old_value, old_log_prob = steps.value[:-1].flatten(), steps.log_prob.flatten()
    value = network.value(features)[:, 0]
    ratio = (log_prob - old_log_prob).exp()
    policy = -torch.min(advantage * ratio, advantage * ratio.clamp(1 - ppo.clip, 1 + ppo.clip)).mean()
    clipped = old_value + (value - old_value).clamp(-ppo.clip, ppo.clip)
    value_loss = 0.5 * torch.max((value - target) ** 2, (clipped - target) ** 2).mean()
    legal = torch.where(mask, distribution.logits, torch.tensor(0.0, dtype=torch.float64))
    entropy = -(distribution.probs * legal).sum(-1).mean()
    return policy - ppo.entropy_weight * entropy + ppo.value_weight * value_loss


@pytest.mark.parametrize("separation", sorted(SEPARATIONS))
def test_one_group_is_ordinary_masked_ppo(network, separation):
    """Under every separation: with one trajectory there is nothing to share."""
    steps = random_steps(3, steps=30, members=1, p_active=1.1)
    steps = replace(
        steps, left=torch.zeros_like(steps.left), valid=torch.ones_like(steps.valid), active=steps.active | True
    )
    config = replace(CONFIG, separation=SEPARATIONS[separation], shared="mean", own_weight=0.3)
    rows = random_rows(3, trajectory_examples(steps, config))
    loss, gradient = loss_and_gradient(network, rows, "active", SEPARATIONS[separation])
    expected = plain_ppo(network, steps, rows, config, PpoConfig())
    close(loss[0], expected.detach())
    network.zero_grad()
    expected.backward()
    close(gradient, torch.cat([p.grad.flatten() for p in network.parameters()]))


def test_a_joint_group_is_ordinary_ppo_over_the_joint_action(network):
    joint = replace(CONFIG, separation=SEPARATIONS["none"], shared="team")
    steps = random_steps(4, members=3, p_active=1.1)
    one = replace(
        steps,
        own_reward=steps.team_reward.unsqueeze(-1),
        value=steps.value.sum(-1, keepdim=True),
        log_prob=steps.log_prob.sum(-1, keepdim=True),
        active=steps.active[..., :1],
        left=torch.zeros_like(steps.left[..., :1]),
    )
    ours, plain = trajectory_examples(steps, joint), trajectory_examples(one, CONFIG)
    for f in fields(ours):
        torch.testing.assert_close(getattr(ours, f.name), getattr(plain, f.name), msg=f.name)


def test_a_step_without_anybody_changes_nothing(network):
    examples = trajectory_examples(random_steps(5), CONFIG)
    rows = random_rows(5, examples)
    empty = PpoRows(
        {key: value[:3] for key, value in rows.observed.items()},
        torch.zeros_like(rows.acting[:3]),
        rows.action[:3],
        None,
        replace(
            rows.examples.rows(torch.arange(3)),
            active=torch.zeros_like(rows.acting[:3]),
            advantage=torch.full_like(rows.examples.advantage[:3], torch.nan),
        ),
    )
    for normalisation in NORMALISATIONS:
        loss, gradient = loss_and_gradient(network, empty, normalisation)
        assert (loss == 0).all() and (gradient == 0).all()
    longer = PpoRows(
        {key: torch.cat([value, empty.observed[key]]) for key, value in rows.observed.items()},
        torch.cat([rows.acting, empty.acting]),
        torch.cat([rows.action, empty.action]),
        None,
        TrajectoryExamples(
            **{key: torch.cat([value, vars(empty.examples)[key]]) for key, value in vars(rows.examples).items()}
        ),
    )
    for left, right in zip(loss_and_gradient(network, rows), loss_and_gradient(network, longer), strict=True):
        close(left, right)


def test_a_slot_that_changes_hands_parts_the_trajectories():
    """The newborn may come at once, or after a gap; its values never reach the dead one."""
    steps = random_steps(6, steps=8, rows=1, members=1, p_active=1.1)
    steps = replace(
        steps,
        left=torch.zeros_like(steps.left),
        episode_over=torch.zeros_like(steps.episode_over),
        valid=torch.ones_like(steps.valid),
    )
    at_once = replace(steps, left=steps.left.index_fill(0, torch.tensor(3), True))
    apart = replace(steps, active=steps.active.index_fill(0, torch.tensor(3), False))
    for parted, last in ((at_once, 3), (apart, 2)):
        changed = replace(parted, value=parted.value.index_fill(0, torch.arange(last + 1, 9), 100.0))
        before = [trajectory_examples(each, CONFIG).advantage[: last + 1] for each in (parted, changed)]
        assert torch.equal(*before) and (before[0] != 0).any()
    assert not torch.equal(
        trajectory_examples(steps, CONFIG).advantage[:4], trajectory_examples(at_once, CONFIG).advantage[:4]
    )


@settings(max_examples=25, deadline=None)
@given(seed=seeds, separation=st.sampled_from(sorted(SEPARATIONS)))
def test_episodes_in_a_row_are_episodes_side_by_side(seed, separation):
    config = replace(CONFIG, separation=SEPARATIONS[separation])
    first, second = random_steps(seed, steps=4, rows=1), random_steps(seed + 1, steps=6, rows=1)
    first = replace(first, episode_over=first.episode_over.index_fill(0, torch.tensor(3), True))
    held = {"value", "active"}
    row = MemberSteps(
        **{
            f.name: torch.cat([getattr(first, f.name)[: -1 if f.name in held else None], getattr(second, f.name)])
            for f in fields(first)
            if f.name != "trajectory"
        }
    )
    together = trajectory_examples(row, config)
    for f in fields(together):
        apart = torch.cat([getattr(trajectory_examples(part, config), f.name) for part in (first, second)])
        assert torch.equal(getattr(together, f.name), apart), f.name


@settings(max_examples=25, deadline=None)
@given(seed=seeds)
def test_groups_of_the_environment_are_sums_of_their_members(seed):
    """Two members always in one trajectory make the trajectory of one member who is worth both."""
    steps = random_steps(seed, members=3)
    merged = {
        name: torch.stack([value[..., 0] + value[..., 1], value[..., 2]], -1)
        for name in ("own_reward", "value", "log_prob")
        for value in [torch.where(steps.active[: len(getattr(steps, name))], getattr(steps, name), 0)]
    }
    active = steps.active
    stays = active[1:] & ~steps.left
    pair = replace(
        steps,
        **merged,
        active=torch.stack([active[..., 0] | active[..., 1], active[..., 2]], -1),
        left=~torch.stack([stays[..., 0] | stays[..., 1], stays[..., 2]], -1),
    )
    trajectory = torch.tensor([0, 0, 1]).expand_as(active)
    ours, expected = (
        trajectory_examples(replace(steps, trajectory=trajectory), CONFIG),
        trajectory_examples(pair, CONFIG),
    )
    for f in fields(ours):
        close(getattr(ours, f.name)[..., :2], getattr(expected, f.name))
        assert not getattr(ours, f.name)[..., 2].any()


def test_minibatches_are_a_partition_of_nearly_equal_parts():
    rows = torch.arange(100, 203)
    parts = minibatch_rows(rows, 32, 0, torch.Generator().manual_seed(0))
    assert sorted(torch.cat(parts).tolist()) == rows.tolist()
    assert sorted(map(len, parts)) == [25, 26, 26, 26]
    assert not torch.equal(torch.cat(parts), rows)
    assert len(minibatch_rows(rows, 32, 1, None)) == 1
    assert minibatch_rows(rows[:0], 32, 0, None) == []


def test_what_stands_in_padding_reaches_no_trajectory():
    """An episode that was cut short goes on in its closing value, which lies where a longer episode still plays."""
    long, short = (random_steps(seed, steps=steps, rows=1) for seed, steps in ((7, 9), (8, 4)))
    short = replace(short, valid=torch.ones_like(short.valid), episode_over=torch.zeros_like(short.episode_over))
    stays = torch.ones_like(short.active)
    short = replace(short, active=stays, left=torch.zeros_like(short.left))

    def side_by_side(name):
        left, right = getattr(long, name), getattr(short, name)
        # Whatever padding holds: only ``valid`` tells that nobody plays there.
        filling = name != "valid" if right.dtype == torch.bool else 1e6
        padding = torch.full((len(left) - len(right), *right.shape[1:]), filling, dtype=right.dtype)
        return torch.cat([left, torch.cat([right, padding])], 1)

    names = [f.name for f in fields(long) if f.name != "trajectory"]
    both = trajectory_examples(MemberSteps(**{name: side_by_side(name) for name in names}), CONFIG)
    for steps, row in ((long, 0), (short, 1)):
        alone = trajectory_examples(steps, CONFIG)
        for f in fields(alone):
            assert torch.equal(getattr(both, f.name)[: len(steps.valid), row], getattr(alone, f.name)[:, 0]), f.name
    assert not both.active[4:, 1].any()


@pytest.mark.parametrize("separation", ["full", "global_log_prob", "global_entropy", "none"])
def test_shared_parts_are_the_sums_over_the_acting_groups(network, separation):
    rows = random_rows(9, trajectory_examples(random_steps(9), CONFIG))
    judged = network(rows.observed, rows.acting)
    own = {"log_prob": judged.actions.log_prob(rows.action), "entropy": judged.actions.entropy(rows.action)}
    total = {name: (value * rows.acting).sum(-1, keepdim=True) for name, value in own.items()}
    examples = rows.examples
    if separation == "none":
        examples = TrajectoryExamples(**{key: value[:, :1] for key, value in vars(examples).items()})
        examples = replace(examples, active=rows.acting.any(-1, keepdim=True))
    shares = {
        "log_prob": separation in ("global_log_prob", "none"),
        "entropy": separation in ("global_entropy", "none"),
    }
    expected = {
        name: total[name].expand_as(examples.active) if shared else own[name] for name, shared in shares.items()
    }
    loss = minibatch_backward(network, replace(rows, examples=examples), SEPARATIONS[separation], "none", PpoConfig())
    close(loss.entropy, expected["entropy"][examples.active].mean())
    close(loss.old_approx_kl, (examples.log_prob - expected["log_prob"])[examples.active].mean().detach())
