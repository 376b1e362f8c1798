import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from ding_alma.rl.returns import traced_returns


def plain(reward, ends, value, trace, discount):
    """The definition, step by step, of one group."""
    following = 0.0
    returns = []
    for step in reversed(range(len(reward))):
        share = trace[step] if step < len(reward) - 1 else 0.0
        ahead = (1 - share) * value[step] + share * following
        following = reward[step] + discount * (1 - ends[step]) * ahead
        returns.append(following)
    return returns[::-1]


@settings(max_examples=50, deadline=None)
@given(seed=st.integers(0, 10**6), steps=st.integers(1, 7), discount=st.sampled_from([0.0, 0.9, 1.0]))
def test_returns_are_those_of_the_definition(seed, steps, discount):
    generator = torch.Generator().manual_seed(seed)
    reward, value, trace = (torch.rand(2, steps, 3, generator=generator) for _ in range(3))
    ends = torch.rand(2, steps, 3, generator=generator) < 0.3
    ours = traced_returns(reward, ends, value, trace, discount)
    for row in range(2):
        for group in range(3):
            one = (x[row, :, group].tolist() for x in (reward, ends, value, trace))
            expected = torch.tensor(plain(*one, discount))
            torch.testing.assert_close(ours[row, :, group], expected, atol=1e-5, rtol=1e-5)
