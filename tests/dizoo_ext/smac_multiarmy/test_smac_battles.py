"""Whole battles on the embedded engine."""

import itertools
from types import SimpleNamespace

import numpy as np
import pytest
from easydict import EasyDict
from embedded_engine import EmbeddedEngine

from dizoo_ext.check import check_env
from dizoo_ext.random_stream import random_legal_actions
from dizoo_ext.smac_multiarmy import SmacMultiArmyEnv, SmacMultiArmyVector, engines
from dizoo_ext.smac_multiarmy.sc2.game_lost import GameLost
from dizoo_ext.smac_multiarmy.scenarios import SCENARIO_SETS

PAPER_SETS = [name for name in SCENARIO_SETS if "maxarmies3" in name]
MMM_DISADVANTAGE = "6-8MMM_maxsize4_maxarmies3_unitdisadvantage"


def events(env, seeds, steps):
    """Random legal play of all environments, ended episodes begun anew; everything that is handed out."""
    env.seed(seeds)
    generators = [np.random.default_rng(seed) for seed in seeds]
    observation = env.reset()
    mask = observation["action_mask"].copy()
    seen = [observation]
    for _ in range(steps):
        actions = np.stack([random_legal_actions(m, g) for m, g in zip(mask, generators, strict=True)])
        step = env.step(actions)
        mask = step.observation["action_mask"].copy()
        seen += [step.observation, {name: getattr(step, name) for name in step._fields[1:-1]}]
        if step.episode_info:
            ended = list(step.episode_info)
            again = env.reset(ended)
            mask[ended] = again["action_mask"]
            seen += [again, *step.episode_info.values()]
    return seen


def assert_equal_events(left, right):
    assert len(left) == len(right)
    for number, (a, b) in enumerate(zip(left, right, strict=True)):
        assert a.keys() == b.keys()
        for key in a:
            np.testing.assert_array_equal(a[key], b[key], err_msg=f"event {number}, {key}")


@pytest.mark.parametrize("scenario", [*PAPER_SETS, "MMM2", "3s_vs_5z", "3-8sz_symmetric", "27m_vs_30m"])
def test_the_environment_passes_its_conformance_test(scenario):
    check_env(SmacMultiArmyEnv(EasyDict(scenario=scenario)), episodes=2)


@pytest.mark.parametrize("options", [{"observation": "flat"}, {"spread_armies": False, "reference_compat": True}])
def test_the_environment_passes_its_conformance_test_with_options(options):
    check_env(SmacMultiArmyEnv(EasyDict(options)))


@pytest.mark.parametrize("scenario", [*PAPER_SETS, "2s3z", "MMM"])
def test_step_by_step_and_in_one_call_the_same_matches_are_played(scenario):
    fused = SmacMultiArmyVector(3, scenario=scenario)
    staged = SmacMultiArmyVector(3, scenario=scenario, engine=EmbeddedEngine)
    left, right = (events(env, [5, 6, 7], steps=120) for env in (fused, staged))
    assert sum("battle_won" in event for event in left) >= 2, "no episode ended"
    assert_equal_events(left, right)
    for field in set(fused.matches.dtype.names):
        np.testing.assert_array_equal(fused.matches[field], staged.matches[field], err_msg=field)


@pytest.mark.parametrize("index", [None, 3])
def test_who_orders_nothing_loses(index):
    env = SmacMultiArmyVector(16, observation="entities")
    env.seed(range(16))
    mask = env.reset(index=index)["action_mask"]
    running, infos = np.arange(16), []
    while len(running):
        actions = np.where(mask[:, :, 1] > 0, 1, 0)
        step = env.step(actions, running)
        infos += step.episode_info.values()
        running, mask = running[~step.done], step.observation["action_mask"][~step.done]
    lengths = [info["episode_length"] for info in infos]
    assert all(info["base_infiltrated"] or info["allies_defeated"] for info in infos)
    assert min(lengths) >= 8, "nobody walks the 12 to the base faster"
    assert np.median(lengths) <= 60 and max(lengths) < 150
    # Stalkers shoot from outside the base, zealots have to come in.
    share = np.mean([info["base_infiltrated"] for info in infos])
    assert share > 0.8 if index == 3 else 0.3 < share < 1, env.composition()


def test_armies_attack_and_retreat_in_phases():
    env = SmacMultiArmyVector(24, scenario=MMM_DISADVANTAGE, observation="entities", illegal_action="noop")
    env.seed(range(24))
    env.reset()
    healers = env.matches["type"] == 4
    switches = {}
    for t in range(60):
        for row in np.flatnonzero(env.matches["running"]):
            match = env.matches[row]
            armies = [
                a for a in range(match["armies"]) if not (healers[row] | (match["army"] != a))[: _units(match)].all()
            ]
            if t == 0:
                assert match["attacking"][armies].any() or len(armies) < match["armies"]
                assert (match["since_switch"][: match["armies"]] <= 1).all()
            for a in armies:
                switches.setdefault((row, a), []).append((t, bool(match["attacking"][a])))
        running = np.flatnonzero(env.matches["running"])
        if not len(running):
            break
        env.step(np.ones((len(running), env.spec.agents), int), running)
    phases = []
    for states in switches.values():
        starts = [t for (_, before), (t, now) in itertools.pairwise([(-1, False), *states]) if before != now]
        phases += [b - a for a, b in itertools.pairwise(starts)]
        assert starts[0] <= 19 if starts else states[-1][0] <= 19
    assert len(phases) > 20
    assert min(phases) >= 11 and max(phases) <= 20


