"""Everything that importing `ding_alma.plugin` replaces in DI-engine 0.5.3: what, why, and by what.

Beside these it only adds entries under new names to DI-engine's registries. A run wraps some methods of its own
objects, which go with them: the learner's ``train`` (run/faults.py), the collector's ``collect`` and the evaluator's
``eval`` (run/environment_guard.py, run/commander.py), the ``add_scalar`` of its tensorboard writer
(monitor/scalars.py), what the router of a parallel run sends and receives (pipeline/authentication.py). And forked
processes do not collect objects of their parent (`spare_objects_of_parents`).
"""

import gc
import importlib
import os
from collections.abc import Callable, MutableMapping
from dataclasses import dataclass
from typing import Any

from ding_alma.ding_import import SVC_PLACE, deferred_svc
from ding_alma.model.qmix import qmix_network
from ding_alma.pipeline.parallel_command import completed_entry
from ding_alma.run.checkpoint_hook import AtomicSaveCkptHook, CheckedLoadCkptHook
from ding_alma.run.commander import CheckpointCommander
from ding_alma.run.config_shape import checked_pipeline


@dataclass(frozen=True)
class Patch:
    """One attribute of a module, or one entry of a registry, with another value."""

    place: str
    """``module.attribute`` or ``module.registry[entry]``."""
    why: str
    replacement: Callable[[Any], Any]
    """What takes the place of what is there."""


PATCHES = (
    Patch(
        "ding.entry.serial_entry.BaseSerialCommander",
        "checkpoints between two iterations and exact resumption: the entry builds its commander by this name and "
        "offers no key to choose another",
        lambda original: CheckpointCommander,
    ),
    Patch(
        "ding.entry.serial_entry_onpolicy.BaseSerialCommander",
        "the same in the on-policy entry",
        lambda original: CheckpointCommander,
    ),
    Patch(
        "ding.entry.serial_entry.serial_pipeline",
        "``ding -m serial`` merges the config before anything of ours looks at it: a value where a block belongs, "
        "or an unknown type, ends it with an error that names no key",
        checked_pipeline,
    ),
    Patch(
        "ding.entry.serial_entry_onpolicy.serial_pipeline_onpolicy",
        "the same for ``ding -m serial_onpolicy``",
        checked_pipeline,
    ),
    Patch(
        "ding.worker.learner.learner_hook.hook_mapping[save_ckpt]",
        "DI-engine's key ``hook.save_ckpt_after_iter`` writes through a temporary file, so that a kill loses nothing",
        lambda original: AtomicSaveCkptHook,
    ),
    Patch(
        "ding.worker.learner.learner_hook.hook_mapping[load_ckpt]",
        "DI-engine's key ``hook.load_ckpt_before_run`` says what is wrong with a checkpoint that does not fit, and "
        "hands on the state of the run",
        lambda original: CheckedLoadCkptHook,
    ),
    Patch(
        "ding.entry.parallel_entry.parallel_pipeline",
        "``ding -m parallel`` ends with an unpack error for every config: its entry takes three parts, it reads two",
        completed_entry,
    ),
    Patch(
        SVC_PLACE,
        "scikit-learn is imported when one of DI-engine's reward models uses it: it takes a third of the time of all "
        "imports; ding_import.py sees to it that it has not been imported before",
        lambda original: original and deferred_svc,
    ),
    Patch(
        "ding.utils.MODEL_REGISTRY[qmix]",
        "builds DI-engine's QMIX from the four keys of ``policy.model`` that COMA accepts, too",
        lambda original: qmix_network,
    ),
)


def apply_patches() -> None:
    """Put every replacement in its place, once."""
    for patch in PATCHES:
        holder, name = _holder(patch.place)
        original = holder[name]
        # A second import, by importlib.reload for example, finds our own.
        if original is None or not original.__module__.startswith("ding_alma."):
            holder[name] = patch.replacement(original)


def spare_objects_of_parents() -> None:
    """Have forked processes, such as those of environments, never collect what their parent has left behind.

    A learner of an earlier run, say of another cell of a notebook, would wait there for the thread of its tensorboard
    writer, which the forked process lacks, and the parent for an answer of its environment.
    """
    if hasattr(os, "register_at_fork"):
        os.register_at_fork(after_in_child=gc.freeze)


def _holder(place: str) -> tuple[MutableMapping[str, Any], str]:
    """Where a patch goes: a module's attributes or a registry's entries, and the name in there."""
    module, _, attribute = place.removesuffix("]").partition("[")[0].rpartition(".")
    names = vars(importlib.import_module(module))
    if not place.endswith("]"):
        return names, attribute
    return names[attribute], place.removesuffix("]").partition("[")[2]
