"""Distributions over legal actions, in one choice or along a path of choices."""

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from ding_alma.model.actor_critic.action_tree import ActionTree, TreeCategorical
from ding_alma.model.actor_critic.categorical import MaskedCategorical, MixedCategorical
from ding_alma.model.actor_critic.lux_heads import LUX_HEADS, LUX_PATHS

PATHS = [(0,), (1, 3), (1, 4), (2, 5, 7), (2, 5, 8), (2, 6, 7)]
"""Depths one to three; column 7 is used under two prefixes."""
COLUMNS = 9


def random_case(seed, rows=5):
    g = torch.Generator().manual_seed(seed)
    logits = torch.randn(rows, COLUMNS, generator=g, dtype=torch.float64) * 3
    mask = torch.rand(rows, len(PATHS), generator=g) < 0.5
    mask[torch.arange(rows), torch.randint(len(PATHS), (rows,), generator=g)] = True
    return logits, mask


def by_hand(logits, mask):
    """Probabilities of one row's actions, choice by choice."""
    probs = torch.zeros(len(PATHS), dtype=torch.float64)
    legal = [path for path, allowed in zip(PATHS, mask, strict=True) if allowed]
    for action, path in enumerate(PATHS):
        if not mask[action]:
            continue
        p = 1.0
        for depth, column in enumerate(path):
            rivals = {other[depth] for other in legal if len(other) > depth and other[:depth] == path[:depth]}
            p *= logits[column].exp() / sum(logits[rival].exp() for rival in rivals)
        probs[action] = p
    return probs


@settings(max_examples=30, deadline=None)
@given(seed=st.integers(0, 10**6))
def test_a_path_s_probability_is_the_product_of_its_choices(seed):
    logits, mask = random_case(seed)
    ours = TreeCategorical(ActionTree(PATHS).double(), logits, mask)
    expected = torch.stack([by_hand(*row) for row in zip(logits, mask, strict=True)])
    torch.testing.assert_close(ours.probs(), expected)
    torch.testing.assert_close(ours.probs().sum(-1), torch.ones(len(mask), dtype=torch.float64))


def test_a_tree_of_one_choice_is_the_plain_distribution():
    logits, mask = random_case(0)
    logits = logits[:, : len(PATHS)]
    tree = TreeCategorical(ActionTree([(i,) for i in range(len(PATHS))]).double(), logits, mask)
    plain = MaskedCategorical(logits, mask)
    action = plain.mode()
    torch.testing.assert_close(tree.probs(), plain.probs())
    torch.testing.assert_close(tree.entropy(action), plain.entropy())


def distributions(logits, mask):
    yield MaskedCategorical(logits[..., : len(PATHS)], mask)
    yield TreeCategorical(ActionTree(PATHS).double(), logits, mask)


@pytest.mark.parametrize("which", [0, 1], ids=["plain", "tree"])
def test_illegal_actions_have_no_probability_no_draw_and_no_gradient(which):
    logits, mask = random_case(1, rows=40)
    # An illegal action that would win by far, and legal ones so unlikely that they underflow.
    logits[:, 0] += 1000
    mask[:20, 0] = False
    mask[:20, 1] = True
    logits.requires_grad_()
    actions = [*distributions(logits, mask)][which]
    assert (actions.probs()[~mask] == 0).all()
    drawn = torch.stack([actions.sample(torch.Generator().manual_seed(i)) for i in range(50)])
    assert mask.expand(50, -1, -1).gather(-1, drawn.unsqueeze(-1)).all()
    assert mask.gather(-1, actions.mode().unsqueeze(-1)).all()
    action = actions.sample()
    (actions.log_prob(action) + actions.entropy(action)).sum().backward()
    assert torch.isfinite(logits.grad).all()
    paths = [[i] for i in range(len(PATHS))] if which == 0 else PATHS
    for row in range(len(mask)):
        legal = {column for path, allowed in zip(paths, mask[row], strict=True) if allowed for column in path}
        assert not logits.grad[row, [column for column in range(COLUMNS) if column not in legal]].any()
    assert logits.grad.abs().sum() > 0


def test_draws_follow_the_probabilities():
    logits, mask = random_case(2, rows=1)
    for actions in distributions(logits, mask):
        many = type(actions).__new__(type(actions))
        many.__dict__ = {key: value.expand(20_000, -1) for key, value in vars(actions).items()}
        share = torch.bincount(many.sample(torch.Generator().manual_seed(0)), minlength=len(PATHS)) / 20_000
        assert (share - actions.probs()[0]).abs().max() < 0.015


@pytest.mark.parametrize("paths", [[()], [(0,), (0,)], [(0,), (0, 1)]])
def test_paths_that_are_no_tree_are_refused(paths):
    with pytest.raises(ValueError, match="path"):
        ActionTree(paths)


def test_lux_s_paths_use_the_heads_that_the_thesis_names_legal():
    used = {column for path in LUX_PATHS for column in path}
    # Factory 4, unit types but self-destruct 6, move and transfer directions 4 + 5, resources 2 + 1, amounts 10.
    assert len(LUX_PATHS) == 31 and len(used) == 4 + 6 + 4 + 5 + 2 + 1 + 10
    assert max(used) < sum(LUX_HEADS)
    mask = torch.ones(31, dtype=torch.bool)
    probs = TreeCategorical(ActionTree(LUX_PATHS), torch.zeros(sum(LUX_HEADS)), mask).probs()
    torch.testing.assert_close(probs[1:5], torch.full((4,), 0.1 / 4))
    torch.testing.assert_close(probs[15:25], torch.full((10,), 0.1 / 10))


@pytest.mark.parametrize("epsilon", [0.0, 0.3, 1.0])
def test_a_mixture_is_that_of_softmax_and_uniform_and_its_gradient_is_finite(epsilon):
    torch.manual_seed(0)
    logits, mask = torch.randn(6, 4, requires_grad=True), torch.rand(6, 4) < 0.6
    mask[0], mask[1] = True, False
    mixed = MixedCategorical(logits, mask, epsilon)
    legal = logits.masked_fill(~mask, -torch.inf).softmax(-1).nan_to_num(0.0)
    uniform = (mask / mask.sum(-1, keepdim=True)).nan_to_num(0.0)
    torch.testing.assert_close(mixed.probs(), (1 - epsilon) * legal + epsilon * uniform)
    assert not mixed.probs()[1].any(), "nothing legal"
    (gradient,) = torch.autograd.grad(mixed.log_prob(mask.int().argmax(-1))[mask.any(-1)].sum(), logits)
    assert gradient.isfinite().all()
    assert gradient.any() == (epsilon < 1)
    assert torch.equal(mixed.mode()[mask.any(-1)], legal.argmax(-1)[mask.any(-1)]) or epsilon == 1


def test_agents_of_a_mixture_explore_independently_of_each_other():
    """With one coin for both, 0.5 + 0.5 / 16 of the pairs would keep to the likeliest action."""
    logits = torch.tensor([50.0, 0.0, 0.0, 0.0]).expand(20_000, 2, 4)
    drawn = MixedCategorical(logits, torch.ones(20_000, 2, 4, dtype=torch.bool), 0.5).sample(
        torch.Generator().manual_seed(0)
    )
    greedy = drawn == 0
    assert abs(float(greedy.float().mean()) - 0.625) < 0.01
    assert abs(float(greedy.all(-1).float().mean()) - 0.625**2) < 0.015
