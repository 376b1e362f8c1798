"""A match as SMAC shows it: observations, state and actions that are available.

Facts: as in `layout`. ``match`` is a record of `match.MATCH` whose tags are fixed, ``table`` the engine's unit table.
"""

import numpy as np

from dizoo_ext.smac_multiarmy.drop_in.layout import MOVES, NO_ATTACK_ACTIONS, PATHING_POINTS, Layout
from dizoo_ext.smac_multiarmy.embedded.units import UNIT_NAMES
from dizoo_ext.smac_multiarmy.match import CENTRE, MAP_SIZE, NORTH

SIGHT = 9.0


def available_actions(match: np.void, layout: Layout, table: np.ndarray, action_mask: np.ndarray) -> np.ndarray:
    """(A, U) int64, 1 for available, from the environment's own mask.

    There the targets are all enemies and, where there are healers, behind them all agents. SMAC numbers both from the
    same action on: a healer's are agents, everybody else's are enemies.
    """
    first, enemies, agents = NO_ATTACK_ACTIONS, layout.enemies, layout.agents
    available = action_mask[:, : first + enemies].astype(np.int64)
    heals = is_healer(match, layout, table)
    if heals.any():
        available[heals, first:] = 0
        available[heals, first : first + agents] = action_mask[heals, first + enemies : first + enemies + agents]
    return available


def is_healer(match: np.void, layout: Layout, table: np.ndarray) -> np.ndarray:
    """(A,) bool."""
    return table["heal"][match["type"][: layout.agents]] > 0


def observations(
    match: np.void, layout: Layout, table: np.ndarray, available: np.ndarray, last_action: np.ndarray, time: float
) -> np.ndarray:
    """What every agent observes, (A, `Layout.obs_size`) float32; the dead observe nothing but the time.

    Args:
        available: (A, U) of `available_actions`.
        last_action: (A, U) one-hot, zeros before the first step.
        time: share of the episode's steps that are over.
    """
    n, options = layout.agents, layout.options
    alive = match["alive"][: n + layout.enemies] != 0
    places = np.stack([match["x"], match["y"]], 1)[: n + layout.enemies].astype(np.float64)
    offset = places[None] - places[:n, None]
    distance = np.hypot(offset[..., 0], offset[..., 1])
    seen = alive[:n, None] & alive[None] & (distance < SIGHT)
    relative = np.concatenate([distance[..., None], offset], 2) / SIGHT
    health = _health(match, table)
    move = [available[:, NORTH : NORTH + MOVES]]
    if options.obs_pathing_grid:
        # All ground can be walked on, and what lies beyond the map counts as such.
        move.append(np.ones((n, PATHING_POINTS)))
    enemy_rows: list[np.ndarray] = []
    ally_rows: list[np.ndarray] = []
    if options.obs_all_health:
        enemy_rows.append(health[n : n + layout.enemies, : 1 + layout.enemy_shield])
        ally_rows.append(health[:n, : 1 + layout.ally_shield])
    enemy_rows.append(_types(match["type"][n : n + layout.enemies], layout.enemy_types))
    ally_types = _types(match["type"][:n], layout.ally_types)
    ally_rows.append(ally_types)
    if options.obs_last_action:
        ally_rows.append(last_action)
    others = ~np.eye(n, dtype=bool)
    # As in SMAC, an enemy's first feature is the action with its number, which a healer has for an agent.
    enemies = np.concatenate(
        [available[:, NO_ATTACK_ACTIONS:, None], relative[:, n:], _for_each(n, np.concatenate(enemy_rows, 1))], 2
    )
    allies = np.concatenate([np.ones((n, n, 1)), relative[:, :n], _for_each(n, np.concatenate(ally_rows, 1))], 2)
    own = [health[:n, : 1 + layout.ally_shield]] * layout.shows_own_health + [ally_types]
    rows = np.concatenate(
        [
            *move,
            (enemies * seen[:, n:, None]).reshape(n, -1),
            (allies * seen[:, :n, None])[others].reshape(n, -1),
            *own,
        ],
        1,
    )
    rows[~alive[:n]] = 0.0
    if options.obs_timestep_number:
        rows = np.concatenate([rows, np.full((n, 1), time)], 1)
    return rows.astype(np.float32)


def state(
    match: np.void, layout: Layout, table: np.ndarray, last_action: np.ndarray, time: float
) -> dict[str, np.ndarray | float]:
    """The parts of the state in their order; dead units are rows of zeros.

    Returns:
        ``allies`` (A, features), ``enemies`` (M, features), and if wanted ``last_action`` (A, U) and ``timestep``.
    """
    n, options = layout.agents, layout.options
    units = slice(n + layout.enemies)
    kinds = table[match["type"][units]]
    alive = match["alive"][units] != 0
    health = _health(match, table)[units]
    x, y = ((match[axis][units].astype(np.float64) - CENTRE) / MAP_SIZE for axis in ("x", "y"))
    ready = np.where(kinds["heal"] > 0, match["energy"][units], match["cooldown"][units]) / kinds["max_cooldown"]
    types = match["type"]
    allies = np.column_stack(
        [
            health[:n, 0],
            ready[:n],
            x[:n],
            y[:n],
            health[:n, 1 : 1 + layout.ally_shield],
            _types(types[:n], layout.ally_types),
        ]
    )
    enemies = np.column_stack(
        [
            health[n:, 0],
            x[n:],
            y[n:],
            health[n:, 1 : 1 + layout.enemy_shield],
            _types(types[units][n:], layout.enemy_types),
        ]
    )
    parts: dict[str, np.ndarray | float] = {"allies": allies * alive[:n, None], "enemies": enemies * alive[n:, None]}
    if options.state_last_action:
        parts["last_action"] = last_action
    if options.state_timestep_number:
        parts["timestep"] = time
    return parts


def visibility(match: np.void, layout: Layout) -> np.ndarray:
    """(A, A + M) bool: which living units each agent sees; nobody sees himself."""
    n = layout.agents
    x, y, alive = (match[field][: n + layout.enemies].astype(np.float64) for field in ("x", "y", "alive"))
    distance = np.hypot(x[:n, None] - x[None], y[:n, None] - y[None])
    sees = (distance < SIGHT) & (alive[:n, None] * alive[None] > 0)
    np.fill_diagonal(sees, False)
    return sees


def _health(match: np.void, table: np.ndarray) -> np.ndarray:
    """(units, 2): shares of health and of shield, 0 for what a unit does not have."""
    kinds = table[match["type"]]
    shield = match["shield"] / np.where(kinds["shield"] > 0, kinds["shield"], 1.0)
    return np.stack([match["health"] / kinds["health"], shield], 1)


def _types(kinds: np.ndarray, names: tuple[str, ...]) -> np.ndarray:
    """(units, len(names)) one-hot."""
    return (kinds[:, None] == np.array([UNIT_NAMES.index(name) for name in names], np.int64)[None]).astype(np.float64)


def _for_each(n: int, rows: np.ndarray) -> np.ndarray:
    """The same (units, features) for each of ``n`` agents."""
    return np.broadcast_to(rows, (n, *rows.shape))
