"""Lux: milliseconds per step of the environment and of the bare engine, in lockstep on the same game.

Both teams play random legal actions with the same number of units each; resets are left out. Rows: the engine as it
comes; the engine without checks of actions (what anybody would set); our engine alone, which neither searches for
lichen nor hands out observations; and the environment ``lux`` as policies see it, with both teams' planes, masks,
rewards and translated actions. CPU time. Run: ``uv run python benchmarks/lux_speed.py``
"""

import argparse
import time

import numpy as np

from dizoo_ext.lux import LuxEnv
from dizoo_ext.lux.engine import engine_module, new_engine
from dizoo_ext.lux.placement import play_early_phase
from dizoo_ext.lux.settings import PLAYERS

STOCK = 1000
"""Water and metal per factory: units for a whole team, and factories that live for long."""


def measure(units: int, steps: int, seed: int) -> dict[str, list[float]]:
    """Seconds per step of each row, while both teams have all their units."""
    env = LuxEnv(dict(max_units=units, engine_config=dict(INIT_WATER_METAL_PER_FACTORY=STOCK)))
    env.seed(seed)
    env.reset()
    game = env.match.game
    fields = game.settings.engine_fields()
    common = dict(verbose=0, collect_stats=True, **fields)
    module = engine_module()
    engines = {
        "engine, defaults": module.LuxAI_S2(**common),
        "engine, no checks": module.LuxAI_S2(validate_action_space=False, **common),
        "our engine alone": new_engine(**fields),
    }
    for engine in engines.values():
        engine.reset(seed=game.map_seed)
        play_early_phase(engine, (0, 0), "ice", np.random.RandomState(0))
    times: dict[str, list[float]] = {name: [] for name in (*engines, "environment lux")}
    while not game.is_over and len(times["environment lux"]) < steps:
        actions = env.random_action()
        orders = {p: {k: np.array(v) for k, v in own.items()} for p, own in game.orders(actions).items()}
        is_full = all(len(game.engine.state.units[player]) == units for player in PLAYERS)
        for name, engine in engines.items():
            begin = time.process_time()
            engine.step(orders)
            if is_full:
                times[name].append(time.process_time() - begin)
        begin = time.process_time()
        env.step(actions)
        if is_full:
            times["environment lux"].append(time.process_time() - begin)
    for name, engine in engines.items():
        assert (engine.state.board.rubble == game.view.rubble).all(), f"{name} played another game"
    return times


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--units", type=int, default=20, help="units per team")
    parser.add_argument("--steps", type=int, default=300, help="steps per game")
    parser.add_argument("--games", type=int, default=3)
    args = parser.parse_args()
    # A first game compiles the kernels.
    measure(2, 5, seed=0)
    times: dict[str, list[float]] = {}
    for seed in range(1, args.games + 1):
        for name, values in measure(args.units, args.steps, seed).items():
            times.setdefault(name, []).extend(values)
    bare = np.mean(times["engine, no checks"])
    print(f"{args.units} units per team, {len(times['environment lux'])} steps")
    print(f"{'':20s}{'mean ms':>10s}{'median ms':>12s}{'against no checks':>20s}")
    for name, values in times.items():
        print(
            f"{name:20s}{1e3 * np.mean(values):10.2f}{1e3 * np.median(values):12.2f}{np.mean(values) / bare - 1:+20.0%}"
        )


if __name__ == "__main__":
    main()
