"""How finished runs do under conditions they were not picked for: armies' distance, subtasks, foreign allocators."""

from collections import defaultdict
from collections.abc import Callable, Iterable
from functools import partial
from pathlib import Path

import numpy as np

from ding_alma.report.allocation_choice import ALLOCATOR, choose_allocation
from ding_alma.report.analysis import Analysis, Cell
from ding_alma.report.episode_metric import episode_metric
from ding_alma.report.play import PlayedEpisode, Run, load_run, play_episodes
from ding_alma.run.run_error import RunError

Folders = dict[str, list[Path]]
"""Method -> folders of its runs."""
Groups = defaultdict[int, list[float]]
"""Column -> the metric's value in each of its episodes."""
RULES = ("heuristic", "random")
"""Sources of allocations beside learned ones."""


def distance(folders: Folders, episodes: int, seed: int, metric: str | None, bins: int) -> Analysis:
    """Success by how far apart the armies come from (ALMA paper, Figure 6a; spread drawn per episode).

    Trained runs see armies from evenly spread directions only. Here their directions are contracted by a factor drawn
    from [0, 1] in every episode: 1 is as in the training, 0 is all from one direction.

    Raises:
        RunError: the environment has no armies that could be drawn together.
    """
    runs = _load(folders)
    for each in _all(runs):
        if "spread_armies" not in each.config.env:
            raise RunError(f"environment {each.config.env.type!r} has no armies; distances are for smac_multiarmy")
        each.config.env.spread_armies = False
    edges = np.linspace(0, 1, bins + 1)

    def column(episode: PlayedEpisode) -> int:
        return min(int(episode.metrics["spread"] * bins), bins - 1)

    name, table = _grouped(runs, episodes, seed, metric, column)
    labels = {index: f"{edges[index]:.2f}-{edges[index + 1]:.2f}" for index in range(bins)}
    return Analysis(
        name="distance",
        title=f"{name} by the armies' distance",
        note=f"{episodes} episodes per run, grouped by how far apart the armies come from: 1 is as far as can be, the "
        "training's value, 0 is one direction for all.",
        metric=name,
        corner="distance of armies",
        columns=tuple(labels.values()),
        rows=_cells(table, list(labels)),
        runs=_names(folders),
    )


def subtasks(folders: Folders, episodes: int, seed: int, metric: str | None, scenario: str | None = None) -> Analysis:
    """Success by the number of subtasks that an episode begins with, in the training's scenario or another one.

    Raises:
        RunError: the environment shows no subtasks.
    """

    def column(episode: PlayedEpisode) -> int:
        if episode.subtasks is None:
            raise RunError("the environment's observations name no subtasks; this analysis cannot be made there")
        return episode.subtasks

    name, table = _grouped(_load(folders, scenario), episodes, seed, metric, column)
    counts = sorted({count for runs in table.values() for groups in runs for count in groups})
    return Analysis(
        name="subtasks",
        title=f"{name} by the number of subtasks",
        note=f"{episodes} episodes per run, grouped by the subtasks that they begin with.",
        metric=name,
        corner="subtasks",
        columns=tuple(map(str, counts)),
        rows=_cells(table, counts),
        runs=_names(folders),
    )


def mix(folders: Folders, episodes: int, seed: int, metric: str | None) -> Analysis:
    """Agents of every method under the allocators of every method, untrained for each other (ALMA paper, Figure 6b).

    The runs of two methods are paired in their order; where one has fewer, they are used again. Columns are the
    methods that have an allocator, and the rules.

    Raises:
        RunError: a policy that allocates nobody, networks of other sizes.
    """
    runs = _load(folders)
    allocators = {method: own for method, own in runs.items() if all(map(_has_allocator, own))}
    columns: dict[str, Callable[[Run, int], Run]] = {}
    for method, own in allocators.items():
        columns[method] = partial(_allocated_by_others, own)
    for rule in RULES:
        columns[f"rule: {rule}"] = partial(_allocated_by_rule, rule)
    name, rows = metric, {}
    for method, own in runs.items():
        cells = []
        for choose in columns.values():
            played = [play_episodes(choose(run, index), episodes, seed) for index, run in enumerate(own)]
            name = episode_metric(name, played[0][0].metrics)
            cells.append(Cell(tuple(_mean(each, name) for each in played), episodes * len(own)))
        rows[method] = tuple(cells)
    name = _known(name)
    return Analysis(
        name="mix",
        title=f"{name} of agents under foreign allocators",
        note=f"Rows: agents. Columns: who allocates them. {episodes} episodes per pair of runs, no further training.",
        metric=name,
        corner="agents \\ allocator",
        columns=tuple(columns),
        rows=rows,
        runs=_names(folders),
    )


def _load(folders: Folders, scenario: str | None = None) -> dict[str, list[Run]]:
    runs = {method: [load_run(path, scenario=scenario) for path in paths] for method, paths in folders.items()}
    types = {each.config.env.type for each in _all(runs)}
    if len(types) > 1:
        raise RunError(f"runs of different environments cannot be compared: {', '.join(sorted(types))}")
    return runs


def _all(runs: dict[str, list[Run]]) -> list[Run]:
    return [run for own in runs.values() for run in own]


def _allocated_by_others(others: list[Run], run: Run, index: int) -> Run:
    return choose_allocation(run, others[index % len(others)])


def _allocated_by_rule(rule: str, run: Run, index: int) -> Run:
    return choose_allocation(run, source=rule)


def _known(metric: str | None) -> str:
    """The metric's name, which the first episode tells if the user does not."""
    if metric is None:
        raise RunError("no episode was played; name a run, or ask for at least one episode")
    return metric


def _names(folders: Folders) -> dict[str, list[str]]:
    return {method: list(map(str, paths)) for method, paths in folders.items()}


def _has_allocator(run: Run) -> bool:
    return any(name.startswith(ALLOCATOR) for name in run.state["model"])


def _grouped(
    runs: dict[str, list[Run]], episodes: int, seed: int, metric: str | None, column: Callable[[PlayedEpisode], int]
) -> tuple[str, dict[str, list[Groups]]]:
    """The metric's name, and method -> its values of every run by column."""
    name = metric
    table: dict[str, list[Groups]] = {}
    for method, own in runs.items():
        table[method] = []
        for run in own:
            groups: Groups = defaultdict(list)
            for episode in play_episodes(run, episodes, seed):
                name = episode_metric(name, episode.metrics)
                groups[column(episode)].append(episode.metrics[name])
            table[method].append(groups)
    return _known(name), table


def _cells(table: dict[str, list[Groups]], columns: Iterable[int]) -> dict[str, tuple[Cell, ...]]:
    return {
        method: tuple(
            Cell(tuple(_nanmean(groups[key]) for groups in own), sum(len(groups[key]) for groups in own))
            for key in columns
        )
        for method, own in table.items()
    }


def _mean(played: list[PlayedEpisode], metric: str) -> float:
    return _nanmean([episode.metrics[metric] for episode in played])


def _nanmean(values: list[float]) -> float:
    known = [value for value in values if np.isfinite(value)]
    return float(np.mean(known)) if known else float("nan")
