"""VDN: a group's value is the sum of its agents' utilities (docs/reference/refil.md#sum-of-utilities)."""

from torch import Tensor

from ding_alma.model.attention.attention_plan import AttentionPlan
from ding_alma.model.attention.entity_inputs import EntityInputs
from ding_alma.model.one_hot import one_hot
from ding_alma.model.popart import PopArt, Unnormalised
from ding_alma.model.value.mixer import UtilityMixer


class SumMixer(UtilityMixer):
    """Nothing to learn but Pop-Art's scale. Views mixed together are summed up like agents."""

    def __init__(
        self,
        features: int,
        groups: int,
        hypernet_dim: int,
        heads: int,
        mixing_dim: int,
        softmax_weights: bool = True,
        bias_abs: bool = True,
        popart: bool = True,
    ) -> None:
        """The arguments of `Mixer`, of which only ``groups`` and ``popart`` matter."""
        super().__init__()
        self._groups = groups
        self.popart = PopArt(groups) if popart else Unnormalised()

    def weights(self, inputs: EntityInputs, plan: AttentionPlan, membership: Tensor) -> Tensor:
        """(N, A, groups) float32, 1 = the agent counts in the group."""
        return one_hot(membership, self._groups)

    def mix(self, utilities: Tensor, weights: Tensor, views: slice = slice(0, 1)) -> Tensor:
        return (weights.transpose(1, 2) @ utilities.sum(0).unsqueeze(-1)).squeeze(-1)