def _units(match):
    return match["agents"] + match["enemies"]


def test_where_everybody_stands():
    env = SmacMultiArmyVector(200, scenario=PAPER_SETS[1], observation="entities")
    env.seed(range(200))
    env.reset()
    sizes = set()
    for match, roster in zip(env.matches, env.play.rosters, strict=True):
        armies, enemies = int(match["armies"]), int(match["enemies"])
        centres = np.stack([match["centre_x"], match["centre_y"]], axis=1)[:armies] - 16
        np.testing.assert_allclose(np.linalg.norm(centres, axis=1), 14)
        assert match["narrowest_gap"] == pytest.approx(360 / armies)
        assert match["spread"] == 1
        counts = np.bincount(match["army"][match["agents"] : _units(match)])
        assert len(counts) == armies and counts.min() >= 1 and counts.max() <= 4
        sizes.update(counts.tolist())
        assert armies in (2, 3) and (armies == 3 or enemies < 9)
        allies = slice(0, int(match["agents"]))
        offset = np.stack([roster["x"], roster["y"]], axis=1)[allies] - 16
        assert (np.abs(offset) <= 1).all()
        assert len(np.unique(offset, axis=0)) == len(np.unique(roster["type"][allies]))
    assert sizes == {1, 2, 3, 4}
    assert {int(n) for n in env.matches["armies"]} == {2, 3}


def test_tags_are_drawn_for_every_episode_except_on_plain_maps():
    for scenario, is_random in ((PAPER_SETS[0], True), ("2s3z", False)):
        env = SmacMultiArmyVector(1, scenario=scenario, observation="entities")
        env.seed([0])
        tags = set()
        for _ in range(6):
            env.reset(index=0)
            match = env.matches[0]
            agents = match["tag"][: match["agents"]].tolist()
            enemies = match["tag"][match["agents"] : _units(match)].tolist()
            assert len({*agents, *enemies}) == _units(match)
            assert max(enemies) < env.rules["num_enemies"][0] <= min(agents)
            tags.add((*agents, *enemies))
        assert (len(tags) > 1) == is_random
    assert tags == {(5, 6, 7, 8, 9, 0, 1, 2, 3, 4)}


@pytest.mark.parametrize("compat", [False, True])
def test_armies_from_uneven_directions(compat):
    env = SmacMultiArmyVector(300, spread_armies=False, reference_compat=compat, observation="entities")
    env.seed(range(300))
    env.reset()
    assert env.matches["spread"].min() < 0.05 and env.matches["spread"].max() > 0.95
    for match in env.matches:
        angles = np.arctan2(match["centre_y"] - 16, match["centre_x"] - 16)[: match["armies"]]
        step = np.degrees((angles[1:] - angles[0]) % (2 * np.pi))
        even = 360 / match["armies"] * np.arange(1, match["armies"]) * match["spread"]
        if not compat:
            np.testing.assert_allclose(step, even, atol=1e-9)
        assert step[-1] == pytest.approx(even[-1])
        turns = np.degrees(np.abs(angles[:, None] - angles))
        gaps = np.minimum(turns, 360 - turns)[np.triu_indices(len(angles), 1)]
        assert match["narrowest_gap"] == pytest.approx(gaps.min())
    if compat:
        assert any(
            not np.isclose(m["narrowest_gap"], 120 * m["spread"], atol=1e-6) for m in env.matches if m["armies"] == 3
        )


def test_plain_maps_are_smacs():
    env = SmacMultiArmyVector(1, scenario="2s3z", observation="entities")
    assert (env.spec.agents, env.spec.entities, env.spec.subtasks, env.spec.episode_limit) == (5, 10, 1, 120)
    env.seed([0])
    observation = env.reset()
    match, roster = env.matches[0], env.play.rosters[0]
    np.testing.assert_allclose(roster["x"][:5], 9.0)
    np.testing.assert_allclose(roster["x"][5:10], 23.0)
    np.testing.assert_allclose(roster["y"][:10], 16.0)
    assert not observation["obs_mask"][0][:, 5:].any(), "the sides are 14 apart and see 9"
    start = match["x"][5:10].mean()
    total, done = 0.0, False
    while not done:
        mask = observation["action_mask"]
        last_target = mask.shape[2] - 1 - mask[:, :, ::-1].argmax(axis=2)
        step = env.step(np.where(last_target >= 6, last_target, np.where(mask[:, :, 1] > 0, 1, 0)))
        assert step.subtask_reward[0, 0] == step.reward[0] >= 0
        observation, done = step.observation, step.done[0]
        total += step.reward[0]
        if match["t"] == 8:
            assert match["x"][5:10].mean() < start - 5, "the enemies attack"
    info = step.episode_info[0]
    assert info["base_infiltrated"] == 0 and 0 < total <= 20.5


