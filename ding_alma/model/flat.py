"""The networks of policies without an allocator, as DI-engine saves and exchanges them."""

from ding.utils import MODEL_REGISTRY
from torch import nn

from ding_alma.model.low_level import LowLevel


@MODEL_REGISTRY.register("flat")
class FlatModel(nn.Module):
    """Agents and mixer and, for COPA, the coach; parameters are named as in `AlmaModel`."""

    def __init__(self, low_level: LowLevel) -> None:
        super().__init__()
        self.low_level = low_level
