"""The real StarCraft II behind the door of `interface.Engine`."""

import contextlib
import importlib
import logging
import time
from collections.abc import Iterator
from importlib.util import find_spec
from pathlib import Path
from types import ModuleType
from typing import TYPE_CHECKING

import numpy as np

from dizoo_ext.smac_multiarmy.embedded.units import UNIT_NAMES
from dizoo_ext.smac_multiarmy.engine_interface import ALLY, ENEMY, SPAWN_LOOPS, Engine
from dizoo_ext.smac_multiarmy.sc2.game_lost import GameLost
from dizoo_ext.smac_multiarmy.sc2.protocol_loader import make_protocol_importable
from dizoo_ext.smac_multiarmy.sc2.unit_orders import commands, vitals
from dizoo_ext.smac_multiarmy.sc2.unit_slots import creations, tags_of_slots
from dizoo_ext.starcraft_files import DEFAULT_MAP, game_builds, game_folder, map_file

if TYPE_CHECKING:
    from dizoo_ext.smac_multiarmy.sc2.game import Game, Launch

RELAUNCH_LOOPS = 400_000
"""A game ends by itself after 2**19 loops; one older than this (50,000 steps of 8 loops) is replaced before a spawn."""
_SPAWN_TRIES = 20
_PACKAGES = ("pysc2", "s2clientprotocol", "websocket")
_RACES = dict(zealot="Protoss", stalker="Protoss", marine="Terran", marauder="Terran", medivac="Terran")


