"""What the agents of a SaveTheCity run do with their allocations: python benchmarks/city_behaviour.py RUN

Prints, over greedy episodes, the share of steps that agents spend beside the unfinished building they are allocated to,
what they do there, and elsewhere the share of moves that bring them nearer, by distance. Random moves would bring them
nearer in about 0.45 of all cases; the scripted agents of `benchmarks/scripted_teams.py` always.
"""

import argparse
from collections import defaultdict

import numpy as np
import torch
from ding.torch_utils import to_tensor

import ding_alma.plugin  # noqa: F401  (registers the policies)
from ding_alma.report.play import build_policy, load_run
from dizoo_ext.save_the_city.city import ACTION_NAMES
from dizoo_ext.save_the_city.env import SaveTheCityEnv

MOVES = {1: (0, 1), 2: (1, 0), 3: (0, -1), 4: (-1, 0), 5: (0, 2), 6: (2, 0), 7: (0, -2), 8: (-2, 0)}
"""Action -> step in x and y."""
FAR = 8
"""Distances from here on are counted together."""


def distance(city: np.void, agent: int, building: int, step: tuple[int, int] = (0, 0)) -> int:
    """Manhattan distance of an agent, after ``step``, from a building."""
    x, y = int(city["agent_x"][agent]) + step[0], int(city["agent_y"][agent]) + step[1]
    return abs(x - int(city["building_x"][building])) + abs(y - int(city["building_y"][building]))


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("run", help="folder of a SaveTheCity run, or one of its checkpoints")
    parser.add_argument("--episodes", type=int, default=64)
    parser.add_argument("--seed", type=int, default=1000)
    args = parser.parse_args()
    torch.manual_seed(args.seed)
    run = load_run(args.run)
    policy = build_policy(run, args.episodes)
    config = SaveTheCityEnv.create_evaluator_env_cfg(run.config.env)[0]
    env = SaveTheCityEnv.make_vector_env(SaveTheCityEnv(config)._cfg, args.episodes)
    env.seed(range(args.seed, args.seed + args.episodes))
    observation, ids = env.reset(), np.arange(args.episodes)
    policy.reset()
    nearer: dict[int, list[bool]] = defaultdict(list)
    beside: dict[str, int] = defaultdict(int)
    steps = 0
    while len(ids):
        rows = {int(i): {key: value[k] for key, value in observation.items()} for k, i in enumerate(ids)}
        output = policy.forward(to_tensor(rows, dtype=torch.float32))
        actions = np.stack([np.asarray(output[int(i)]["action"]) for i in ids])
        for k, i in enumerate(ids):
            city, allocation = env.cities[i], np.asarray(output[int(i)]["allocation"])
            for agent in range(city["agents"]):
                building, action = int(allocation[agent]), int(actions[k, agent])
                if building < 0 or not 0 < city["health"][building] < 1:
                    continue
                steps += 1
                if city["beside"][agent] == building:
                    beside[ACTION_NAMES[action]] += 1
                elif action in MOVES:
                    here = distance(city, agent, building)
                    nearer[min(here, FAR)].append(distance(city, agent, building, MOVES[action]) < here)
        step = env.step(actions, ids)
        observation = {key: value[~step.done] for key, value in step.observation.items()}
        ids = ids[~step.done]
    there = sum(beside.values())
    print(f"{args.episodes} episodes, {steps} steps of agents with an unfinished building")
    print(f"beside it: {there / steps:.2f}; " + ", ".join(f"{name} {n / there:.2f}" for name, n in beside.items()))
    print(f"{'distance':>9}{'moves':>8}{'nearer':>8}")
    for here, moves in sorted(nearer.items()):
        print(f"{here:>8}{'+' if here == FAR else ' '}{len(moves):>8}{np.mean(moves):>8.2f}")


if __name__ == "__main__":
    main()
