"""Small runs that are broken off and resumed, and what of them must not depend upon that."""

import io
import json
import os
import signal
from pathlib import Path

import torch
from easydict import EasyDict
from tiny_runs import last_checkpoint, tiny_config

from ding_alma.replay.journal import EpisodeJournal

POLICIES = ("alma", "refil", "copa", "mppo")
TIMED = ("_total_duration", "time")
"""Keys of a checkpoint that hold wall time."""


def resumable_config(policy, manager="vector", config="small/save_the_city_alma"):
    """A run whose ring buffer wraps around, which evaluates, saves and decides often."""
    main, create = tiny_config(policy, manager, config=config)
    main.policy.ppo = EasyDict(epochs=2, minibatch_steps=16)
    main.policy.other.replay_buffer = EasyDict(replay_buffer_size=10, sequence_length=8, recent_steps=60)
    main.policy.learn.learner.hook.save_ckpt_after_iter = 4
    return main, create


def resume(main, run):
    """Change a config into one that goes on with the run in the folder ``run``."""
    main.policy.learn.resume_training = True
    main.policy.learn.learner.hook.load_ckpt_before_run = str(Path(run) / "ckpt" / "ckpt_last.pth.tar")


def end_of(run):
    """Everything in a run's last checkpoint but wall time, and all its evaluations."""
    record = json.loads((Path(run) / "evaluations.json").read_text())
    evaluations = [
        (
            point["env_step"],
            point["train_iter"],
            {
                name: value
                for name, value in point["metrics"].items()
                if not name.endswith(("time", "_per_sec", "_per_episode"))
            },
        )
        for point in record["evaluations"]
    ]
    return {"checkpoint": last_checkpoint(Path(run)), "evaluations": evaluations}


def differences(one, other, path=""):
    """Where two nested values differ."""
    if isinstance(one, dict) and isinstance(other, dict):
        for key in one.keys() | other.keys():
            if key in TIMED:
                continue
            if key not in one or key not in other:
                yield f"{path}.{key}"
            else:
                yield from differences(one[key], other[key], f"{path}.{key}")
    elif isinstance(one, list | tuple) and isinstance(other, list | tuple) and len(one) == len(other):
        for index, pair in enumerate(zip(one, other, strict=True)):
            yield from differences(*pair, f"{path}[{index}]")
    elif isinstance(one, torch.Tensor) and isinstance(other, torch.Tensor):
        if not torch.equal(one, other):
            yield path
    elif one != other and not (one != one and other != other):
        yield f"{path}: {one!r} {other!r}"


def end_by_kill(chance, generator):
    """Let this process kill itself at a random one of its writes, before it, in its middle or after it.

    Args: chance, of every write to be the last.
    """

    def die():
        os.kill(os.getpid(), signal.SIGKILL)

    def deadly(write):
        def wrapped(*args, **kwargs):
            if generator.random() > chance:
                return write(*args, **kwargs)
            if generator.random() < 0.5:
                write(*args, **kwargs)
            die()

        return wrapped

    def half(data, file):
        if generator.random() < chance:
            buffer = io.BytesIO()
            save(data, buffer)
            file.write(buffer.getvalue()[: generator.integers(1, buffer.tell())])
            file.flush()
            die()
        save(data, file)

    save, torch.save = torch.save, half
    for module, name in ((os, "replace"), (os, "fsync"), (os, "link"), (EpisodeJournal, "append"), (Path, "unlink")):
        setattr(module, name, deadly(getattr(module, name)))
