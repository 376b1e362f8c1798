"""Finished runs for a comparison: found on disk, checked and grouped by method."""

import difflib
import json
import re
from collections.abc import Collection, Iterator, Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import numpy as np

from ding_alma.run.run_config import RUN_CONFIG_NAME, SEED_FOLDER, read_kept_config
from ding_alma.run.run_error import RunError
from ding_alma.run.run_record import RECORD_NAME, read_record
from ding_alma.setting.registered import plain_type

NOT_THE_TASK = {
    *("manager", "cfg_type", "import_names", "type", "scenario", "is_test", "observation", "env_id"),
    *("stop_value", "eval_metric", "n_evaluator_episode", "collector_env_num", "evaluator_env_num"),
}
"""Keys of the block ``env`` that runs to be compared may differ in."""


@dataclass(frozen=True)
class FinishedRun:
    """The evaluations of one run, N of them, by environment step."""

    name: str
    """That of its folder, the same for many runs."""
    place: str
    """What messages call it: its folder as the user gave it, or its place in an earlier comparison."""
    env: str
    task: str
    """The scenario within the environment; the environment's name where it has none."""
    policy: str
    seed: int | None
    env_steps: np.ndarray
    """(N,)"""
    train_iters: np.ndarray
    """(N,)"""
    wall_seconds: np.ndarray
    """(N,), since the start of the run."""
    metrics: dict[str, np.ndarray]
    """Name -> (N,), NaN where an evaluation has no value."""
    parts: list[dict[str, Any]] = field(default_factory=list)
    """Where and with what the run was made; one entry per start."""
    setting: dict[str, Any] = field(default_factory=dict)
    """Dotted key below ``env`` -> value of what makes the task: evaluations, managers and numbers of environments do
    not. Empty where it is unknown."""
    allocation: str | None = None
    """Who allocated agents in the training, as ``policy.allocation.source`` has it; None where it is unknown."""
    config: dict[str, Any] = field(default_factory=dict)
    """Dotted key -> value of the merged configuration; empty where it is unknown."""
    folder: Path | None = None
    """Where the run is; None for one that is read from an earlier comparison."""


ALLOCATING = ("alma",)
"""Policies that allocate agents to subtasks."""

Groups = dict[str, list[FinishedRun]]
"""Method -> its runs."""


def read_groups(arguments: list[str]) -> Groups:
    """Read what a comparison is asked for.

    Args:
        arguments: each ``[METHOD=]PATH[,PATH...]``. A path is a run's folder, a folder above runs, or the ``.json``
            file of an earlier comparison, which brings its own methods. Without ``METHOD=``, runs in folders named
            ``seed0``, ``seed1``, ... are those of one method, named after the folder above; any other run is a method
            of its own, named after its folder.

    Raises:
        RunError: a path is missing, holds no run or a damaged one; runs of different environments; methods that were
            not all trained on the same tasks; a run that was not trained; a seed that occurs twice in a method.
    """
    groups: Groups = {}
    for argument in arguments:
        label, paths = split_argument(argument)
        for path in paths:
            for method, run in _read_path(path):
                groups.setdefault(label or method, []).append(run)
    _check(groups)
    return groups


def read_folders(arguments: list[str]) -> dict[str, list[Path]]:
    """Method -> the folders of its runs, for commands that play; arguments as in `read_groups`, without comparisons.

    Raises:
        RunError: a path is missing or holds no run.
    """
    groups: dict[str, list[Path]] = {}
    for argument in arguments:
        label, paths = split_argument(argument)
        for path in paths:
            if not path.exists():
                raise RunError(f"{path} does not exist")
            configs = sorted(path.rglob(RUN_CONFIG_NAME), key=_natural)
            if not configs:
                raise RunError(f"{path} holds no run: there is no {RUN_CONFIG_NAME} in it or below")
            for config in configs:
                groups.setdefault(label or _method(config.absolute().parent), []).append(config.parent)
    return groups


