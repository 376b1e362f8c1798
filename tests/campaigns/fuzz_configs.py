"""Any value at any key of a config: two iterations, or one line that names the key.

``python tests/campaigns/fuzz_configs.py --changes 1000 --seed 0`` changes one key at random, in ``main_config`` or in
``create_config``, of small configs of all policies and environments, and starts each by ``ding-alma train`` (from the
file or by KEY=VALUE) or by ``ding -m serial``. It prints how they ended, and every one that did not end as it should.
"""

import argparse
import contextlib
import copy
import importlib.util
import os
import sys
import tempfile
from collections import Counter
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any

from forked import HELPERS, TRACEBACK_STATUS, Outcome, outcomes

sys.path.insert(0, str(HELPERS))

import numpy as np
import torch
from ding.config import compile_config
from ding.entry.cli import cli
from easydict import EasyDict
from tiny_runs import tiny_config, train

import dizoo_ext.plugin  # noqa: F401
from ding_alma.cli.main import main as ding_alma
from ding_alma.run.run_error import RunError

POLICIES = ("alma", "refil", "copa", "mppo")
PACKAGES = {"lbf": "lbforaging", "rware": "rware"}
"""What environments need beyond this project; without it they are left out."""
CONFIGS = {
    "save_the_city": "small/save_the_city_alma",
    "smac_multiarmy": "small/smac_multiarmy_alma",
    "group_matching": "group_matching_refil",
    "lbf": "small/lbf_alma",
    "rware": "small/rware_alma",
    "lux": "small/lux",
}
ENVIRONMENTS = {
    name: config
    for name, config in CONFIGS.items()
    if name not in PACKAGES or importlib.util.find_spec(PACKAGES[name]) is not None
}
SHARE_OF_LUX = 0.06
"""Its engine takes seconds where the others take hundredths."""
ENV_STEPS = 60
"""More than one iteration of any of the configs collects."""
SECONDS = 300.0
"""Far more than any takes alone, because a machine may be busy."""
SPECIAL = [float("nan"), float("inf"), -float("inf"), 1e300, -1e300, 1e-300, 2**63, -(2**70), 10**12, 10**5, 10**400]
ORDINARY = [-1, 0, 1, 2, 3, 7, 64, -1.0, 0.0, 0.5, 1.0, 2.5, True, False]
OTHER = [None, "", "x", "abc\ndef", "ä" * 300, "cuda", [], [1], [float("nan")], [[1, 2], [3]], [1] * 50, ["x"], {}]
OTHER += [{"x": 1}, {"type": "x"}, {"": {}}, "../x", "/proc/x", "0", "nan", "None", [None]]
MISSING = "<missing>"
"""In the place of a value: the key is deleted."""
GOOD = ("trained", "diverged", "refused")
ENTRIES = ("file", "command", "ding")


@dataclass(frozen=True)
class Change:
    """One key of one config with another value."""

    environment: str
    policy: str
    key: str
    """Dotted, beginning with ``main`` or ``create``."""
    value: Any
    entry: str

    def __str__(self) -> str:
        return f"{self.environment} {self.policy} {self.entry}: {self.key} = {self.value!r:.60}"


@cache
def base_config(environment: str, policy: str) -> tuple[EasyDict, EasyDict]:
    """A config of seconds, whose main part shows every default."""
    name = ENVIRONMENTS[environment]
    if environment == "lux":
        name += "_mppo" if policy == "mppo" else "_alma"
    main, create = tiny_config(policy, "base" if environment == "lux" else "vector", config=name)
    main.policy.ppo = EasyDict(epochs=1, minibatch_steps=16)
    if environment == "lux":
        main.env.training_limit = 12
        # Of environments in processes of their own.
        main.env.manager.pop("shared_memory", None)
    return main, create


@cache
def keys(environment: str, policy: str) -> list[str]:
    """All keys that a user may set, blocks too."""
    main, create = base_config(environment, policy)
    with contextlib.redirect_stdout(None):
        merged = compile_config(copy.deepcopy(main), create_cfg=copy.deepcopy(create), auto=True, save_cfg=False)
    found = {f"main.{key}" for part in (main, merged) for key in _dotted(part)}
    return sorted(found | {f"create.{key}" for key in _dotted(create)})


def _dotted(block: Mapping[str, Any], prefix: str = "") -> Iterator[str]:
    for key, value in block.items():
        yield f"{prefix}{key}"
        if isinstance(value, Mapping):
            yield from _dotted(value, f"{prefix}{key}.")


def draw(generator: np.random.Generator) -> Change:
    """A random change."""
    is_lux = generator.random() < SHARE_OF_LUX
    environment = "lux" if is_lux else list(ENVIRONMENTS)[generator.integers(len(ENVIRONMENTS) - 1)]
    policy = POLICIES[generator.integers(len(POLICIES))]
    candidates = keys(environment, policy)
    if generator.random() < 0.2:
        candidates = [key for key in candidates if key.startswith("create.")]
    key = candidates[generator.integers(len(candidates))]
    pool = (SPECIAL, ORDINARY, OTHER, [MISSING])[generator.choice(4, p=(0.35, 0.2, 0.4, 0.05))]
    value = pool[generator.integers(len(pool))]
    entry = ENTRIES[generator.integers(len(ENTRIES))]
    if entry == "command" and (key.startswith("create.") or value is MISSING):
        entry = "file"
    return Change(environment, policy, key, value, entry)


