"""One launched StarCraft II with an empty map (docs/reference/smac.md#calls-to-the-game).

Importing this module needs pysc2.
"""

import logging
from collections.abc import Iterable
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
from pysc2.run_configs.lib import VERSIONS
from s2clientprotocol import common_pb2, debug_pb2, raw_pb2, sc2api_pb2

from dizoo_ext.smac_multiarmy.embedded.units import UNIT_NAMES
from dizoo_ext.smac_multiarmy.engine_interface import ALLY, ENEMY
from dizoo_ext.smac_multiarmy.sc2.connection import Connection, Status
from dizoo_ext.smac_multiarmy.sc2.game_lost import GameLost
from dizoo_ext.smac_multiarmy.sc2.game_process import GameProcess
from dizoo_ext.smac_multiarmy.sc2.unit_ids import unit_ids
from dizoo_ext.smac_multiarmy.sc2.unit_orders import Command, Vital
from dizoo_ext.smac_multiarmy.sc2.unit_slots import Creation
from dizoo_ext.starcraft_files import game_builds

MAP_SIZE = 32
_PLAYERS = {ALLY: 1, ENEMY: 2}
_UNIT_VALUES = {"health": debug_pb2.DebugSetUnitValue.Life, "shield": debug_pb2.DebugSetUnitValue.Shields}
_CANNOT_CONTROL = 87
_KILL_LOOPS = 2
_KILL_TRIES = 20


class Launch(NamedTuple):
    """How to launch a game."""

    folder: Path
    map_path: Path
    game_version: str | None
    launch_timeout: float
    request_timeout: float


class SeenUnit(NamedTuple):
    """A living unit; ``type`` is -1 for one that the map should not hold."""

    tag: int
    type: int
    owner: int
    x: float
    y: float
    health: float
    shield: float
    energy: float
    cooldown: float


