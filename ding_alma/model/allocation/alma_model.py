"""All networks of ALMA in one module, as DI-engine saves and exchanges them."""

from ding.utils import MODEL_REGISTRY
from torch import nn

from ding_alma.model.allocation.allocator import Allocator
from ding_alma.model.value.value_network import ValueNetwork


@MODEL_REGISTRY.register("alma")
class AlmaModel(nn.Module):
    """Agents and mixer under an allocator.

    Without a learned allocation ``allocator`` is None, and the allocations come from a rule.
    """

    def __init__(self, value_network: ValueNetwork, allocator: Allocator | None = None) -> None:
        super().__init__()
        self.value_network = value_network
        self.allocator = allocator
