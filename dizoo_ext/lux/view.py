"""Reads the engine's objects once per step into arrays that features, masks and rewards share."""

from typing import Any, NamedTuple

import numpy as np

from dizoo_ext.lux.settings import PLAYERS, LuxSettings
from dizoo_ext.lux.slots import UnitSlots

UNIT_COLUMNS = ("team", "slot", "heavy", "x", "y", "power", "ice", "ore")
FACTORY_COLUMNS = ("team", "slot", "x", "y", "power", "ice", "ore", "water", "metal", "strain", "water_cost")
TEAM, SLOT = 0, 1
U_HEAVY, U_X, U_Y, U_POWER, U_ICE, U_ORE = range(2, len(UNIT_COLUMNS))
F_X, F_Y, F_POWER, F_ICE, F_ORE, F_WATER, F_METAL, F_STRAIN, F_COST = range(2, len(FACTORY_COLUMNS))


class View(NamedTuple):
    """A state of the game. The boards are the engine's own and change with its next step; the rest is copied."""

    step: int
    """Steps since both teams had set their factories."""
    units: np.ndarray
    """(n, 8) int64, `UNIT_COLUMNS`, player_0's first, each team's in the order of birth."""
    factories: np.ndarray
    """(m, 11) int64, `FACTORY_COLUMNS`, sorted like the units; ``water_cost`` of a watering as the engine's last
    search found it."""
    rubble: np.ndarray
    """(W, W) int64 [x, y], like the other boards."""
    ice: np.ndarray
    ore: np.ndarray
    lichen: np.ndarray
    lichen_strains: np.ndarray
    free_slots: np.ndarray
    """(2,) int64, units that each team may still build until the next observation."""


class Reader:
    """Follows one game and gives its entities their slots."""

    def __init__(self, settings: LuxSettings) -> None:
        self._settings = settings
        first, members = settings.max_factories, settings.members
        self._unit_slots = [UnitSlots(range(first, members)) for _ in PLAYERS]
        self._factory_slots: dict[str, int] = {}

    def read(self, state: Any) -> View:
        """The engine's present state; call it exactly once per step."""
        board, lichen = state.board, self._settings.lichen
        units, factories = [], []
        for team, player in enumerate(PLAYERS):
            slots = self._unit_slots[team]
            own = state.units[player]
            for name, unit in own.items():
                x, y = unit.pos.pos
                cargo = unit.cargo
                units.append((team, slots.slot(name), unit.is_heavy(), x, y, unit.power, cargo.ice, cargo.ore))
            slots.keep(own, len(own))
            for name, factory in state.factories[player].items():
                x, y = factory.pos.pos
                cargo = factory.cargo
                factories.append(
                    (
                        team,
                        self._factory_slot(name, player, state),
                        x,
                        y,
                        factory.power,
                        cargo.ice,
                        cargo.ore,
                        cargo.water,
                        cargo.metal,
                        factory.num_id,
                        factory.water_cost(state.env_cfg) if lichen else 0,
                    )
                )
        return View(
            state.real_env_steps,
            np.array(units, np.int64).reshape(-1, len(UNIT_COLUMNS)),
            np.array(factories, np.int64).reshape(-1, len(FACTORY_COLUMNS)),
            board.rubble,
            board.ice,
            board.ore,
            board.lichen,
            board.lichen_strains,
            np.array([slots.free for slots in self._unit_slots]),
        )

    def _factory_slot(self, name: str, player: str, state: Any) -> int:
        """Factories are all there from the start and are numbered in the order in which they were set."""
        if name not in self._factory_slots:
            self._factory_slots |= {other: slot for slot, other in enumerate(state.factories[player])}
        return self._factory_slots[name]
