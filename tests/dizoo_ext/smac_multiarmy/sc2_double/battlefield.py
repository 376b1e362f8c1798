"""The double's map: creations, orders and time, played on the embedded engine."""

import itertools

import numpy as np
from faults import Faults
from s2clientprotocol import debug_pb2, error_pb2, raw_pb2
from still_engine import StillEngine

from dizoo_ext.smac_multiarmy.embedded.units import RL_CATALOGUE, UNIT_NAMES, unit_table
from dizoo_ext.smac_multiarmy.engine_interface import (
    ALLY,
    ATTACK,
    ATTACK_MOVE,
    ENEMY,
    HEAL,
    MOVE,
    ORDERS,
    ROSTER,
    SCAN_MOVE,
    SPAWN_LOOPS,
    STOP,
    UNITS,
    Engine,
)

ON_NOTHING, ON_POINT, ON_UNIT = range(3)
KINDS = {
    (4, ON_NOTHING): STOP,
    (16, ON_POINT): MOVE,
    (19, ON_POINT): SCAN_MOVE,
    (23, ON_POINT): ATTACK_MOVE,
    (23, ON_UNIT): ATTACK,
    (386, ON_UNIT): HEAL,
}
OWNERS = {1: ALLY, 2: ENEMY}
FIRST_TAG = 2**32 + 1
RESULT = error_pb2.ActionResult


class Refusal(Exception):
    """A request that is answered with an error text."""


