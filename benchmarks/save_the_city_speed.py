"""Steps per second of SaveTheCity on one core: ``python benchmarks/save_the_city_speed.py``.

Counts environment steps including their observations and the resets of ended episodes. Choosing the random legal
actions is not counted.
"""

import argparse
import time

import numpy as np

from dizoo_ext.random_stream import random_legal_actions
from dizoo_ext.save_the_city.vector import SaveTheCityVector

BATCHES = (1, 8, 64, 1024)
OBSERVATIONS = ("entities", "both")


def steps_per_second(scenario: str, num_envs: int, observation: str, seconds: float) -> float:
    """Environment steps per second of processor time, the best of three stretches of ``seconds``."""
    env = SaveTheCityVector(num_envs, scenario=scenario, observation=observation)
    env.seed(range(num_envs))
    generator = np.random.default_rng(0)
    action_mask = env.reset()["action_mask"]
    rates = []
    for _ in range(4):
        used, steps = 0.0, 0
        while used < seconds:
            actions = random_legal_actions(action_mask, generator)
            start = time.process_time()
            result = env.step(actions)
            action_mask = result.observation["action_mask"]
            if result.episode_info:
                ended = np.flatnonzero(result.done)
                action_mask[ended] = env.reset(ended)["action_mask"]
            used += time.process_time() - start
            steps += num_envs
        rates.append(steps / used)
    return max(rates[1:])


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--scenarios", nargs="+", default=["2-5a_2-5b", "2-8a_2-8b", "24a_24b"])
    parser.add_argument("--seconds", type=float, default=1.0, help="processor time per stretch")
    args = parser.parse_args()
    print(f"{'scenario':<12} {'observation':<12}" + "".join(f"{f'B = {b}':>12}" for b in BATCHES))
    for scenario in args.scenarios:
        for observation in OBSERVATIONS:
            rates = [steps_per_second(scenario, b, observation, args.seconds) for b in BATCHES]
            print(f"{scenario:<12} {observation:<12}" + "".join(f"{rate:>12,.0f}" for rate in rates), flush=True)


if __name__ == "__main__":
    main()
