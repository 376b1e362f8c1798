"""The hand-made team fights the army that it is sent to."""

import numpy as np
import pytest

from dizoo_ext.smac_multiarmy import baseline
from dizoo_ext.smac_multiarmy.baseline import play_baseline
from dizoo_ext.smac_multiarmy.match import FIRST_TARGET
from dizoo_ext.smac_multiarmy.vector import SmacMultiArmyVector

EPISODES = 100


def battles(scenario="6-8sz_maxsize4_maxarmies3_symmetric", style="matching"):
    return SmacMultiArmyVector(EPISODES, scenario, observation="entities", heuristic_style=style)


@pytest.mark.parametrize(("style", "least"), [("matching", 0.2), ("dynamic", 0.3)])
def test_who_follows_a_heuristic_wins_battles(style, least):
    metrics = play_baseline(battles(style=style), episodes=EPISODES)
    assert metrics["battle_won"] > least
    again = play_baseline(battles(style=style), episodes=EPISODES)
    assert again == pytest.approx(metrics, nan_ok=True)


def test_who_is_allocated_at_random_wins_none():
    metrics = play_baseline(battles(), "random", episodes=EPISODES)
    assert metrics["battle_won"] < 0.1 and metrics["return"] < 7


def test_agents_attack_none_but_their_army_and_healers_heal(monkeypatch):
    attacks = heals = 0

    def watched(env, rows, allocation):
        nonlocal attacks, heals
        actions = act(env, rows, allocation)
        tied = np.take_along_axis(env.observe()["action_subtask"][rows], actions[..., None], -1)[..., 0]
        targets = actions >= FIRST_TARGET
        assert (tied[targets & (tied >= 0)] == allocation[targets & (tied >= 0)]).all()
        attacks += (targets & (tied >= 0)).sum()
        heals += (targets & (tied < -1)).sum()
        return actions

    act = baseline._act
    monkeypatch.setattr(baseline, "_act", watched)
    play_baseline(battles("6-8MMM_maxsize4_maxarmies3_symmetric"), episodes=EPISODES)
    assert attacks > 1000 and heals > 100


def test_unknown_allocations_are_refused():
    with pytest.raises(ValueError, match="allocation"):
        play_baseline(battles(), "matching")
