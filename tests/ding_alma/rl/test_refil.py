import torch

from ding_alma.rl.refil import agent_views, draw_groups, split_pairs


def test_pairs_fall_into_one_group_two_groups_or_neither():
    group = torch.tensor([[True, True, False, True]])
    exists = torch.tensor([[True, True, True, False]])
    split = split_pairs(group, exists, queries=2)
    assert split.same.tolist() == [[[[True, True, False, False], [True, True, False, False]]]]
    assert split.different.tolist() == [[[[False, False, True, False], [False, False, True, False]]]]


def test_the_two_views_of_agents_share_out_what_is_seen():
    generator = torch.Generator().manual_seed(0)
    obs_mask = torch.rand(5, 3, 4, 6, generator=generator) < 0.6
    split = split_pairs(draw_groups(5, 6, generator), torch.rand(5, 6, generator=generator) < 0.8, 4)
    within, beyond = agent_views(obs_mask, split)
    assert torch.equal(within | beyond, obs_mask)
    assert not (within & beyond).any()
    assert not (within & ~split.same).any()


def test_groups_have_one_probability_per_row():
    share = draw_groups(4000, 40, torch.Generator().manual_seed(1)).float().mean(1)
    # A uniform probability has variance 1/12; with one probability for all it would be the binomial's 1/160.
    assert abs(share.mean() - 0.5) < 0.02
    assert abs(share.var() - (1 / 12 + 1 / 240)) < 0.01
