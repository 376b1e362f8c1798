"""Steps per second of the embedded battle engine on one core: ``python benchmarks/battle_speed.py``.

A step gives orders to all units, lets 8 game loops pass and reads all units; ended battles begin again. Allies move
about or attack at random, enemies attack the middle of the map. Only the engine is timed: no features, no rewards.
"""

import argparse
import time

import numpy as np

from dizoo_ext.smac_multiarmy.embedded.battle import advance_rows, begin_rows, new_battles, order_rows, read_rows
from dizoo_ext.smac_multiarmy.embedded.state import ENEMIES_ONLY
from dizoo_ext.smac_multiarmy.embedded.units import UNIT_NAMES, unit_table
from dizoo_ext.smac_multiarmy.engine_interface import (
    ALLY,
    ATTACK,
    ATTACK_MOVE,
    ENEMY,
    KEEP,
    MOVE,
    ORDERS,
    ROSTER,
    UNITS,
)

TEAMS = {
    "2s3z": ["stalker"] * 2 + ["zealot"] * 3,
    "8v8 sz": ["stalker"] * 4 + ["zealot"] * 4,
    "MMM": ["marauder"] * 2 + ["marine"] * 7 + ["medivac"],
}
BATCHES = (1, 64, 512)
LOOPS = 8
MAP_SIZE = 32.0
MIDDLE = MAP_SIZE / 2
WALK = 2.0


def rosters_of(team: list[str], batch: int) -> np.ndarray:
    """(batch,) `ROSTER` records of allies in the middle and equal enemies at a distance of 8."""
    n = len(team)
    rosters = np.zeros(batch, dtype=ROSTER)
    rosters["units"] = 2 * n
    rosters["seed"] = np.arange(batch)
    rosters["type"][:, : 2 * n] = [UNIT_NAMES.index(name) for name in team] * 2
    rosters["owner"][:, : 2 * n] = [ALLY] * n + [ENEMY] * n
    rosters["x"][:, : 2 * n] = MIDDLE
    rosters["x"][:, n : 2 * n] += 8
    rosters["y"][:, : 2 * n] = MIDDLE
    return rosters


def random_orders(units: np.ndarray, rosters: np.ndarray, generator: np.random.Generator) -> np.ndarray:
    """(B,) `ORDERS`: each ally moves a little way in one of four directions or attacks any enemy."""
    total = rosters["units"][0]
    n = total // 2
    orders = np.zeros(len(units), dtype=ORDERS)
    orders["health"] = orders["shield"] = np.nan
    attacks = generator.random((len(units), n)) < 0.5
    orders["kind"][:, :n] = np.where(attacks, ATTACK, MOVE)
    orders["target"][:, :n] = generator.integers(n, total, (len(units), n))
    angle = generator.integers(0, 4, (len(units), n)) * np.pi / 2
    orders["x"][:, :n] = units["x"][:, :n] + WALK * np.cos(angle)
    orders["y"][:, :n] = units["y"][:, :n] + WALK * np.sin(angle)
    orders["kind"][:, n:total] = KEEP
    return orders


def engine_seconds(team: list[str], batch: int, steps: int) -> float:
    """Processor time that the engine takes for ``steps`` steps of ``batch`` battles."""
    table = unit_table()
    rosters = rosters_of(team, batch)
    n = len(team)
    battles, units = new_battles(batch), np.zeros(batch, dtype=UNITS)
    generator = np.random.default_rng(0)
    rows = fresh = np.arange(batch)
    seconds = 0.0
    for step in range(steps + 1):
        start = time.process_time()
        begin_rows(battles, fresh, table, rosters, MAP_SIZE, ENEMIES_ONLY)
        read_rows(battles, fresh, units)
        seconds += time.process_time() - start
        orders = random_orders(units, rosters, generator)
        orders["kind"][fresh, n : 2 * n] = ATTACK_MOVE
        orders["x"][:, n : 2 * n] = orders["y"][:, n : 2 * n] = MIDDLE
        start = time.process_time()
        order_rows(battles, rows, table, orders)
        advance_rows(battles, rows, table, LOOPS)
        read_rows(battles, rows, units)
        seconds += time.process_time() - start
        alive = units["alive"] != 0
        fresh = rows[~(alive[:, :n].any(axis=1) & alive[:, n : 2 * n].any(axis=1))]
        rosters["seed"][fresh] += batch
        if step == 0:
            seconds = 0.0
    return seconds


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--steps", type=int, default=100_000, help="battle steps per timed run")
    parser.add_argument("--repeats", type=int, default=3, help="timed runs, the best counts")
    args = parser.parse_args()
    print(f"{'teams':<8}" + "".join(f"{f'B = {b}':>12}" for b in BATCHES))
    for name, team in TEAMS.items():
        print(f"{name:<8}", end="", flush=True)
        for batch in BATCHES:
            steps = max(args.steps // batch, 1)
            seconds = min(engine_seconds(team, batch, steps) for _ in range(args.repeats))
            print(f"{steps * batch / seconds:>12,.0f}", end="", flush=True)
        print()


if __name__ == "__main__":
    main()
