"""Replays a recorded game of Lux once and keeps what the golden tests compare."""

import gzip
import hashlib
import json
from dataclasses import dataclass, field
from functools import lru_cache
from pathlib import Path

import numpy as np

from dizoo_ext.lux.controller import engine_actions
from dizoo_ext.lux.engine import new_engine
from dizoo_ext.lux.masks import legal_actions
from dizoo_ext.lux.planes import draw_planes
from dizoo_ext.lux.reward import ice_worth, own_rewards, stocks
from dizoo_ext.lux.settings import BUILD_LIGHT, PLAYERS, WAIT, LuxSettings, unit_table
from dizoo_ext.lux.view import SLOT, TEAM, Reader

BOARDS = ("rubble", "ice", "ore", "lichen", "lichen_strains", "valid_spawns_mask")
EARLY_TEAM = ("team_id", "water", "metal", "factories_to_place", "factory_strains", "place_first", "bid")
REWARDS = {"group_reward": False, "group_reward_stock": True}
"""Recorded name -> by stock."""


@dataclass
class Played:
    """What our code made of a trace; lists hold one entry per step."""

    map: dict = field(default_factory=dict)
    early: list = field(default_factory=list)
    steps: list = field(default_factory=list)
    translated: list = field(default_factory=list)
    """What our controller sends for the recorded flat actions; None where none were recorded."""
    rewards: dict = field(default_factory=lambda: {name: [] for name in REWARDS})
    """Per step {player: {reference slot: reward}}."""
    planes: dict = field(default_factory=dict)
    """(t, player) -> planes."""
    legal: dict = field(default_factory=dict)
    """(t, player) -> ({unit: legal actions}, {factory: legal actions})."""
    stats: dict = field(default_factory=dict)


def read_trace(path):
    """A recorded game."""
    with gzip.open(path) as file:
        return json.load(file)


def trace_beside(path, suffix):
    """The trace that a file of features or masks belongs to."""
    return path.with_name(path.name.replace(suffix, ".json.gz"))


def board_hash(board):
    """As the recorder hashed boards."""
    return hashlib.sha256(np.ascontiguousarray(board, "<i8").tobytes()).hexdigest()[:16]


@lru_cache(maxsize=16)
def play(path: Path) -> Played:
    """Replay the trace at ``path``."""
    trace = read_trace(path)
    config, played = trace["config"], Played()
    settings = LuxSettings(
        map_size=config.get("map_size", 64),
        min_factories=config.get("MIN_FACTORIES", 4),
        max_factories=config.get("MAX_FACTORIES", 10),
        max_units=500,
    )
    engine = new_engine(lichen=True, **config)
    engine.reset(seed=trace["seed"])
    board = engine.state.board
    played.map = {name: board_hash(getattr(board, name)) for name in BOARDS}
    played.map |= {"ice_count": int(board.ice.sum()), "ore_count": int(board.ore.sum())}
    played.map["rubble_sum"] = int(board.rubble.sum())
    for entry in trace["early"]:
        engine.step(entry["actions"])
        played.early.append(_early_state(engine.state))
    times = _snapshot_times(path)
    reader, table = Reader(settings), unit_table(engine.env_cfg)
    cfg = engine.env_cfg
    clock = np.array([cfg.max_episode_length, cfg.CYCLE_LENGTH, cfg.DAY_LENGTH, cfg.MAX_RUBBLE], float)
    view = reader.read(engine.state)
    for entry in [*trace["steps"], None]:
        names = _names(engine.state, view)
        if view.step in times:
            planes = draw_planes(view, 2, 18, clock, table)
            legal = legal_actions(view, settings.members, table, lichen=False)
            for team in range(2):
                played.planes[view.step, team] = planes[team]
                played.legal[view.step, team] = _legal_by_name(legal[team], names[team])
        if entry is None:
            break
        played.translated.append(_translate(entry, names, view, settings, table, engine))
        before = stocks(view, settings.members)
        _, reward, terminated, truncated, _ = engine.step(entry["actions"])
        view = reader.read(engine.state)
        after = stocks(view, settings.members)
        worth = ice_worth(view.step, cfg.max_episode_length)
        for name, by_stock in REWARDS.items():
            earned = own_rewards(before, after, settings.max_factories, worth, by_stock)
            played.rewards[name].append(_by_reference_slot(earned, names))
        state = {"reward": reward, "terminated": terminated, "truncated": truncated, **_entities(engine.state)}
        boards = {name: board_hash(getattr(board, name)) for name in entry["board"]}
        played.steps.append({"t": view.step, "board": boards, **state})
    played.stats = json.loads(json.dumps(engine.state.stats, default=int))
    return played


