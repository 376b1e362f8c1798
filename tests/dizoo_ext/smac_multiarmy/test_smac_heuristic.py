"""The compiled allocation heuristic against the rule in plain words, on any situation."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from dizoo_ext.smac_multiarmy.heuristic import parse_style
from dizoo_ext.smac_multiarmy.vector import SmacMultiArmyVector

SCENARIO = "6-8MMM_maxsize4_maxarmies3_unitdisadvantage"
KEYS = ("type", "unassigned", "diff", "attacking")
KINDS = st.integers(2, 4)


@pytest.fixture(scope="module")
def env():
    env = SmacMultiArmyVector(1, scenario=SCENARIO, observation="entities")
    env.seed([0])
    env.reset()
    return env


def plain_rule(match, words):
    """Who goes where, by sorting."""
    agents, armies = int(match["agents"]), int(match["armies"])
    sees_deaths = "dynamic" in words
    living = match["alive"] != 0
    units = [
        (int(match["army"][u]), int(match["type"][u]))
        for u in range(agents, agents + int(match["enemies"]))
        if living[u] or not sees_deaths
    ]
    unmatched, assigned = list(units), []
    result = np.full(8, -1)
    for i in match["rank"][:agents].tolist():
        if sees_deaths and not living[i]:
            continue
        kind = int(match["type"][i])
        value = {
            "type": lambda army, kind=kind: (army, kind) in unmatched,
            "unassigned": lambda army: army not in assigned,
            "diff": lambda army: sum(a == army for a, _ in units) - assigned.count(army),
            "attacking": lambda army: bool(match["attacking"][army]),
        }
        free = [army for army in range(armies) if not match["subtask_done"][army]]
        if not free:
            continue
        best = max(free, key=lambda army: [value[word](army) for word in words if word != "dynamic"])
        if (best, kind) in unmatched:
            unmatched.remove((best, kind))
        assigned.append(best)
        result[i] = best
    return result


@settings(max_examples=150, deadline=None)
@given(data=st.data())
def test_heuristic_equals_the_plain_rule(env, data):
    words = data.draw(st.permutations(KEYS).flatmap(lambda keys: st.integers(1, 4).map(lambda n: list(keys[:n]))))
    if data.draw(st.booleans()):
        words.insert(data.draw(st.integers(0, len(words))), "dynamic")
    keys, sees_deaths = parse_style("-".join(words))
    env.rules["style"][0, : len(keys)] = keys
    env.rules["style_length"], env.rules["style_sees_deaths"] = len(keys), sees_deaths
    match = env.matches[0]
    agents, enemies = data.draw(st.integers(1, 8)), data.draw(st.integers(2, 9))
    armies = data.draw(st.integers(1, 3))
    match["agents"], match["enemies"], match["armies"] = agents, enemies, armies
    n = agents + enemies
    match["type"][:n] = data.draw(st.lists(KINDS, min_size=n, max_size=n))
    match["alive"][:n] = data.draw(st.lists(st.booleans(), min_size=n, max_size=n))
    match["army"][:agents] = -1
    match["army"][agents:n] = data.draw(st.lists(st.integers(0, armies - 1), min_size=enemies, max_size=enemies))
    match["rank"][:agents] = data.draw(st.permutations(range(agents)))
    match["attacking"][:3] = data.draw(st.lists(st.booleans(), min_size=3, max_size=3))
    match["subtask_done"][:3] = data.draw(st.lists(st.booleans(), min_size=3, max_size=3))
    np.testing.assert_array_equal(env.observe()["heuristic_allocation"][0], plain_rule(match, words))


def test_the_papers_names():
    assert parse_style("matching") == parse_style("type-unassigned-diff")
    assert parse_style("dynamic") == parse_style("attacking-type-unassigned-diff")
    assert parse_style("dynamic-type")[1] and not parse_style("dynamic")[1]


@pytest.mark.parametrize(
    ("style", "message"),
    [("atacking-type", "did you mean 'attacking'"), ("type-type", "a part twice"), ("", "each part of")],
)
def test_an_unknown_style_is_refused(style, message):
    with pytest.raises(ValueError, match=message):
        SmacMultiArmyVector(1, heuristic_style=style)
