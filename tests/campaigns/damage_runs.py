"""Damage to a run's folder is noticed or harmless: what a command prints is one line, or what it would have printed.

``python tests/campaigns/damage_runs.py --damages 200 --seed 0`` trains a run of seconds, and damages one file of a copy
of its folder at a time: flips bits, cuts, empties, deletes, or puts a folder, a link or other bytes in its place. Then
`eval`, `render`, `compare` or `train --resume` reads the folder. It prints the ends by kind of file, and every bad one.
"""

import argparse
import json
import os
import re
import shutil
import sys
import tempfile
from collections import Counter
from dataclasses import dataclass
from pathlib import Path

from forked import HELPERS, TRACEBACK_STATUS, Outcome, outcomes

sys.path.insert(0, str(HELPERS))

import numpy as np
import torch
from resumed_runs import differences, end_of, resumable_config
from tiny_runs import train

from ding_alma.cli.main import main as ding_alma

SECONDS = 600.0
ITERATIONS = 8
DAMAGES = ("a bit", "bits", "cut", "empty", "delete", "folder", "link", "hard link", "other bytes", "longer")
COMMANDS = {
    "eval": ["eval", "run", "--episodes", "2"],
    "render": ["render", "run", "-o", "film.gif"],
    "compare": ["compare", "run", "-o", "table"],
    "resume": ["train", "--resume", "run", "--env-step", "{steps}"],
}
PLAYED = re.compile(r"(?m)^\S*(?:time|per_sec)\S* .*$")


@dataclass(frozen=True)
class Damage:
    """What happens to which file before which command."""

    file: str
    damage: str
    command: str
    seed: int

    def __str__(self) -> str:
        return f"{self.damage} in {self.file}, {self.command}, seed {self.seed}"


def kind(file: str) -> str:
    """Files of one kind are read and written alike."""
    name = Path(file).name
    if file.startswith("log/"):
        return "log/..."
    return re.sub(r"\d+", "N", f"{Path(file).parent.name}/{name}" if "/" in file else name)


def do_damage(path: Path, damage: str, generator: np.random.Generator) -> None:
    """Damage one file."""
    whole = bytearray(path.read_bytes())
    if damage in ("a bit", "bits") and whole:
        for _ in range(1 if damage == "a bit" else 20):
            whole[generator.integers(len(whole))] ^= 1 << int(generator.integers(8))
        path.write_bytes(whole)
    elif damage == "cut":
        path.write_bytes(whole[: generator.integers(len(whole) + 1)])
    elif damage == "longer":
        path.write_bytes(bytes(whole) + generator.bytes(100))
    elif damage == "other bytes":
        path.write_bytes(generator.bytes(max(len(whole), 1)))
    elif damage == "empty":
        path.write_bytes(b"")
    else:
        path.unlink()
        if damage == "folder":
            path.mkdir()
        elif damage in ("link", "hard link"):
            outside = Path("outside")
            outside.write_bytes(whole)
            (os.symlink if damage == "link" else os.link)(outside.absolute(), path)


def start(damage: Damage) -> None:
    """Copy the run, damage the copy, and call the command."""
    torch.set_num_threads(1)
    shutil.copytree(source, "run")
    if damage.damage:
        do_damage(Path("run") / damage.file, damage.damage, np.random.default_rng(damage.seed))
    if Path("outside").exists():
        shutil.copy("outside", "outside.before")
    ding_alma([argument.format(steps=steps) for argument in COMMANDS[damage.command]])


def result(outcome: Outcome[Damage]) -> object:
    """What must be the same if a damage was harmless."""
    command, folder = outcome.case.command, outcome.folder
    if command == "resume":
        return end_of(folder / "run")
    if command == "render":
        return (folder / "film.gif").read_bytes()
    if command == "compare":
        found = json.loads((folder / "table" / "comparison.json").read_text())
        for run in (run for runs in found["groups"].values() for run in runs):
            # Of the run's config; without that file, it is not known and not compared.
            run.pop("setting", None)
        return found
    lines = [line for line in outcome.output.splitlines() if re.match(r"\w+ +-?[\d.]+", line)]
    return [line for line in lines if not PLAYED.match(line)]


