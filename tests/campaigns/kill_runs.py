"""A run that is killed or asked to stop, and resumed, ends as one that nobody stopped.

``python tests/campaigns/kill_runs.py --kills 100 --seed 0`` trains runs of seconds of all policies, whose checkpoints
come more often or less often than their evaluations, kills each of them up to three times in a row (at a random
moment, at a random write of a checkpoint, an evaluation or an episode, in the middle of an evaluation) or sends it
SIGTERM, SIGINT or SIGUSR1, and compares weights, optimisers, random streams, evaluations and the best checkpoint.
"""

import argparse
import contextlib
import copy
import os
import shutil
import signal
import sys
import tempfile
import time
from collections import Counter
from dataclasses import dataclass
from itertools import product
from pathlib import Path

from forked import HELPERS, outcomes
from forked import start as fork

sys.path.insert(0, str(HELPERS))

import numpy as np
import torch
from ding.worker import InteractionSerialEvaluator
from resumed_runs import POLICIES, differences, end_by_kill, end_of, resumable_config
from tiny_runs import train

from ding_alma.run.training import plan_resume

PERIODS = ((2, 8), (9, 4))
"""Learner iterations between two checkpoints and between two evaluations."""
ITERATIONS = 24
HOWS = ("moment", "write", "evaluation", "SIGTERM", "SIGINT", "SIGUSR1")
SHARES = (0.3, 0.3, 0.2, 0.08, 0.06, 0.06)
WRITE_CHANCE = 0.05
SECONDS = 1800.0
TOLD = "told.txt"


@dataclass(frozen=True)
class Broken:
    """One run and how it is stopped, time after time."""

    policy: str
    periods: tuple[int, int]
    hows: tuple[str, ...]
    seed: int


def config(policy, periods):
    """A run of seconds that saves and evaluates so often."""
    main, create = resumable_config(policy)
    save, evaluate = periods
    main.policy.learn.learner.hook.save_ckpt_after_iter = save
    main.policy.eval.evaluator.eval_freq = evaluate
    return main, create


def whole_name(policy, periods):
    """Folder of the run that nobody stops."""
    return f"{policy}_{periods[0]}_{periods[1]}"


def train_whole(case):
    """Train without a break, in the folder of all whole runs."""
    torch.set_num_threads(1)
    os.chdir(wholes)
    main, create = config(*case)
    main.exp_name = whole_name(*case)
    train(main, create, seed=3, iterations=ITERATIONS)


def train_broken(broken):
    """Stop a run as often as it says, resume it every time, and compare its end."""
    torch.set_num_threads(1)
    generator = np.random.default_rng(broken.seed)
    seconds = 1.0
    for how in (*broken.hows, None):
        main, create = _parts(broken)
        begun = time.monotonic()
        Path(TOLD).touch()
        process = fork(lambda m=main, c=create, h=how: _train_until(m, c, h, generator.spawn(1)[0]), Path(), Path(TOLD))
        number = getattr(signal, how) if how and how.startswith("SIG") else signal.SIGKILL if how == "moment" else None
        moment = begun + generator.uniform(0, seconds)
        while True:
            ended, status = os.waitpid(process, os.WNOHANG)
            if ended:
                break
            if number is not None and time.monotonic() > moment:
                os.kill(process, number)
                number = None
            time.sleep(0.01)
        code = os.waitstatus_to_exitcode(status)
        seconds = max(seconds, time.monotonic() - begun)
        told = Path(TOLD).read_text(errors="replace")
        if "Traceback" in told:
            sys.exit(f"a traceback after {how}:\n{told[-2000:]}")
        expected = {0}
        if how in ("moment", "write", "evaluation"):
            expected |= {-signal.SIGKILL}
        elif how:
            expected |= {-getattr(signal, how), 128 + getattr(signal, how)}
        if code not in expected:
            sys.exit(f"ended with {code} after {how}:\n{told[-2000:]}")
        if code == 0:
            # Of a complete run that is resumed, DI-engine's loop makes one more iteration.
            break
        print("stopped", how, flush=True)
    found = [*differences(end_of(wholes / whole_name(broken.policy, broken.periods)), end_of("broken"))]
    best = [
        torch.load(folder / "ckpt" / "ckpt_best.pth.tar", weights_only=True)
        for folder in (wholes / whole_name(broken.policy, broken.periods), Path("broken"))
    ]
    found += differences(*best, "best")
    found += [f"left {path}" for path in Path("broken").rglob("*.part")]
    if found:
        sys.exit("\n".join(found[:5]))


