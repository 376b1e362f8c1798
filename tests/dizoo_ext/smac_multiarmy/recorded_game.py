"""Recorded games of the original environment as an engine: it shows what was seen and notes what it is told."""

import json
from collections.abc import Sequence
from pathlib import Path

import numpy as np

from dizoo_ext.smac_multiarmy.embedded.units import UNIT_NAMES, unit_table
from dizoo_ext.smac_multiarmy.engine_interface import (
    ALLY,
    ATTACK,
    ATTACK_MOVE,
    ENEMY,
    HEAL,
    KEEP,
    MOVE,
    SCAN_MOVE,
    STOP,
    Engine,
)
from dizoo_ext.smac_multiarmy.vector import SmacMultiArmyVector

ABILITIES = {STOP: 4, MOVE: 16, ATTACK: 23, HEAL: 386, ATTACK_MOVE: 23, SCAN_MOVE: 23}
"""What the original sends; it does not know the healers' own version of an attack."""
LIFE, SHIELDS = 2, 3
UNIT_COLUMNS = dict(x=2, y=3, health=4, shield=6, energy=8, cooldown=10)


class Recording:
    """One pair of golden files."""

    def __init__(self, path: Path) -> None:
        with np.load(path) as file:
            self.arrays = {key: file[key] for key in file.files}
        self.meta = json.loads(path.with_suffix(".json").read_text())
        self.episodes = self.meta["episodes"]
        self.commands = {(episode, t): commands for episode, t, commands in self.meta["commands"]}

    def rows(self, episode: int) -> np.ndarray:
        """Rows of the arrays that belong to an episode, in order of time."""
        return np.flatnonzero(self.arrays["ep"] == episode)

    def make_env(self, **options) -> SmacMultiArmyVector:
        """The environment that is to repeat the recording, with a `RecordedGame` as engine."""
        settings = dict(
            scenario=self.meta["scenario"],
            heuristic_style=self.meta["heuristic_style"],
            spread_armies=self.meta["spread_armies"],
            reference_compat=True,
            observation="entities",
            engine=lambda: RecordedGame(self),
        )
        env = SmacMultiArmyVector(1, **settings | options)
        env.play.engines[0].matches = env.matches
        env.seed([self.meta["seed"]])
        return env

    def reset_options(self) -> dict[str, int]:
        """Options of every reset."""
        number = self.meta["n_tasks_arg"]
        return {} if number is None else {"n_tasks": number}