def check_allocates(folders: Mapping[str, Collection[Path]]) -> None:
    """Raise a RunError if the policy of a run allocates nobody; its config alone is read."""
    for path in (path for paths in folders.values() for path in paths):
        main, _ = read_kept_config(path / RUN_CONFIG_NAME)
        kind = plain_type(main.get("policy", {}).get("type", ""))
        if kind not in ALLOCATING:
            raise RunError(
                f"{path} has policy {kind!r}, which allocates nobody; leave it out: only {' and '.join(ALLOCATING)} "
                "can be put under another allocator"
            )


def split_argument(argument: str) -> tuple[str, list[Path]]:
    """METHOD (may be empty) and the paths of ``[METHOD=]PATH[,PATH...]``. Raises a RunError for anything else.

    A path that exists may have ``=`` and ``,`` in its name, alone or behind ``METHOD=``.
    """
    if Path(argument).exists():
        return "", [Path(argument)]
    label, separator, paths = argument.partition("=")
    if not separator:
        label, paths = "", argument
    label = label.strip()
    if (separator and not label) or not all(path.strip() for path in paths.split(",")):
        raise RunError(f"expected [METHOD=]PATH[,PATH...], got {argument!r}")
    if label and Path(paths).exists():
        return label, [Path(paths)]
    return label, [Path(path.strip()) for path in paths.split(",")]


def resolve_metric(name: str, groups: Groups) -> str:
    """The recorded name of a metric, ``solved`` standing for ``solved_mean``.

    Raises:
        RunError: no run has it (the nearest names are given), or not all runs have it.
    """
    known = {metric for runs in groups.values() for run in runs for metric in run.metrics}
    found = next((each for each in (name, f"{name}_mean") if each in known), None)
    if found is None:
        near = difflib.get_close_matches(name, sorted(known), n=3, cutoff=0.4) or sorted(known)
        raise RunError(f"no run has the metric {name!r}; did you mean {' or '.join(near)}?")
    lacking = next((run for runs in groups.values() for run in runs if found not in run.metrics), None)
    if lacking is not None:
        raise RunError(f"run {lacking.place} does not have the metric {found}, others do")
    return found


def differing_settings(groups: Groups) -> dict[str, dict[str, list[str]]]:
    """Keys below ``env`` in which runs on one task differ -> value, as text -> methods; the scenario is no such key."""
    found: dict[str, dict[str, list[str]]] = {}
    for task in tasks_of(groups):
        known = [(method, run.setting) for method, runs in groups.items() for run in runs if run.task == task]
        known = [(method, setting) for method, setting in known if setting]
        for key in sorted({key for _, setting in known for key in setting}):
            values: dict[str, list[str]] = {}
            for method, setting in known:
                methods = values.setdefault(repr(setting[key]) if key in setting else "its default", [])
                if method not in methods:
                    methods.append(method)
            if len(values) > 1:
                found[key] = values
    return found


def tasks_of(groups: Groups) -> list[str]:
    """The tasks that every method was trained on, sorted."""
    return sorted({run.task for runs in groups.values() for run in runs})


def _read_path(path: Path) -> Iterator[tuple[str, FinishedRun]]:
    """The (method, run) pairs found at one path."""
    if path.suffix == ".json" and path.name != RECORD_NAME:
        yield from _read_comparison(path)
        return
    if not path.exists():
        raise RunError(f"{path} does not exist")
    records = [path] if path.is_file() else sorted(path.rglob(RECORD_NAME), key=_natural)
    if not records:
        raise RunError(f"{path} holds no run: there is no {RECORD_NAME} in it or below")
    for record in records:
        yield _method(record.absolute().parent), _from_record(record)


def _natural(path: Path) -> list[Any]:
    """A sorting key under which ``seed10`` follows ``seed9``."""
    return [[int(part) if part.isdigit() else part for part in re.split(r"(\d+)", name)] for name in path.parts]


def _method(folder: Path) -> str:
    return folder.parent.name if SEED_FOLDER.fullmatch(folder.name) else folder.name


