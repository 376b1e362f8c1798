"""Outcomes of scripted fights in the embedded battle engine: ``python benchmarks/battle_statistics.py``.

Two equal teams start 14 apart on a 32 x 32 map, in blocks that are shifted a little at random. The enemies attack-move
to where the allies began. The allies do the same ("attack-move"), or follow a script that gives orders every 8 game
loops: attack the nearest, or the weakest, of the enemies less than 6 away (centre to centre), else walk east, west,
north or south towards the nearest; Medivacs heal the weakest damaged ally less than 6 away, else walk as long as two
armed allies are less than 3 away. A fight ends when a side has no armed unit left or after 150 steps.
"""

import argparse

import numpy as np

from dizoo_ext.smac_multiarmy.embedded.battle import advance_rows, begin_rows, new_battles, order_rows, read_rows
from dizoo_ext.smac_multiarmy.embedded.state import ENEMIES_ONLY
from dizoo_ext.smac_multiarmy.embedded.units import DEFAULT_PROFILE, PROFILES, UNIT_NAMES, unit_table
from dizoo_ext.smac_multiarmy.engine_interface import (
    ALLY,
    ATTACK,
    ATTACK_MOVE,
    ENEMY,
    HEAL,
    KEEP,
    MAX_UNITS,
    MOVE,
    ORDERS,
    ROSTER,
    STOP,
    UNITS,
)

TEAMS = {
    "3m": {"marine": 3},
    "8m": {"marine": 8},
    "2s3z": {"stalker": 2, "zealot": 3},
    "3s5z": {"stalker": 3, "zealot": 5},
    "MMM": {"medivac": 1, "marauder": 2, "marine": 7},
}
SCRIPTS = ("attack-move", "nearest", "weakest")
MAP_SIZE = 32.0
ALLY_PLACE, ENEMY_PLACE = (9.0, 16.0), (23.0, 16.0)
SPACING = 1.5
SHIFT = 0.25
LOOPS = 8
STEPS = 150
REACH = 6.0
WALK = 2.0


def rosters_of(team: dict[str, int], fights: int, generator: np.random.Generator) -> np.ndarray:
    """(fights,) `ROSTER` of two teams in square blocks, the enemies' turned by 180 degrees."""
    types = [UNIT_NAMES.index(name) for name, count in team.items() for _ in range(count)]
    n = len(types)
    side = int(np.ceil(np.sqrt(n)))
    block = (np.stack(np.divmod(np.arange(n), side)) - (side - 1) / 2) * SPACING
    rosters = np.zeros(fights, dtype=ROSTER)
    rosters["units"] = 2 * n
    rosters["seed"] = generator.integers(2**32, size=fights)
    for owner, place, sign in ((ALLY, ALLY_PLACE, 1), (ENEMY, ENEMY_PLACE, -1)):
        slots = slice(owner * n, (owner + 1) * n)
        rosters["type"][:, slots] = types
        rosters["owner"][:, slots] = owner
        for axis in range(2):
            shift = generator.uniform(-SHIFT, SHIFT, (fights, n))
            rosters["xy"[axis]][:, slots] = place[axis] + sign * block[axis] + shift
    return rosters


def first_orders(rosters: np.ndarray, script: str) -> np.ndarray:
    """(B,) `ORDERS` at the beginning: attack-moves to where the others stand."""
    orders = no_orders(len(rosters))
    is_enemy = rosters["owner"] == ENEMY
    orders["kind"] = np.where(is_enemy | (script == "attack-move"), ATTACK_MOVE, STOP)
    orders["x"] = np.where(is_enemy, ALLY_PLACE[0], ENEMY_PLACE[0])
    orders["y"] = np.where(is_enemy, ALLY_PLACE[1], ENEMY_PLACE[1])
    return orders