def verdict(outcome: Outcome[Damage], whole: dict[str, object]) -> str:
    """``noticed``, ``harmless``, or what is wrong."""
    outside = outcome.folder / "outside"
    if outside.exists() and outside.read_bytes() != (outcome.folder / "outside.before").read_bytes():
        return "wrote outside"
    if outcome.status is None:
        return "hangs"
    if outcome.status == TRACEBACK_STATUS or "Traceback" in outcome.output:
        return "traceback"
    if outcome.status:
        lines = outcome.output.strip().splitlines()
        errors = [line for line in lines if line.startswith("Error: ")]
        if len(errors) != 1 or lines[-1] != errors[0]:
            return "not one line"
        parts = (Path(outcome.case.file).name, Path(outcome.case.file).parts[0])
        return "noticed" if any(part in errors[0] for part in parts) else "file not named"
    if not list(differences([result(outcome)], [whole[outcome.case.command]])):
        return "harmless"
    # Lost episodes, a lost record, and a lost best checkpoint, whose place the last one takes, are warnings.
    warnings = ("the replay buffer starts", "takes its place", "begins anew")
    named = Path(outcome.case.file).name in outcome.output
    return "noticed" if named and any(each in outcome.output for each in warnings) else "unnoticed"


def main() -> None:
    """The campaign; fails if a damage was neither noticed nor harmless."""
    global source, steps
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--damages", type=int, default=200)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--jobs", type=int, default=2)
    options = parser.parse_args()
    torch.set_num_threads(1)
    here = Path.cwd()
    with tempfile.TemporaryDirectory() as folder:
        os.chdir(folder)
        main_config, create_config = resumable_config("alma")
        train(main_config, create_config, seed=3, iterations=ITERATIONS)
        source = Path(folder) / "run"
        steps = int(torch.load(source / "ckpt" / "ckpt_last.pth.tar", weights_only=True)["last_step"]) + 60
        os.chdir(here)
        whole = {}
        for outcome in outcomes([Damage("", "", name, 0) for name in COMMANDS], start, SECONDS, options.jobs):
            if outcome.status != 0:
                sys.exit(f"{outcome.case.command} fails on the whole folder:\n{outcome.output}")
            whole[outcome.case.command] = result(outcome)
        files = sorted(str(path.relative_to(source)) for path in source.rglob("*") if path.is_file())
        kinds = sorted({kind(file) for file in files})
        generator = np.random.default_rng(options.seed)
        damages = []
        for number in range(options.damages):
            wanted = kinds[number % len(kinds)]
            same = [file for file in files if kind(file) == wanted]
            damages.append(
                Damage(
                    same[generator.integers(len(same))],
                    DAMAGES[generator.integers(len(DAMAGES))],
                    list(COMMANDS)[generator.integers(len(COMMANDS))],
                    int(generator.integers(2**31)),
                )
            )
        bad, counts = 0, Counter()
        for outcome in outcomes(damages, start, SECONDS, options.jobs):
            found = verdict(outcome, whole)
            counts[kind(outcome.case.file), found] += 1
            if found not in ("noticed", "harmless"):
                bad += 1
                tail = " | ".join(line[:200] for line in outcome.output.strip().splitlines()[-3:])
                print(f"{found}: {outcome.case}\n    {tail}", flush=True)
    for (name, found), count in sorted(counts.items()):
        print(f"{name:<32} {found:<16} {count:>4}")
    print(f"{sum(counts.values())} damages, {bad} neither noticed nor harmless")
    sys.exit(bool(bad))


source = Path()
"""Folder of the whole run."""
steps = 0
"""Environment steps up to which it is resumed."""

if __name__ == "__main__":
    main()