class RecordedGame(Engine):
    """Plays the episodes of a recording one after the other."""

    def __init__(self, recording: Recording) -> None:
        self._recording = recording
        self._table = unit_table()
        self._generator = np.random.default_rng(0)
        self.matches: np.ndarray
        """The environment's; told the original's guess where armies cannot be told apart."""
        self.episode = -1
        self.roster: np.ndarray
        self.tags: list[str]
        self.told: list[np.ndarray] = []
        """Orders of the running episode."""

    def begin(self, roster: np.ndarray) -> None:
        self.episode += 1
        self._t = 0
        self.told = []
        self.roster = roster.copy()
        self.tags = self._tags_of_slots()

    def read(self, units: np.ndarray) -> None:
        row = self._recording.rows(self.episode)[self._t]
        self._t += 1
        seen = dict(zip(self._recording.arrays["tags"][row].tolist(), self._recording.arrays["raw"][row], strict=True))
        units["alive"] = False
        for slot, tag in enumerate(self.tags):
            if int(tag) in seen:
                units["alive"][slot] = True
                for field, column in UNIT_COLUMNS.items():
                    units[field][slot] = seen[int(tag)][column]

    def advance(self, loops: int) -> None:
        return None

    def order(self, orders: np.ndarray) -> None:
        self.told.append(orders.copy())

    def _tags_of_slots(self) -> list[str]:
        """Units of one type and army are indistinguishable, so they get their slots in any order."""
        episode = self._recording.episodes[self.episode]
        armies = dict(zip(episode["enemy_unit_tags"], episode["enemy2army"], strict=True))
        number = int(self.roster["units"])
        of_slot = self.matches["army_of_slot"][0, :number]
        wanted = list(zip(self.roster["owner"].tolist(), self.roster["type"].tolist(), of_slot.tolist(), strict=False))
        seen = [(*self._owner_and_type(tag), armies.get(tag, -1), tag) for tag in self._first_tags()]
        if sorted(wanted) != sorted(unit[:3] for unit in seen):
            # The original guesses the armies from positions, which fails for armies that overlap.
            assert not self._recording.meta["spread_armies"]
            wanted = [unit[:2] for unit in wanted]
        self._generator.shuffle(seen)
        tags = []
        for unit in wanted:
            found = next(other for other in seen if other[: len(unit)] == unit)
            seen.remove(found)
            tags.append(found[3])
        of_slot[:] = [armies.get(tag, -1) for tag in tags]
        return tags

    def _first_tags(self) -> list[str]:
        row = self._recording.rows(self.episode)[0]
        return [str(tag) for tag in self._recording.arrays["tags"][row].tolist() if tag]

    def _owner_and_type(self, tag: str) -> tuple[int, int]:
        row = self._recording.rows(self.episode)[0]
        slot = self._recording.arrays["tags"][row].tolist().index(int(tag))
        number, player = self._recording.arrays["raw"][row, slot, :2]
        owner = ALLY if player == 1 else ENEMY
        ids = self._table["rl_id" if owner == ALLY else "game_id"]
        return owner, int(np.flatnonzero(ids == number)[0])


def creations(roster: np.ndarray) -> dict[tuple, int]:
    """(type id, player, x, y) -> quantity of a roster, in the original's terms."""
    table = unit_table()
    found: dict[tuple, int] = {}
    for slot in range(int(roster["units"])):
        owner, kind = int(roster["owner"][slot]), roster["type"][slot]
        number = int(table["rl_id" if owner == ALLY else "game_id"][kind])
        key = (number, owner + 1, roster["x"][slot].item(), roster["y"][slot].item())
        found[key] = found.get(key, 0) + 1
    return found


def agent_commands(game: RecordedGame, orders: np.ndarray, agent_tags: Sequence[str]) -> list:
    """The agents' orders in the original's terms, in order of agents."""
    commands = []
    for tag in agent_tags:
        slot = game.tags.index(tag)
        kind = int(orders["kind"][slot])
        if kind == KEEP:
            continue
        target = None
        if kind == MOVE:
            target = ["pos", orders["x"][slot].item(), orders["y"][slot].item()]
        elif kind in (ATTACK, HEAL):
            target = ["tag", game.tags[orders["target"][slot]]]
        commands.append(["action", ABILITIES[kind], [tag], target])
    return commands


def boosts(game: RecordedGame, orders: np.ndarray) -> set[tuple]:
    """(field, tag, value) of all new values of health and shields."""
    return {
        (number, tag, orders[field][slot].item())
        for number, field in ((LIFE, "health"), (SHIELDS, "shield"))
        for slot, tag in enumerate(game.tags)
        if not np.isnan(orders[field][slot])
    }


def army_commands(game: RecordedGame, orders: np.ndarray) -> dict[str, tuple]:
    """Enemy's tag -> (ability, x, y); healers must have their own version of the attack."""
    found = {}
    for slot, tag in enumerate(game.tags):
        kind = int(orders["kind"][slot])
        if game.roster["owner"][slot] == ENEMY and kind != KEEP:
            is_healer = UNIT_NAMES[game.roster["type"][slot]] == "medivac"
            assert kind == MOVE or kind == (SCAN_MOVE if is_healer else ATTACK_MOVE)
            found[tag] = (ABILITIES[kind], orders["x"][slot].item(), orders["y"][slot].item())
    return found