def apply(change: Change) -> tuple[EasyDict, EasyDict]:
    """The config with the change."""
    parts = dict(zip(("main", "create"), copy.deepcopy(base_config(change.environment, change.policy)), strict=True))
    part, *blocks, last = change.key.split(".")
    node: Any = parts[part]
    for block in blocks:
        node = node.setdefault(block, EasyDict())
    if change.value is MISSING:
        node.pop(last, None)
    else:
        node[last] = change.value
    return parts["main"], parts["create"]


def start(change: Change) -> None:
    """Train with a change, through the command that it says."""
    torch.set_num_threads(1)
    is_given = change.entry == "command"
    main, create = apply(change) if not is_given else base_config(change.environment, change.policy)
    Path("config.py").write_text(
        "from easydict import EasyDict\nnan, inf = float('nan'), float('inf')\n"
        f"main_config = EasyDict({_plain(main)!r})\ncreate_config = EasyDict({_plain(create)!r})\n",
        encoding="utf-8",
    )
    if change.entry == "ding":
        mode = "serial_onpolicy" if change.policy == "mppo" else "serial"
        try:
            cli(["-m", mode, "-c", "config.py", "-s", "0", "--env-step", str(ENV_STEPS)], standalone_mode=False)
        except (ValueError, TypeError, RunError) as error:
            # DI-engine's command shows every error with its traceback: what counts is that ours ends it.
            if not _is_ours(error):
                raise
            print(f"Error: {error}")
            sys.exit(1)
        return
    changes = [f"{change.key.removeprefix('main.')}={change.value}"] if is_given else []
    ding_alma(["train", "config.py", *changes, "--env-step", str(ENV_STEPS), "--output", "out"])


def _plain(value: Any) -> Any:
    if isinstance(value, Mapping):
        return {key: _plain(entry) for key, entry in value.items()}
    return [_plain(entry) for entry in value] if isinstance(value, list | tuple) else value


def _is_ours(error: BaseException) -> bool:
    """Whether this project raised an error, on purpose."""
    last = error.__traceback__
    while last is not None and last.tb_next is not None:
        last = last.tb_next
    file = last.tb_frame.f_code.co_filename if last is not None else ""
    return any(f"{os.sep}{package}{os.sep}" in file for package in ("ding_alma", "dizoo_ext"))


def verdict(outcome: Outcome[Change]) -> str:
    """``trained``, ``diverged``, ``refused``, or what is wrong."""
    change, lines = outcome.case, outcome.output.strip().splitlines()
    # DI-engine's entry trains wherever the name says.
    named = [outcome.folder / change.value] if change.key == "main.exp_name" and isinstance(change.value, str) else []
    trained = any(path for folder in (outcome.folder, *named) for path in folder.rglob("ckpt_last.pth.tar"))
    if outcome.orphans:
        return "orphans"
    if outcome.status is None:
        return "trained" if trained else "hangs"
    if outcome.status == 0:
        return "trained" if trained else "ended without a checkpoint"
    if outcome.status == TRACEBACK_STATUS or "Traceback" in outcome.output:
        return "traceback"
    if outcome.status < 0:
        return f"killed by signal {-outcome.status}"
    errors = [line for line in lines if line.startswith("Error: ")]
    if outcome.status == 2 and change.entry == "command":
        return "refused"
    if len(errors) != 1 or lines[-1] != errors[0]:
        return "not one line"
    if "is not finite" in errors[0] and trained:
        return "diverged"
    return "refused" if names(errors[0], change.key) else "key not named"


def names(message: str, key: str) -> bool:
    """Whether a message says which key is meant."""
    _, *path = key.split(".")
    return any(part and part in message for part in (path[-1], ".".join(path[:-1])))


def warm_up() -> None:
    """Train every pair once in this process: children would compile kernels and import libraries anew."""
    folder = Path.cwd()
    for environment in ENVIRONMENTS:
        for policy in POLICIES:
            with tempfile.TemporaryDirectory() as here, open(os.devnull, "w") as nowhere:
                os.chdir(here)
                with contextlib.redirect_stdout(nowhere), contextlib.redirect_stderr(nowhere):
                    train(*base_config(environment, policy), iterations=3)
                    keys(environment, policy)
                os.chdir(folder)


def main() -> None:
    """The campaign; fails if a change ended as none should."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--changes", type=int, default=1000)
    parser.add_argument("--first", type=int, default=0, help="skip so many changes")
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--jobs", type=int, default=2)
    options = parser.parse_args()
    torch.set_num_threads(1)
    warm_up()
    generator = np.random.default_rng(options.seed)
    changes = [draw(generator) for _ in range(options.changes)][options.first :]
    counts: Counter[tuple[str, str]] = Counter()
    bad = 0
    for outcome in outcomes(changes, start, SECONDS, options.jobs):
        found = verdict(outcome)
        counts[outcome.case.entry, found] += 1
        if found not in GOOD:
            bad += 1
            tail = " | ".join(line[:200] for line in outcome.output.strip().splitlines()[-3:])
            print(f"{found}: {outcome.case}\n    {tail}", flush=True)
    for (entry, found), count in sorted(counts.items()):
        print(f"{entry:>8} {found:<30} {count:>5}")
    print(f"{sum(counts.values())} changes, {bad} ended as none should")
    sys.exit(bool(bad))


if __name__ == "__main__":
    main()
