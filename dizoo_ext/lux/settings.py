"""Sizes and numbers of the game that everything above the engine shares."""

from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from typing import Any

import numpy as np

from dizoo_ext.strict_config import check_choice, check_range

PLAYERS = ("player_0", "player_1")
UNIT_TYPES = ("LIGHT", "HEAVY")
"""The engine's names, in the order of the rows of `unit_table`."""
LIGHT, HEAVY = 0, 1
FACTORY, UNIT = 0, 1
"""Kinds of members: values of ``member_type``."""

STAY = 0
MOVE = 1
GIVE_ICE = 5
GIVE_ORE = 10
TAKE_POWER = 15
DIG = 25
RECHARGE = 26
BUILD_LIGHT = 27
BUILD_HEAVY = 28
WATER = 29
WAIT = 30
ACTIONS = 31
"""A unit's actions (0-26): nothing; move up, right, down, left; give all ice or all ore, here or to one of those four
sides; take k tenths of the power that fits (k = 1 .. 10); dig; recharge. A factory's (27-30): build a light or a heavy
unit, water lichen, nothing."""
DELTAS = np.array([[0, 0], [0, -1], [1, 0], [0, 1], [-1, 0]])
"""(x, y) of the engine's directions: here, up, right, down, left."""

TABLE = (
    "METAL_COST",
    "POWER_COST",
    "CARGO_SPACE",
    "BATTERY_CAPACITY",
    "MOVE_COST",
    "RUBBLE_MOVEMENT_COST",
    "DIG_COST",
    "ACTION_QUEUE_POWER_COST",
)
"""Columns of `unit_table`: fields of the engine's unit configuration."""
METAL_COST, POWER_COST, CARGO, BATTERY, MOVE_COST, RUBBLE_COST, DIG_COST, QUEUE_COST = range(len(TABLE))


@dataclass(frozen=True)
class LuxSettings:
    """What a game is played under; every value is checked."""

    map_size: int = 48
    """Tiles of the board's side (below 24, maps without ice occur)."""
    min_factories: int = 3
    max_factories: int = 5
    """Factories per team, drawn per map."""
    max_units: int = 64
    """Units a team may have; a factory cannot build beyond it."""
    episode_limit: int = 1000
    """Steps of a whole game; step planes and rewards count against it."""
    lichen: bool = False
    """Factories may water."""
    placement: str = "ice"
    """Where factories are set: 'ice', by `dizoo_ext.lux.placement`, or 'random'."""
    bids: tuple[int, int] = (0, 0)
    """What the two teams bid for placing first (the larger) or second (the larger, negative)."""
    factory_reward: str = "received"
    """Factories are paid for the ice that they 'received', or by their 'stock' (the original)."""
    engine_config: Mapping[str, Any] = field(default_factory=dict)
    """Further fields of the engine's ``EnvConfig``."""

    def __post_init__(self) -> None:
        check_range(self.map_size, "env.map_size", 12)
        check_range(self.min_factories, "env.min_factories", 1)
        check_range(self.max_factories, "env.max_factories", self.min_factories)
        check_range(self.max_units, "env.max_units", 1)
        check_range(self.episode_limit, "env.episode_limit", 1)
        check_choice(self.placement, ("ice", "random"), "env.placement")
        check_choice(self.factory_reward, ("received", "stock"), "env.factory_reward")
        own = self.engine_config.keys() & {"map_size", "MIN_FACTORIES", "MAX_FACTORIES", "max_episode_length"}
        if own:
            raise ValueError(
                f"env.engine_config may not hold {sorted(own)}: use env.map_size, env.min_factories, env.max_factories "
                "and env.episode_limit"
            )
        if len(self.bids) != 2:
            raise ValueError(f"env.bids must be two numbers, one per team, got {self.bids!r}")

    @property
    def members(self) -> int:
        """M, slots of a team: factories first, then units."""
        return self.max_factories + self.max_units

    @property
    def planes(self) -> int:
        """C, channels of the map."""
        return 19 if self.lichen else 18

    def engine_fields(self) -> dict[str, Any]:
        """Keyword arguments of the engine's ``EnvConfig``."""
        return {
            **self.engine_config,
            "map_size": self.map_size,
            "MIN_FACTORIES": self.min_factories,
            "MAX_FACTORIES": self.max_factories,
            "max_episode_length": self.episode_limit,
        }


def unit_table(env_cfg: Any) -> np.ndarray:
    """(2, len(TABLE)) float64, what light and heavy units cost and hold under an engine's configuration."""
    return np.array([[asdict(env_cfg.ROBOTS[name])[column] for column in TABLE] for name in UNIT_TYPES])