class StarCraftEngine(Engine):
    """Battles in a StarCraft II of its own, which it launches at the first `begin` and whenever there is none.

    Every method may raise a `GameLost`. The game is gone then, and the next `begin` launches another.
    """

    def __init__(
        self,
        *,
        map_path: str | None = None,
        map_name: str = DEFAULT_MAP,
        game_version: str | None = None,
        launch_attempts: int = 3,
        launch_spread: float = 2.0,
        launch_timeout: float = 180.0,
        request_timeout: float = 60.0,
    ) -> None:
        """Check that everything is installed; launches nothing.

        Args:
            map_path: file of the map; None looks for ``map_name`` in the folder of the game.
            map_name: name of the map, without folder and ending.
            game_version: such as ``"4.6.2"``; None takes the newest one that is installed.
            launch_attempts: launches that one `begin` makes before it gives up.
            launch_spread: seconds; a launch waits a random part of it, so that many engines do not launch at once.
            launch_timeout: seconds that the game may take to start, and again to load the map.
            request_timeout: seconds that the game may take for any other answer.

        Raises:
            ModuleNotFoundError: a package is missing.
            FileNotFoundError: the game or the map is missing.
            ValueError: a number is out of range.
        """
        numbers = dict(launch_attempts=launch_attempts, launch_timeout=launch_timeout, request_timeout=request_timeout)
        for name, value in numbers.items():
            if value <= 0:
                raise ValueError(f"{name} must be above 0, got {value!r}")
        if launch_spread < 0:
            raise ValueError(f"launch_spread must not be negative, got {launch_spread!r}")
        for package in _PACKAGES:
            if find_spec(package) is None:
                raise _missing_package(package)
        self._folder = game_folder()
        game_builds(self._folder)
        self._map_path = map_file(self._folder, map_name) if map_path is None else Path(map_path).expanduser()
        if not self._map_path.is_file():
            raise FileNotFoundError(f"no map {self._map_path}; correct map_path, or set it to None")
        self._game_version = game_version
        self._launch_attempts, self._launch_spread = launch_attempts, launch_spread
        self._launch_timeout, self._request_timeout = launch_timeout, request_timeout
        self._game: Game | None = None

    def begin(self, roster: np.ndarray) -> None:
        for attempt in range(1, self._launch_attempts + 1):
            try:
                with self._dropping_the_game_on_errors():
                    self._begin(roster)
                return
            except GameLost as lost:
                if attempt == self._launch_attempts:
                    raise GameLost(f"gave up after launching StarCraft II {attempt} times: {lost}") from lost
                logging.warning(f"launching StarCraft II again, {lost}")

    def order(self, orders: np.ndarray) -> None:
        with self._dropping_the_game_on_errors():
            game = self._running_game()
            refused = game.command(commands(orders, self._roster, self._tags, self._alive))
            game.set_vitals(vitals(orders, self._tags, self._alive))
            if not refused:
                return
            # Some version of the game may take the right back where another one ignores a second request for it.
            game.control_enemies()
            game.advance(1)
            if game.command(refused):
                raise GameLost("StarCraft II lets nobody command the enemies")

    def advance(self, loops: int) -> None:
        with self._dropping_the_game_on_errors():
            self._running_game().advance(loops)

    def read(self, units: np.ndarray) -> None:
        with self._dropping_the_game_on_errors():
            seen = self._running_game().observe()
            slots, rows = [], []
            for unit in seen:
                if unit.tag in self._slots:
                    slots.append(self._slots[unit.tag])
                    rows.append(unit[3:])
            self._alive[:] = False
            self._alive[slots] = True
            units["alive"] = False
            units["alive"][slots] = True
            if rows:
                columns = np.array(rows, dtype=np.float32).T
                for field, column in zip(("x", "y", "health", "shield", "energy", "cooldown"), columns, strict=True):
                    units[field][slots] = column

    def close(self) -> None:
        if self._game is not None:
            game, self._game = self._game, None
            game.close()

    def _begin(self, roster: np.ndarray) -> None:
        if self._game is not None and self._game.loop > RELAUNCH_LOOPS:
            self.close()
        if self._game is None:
            self._game = self._launch(roster)
        game = self._game
        game.clear()
        game.create(creations(roster))
        game.advance(SPAWN_LOOPS)
        self._roster = roster.copy()
        self._tags = self._meet(game)
        self._slots = {tag: slot for slot, tag in enumerate(self._tags)}
        self._alive = np.ones(len(self._tags), dtype=bool)
        if not game.controls_enemies:
            game.control_enemies()

    def _meet(self, game: "Game") -> list[int]:
        """The tags of the roster's slots, as soon as all units are there."""
        for _ in range(_SPAWN_TRIES):
            seen = game.observe()
            tags = tags_of_slots(self._roster, [unit[:5] for unit in seen])
            if tags is not None:
                return tags
            game.advance(1)
        strangers = sum(unit.type < 0 for unit in seen)
        raise GameLost(
            f"StarCraft II shows {len(seen)} units ({strangers} of unknown types) where {int(self._roster['units'])} "
            "were created; is the map one with SMAC's own units, and made for this version of the game?"
        )

    def _launch(self, roster: np.ndarray) -> "Game":
        seed = int(roster["seed"])
        time.sleep(np.random.default_rng(seed).uniform(0, self._launch_spread))
        game_module = _game_module()
        launch: Launch = game_module.Launch(
            self._folder, self._map_path, self._game_version, self._launch_timeout, self._request_timeout
        )
        number = int(roster["units"])
        races = tuple(
            _RACES[UNIT_NAMES[roster["type"][:number][roster["owner"][:number] == owner][0]]] for owner in (ALLY, ENEMY)
        )
        return game_module.Game(launch, races, seed)

    def _running_game(self) -> "Game":
        if self._game is None:
            raise GameLost("there is no game; begin a battle first")
        return self._game

    @contextlib.contextmanager
    def _dropping_the_game_on_errors(self) -> Iterator[None]:
        """After any error, an interrupt included, nobody knows which answer the game will give next."""
        try:
            yield
        except BaseException:
            if self._game is not None:
                game, self._game = self._game, None
                game.abandon()
            raise


def _game_module() -> ModuleType:
    try:
        make_protocol_importable()
        return importlib.import_module("dizoo_ext.smac_multiarmy.sc2.game")
    except ModuleNotFoundError as error:
        raise _missing_package(error.name) from error


def _missing_package(name: str | None) -> ModuleNotFoundError:
    return ModuleNotFoundError(
        f"engine 'sc2' needs the package {name!r}; install it with `uv sync --extra sc2` or "
        "`uv pip install 'ding-alma[sc2]'`, or use engine 'embedded', which needs no game",
        name=name,
    )
