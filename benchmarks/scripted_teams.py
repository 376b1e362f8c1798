"""How far hand-made rules get on the task of a config of SaveTheCity, multi-army SMAC, lbf or rware.

    uv run python benchmarks/scripted_teams.py configs/small/save_the_city_alma_config.py

prints what scripted agents reach under several allocations; with ``--lines`` the share of episodes that they win, as
options of ``ding-alma compare``.
"""

from collections.abc import Callable, Iterator
from functools import partial
from typing import Any

import click
from ding.config import read_config
from easydict import EasyDict

from dizoo_ext.adapter import PettingZooEnv
from dizoo_ext.adapter.baseline import play_baseline
from dizoo_ext.lbf import baseline as lbf
from dizoo_ext.lbf.env import ForagingEnv
from dizoo_ext.rware import baseline as rware
from dizoo_ext.rware.env import WarehouseEnv
from dizoo_ext.save_the_city import SaveTheCityEnv
from dizoo_ext.save_the_city import baseline as city
from dizoo_ext.smac_multiarmy import SmacMultiArmyEnv
from dizoo_ext.smac_multiarmy import baseline as smac

METRICS = {
    "save_the_city": ("solved", "prop_buildings_completed", "return", "episode_length"),
    "smac_multiarmy": ("battle_won", "perc_armies_defeated", "return", "episode_length"),
    "lbf": ("solved", "collected", "return", "episode_length"),
    "rware": ("return", "episode_length"),
}
"""By environment, the first one for lines."""
ENVIRONMENTS = 100

Play = Callable[..., dict[str, float]]


def city_teams(cfg: EasyDict) -> Iterator[tuple[str, Any, Play, str]]:
    """Label, environment, player and allocation."""
    cfg = SaveTheCityEnv(cfg).cfg
    for allocation in city.ALLOCATIONS:
        yield allocation, SaveTheCityEnv.make_vector_env(cfg, ENVIRONMENTS), city.play_baseline, allocation


def smac_teams(cfg: EasyDict) -> Iterator[tuple[str, Any, Play, str]]:
    """Label, environment, player and allocation."""
    for label in ("matching", "dynamic", "random"):
        allocation = "random" if label == "random" else "heuristic"
        style = "matching" if label == "random" else label
        complete = SmacMultiArmyEnv(EasyDict(cfg, heuristic_style=style)).cfg
        yield label, SmacMultiArmyEnv.make_vector_env(complete, ENVIRONMENTS), smac.play_baseline, allocation


def adapted_teams(
    env_class: type[PettingZooEnv], choose: Callable[..., Any], cfg: EasyDict
) -> Iterator[tuple[str, Any, Play, Any]]:
    """As `city_teams`; instead of the allocation's name, what chooses the actions."""
    yield "heuristic", env_class.make_vector_env(env_class(cfg).cfg, 1), play_baseline, choose


TEAMS: dict[str, Callable[[EasyDict], Iterator[tuple[str, Any, Play, Any]]]] = {
    "save_the_city": city_teams,
    "smac_multiarmy": smac_teams,
    "lbf": partial(adapted_teams, ForagingEnv, lbf.scripted_actions),
    "rware": partial(adapted_teams, WarehouseEnv, rware.scripted_actions),
}
ADAPTED = ("lbf", "rware")
"""Environments in which allocations are renewed in every step, and which have no named scenarios."""


def teams(kind: str, cfg: EasyDict) -> list[tuple[str, Any, Play, Any]]:
    """Of an environment, or a line about what is wrong with its configuration."""
    try:
        return list(TEAMS[kind](cfg))
    except (TypeError, ValueError) as error:
        raise click.ClickException(str(error)) from error


@click.command(context_settings=dict(help_option_names=["-h", "--help"], show_default=True))
@click.argument("config", type=click.Path(exists=True, dir_okay=False))
@click.option("--episodes", type=click.IntRange(min=1), default=2000, help="Episodes per allocation.")
@click.option(
    "--period", type=click.IntRange(min=1), help="Steps between allocations.  [default: SaveTheCity 5, SMAC 3]"
)
@click.option("--scenario", help="Play this scenario set instead of the config's.")
@click.option("--lines", is_flag=True, help="Print --line=LABEL=VALUE for ding-alma compare.")
def main(config: str, episodes: int, period: int | None, scenario: str | None, lines: bool) -> None:
    """Play the environment of CONFIG by hand-made rules."""
    main_config, create = read_config(config)
    kind = create.env.type
    if kind not in TEAMS:
        raise click.UsageError(f"{config} is of {kind}; there are scripted teams for {' and '.join(TEAMS)}")
    if kind in ADAPTED and period is not None:
        raise click.UsageError(f"--period: scripted teams of {kind} decide in every step")
    if kind in ADAPTED and scenario is not None:
        raise click.UsageError(f"--scenario: {kind} has no named scenarios")
    if scenario is not None:
        main_config.env.scenario = scenario
    if not lines:
        click.echo(f"{'allocation':<12}" + "".join(f"{name:>26}" for name in METRICS[kind]))
    options = {} if period is None else {"period": period}
    for label, env, play, allocation in teams(kind, main_config.env):
        metrics = play(env, allocation, episodes=episodes, **options)
        if lines:
            click.echo(f"--line=scripted agents, {label} allocation={metrics[METRICS[kind][0]]:.3f}")
        else:
            click.echo(f"{label:<12}" + "".join(f"{metrics[name]:>26.3f}" for name in METRICS[kind]))


if __name__ == "__main__":
    main()
