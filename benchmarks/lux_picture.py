"""A game of Lux between two hand-made players as a GIF: ``uv run python benchmarks/lux_picture.py -o lux.gif``."""

import argparse

import numpy as np

from dizoo_ext.gif import save_gif
from dizoo_ext.lux import LuxEnv
from dizoo_ext.lux.heuristic import heuristic_actions


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("-o", "--output", required=True)
    parser.add_argument("--steps", type=int, default=100)
    parser.add_argument("--map-size", type=int, default=24)
    parser.add_argument("--seed", type=int, default=2)
    parser.add_argument("--fps", type=float, default=8)
    args = parser.parse_args()
    env = LuxEnv(dict(map_size=args.map_size, min_factories=2, max_factories=2, max_units=20))
    env.seed(args.seed)
    env.reset()
    frames = [env.render()]
    for _ in range(args.steps):
        env.step(np.stack([heuristic_actions(env.match.game, team) for team in range(2)]))
        frames.append(env.render())
    save_gif(frames, args.output, args.fps)


if __name__ == "__main__":
    main()
