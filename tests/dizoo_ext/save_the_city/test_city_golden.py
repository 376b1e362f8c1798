"""Recorded episodes of the reference environment replay exactly, alone and in batches."""

import json
import math
from collections import defaultdict

import numpy as np
import pytest
from city_replay import REPLAYED, make_env, meta_of, next_uniform, replay

from dizoo_ext.save_the_city.city import AGENT_LETTERS
from dizoo_ext.save_the_city.heuristic import heuristic_rows, scripted_rows
from dizoo_ext.save_the_city.kernel import ACTION_SHARES
from dizoo_ext.save_the_city.scenarios import SCENARIO_SETS, scenario_set

SCRIPTED_PERIODS = {"scripted": 5, "scripted1": 1}
OPTIONAL_INFO = ("types_per_firefight", "types_per_build")


def assert_equal(golden: dict, trace: dict, info: dict, label: str) -> None:
    for key in REPLAYED:
        expected = golden[key][: trace[key].shape[0]] if key == "obs_mask" else golden[key]
        np.testing.assert_array_equal(trace[key], expected, err_msg=f"{label}: {key}")
    if not golden["done"][-1]:
        return
    final = meta_of(golden)["final_info"]
    if "action_types" in final:
        shares = [info[name] for name in ACTION_SHARES]
        np.testing.assert_array_equal(shares, np.ravel(final.pop("action_types")), err_msg=label)
    for key in (*OPTIONAL_INFO, *final):
        np.testing.assert_equal(info[key], float(final.get(key, math.nan)), err_msg=f"{label}: {key}")
    assert info["episode_length"] == len(golden["reward"])
    assert info["return"] == sum(golden["reward"].tolist())
    assert info["episode_limit"] == golden["episode_limit"][-1]


@pytest.mark.golden("save_the_city", "episode")
def test_golden_save_the_city_from_seed_alone(golden):
    env = make_env(meta_of(golden), 1)
    (trace,), (info,) = replay(env, [golden])
    assert_equal(golden, trace, info, "single")
    assert next_uniform(env, 0) == golden["rng_next"]


@pytest.mark.golden("save_the_city", "episode")
def test_golden_save_the_city_from_first_state_with_given_tie_breaks(golden):
    env = make_env(meta_of(golden), 1)
    (trace,), (info,) = replay(env, [golden], from_state=True)
    assert_equal(golden, trace, info, "from state")
    assert env.cities["forced_next"][0] == env.cities["forced_count"][0]
    assert env.cities["position"][0] == make_position_before(golden)


def make_position_before(golden: dict) -> int:
    """Where the reset leaves the stream: forced tie-breaks must not move it."""
    env = make_env(meta_of(golden), 1)
    env.seed([meta_of(golden)["seed"]])
    env.reset(**meta_of(golden)["reset_kw"])
    return env.cities["position"][0]


def test_golden_save_the_city_as_rows_of_one_batch(request):
    groups = defaultdict(list)
    for path in sorted((request.config.getoption("--golden-dir") / "save_the_city").glob("ep*.npz")):
        with np.load(path) as file:
            golden = dict(file)
        meta = meta_of(golden)
        groups[meta["scenario"], json.dumps(meta["env_kw"], sort_keys=True)].append((path.stem, golden))
    assert any(len(group) > 1 for group in groups.values()), "no two recordings share a configuration"
    for group in groups.values():
        names, goldens = zip(*group, strict=True)
        env = make_env(meta_of(goldens[0]), len(goldens))
        traces, infos = replay(env, goldens)
        for row, golden in enumerate(goldens):
            assert_equal(golden, traces[row], infos[row], f"{names[row]} in row {row}")
            assert next_uniform(env, row) == golden["rng_next"]


@pytest.mark.golden("save_the_city", "index")
def test_golden_save_the_city_index_agrees_with_the_episodes(golden_path):
    for entry in json.loads(golden_path.read_text()):
        with np.load(golden_path.parent / entry["file"]) as file:
            golden = dict(file)
        env = make_env(entry, 1)
        (trace,), (info,) = replay(env, [golden])
        letters = {kind: letter for letter, kind in AGENT_LETTERS.items()}
        kinds = env.cities["agent_type"][0, : entry["n_agents"]]
        assert "".join(letters[kind] for kind in kinds) == entry["team"]
        assert env.cities["buildings"][0] == entry["n_buildings"]
        assert trace["reward"].shape == (entry["T"],)
        assert trace["reward"].sum() == pytest.approx(entry["ret"])
        assert info.get("solved", 0.0) == entry["solved"]


@pytest.mark.golden("save_the_city", "scenario_sets")
def test_golden_save_the_city_scenario_sets(golden_path):
    recorded = json.loads(golden_path.read_text())
    assert set(recorded) == set(SCENARIO_SETS)
    for name, expected in recorded.items():
        scenarios = scenario_set(name)
        assert [scenario.team for scenario in scenarios.train] == (expected["train"] or []), name
        assert [scenario.team for scenario in scenarios.test] == (expected["test"] or []), name
        assert scenarios.max_agents == expected["max_n_agents"]
        assert scenarios.max_buildings == expected["max_n_buildings"]
        assert scenarios.spacing == expected["bld_spacing"]
        for scenario in scenarios.train + scenarios.test:
            if expected["buildings"].startswith("n_agents+1"):
                assert scenario.building_types is None
                assert scenario.buildings == len(scenario.team) + 1
            else:
                assert scenario.building_types == expected["buildings"]
                assert scenario.buildings == len(expected["buildings"])


def test_golden_save_the_city_scripted_play_chooses_the_recorded_actions(request):
    replayed = 0
    for path in sorted((request.config.getoption("--golden-dir") / "save_the_city").glob("ep*.npz")):
        with np.load(path) as file:
            golden = dict(file)
        policy = meta_of(golden)["policy"]
        if policy in SCRIPTED_PERIODS:
            assert_scripted(golden, SCRIPTED_PERIODS[policy], path.stem)
            replayed += 1
    assert replayed


def assert_scripted(golden: dict, period: int, label: str) -> None:
    meta = meta_of(golden)
    env = make_env(meta, 1)
    env.seed([meta["seed"]])
    env.reset(**meta["reset_kw"])
    allocation = np.empty((1, env.spec.agents), np.int64)
    actions = np.empty_like(allocation)
    age = 0
    for t, recorded in enumerate(golden["actions"]):
        if age % period == 0:
            heuristic_rows(env.cities, np.array([0]), allocation)
        scripted_rows(env.cities, np.array([0]), allocation, actions)
        np.testing.assert_array_equal(actions[0, : len(recorded)], recorded, err_msg=f"{label}, step {t}")
        age = 0 if env.step(actions).subtasks_changed[0] else age + 1