def scripted_orders(units: np.ndarray, rosters: np.ndarray, table: np.ndarray, script: str) -> np.ndarray:
    """(B,) `ORDERS` of the allies for the next step, see the module's text."""
    orders = no_orders(len(rosters))
    slots = slice(rosters["units"].max())
    kind = table[rosters["type"][:, slots]]
    alive = units["alive"][:, slots] != 0
    allied, hostile = (alive & (rosters["owner"][:, slots] == owner) for owner in (ALLY, ENEMY))
    x, y, health, shield = (units[name][:, slots] for name in ("x", "y", "health", "shield"))
    distance = np.hypot(x[:, :, None] - x[:, None], y[:, :, None] - y[:, None])
    is_healer = kind["heal"] > 0
    can_hit = hostile[:, None] & (kind["hits_air"][:, :, None] | ~kind["flying"][:, None])
    can_heal = allied & (health < kind["health"]) & ~kind["flying"]
    candidates = np.where(is_healer[:, :, None], can_heal[:, None], can_hit) & (distance < REACH)
    by_strength = is_healer[:, :, None] | (script == "weakest")
    preference = np.where(by_strength, (health + shield)[:, None], distance)
    is_near_army = ((distance < REACH / 2) & (allied & ~is_healer)[:, None]).sum(axis=2) > 1
    walk = np.where(is_healer & ~is_near_army, STOP, MOVE)
    action = np.where(candidates.any(axis=2), np.where(is_healer, HEAL, ATTACK), walk)
    orders["kind"][:, slots] = np.where(allied, action, KEEP)
    orders["target"][:, slots] = np.where(candidates, preference, np.inf).argmin(axis=2)
    nearest = np.where(hostile[:, None], distance, np.inf).argmin(axis=2)
    off_x, off_y = (np.take_along_axis(axis, nearest, axis=1) - axis for axis in (x, y))
    along_x = np.abs(off_x) >= np.abs(off_y)
    orders["x"][:, slots] = x + np.where(along_x, WALK * np.sign(off_x), 0)
    orders["y"][:, slots] = y + np.where(along_x, 0, WALK * np.sign(off_y))
    return orders


def no_orders(count: int) -> np.ndarray:
    """(count,) `ORDERS` that change nothing."""
    orders = np.zeros(count, dtype=ORDERS)
    orders["health"] = orders["shield"] = np.nan
    return orders


def armed_left(units: np.ndarray, rosters: np.ndarray, table: np.ndarray) -> np.ndarray:
    """(2, B) living units with weapons by owner."""
    exists = np.arange(MAX_UNITS) < rosters["units"][:, None]
    armed = exists & (units["alive"] != 0) & (table["damage"][rosters["type"]] > 0)
    return np.stack([(armed & (rosters["owner"] == owner)).sum(axis=1) for owner in (ALLY, ENEMY)])


def fight(rosters: np.ndarray, table: np.ndarray, script: str) -> tuple[np.ndarray, np.ndarray]:
    """Play all fights: (2, B) armed units left by owner, and (B,) lengths in steps."""
    rows = np.arange(len(rosters))
    battles, units = new_battles(len(rosters)), np.zeros(len(rosters), dtype=UNITS)
    begin_rows(battles, rows, table, rosters, MAP_SIZE, ENEMIES_ONLY)
    read_rows(battles, rows, units)
    order_rows(battles, rows, table, first_orders(rosters, script))
    left = armed_left(units, rosters, table)
    length = np.zeros(len(rosters), dtype=int)
    for _ in range(STEPS):
        running = rows[(left > 0).all(axis=0)]
        if script != "attack-move":
            order_rows(battles, running, table, scripted_orders(units, rosters, table, script))
        advance_rows(battles, running, table, LOOPS)
        read_rows(battles, running, units)
        length[running] += 1
        left = armed_left(units, rosters, table)
    return left, length


def summary(left: np.ndarray, length: np.ndarray) -> str:
    """Win rate of the allies with its standard error, undecided fights, survivors of the winners and length."""
    wins = (left[0] > 0) & (left[1] == 0)
    rate = wins.mean()
    error = np.sqrt(rate * (1 - rate) / len(wins))
    undecided = (left > 0).all(axis=0).mean()
    return f"{rate:>7.3f} ± {error:.3f}{undecided:>11.3f}{left.max(axis=0).mean():>11.2f}{length.mean():>8.1f}"


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--fights", type=int, default=1000, help="fights per team and script")
    parser.add_argument("--profile", choices=PROFILES, default=DEFAULT_PROFILE, help="unit data")
    parser.add_argument("--tempo", type=float, default=1.0, help="factor of all speeds and rates of fire")
    args = parser.parse_args()
    table = unit_table(args.profile)
    table["speed"] *= args.tempo
    table["period"] /= args.tempo
    print(f"{'team':<6}{'allies':<13}{'win rate':>15}{'undecided':>11}{'survivors':>11}{'steps':>8}")
    for name, team in TEAMS.items():
        for script in SCRIPTS:
            rosters = rosters_of(team, args.fights, np.random.default_rng(0))
            print(f"{name:<6}{script:<13}{summary(*fight(rosters, table, script))}", flush=True)


if __name__ == "__main__":
    main()
