"""Attention of agents over entities."""

from torch import Tensor, nn

from ding_alma.model.attention.attention_plan import AttentionPlan
from ding_alma.model.attention.linear import linear
from ding_alma.model.attention.masked_attention import masked_attention


class EntityAttention(nn.Module):
    """Multi-head attention whose queries are the first Q entities (docs/reference/refil.md#entity-attention).

    Heads are contiguous slices of the ``dim`` columns; no residual, no normalisation. A masked query returns zeros; an
    unmasked query with nothing allowed returns the output projection's bias.
    """

    def __init__(self, dim: int, heads: int) -> None:
        super().__init__()
        if dim % heads:
            raise ValueError(f"attention width {dim} is not divisible by {heads} heads")
        self.dim = dim
        self.heads = heads
        self.project_in = nn.Linear(dim, 3 * dim, bias=False)
        self.project_out = nn.Linear(dim, dim)

    def mix(self, rows: Tensor, plan: AttentionPlan, views: slice = slice(None)) -> Tensor:
        """What the asking agents see, before the output projection.

        Args: rows (R, dim), as gathered by ``plan``. Returns (V Q, dim).
        """
        return plan.attend(rows, self.project_in.weight, self.heads, views)

    def attend(self, rows: Tensor, plan: AttentionPlan, views: slice = slice(None)) -> Tensor:
        """As `mix`, with the output projection."""
        return linear(self.mix(rows, plan, views), self.project_out.weight, self.project_out.bias)

    def forward(self, x: Tensor, allowed: Tensor, query_mask: Tensor) -> Tensor:
        """Args: x (N, E, dim); allowed (N, Q, E) bool; query_mask (N, Q) bool. Returns (N, Q, dim)."""
        batch, entities, _ = x.shape
        queries, width = query_mask.shape[1], self.dim // self.heads
        weight_q, weight_kv = self.project_in.weight.split([self.dim, 2 * self.dim])
        # Widths are spelt out, because there may be no entity to derive them from.
        query = (x[:, :queries] @ weight_q.T).view(batch, queries, self.heads, width).transpose(1, 2)
        key, value = (x @ weight_kv.T).view(batch, entities, 2, self.heads, width).permute(2, 0, 3, 1, 4)
        mixed = masked_attention(query, key, value, allowed).transpose(1, 2).reshape(batch, queries, self.dim)
        return self.project_out(mixed) * query_mask.unsqueeze(-1)