class Game:
    """A game in which this process plays the allies, and gives orders to the enemies of a computer that gives none."""

    def __init__(self, launch: Launch, races: tuple[str, str], seed: int) -> None:
        """Start the program, create the game and join it.

        Args:
            launch: what to start, and how long to wait.
            races: of the allies and of the enemies, as the protocol names them.
            seed: of the game's own random stream.

        Raises:
            GameLost: the program ended or froze.
            ValueError: the version is unknown or not installed, or the map is none, or not one of the right size.
        """
        executable, data_version = installed_version(launch.folder, launch.game_version)
        self.loop = 0
        self.controls_enemies = False
        self._process = GameProcess(executable, launch.folder, data_version)
        try:
            self._connection = Connection(self._process, launch.launch_timeout, launch.request_timeout)
        except BaseException:
            self._process.close()
            raise
        try:
            self._join(launch.map_path, races, seed)
            self._ids = self._read_ids()
        except BaseException:
            self.abandon()
            raise
        self._kinds = {
            (_PLAYERS[owner], int(number)): (kind, owner)
            for owner in (ALLY, ENEMY)
            for kind, number in enumerate(self._ids[owner])
        }

    def close(self) -> None:
        """Ask the game to quit and see to it that it does."""
        self._connection.quit()
        self._process.wait_for_quit()
        self._process.close()

    def abandon(self) -> None:
        """End a game that is not worth talking to any more."""
        self._connection.hang_up()
        self._process.close()

    def clear(self) -> None:
        """Remove all units.

        Raises:
            GameLost: some stay.
        """
        units = self.observe()
        if not units:
            return
        self._debug(kill_unit=debug_pb2.DebugKillUnit(tag=[unit.tag for unit in units]))
        self.advance(_KILL_LOOPS)
        for _ in range(_KILL_TRIES):
            if not self.observe():
                return
            self.advance(1)
        raise GameLost(f"{len(self.observe())} units stay on the map of StarCraft II, although they were killed")

    def create(self, units: Iterable[Creation]) -> None:
        """Ask for units, in order; they stand on the map after some loops."""
        self._debug_all(
            debug_pb2.DebugCommand(
                create_unit=debug_pb2.DebugCreateUnit(
                    unit_type=int(self._ids[unit.owner, unit.kind]),
                    owner=_PLAYERS[unit.owner],
                    pos=common_pb2.Point2D(x=unit.x, y=unit.y),
                    quantity=unit.quantity,
                )
            )
            for unit in units
        )

    def control_enemies(self) -> None:
        """Get, from the next loop on, the right to give orders to the enemies; asking again may lose it."""
        self._debug(game_state=debug_pb2.control_enemy)
        self.controls_enemies = True

    def command(self, commands: list[Command]) -> list[Command]:
        """Give orders. Returns those that were refused because their units are not this process's to command."""
        if not commands:
            return []
        actions = [_action(command) for command in commands]
        answer = self._connection.request(action=sc2api_pb2.RequestAction(actions=actions))
        if len(answer.result) != len(commands):
            raise GameLost(f"StarCraft II answered {len(commands)} orders with {len(answer.result)} results")
        return [command for command, code in zip(commands, answer.result, strict=True) if int(code) == _CANNOT_CONTROL]

    def set_vitals(self, values: list[Vital]) -> None:
        """Set health and shields."""
        if values:
            self._debug_all(
                debug_pb2.DebugCommand(
                    unit_value=debug_pb2.DebugSetUnitValue(
                        unit_value=_UNIT_VALUES[value.field], value=value.value, unit_tag=value.tag
                    )
                )
                for value in values
            )

    def advance(self, loops: int) -> None:
        """Let ``loops`` loops pass."""
        self._connection.request(step=sc2api_pb2.RequestStep(count=loops))
        if self._connection.status != Status.in_game:
            raise GameLost(f"StarCraft II has ended the game by itself (state {self._connection.status.name!r})")
        self.loop += loops

    def observe(self) -> list[SeenUnit]:
        """All living units of both sides.

        Raises:
            GameLost: the game does not show the present loop.
        """
        observation = self._connection.request(observation=sc2api_pb2.RequestObservation()).observation
        if not observation.HasField("raw_data") or observation.game_loop < self.loop:
            raise GameLost(
                f"StarCraft II shows loop {observation.game_loop} instead of {self.loop}, "
                f"{'with' if observation.HasField('raw_data') else 'without'} units"
            )
        self.loop = observation.game_loop
        return [self._seen(unit) for unit in observation.raw_data.units if unit.owner in _PLAYERS.values()]

    def _seen(self, unit: raw_pb2.Unit) -> SeenUnit:
        kind, owner = self._kinds.get((unit.owner, unit.unit_type), (-1, unit.owner))
        vitals = (unit.health, unit.shield, unit.energy, unit.weapon_cooldown)
        return SeenUnit(unit.tag, kind, owner, unit.pos.x, unit.pos.y, *vitals)

    def _join(self, map_path: Path, races: tuple[str, str], seed: int) -> None:
        ally_race, enemy_race = (common_pb2.Race.Value(race) for race in races)
        created = self._connection.patient_request(
            create_game=sc2api_pb2.RequestCreateGame(
                local_map=sc2api_pb2.LocalMap(map_path=str(map_path), map_data=map_path.read_bytes()),
                player_setup=[
                    sc2api_pb2.PlayerSetup(type=sc2api_pb2.Participant),
                    sc2api_pb2.PlayerSetup(type=sc2api_pb2.Computer, race=enemy_race, difficulty=sc2api_pb2.VeryHard),
                ],
                realtime=False,
                random_seed=seed,
            )
        )
        if created.HasField("error"):
            reason = sc2api_pb2.ResponseCreateGame.Error.Name(created.error)
            raise ValueError(f"StarCraft II refuses the map {map_path}: {reason} {created.error_details}")
        joined = self._connection.patient_request(
            join_game=sc2api_pb2.RequestJoinGame(
                race=ally_race, options=sc2api_pb2.InterfaceOptions(raw=True, score=False)
            )
        )
        if joined.HasField("error"):
            reason = sc2api_pb2.ResponseJoinGame.Error.Name(joined.error)
            raise GameLost(f"StarCraft II does not let us join its game: {reason} {joined.error_details}")
        size = self._connection.request(game_info=sc2api_pb2.RequestGameInfo()).start_raw.map_size
        if (size.x, size.y) != (MAP_SIZE, MAP_SIZE):
            raise ValueError(f"the map must be {MAP_SIZE} x {MAP_SIZE} cells, {map_path} is {size.x} x {size.y}")

    def _read_ids(self) -> np.ndarray:
        data = self._connection.patient_request(data=sc2api_pb2.RequestData(unit_type_id=True))
        ids = unit_ids({unit.unit_id: unit.name for unit in data.units})
        weapons = {unit.unit_id: [*unit.weapons] for unit in data.units}
        for owner, kind in np.ndindex(ids.shape):
            for weapon in weapons.get(ids[owner, kind], ()):
                bonus = ", ".join(f"+{bonus.bonus:g}" for bonus in weapon.damage_bonus)
                logging.info(
                    f"StarCraft II: {UNIT_NAMES[kind]} (id {ids[owner, kind]}) has {weapon.attacks} x "
                    f"{weapon.damage:g} {bonus} damage every {weapon.speed:g} s, range {weapon.range:g}"
                )
        return ids

    def _debug(self, **command: Any) -> None:
        self._debug_all([debug_pb2.DebugCommand(**command)])

    def _debug_all(self, commands: Iterable[debug_pb2.DebugCommand]) -> None:
        self._connection.request(debug=sc2api_pb2.RequestDebug(debug=commands))


def installed_version(folder: Path, game_version: str | None) -> tuple[Path, str | None]:
    """The executable of a version of the game (None: the newest) and the data version that it must be told.

    Raises:
        FileNotFoundError: ``folder`` holds no game.
        ValueError: the version is unknown or not installed.
    """
    builds = game_builds(folder)
    if game_version is None:
        return builds[max(builds)], None
    known = VERSIONS.get(game_version)
    if known is None or known.build_version not in builds:
        choice = [name for name, version in VERSIONS.items() if version.build_version in builds]
        raise ValueError(
            f"no StarCraft II {game_version} in {folder}; there are the builds {[*builds]}, that is the versions "
            f"{choice}, or None for the newest"
        )
    return builds[known.build_version], known.data_version


def _action(command: Command) -> sc2api_pb2.Action:
    order = raw_pb2.ActionRawUnitCommand(ability_id=command.ability, unit_tags=command.tags)
    if command.point is not None:
        order.target_world_space_pos.x, order.target_world_space_pos.y = command.point
    if command.target is not None:
        order.target_unit_tag = command.target
    return sc2api_pb2.Action(action_raw=raw_pb2.ActionRaw(unit_command=order))
