"""Environment steps per second of our own games on one core: ``python benchmarks/batch_speed.py GAME``.

Counts environment steps (on multi-army SMAC those of the embedded engine) including their observations and the resets
of ended episodes. Random legal actions are recorded in a first run; the timed run replays them from the same seeds, so
that choosing them is not counted.
"""

import argparse
import time

import numpy as np

from dizoo_ext.random_stream import random_legal_actions
from dizoo_ext.save_the_city.vector import SaveTheCityVector
from dizoo_ext.smac_multiarmy.vector import SmacMultiArmyVector
from dizoo_ext.vector_env import VectorEnv

GAMES = {
    "save_the_city": (SaveTheCityVector, ("2-5a_2-5b", "2-8a_2-8b", "24a_24b"), (1, 8, 64, 1024)),
    "smac_multiarmy": (SmacMultiArmyVector, ("6-8sz_maxsize4_maxarmies3_symmetric", "2s3z"), (1, 8, 64, 512)),
}
"""Name -> class, scenarios and sizes of batches."""
OBSERVATIONS = ("entities", "both")


def record_actions(env: VectorEnv, steps: int) -> list[np.ndarray]:
    """Random legal joint actions (B, A) of ``steps`` steps from seeds 0, 1, ..."""
    generator = np.random.default_rng(0)
    env.seed(range(env.num_envs))
    action_mask = env.reset()["action_mask"]
    recorded = []
    for _ in range(steps):
        recorded.append(random_legal_actions(action_mask, generator))
        result = env.step(recorded[-1])
        action_mask = result.observation["action_mask"]
        if result.episode_info:
            ended = np.array(list(result.episode_info))
            action_mask[ended] = env.reset(ended)["action_mask"]
    return recorded


def replay_seconds(env: VectorEnv, recorded: list[np.ndarray]) -> float:
    """Processor time of playing the recorded actions again."""
    env.seed(range(env.num_envs))
    env.reset()
    start = time.process_time()
    for actions in recorded:
        result = env.step(actions)
        if result.episode_info:
            env.reset(np.array(list(result.episode_info)))
    return time.process_time() - start


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("game", choices=GAMES)
    parser.add_argument("--scenarios", nargs="+", help="default: the papers'")
    parser.add_argument("--steps", type=int, default=50_000, help="environment steps per timed run")
    parser.add_argument("--repeats", type=int, default=3, help="timed runs, the best counts")
    args = parser.parse_args()
    if min(args.steps, args.repeats) < 1:
        parser.error("--steps and --repeats must be 1 or more")
    batch, scenarios, sizes = GAMES[args.game]
    scenarios = args.scenarios or scenarios
    width = max(map(len, scenarios)) + 1
    print(f"{'scenario':<{width}} {'observation':<12}" + "".join(f"{f'B = {b}':>12}" for b in sizes))
    for scenario in scenarios:
        for observation in OBSERVATIONS:
            print(f"{scenario:<{width}} {observation:<12}", end="", flush=True)
            for num_envs in sizes:
                env = batch(num_envs, scenario=scenario, observation=observation)
                recorded = record_actions(env, max(args.steps // num_envs, 1))
                seconds = min(replay_seconds(env, recorded) for _ in range(args.repeats))
                print(f"{len(recorded) * num_envs / seconds:>12,.0f}", end="", flush=True)
            print()


if __name__ == "__main__":
    main()
