"""Train one config with several seeds side by side, one thread each.

    uv run python benchmarks/train_seeds.py configs/small/save_the_city_alma_config.py --seeds 0,1,2 \\
        --env-step 4e5 -o runs/curves/alma
    uv run python benchmarks/train_seeds.py ... -o runs/curves/heuristic --set policy.allocation.source=heuristic

leaves the run folders ``OUTPUT/seed0``, ``OUTPUT/seed1``, ... for ``benchmarks/learning_curves.py``.
"""

import ast
import copy
import multiprocessing
import os
from pathlib import Path
from typing import Any

import click


def parse(text: str) -> Any:
    """A Python literal, or the text itself."""
    try:
        return ast.literal_eval(text)
    except (SyntaxError, ValueError):
        return text


def train(config: str, folder: str, seed: int, env_step: float, changes: dict[str, Any]) -> None:
    """Run DI-engine's serial pipeline in ``folder`` (relative to the current one)."""
    import torch
    from ding.config import read_config
    from ding.entry import serial_pipeline

    torch.set_num_threads(1)
    main, create = copy.deepcopy(read_config(config))
    main.exp_name = folder
    for path, value in changes.items():
        *blocks, key = path.split(".")
        block = main
        for name in blocks:
            block = block.setdefault(name, {})
        block[key] = value
    serial_pipeline((main, create), seed=seed, max_env_step=env_step)


@click.command(context_settings=dict(help_option_names=["-h", "--help"], show_default=True))
@click.argument("config", type=click.Path(exists=True, dir_okay=False))
@click.option("--seeds", default="0,1,2", help="Comma-separated.")
@click.option("--env-step", type=float, required=True, help="Environment steps of each run.")
@click.option("-o", "--output", type=click.Path(path_type=Path), required=True, help="Relative folder of the runs.")
@click.option("--set", "settings", multiple=True, metavar="KEY=VALUE", help="Dotted key of main_config; repeatable.")
@click.option("--jobs", default=os.cpu_count() or 1, help="Runs at a time.")
def main(config: str, seeds: str, env_step: float, output: Path, settings: tuple[str, ...], jobs: int) -> None:
    """Train CONFIG once per seed."""
    os.environ.setdefault("OMP_NUM_THREADS", "1")
    changes = {key: parse(value) for key, _, value in (text.partition("=") for text in settings)}
    work = [(config, str(output / f"seed{seed}"), int(seed), env_step, changes) for seed in seeds.split(",")]
    with multiprocessing.get_context("spawn").Pool(jobs, maxtasksperchild=1) as pool:
        pool.starmap(train, work, chunksize=1)


if __name__ == "__main__":
    main()