def _snapshot_times(path):
    features = path.with_name(path.name.replace(".json.gz", "_features.npz"))
    masks = path.with_name(path.name.replace(".json.gz", "_masks.json"))
    times = set(json.loads(masks.read_text())["t"]) if masks.exists() else set()
    if features.exists():
        with np.load(features) as file:
            times |= set(file["t"].tolist())
    return times


def _early_state(state):
    teams = {}
    for player, team in state.teams.items():
        full = team.state_dict()
        teams[player] = {"faction": full["faction"], **{key: full[key] for key in EARLY_TEAM}}
        teams[player]["factory_strains"] = list(full["factory_strains"])
    return {"teams": teams, "factories": _entities(state)["factories"]}


def _entities(state):
    units, factories = {}, {}
    for player in PLAYERS:
        units[player] = {
            name: [
                unit.unit_type.name,
                *map(int, unit.pos.pos),
                int(unit.power),
                *(int(getattr(unit.cargo, kind)) for kind in ("ice", "ore", "water", "metal")),
                [action.state_dict().tolist() for action in unit.action_queue],
            ]
            for name, unit in state.units[player].items()
        }
        factories[player] = {
            name: [
                *map(int, factory.pos.pos),
                int(factory.power),
                *(int(getattr(factory.cargo, kind)) for kind in ("ice", "ore", "water", "metal")),
                factory.num_id,
            ]
            for name, factory in state.factories[player].items()
        }
    return {"units": units, "factories": factories}


def _names(state, view):
    """Per team: {name: slot} of its units and of its factories."""
    names = []
    for team, player in enumerate(PLAYERS):
        units = view.units[view.units[:, TEAM] == team][:, SLOT].tolist()
        factories = view.factories[view.factories[:, TEAM] == team][:, SLOT].tolist()
        names.append(
            (
                dict(zip(state.units[player], units, strict=True)),
                dict(zip(state.factories[player], factories, strict=True)),
            )
        )
    return names


def _legal_by_name(legal, names):
    units, factories = names
    return (
        {name: np.flatnonzero(legal[slot]).tolist() for name, slot in units.items()},
        {name: (np.flatnonzero(legal[slot]) - BUILD_LIGHT).tolist() for name, slot in factories.items()},
    )


def _translate(entry, names, view, settings, table, engine):
    if "flat" not in entry:
        return None
    sent = {}
    for team, player in enumerate(PLAYERS):
        units, factories = names[team]
        actions = np.zeros(settings.members, np.int64)
        actions[: settings.max_factories] = WAIT
        chosen = entry["flat"][player]
        for name, action in chosen["u"].items():
            actions[units[name]] = action
        for name, action in chosen["f"].items():
            actions[factories[name]] = BUILD_LIGHT + action
        own = engine.state.units[player]
        sent[player] = engine_actions(view, team, actions, table, own, engine.env_cfg.max_transfer_amount)
    return sent


def _by_reference_slot(earned, names):
    """Slots as the recorder numbered them: a factory's number, a unit's number and 10."""
    result = {}
    for team, player in enumerate(PLAYERS):
        units, factories = names[team]
        slots = {int(name.removeprefix("factory_")): slot for name, slot in factories.items()}
        slots |= {int(name.removeprefix("unit_")) + 10: slot for name, slot in units.items()}
        result[player] = {number: float(earned[team, slot]) for number, slot in slots.items()}
    return result