def _from_record(path: Path) -> FinishedRun:
    record = read_record(path)
    try:
        measured = [{**point.get("training", {}), **point["metrics"]} for point in record["evaluations"]]
        points = [{**point, **values} for point, values in zip(record["evaluations"], measured, strict=True)]
        names = {name for values in measured for name in values}
    except (KeyError, TypeError) as error:
        raise RunError(f"{path} is damaged ({error!r})") from error
    config: dict[str, Any] = {}
    if (path.parent / RUN_CONFIG_NAME).is_file():
        main = read_kept_config(path.parent / RUN_CONFIG_NAME)[0]
        config = _leaves(main)
        source = main.get("policy", {}).get("allocation", {}).get("source")
        setting = {key: value for key, value in main.get("env", {}).items() if key not in NOT_THE_TASK}
        record = {**record, "setting": _leaves(setting), "allocation": source}
    return replace(_finished_run(path, record, points, names), config=config, folder=path.parent)


def _leaves(block: Mapping[str, Any], prefix: str = "") -> dict[str, Any]:
    """Dotted key -> value of what is no block itself."""
    values: dict[str, Any] = {}
    for key, value in block.items():
        values |= _leaves(value, f"{prefix}{key}.") if isinstance(value, Mapping) else {f"{prefix}{key}": value}
    return values


def _read_comparison(path: Path) -> Iterator[tuple[str, FinishedRun]]:
    try:
        data = json.loads(path.read_text(encoding="utf-8"))
        groups, metrics = data["groups"], data["metrics"]
        runs = [(method, record, record["points"]) for method, records in groups.items() for record in records]
    except FileNotFoundError:
        raise RunError(f"{path} does not exist") from None
    except (ValueError, KeyError, TypeError, AttributeError) as error:
        raise RunError(f"{path} is damaged or not the file of a comparison ({error!r})") from error
    for method, record, points in runs:
        run = _finished_run(path, record, points, metrics)
        yield method, replace(run, place=f"{run.name} of {method} in {path}")


def _finished_run(
    path: Path, record: dict[str, Any], points: list[dict[str, Any]], names: Collection[str]
) -> FinishedRun:
    """Raises a RunError if something is missing or of a wrong kind."""

    def column(key: str) -> np.ndarray:
        return np.array([np.nan if point.get(key) is None else point[key] for point in points], float)

    if not points:
        raise RunError(f"{path}: the run has no evaluations yet")
    try:
        env = record["env"]
        run = FinishedRun(
            name=str(record.get("name") or path.parent.name),
            place=str(path.parent),
            env=env,
            task=record.get("scenario") or env,
            policy=record["policy"],
            seed=record.get("seed"),
            env_steps=column("env_step"),
            train_iters=column("train_iter"),
            wall_seconds=column("wall_seconds"),
            metrics={name: column(name) for name in sorted(names)},
            parts=record["parts"],
            setting=record.get("setting", {}),
            allocation=record.get("allocation"),
        )
    except (KeyError, TypeError, ValueError) as error:
        raise RunError(f"{path} is damaged ({error!r})") from error
    counters = np.stack([run.env_steps, run.train_iters, run.wall_seconds])
    if np.isnan(counters).any() or (np.diff(run.env_steps) <= 0).any():
        raise RunError(f"{path} is damaged (steps, iterations or times are missing, or steps do not grow)")
    return run


def _check(groups: Groups) -> None:
    first = next(iter(groups.values()))[0]
    for method, runs in groups.items():
        seen = set()
        for run in runs:
            if run.env != first.env:
                raise RunError(
                    f"runs of different environments cannot be compared: {first.place} is of {first.env}, "
                    f"{run.place} of {run.env}"
                )
            if run.env_steps[-1] <= 0:
                raise RunError(
                    f"run {run.place} was not trained: all it has is an evaluation at step 0; resume it or leave it out"
                )
            if run.seed is not None and (run.task, run.seed) in seen:
                raise RunError(
                    f"{method} has seed {run.seed} twice on {run.task}; give different methods different names: "
                    "METHOD=PATH"
                )
            seen.add((run.task, run.seed))
    tasks = tasks_of(groups)
    for method, runs in groups.items():
        missing = sorted(set(tasks) - {run.task for run in runs})
        if missing:
            raise RunError(f"{method} has no run on {', '.join(missing)}, which others have; compare on equal tasks")
