"""Importing this module registers everything of this package with DI-engine: name it in a config's ``import_names``."""

import ding_alma.ding_import  # noqa: F401  (before anything that imports DI-engine)
from ding_alma.ding_patches import apply_patches, spare_objects_of_parents
from ding_alma.model import qmix
from ding_alma.policy import alma, aqmix, batch_collector, coma_ext, copa, mppo, refil, vdn
from ding_alma.replay import ring
from ding_alma.run.hooks import register_hooks

__all__ = ["alma", "aqmix", "batch_collector", "coma_ext", "copa", "mppo", "qmix", "refil", "ring", "vdn"]

register_hooks()
apply_patches()
spare_objects_of_parents()