def _parts(broken):
    if (Path("broken") / "run_config.json").exists():
        (job,) = plan_resume(Path("broken"))
        return job.main, job.create
    shutil.rmtree("broken", ignore_errors=True)
    main, create = config(broken.policy, broken.periods)
    main.exp_name = "broken"
    return main, create


def _train_until(main, create, how, generator):
    signal.signal(signal.SIGINT, signal.SIG_DFL)
    if how == "write":
        end_by_kill(WRITE_CHANCE, generator)
    elif how == "evaluation":
        _die_in_an_evaluation(generator)
    train(main, create, seed=3, iterations=ITERATIONS)


def _die_in_an_evaluation(generator):
    """Have this process kill itself at a step of an evaluation, the first or the second from here."""
    evaluate, left = InteractionSerialEvaluator.eval, [int(generator.integers(1, 20))]

    def deadly(self, *args, **kwargs):
        forward = self._policy.forward

        def counted(*more, **others):
            left[0] -= 1
            if left[0] <= 0:
                os.kill(os.getpid(), signal.SIGKILL)
            return forward(*more, **others)

        self._policy = self._policy._replace(forward=counted)
        return evaluate(self, *args, **kwargs)

    InteractionSerialEvaluator.eval = deadly


def main() -> None:
    """The campaign; fails if a run ended otherwise than one that nobody stopped."""
    global wholes
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--kills", type=int, default=100)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--jobs", type=int, default=2)
    options = parser.parse_args()
    torch.set_num_threads(1)
    bad, stops, rows = 0, Counter(), Counter()
    with tempfile.TemporaryDirectory() as folder:
        wholes = Path(folder)
        cases = [*product(POLICIES, PERIODS)]
        for case in cases:
            # In this process, so that children find compiled kernels; the one place where none may be forked before.
            here = Path.cwd()
            with open(os.devnull, "w") as nowhere, contextlib.redirect_stdout(nowhere):
                train_whole(copy.deepcopy(case))
            os.chdir(here)
        generator = np.random.default_rng(options.seed)
        broken = []
        while (left := options.kills - sum(len(each.hows) for each in broken)) > 0:
            hows = generator.choice(HOWS, size=min(left, generator.integers(1, 4)), p=SHARES)
            policy, periods = cases[len(broken) % len(cases)]
            broken.append(Broken(policy, periods, tuple(map(str, hows)), int(generator.integers(2**31))))
        for outcome in outcomes(broken, train_broken, SECONDS, options.jobs):
            told = outcome.output.splitlines()
            done = [line.split()[1] for line in told if line.startswith("stopped ")]
            stops.update(done)
            rows[len(done)] += 1
            if outcome.status != 0 or outcome.orphans:
                bad += 1
                print(
                    f"{outcome.case}: {outcome.status}, orphans {outcome.orphans}\n{outcome.output[-3000:]}", flush=True
                )
    for how in HOWS:
        print(f"{how:<12} {stops[how]:>4} stops")
    print(f"runs by stops in a row: {dict(sorted(rows.items()))}")
    print(f"{sum(stops.values())} stops of {len(broken)} runs, {bad} ended otherwise than those that nobody stopped")
    sys.exit(bool(bad))


wholes = Path()
"""Where the runs lie that nobody stops."""

if __name__ == "__main__":
    main()
