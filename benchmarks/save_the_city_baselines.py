"""How far hand-made rules get on the SaveTheCity task of a config.

    uv run python benchmarks/save_the_city_baselines.py configs/small/save_the_city_alma_config.py

prints solved, share of buildings completed and return of the scripted low level under three allocations; with
``--lines`` what it solves, as options of ``ding-alma compare``.
"""

import click
from ding.config import read_config

from dizoo_ext.save_the_city import SaveTheCityEnv
from dizoo_ext.save_the_city.baseline import ALLOCATIONS, play_baseline

METRICS = ("solved", "prop_buildings_completed", "return", "episode_length")

LABELS = {"heuristic": "heuristic allocation", "coverage": "coverage", "random": "random allocation"}


@click.command(context_settings=dict(help_option_names=["-h", "--help"], show_default=True))
@click.argument("config", type=click.Path(exists=True, dir_okay=False))
@click.option("--episodes", default=2000, help="Episodes per allocation.")
@click.option("--period", default=5, help="Steps between allocations.")
@click.option("--lines", is_flag=True, help="Print --line=LABEL=VALUE for ding-alma compare.")
def main(config: str, episodes: int, period: int, lines: bool) -> None:
    """Play the environment of CONFIG by hand-made rules."""
    cfg = SaveTheCityEnv(read_config(config)[0].env).cfg
    if not lines:
        click.echo(f"{'allocation':<12}" + "".join(f"{name:>26}" for name in METRICS))
    for allocation in ALLOCATIONS:
        env = SaveTheCityEnv.make_vector_env(cfg, 100)
        metrics = play_baseline(env, allocation, period, episodes)
        if lines:
            click.echo(f"--line=scripted agents, {LABELS[allocation]}={metrics['solved']:.3f}")
            continue
        click.echo(f"{allocation:<12}" + "".join(f"{metrics[name]:>26.3f}" for name in METRICS))


if __name__ == "__main__":
    main()