def test_a_split_keeps_training_and_test_apart():
    test = [0, 5, 17]
    seen = {}
    for is_test in (False, True):
        env = SmacMultiArmyVector(200, test_scenarios=test, is_test=is_test, observation="entities")
        env.seed(range(200))
        env.reset()
        seen[is_test] = set(env.matches["scenario"].tolist())
    assert seen[True] == set(test)
    assert seen[False] and not seen[False] & set(test)


@pytest.mark.parametrize("armies", [2, 3])
def test_resets_with_options(armies):
    env = SmacMultiArmyVector(40, scenario=MMM_DISADVANTAGE, observation="entities")
    env.seed(range(40))
    env.reset(n_tasks=armies)
    assert (env.matches["armies"] == armies).all()
    assert len(set(env.matches["scenario"].tolist())) > 5
    env.reset(index=3)
    assert (env.matches["scenario"] == 3).all()
    units = " ".join(env.composition(7)).split()
    assert len(env.composition(7)) == env.matches["armies"][7]
    assert {unit.rstrip("0123456789") for unit in units} == {kind for _, kind in env.scenarios.scenarios[3][1]}
    assert sum(int(unit.lstrip("abcdefghijklmnopqrstuvwxyz")) for unit in units) == env.matches["enemies"][7]


def test_a_new_seed_starts_anew_and_battles_differ_from_episode_to_episode():
    env = SmacMultiArmyVector(1, scenario="3m", observation="entities")
    runs = []
    for _ in range(2):
        env.seed([3])
        starts = []
        for _ in range(2):
            env.reset()
            starts.append(int(env.play.rosters["seed"][0]))
        runs.append(starts)
    assert runs[0] == runs[1]
    assert runs[0][0] != runs[0][1]


class FragileEngine(EmbeddedEngine):
    """Loses its game in the fourth step of every battle, and once when it begins."""

    def __init__(self):
        super().__init__()
        self.has_failed = False

    def begin(self, roster):
        if not self.has_failed:
            self.has_failed = True
            raise GameLost("it never came up")
        super().begin(roster)
        self.left = 4

    def advance(self, loops):
        if self.left == 0:
            raise GameLost("it crashed")
        self.left -= 1
        super().advance(loops)


def test_a_lost_game_ends_the_episode_and_nothing_else():
    env = SmacMultiArmyVector(1, engine=FragileEngine, observation="entities")
    env.seed([0])
    for _ in range(2):
        mask = env.reset()["action_mask"]
        for _ in range(3):
            step = env.step(np.where(mask[:, :, 1] > 0, 1, 0))
            assert not step.done[0]
            last, mask = step, step.observation["action_mask"]
        step = env.step(np.where(mask[:, :, 1] > 0, 1, 0))
        assert step.done[0] and not step.time_limit[0] and not step.subtasks_changed[0]
        assert step.reward[0] == 0 and (step.subtask_reward == 0).all()
        np.testing.assert_array_equal(step.observation["entities"], last.observation["entities"])
        assert step.episode_info[0]["restarts"] == 1 and step.episode_info[0]["battle_won"] == 0


def test_a_picture_shows_allocations_and_deaths():
    env = SmacMultiArmyVector(1)
    env.seed([0])
    env.reset()
    plain, linked = env.render(), env.render(allocation=np.zeros(8, int))
    assert plain.shape == linked.shape == (564, 480, 3) and plain.dtype == np.uint8
    assert (plain != linked).any()
    np.testing.assert_array_equal(env.render(allocation=np.full(8, -1)), plain)
    env.matches["alive"][0, 0] = 0
    assert (env.render() != plain).any()
    env.matches["alive"][0] = 0
    np.testing.assert_array_equal(env.render(allocation=np.zeros(8, int)), env.render())


def test_the_real_game_is_imported_only_when_it_is_asked_for(monkeypatch):
    """That importing the package leaves it alone, too, is tested for all simulators together."""
    asked = []
    monkeypatch.setattr(engines.importlib, "import_module", lambda name: asked.append(name) or SimpleNamespace())
    env = SmacMultiArmyVector(1, scenario="3m", observation="entities")
    env.seed([0])
    env.reset()
    env.step(np.ones((1, 3), int))
    assert asked == []
    with pytest.raises(AttributeError, match="StarCraftEngine"):
        SmacMultiArmyVector(1, engine="sc2")
    assert asked == ["dizoo_ext.smac_multiarmy.sc2.engine"]
