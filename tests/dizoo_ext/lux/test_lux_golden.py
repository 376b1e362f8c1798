"""Recorded games of the original: the engine's states, and our maps, masks, rewards, placements and translations."""

import json

import numpy as np
import pytest
from recorded_match import BOARDS, REWARDS, board_hash, play, read_trace, trace_beside

from dizoo_ext.lux.engine import new_engine
from dizoo_ext.lux.placement import play_early_phase
from dizoo_ext.lux.settings import PLAYERS


@pytest.mark.golden("lux", "trace")
def test_golden_lux_the_engine_replays_every_state(golden_path):
    trace, played = read_trace(golden_path), play(golden_path)
    assert {key: value for key, value in trace["map"].items() if key in BOARDS} == {
        key: value for key, value in played.map.items() if key in BOARDS
    }
    assert played.map["ice_count"] == trace["map"]["ice_count"]
    for recorded, ours in zip(trace["early"], played.early, strict=True):
        assert ours["teams"] == recorded["teams"]
        assert ours["factories"] == recorded.get("factories", ours["factories"])
    for recorded, ours in zip(trace["steps"], played.steps, strict=True):
        assert ours == {key: recorded[key] for key in ours}
    assert played.stats == trace["stats"]


@pytest.mark.golden("lux", "trace")
def test_golden_lux_factories_are_placed_where_they_were(golden_path, monkeypatch):
    trace = read_trace(golden_path)
    engine = new_engine(**trace["config"])
    engine.reset(seed=trace["seed"])
    sent, step = [], engine.step
    monkeypatch.setattr(
        engine, "step", lambda actions: (sent.append(json.loads(json.dumps(actions, default=int))), step(actions))
    )
    play_early_phase(engine, [trace["early"][0]["actions"][player]["bid"] for player in PLAYERS], "ice", None)
    assert sent == [entry["actions"] for entry in trace["early"]]


@pytest.mark.golden("lux", "trace")
def test_golden_lux_rewards(golden_path):
    trace, played = read_trace(golden_path), play(golden_path)
    for name in REWARDS:
        for recorded, ours in zip(trace["steps"], played.rewards[name], strict=True):
            for player, rewards in recorded.get(name, {}).items():
                # Who was born in the step has no reward of ours; who died has none of theirs.
                theirs = {int(slot): reward for slot, reward in rewards.items()}
                slots = theirs.keys() | ours[player].keys()
                found = [ours[player].get(slot, 0.0) for slot in slots]
                np.testing.assert_allclose(found, [theirs.get(slot, 0.0) for slot in slots], atol=1e-9, rtol=0)


@pytest.mark.golden("lux", "trace")
def test_golden_lux_actions_are_translated_alike(golden_path):
    trace, played = read_trace(golden_path), play(golden_path)
    for recorded, ours in zip(trace["steps"], played.translated, strict=True):
        if ours is not None:
            assert ours == {player: recorded["actions"].get(player, {}) for player in PLAYERS}


@pytest.mark.golden("lux", "features")
def test_golden_lux_planes(golden_path, golden):
    played = play(trace_beside(golden_path, "_features.npz"))
    for t, team, planes in zip(golden["t"].tolist(), golden["player"].tolist(), golden["planes"], strict=True):
        np.testing.assert_allclose(played.planes[t, team], planes, atol=1e-6, rtol=0)


@pytest.mark.golden("lux", "masks")
def test_golden_lux_masks(golden_path):
    recorded = json.loads(golden_path.read_text())
    played = play(trace_beside(golden_path, "_masks.json"))
    # Two rows per time: player_0, then player_1.
    ours = [played.legal[t, row % 2] for row, t in enumerate(recorded["t"])]
    assert ours == list(zip(recorded["umask"], recorded["fmask"], strict=True))


@pytest.mark.golden("lux", "maps")
def test_golden_lux_maps(golden_path):
    for name, recorded in json.loads(golden_path.read_text()).items():
        size, seed = map(int, name.split("/"))
        limits = {"MIN_FACTORIES": 3, "MAX_FACTORIES": 5} if size == 48 else {}
        engine = new_engine(map_size=size, **limits)
        engine.reset(seed=seed)
        board = engine.state.board
        ours = {key: board_hash(getattr(board, key)) for key in BOARDS}
        assert {"factories_per_team": board.factories_per_team, **ours} == recorded, name
