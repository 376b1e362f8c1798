"""The networks of policies without an allocator, as DI-engine saves and exchanges them."""

from ding.utils import MODEL_REGISTRY
from torch import nn

from ding_alma.model.value.value_network import ValueNetwork


@MODEL_REGISTRY.register("aqmix")
class AqmixModel(nn.Module):
    """Agents and mixer and, for COPA, the coach; parameters are named as in `AlmaModel`."""

    def __init__(self, value_network: ValueNetwork) -> None:
        super().__init__()
        self.value_network = value_network