class Battlefield:
    """One game. Its battles, one after the other, have the seeds ``seed``, ``seed + 1``, ... (modulo 2**32)."""

    def __init__(self, seed: int, faults: Faults) -> None:
        self.loop = 0
        self._faults = faults
        self._seeds = (number % 2**32 for number in itertools.count(seed))
        self._tags = itertools.count(FIRST_TAG)
        self._table = unit_table()
        self._owner_and_type = {int(number): (ENEMY, kind) for kind, number in enumerate(self._table["game_id"])}
        for kind, name in enumerate(UNIT_NAMES):
            self._owner_and_type[faults.first_rl_id + RL_CATALOGUE.index(name)] = (ALLY, kind)
        self._ids = {both: number for number, both in self._owner_and_type.items()}
        self._controls_enemies = faults.control == "inverted"
        self._engine = _engine(faults.is_still)
        self._seen = np.zeros((), dtype=UNITS)
        self._roster = np.zeros((), dtype=ROSTER)
        self._slots: dict[int, int] = {}
        self._doomed: list[int] = []
        self._created: list[tuple[int, int, float, float]] = []
        self._values: list[debug_pb2.DebugSetUnitValue] = []
        self._hidden = 0
        self._warm_up()

    def step(self, loops: int) -> None:
        """Do what was asked of the next loop, then let time pass."""
        self.loop += loops
        if self._doomed:
            if set(self._doomed) != set(self._slots):
                raise Refusal("the double kills all units or none")
            self._slots, self._doomed = {}, []
        if self._created:
            self._spawn()
            loops -= SPAWN_LOOPS
            if loops < 0:
                raise Refusal(f"the double needs {SPAWN_LOOPS} loops to create units")
        if not self._slots:
            return
        if self._values:
            self._engine.order(self._new_values())
        self._engine.advance(loops)
        self._look()

    def units(self) -> list[raw_pb2.Unit]:
        """All living units."""
        units = [self._unit(tag, slot) for tag, slot in self._slots.items()]
        if self._hidden > 0:
            self._hidden -= 1
            return units[1:]
        return units

    def command(self, commands: list[raw_pb2.ActionRawUnitCommand]) -> list[int]:
        """Give orders and say what became of each."""
        orders = _no_orders()
        results = [self._command(command, orders) for command in commands]
        if self._slots:
            self._engine.order(orders)
        return results

    def debug_create_unit(self, request: debug_pb2.DebugCreateUnit) -> None:
        owner, kind = self._owner_and_type.get(request.unit_type, (None, None))
        # The game, too, creates nothing where it does not know the type.
        if owner is not None and OWNERS.get(request.owner) == owner:
            self._created += [(kind, owner, request.pos.x, request.pos.y)] * request.quantity

    def debug_kill_unit(self, request: debug_pb2.DebugKillUnit) -> None:
        self._doomed += request.tag

    def debug_unit_value(self, request: debug_pb2.DebugSetUnitValue) -> None:
        self._values.append(request)

    def debug_game_state(self, request: int) -> None:
        if request != debug_pb2.control_enemy:
            raise Refusal(f"the double does not know the debug state {request}")
        self._controls_enemies = True if self._faults.control == "set" else not self._controls_enemies

    def _spawn(self) -> None:
        if self._slots:
            raise Refusal("the double creates units on an empty map only")
        self._roster["units"] = len(self._created)
        self._roster["seed"] = next(self._seeds)
        for slot, values in enumerate(self._created):
            for field, value in zip(("type", "owner", "x", "y"), values, strict=True):
                self._roster[field][slot] = value
        self._engine.begin(self._roster)
        self._slots = {next(self._tags): slot for slot in range(len(self._created))}
        self._created = []
        self._hidden = self._faults.late_units

    def _warm_up(self) -> None:
        """Load the compiled kernels now, as the game loads its map: later answers come at once."""
        self._engine.begin(self._roster)
        self._engine.order(_no_orders())
        self._engine.advance(1)
        self._engine.read(self._seen)

    def _look(self) -> None:
        self._engine.read(self._seen)
        self._slots = {tag: slot for tag, slot in self._slots.items() if self._seen["alive"][slot]}

    def _unit(self, tag: int, slot: int) -> raw_pb2.Unit:
        owner, kind = int(self._roster["owner"][slot]), int(self._roster["type"][slot])
        data, seen = self._table[kind], self._seen
        unit = raw_pb2.Unit(
            display_type=1,
            alliance=1 if owner == ALLY else 4,
            tag=tag,
            unit_type=self._ids[owner, kind],
            owner=1 if owner == ALLY else 2,
            radius=data["radius"],
            build_progress=1,
            is_flying=bool(data["flying"]),
            health=seen["health"][slot],
            health_max=data["health"],
            weapon_cooldown=seen["cooldown"][slot],
        )
        unit.pos.x, unit.pos.y = seen["x"][slot], seen["y"][slot]
        if data["shield"]:
            unit.shield, unit.shield_max = seen["shield"][slot], data["shield"]
        if data["energy_max"]:
            unit.energy, unit.energy_max = seen["energy"][slot], data["energy_max"]
        return unit

    def _command(self, command: raw_pb2.ActionRawUnitCommand, orders: np.ndarray) -> int:
        target = command.WhichOneof("target")
        aim = {None: ON_NOTHING, "target_world_space_pos": ON_POINT, "target_unit_tag": ON_UNIT}[target]
        kind = KINDS.get((command.ability_id, aim))
        slots = [self._slots[tag] for tag in command.unit_tags if tag in self._slots]
        if kind is None or command.queue_command or not slots:
            return RESULT.Value("NotSupported")
        if not self._controls_enemies and any(self._roster["owner"][slot] == ENEMY for slot in slots):
            return RESULT.Value("YouCantControlThatUnit")
        orders["kind"][slots] = kind
        if aim == ON_POINT:
            orders["x"][slots] = command.target_world_space_pos.x
            orders["y"][slots] = command.target_world_space_pos.y
        if aim == ON_UNIT:
            if command.target_unit_tag not in self._slots:
                orders["kind"][slots] = 0
                return RESULT.Value("CantTargetThatUnit")
            orders["target"][slots] = self._slots[command.target_unit_tag]
        return RESULT.Value("Success")

    def _new_values(self) -> np.ndarray:
        orders = _no_orders()
        fields = {debug_pb2.DebugSetUnitValue.Life: "health", debug_pb2.DebugSetUnitValue.Shields: "shield"}
        for value in self._values:
            if value.unit_tag in self._slots:
                orders[fields[value.unit_value]][self._slots[value.unit_tag]] = value.value
        self._values = []
        return orders


def _engine(is_still: bool) -> Engine:
    if is_still:
        return StillEngine()
    # Launches without battles shall not wait for compiled kernels.
    from embedded_engine import EmbeddedEngine

    return EmbeddedEngine()


def _no_orders() -> np.ndarray:
    orders = np.zeros((), dtype=ORDERS)
    orders["health"][:] = orders["shield"][:] = np.nan
    orders["target"][:] = -1
    return orders
