"""A pool over what is seen, in the place of attention (docs/reference/refil.md#pooling-instead-of-attention)."""

from torch import Tensor, nn

from ding_alma.model.attention.attention import EntityAttention
from ding_alma.model.attention.attention_plan import AttentionPlan


class EntityPooling(nn.Module):
    """Linear, pool over all E entities with zeros for those not seen, Linear."""

    reduce: str

    def __init__(self, dim: int, heads: int) -> None:
        """The arguments of `EntityAttention`; a pool has no use for ``heads``."""
        super().__init__()
        self.project_in = nn.Linear(dim, dim)
        self.project_out = nn.Linear(dim, dim)

    def attend(self, rows: Tensor, plan: AttentionPlan) -> Tensor:
        """Args: rows (R, dim), as gathered by ``plan``. Returns (V Q, dim)."""
        return self.project_out(plan.pool(self.project_in(rows), self.reduce))


class MaxPooling(EntityPooling):
    """The largest value; zero counts as soon as one entity is hidden."""

    reduce = "max"


class MeanPooling(EntityPooling):
    """The sum over the seen entities, divided by all E."""

    reduce = "mean"


Pooling = EntityAttention | EntityPooling
"""What may sum up the entities that an agent sees."""
