"""First layer and attention of several networks that read the same rows, in one step of the graph. CPU only."""

from collections.abc import Sequence
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn

from ding_alma.model.attention.entity_inputs import EntityInputs
from ding_alma.model.attention.first_layer import encode_rows, weight_gradients
from ding_alma.model.attention.ragged_attention import Neighbours, attend, attend_gradients


def encode_and_attend(
    inputs: EntityInputs,
    rows: Tensor,
    pairs: Neighbours,
    encoders: Sequence[nn.Linear],
    weights_in: Sequence[Tensor],
    heads: int,
) -> Tensor:
    """``attention(relu(encoder(inputs)))`` of S networks of the same sizes, before the output projections.

    Args:
        rows: (R,) int64, those of the N E input rows that are encoded, the asking ones first.
        weights_in: (3 D, D) each, projections to query, key and value.
        heads: contiguous slices of D.

    Returns:
        (S, V Q, D).
    """
    weights = [
        *(encoder.weight for encoder in encoders),
        *(encoder.bias for encoder in encoders),
        *weights_in,
    ]
    return _EncodedAttention.apply(inputs, rows, pairs, heads, *weights)


class _EncodedAttention(torch.autograd.Function):
    @staticmethod
    def forward(
        ctx: Any, inputs: EntityInputs, rows: Tensor, pairs: Neighbours, heads: int, *weights: Tensor
    ) -> Tensor:
        networks = len(weights) // 3
        first, bias, weight_in = (weights[part * networks : (part + 1) * networks] for part in range(3))
        ctx.weight_in = [weight.numpy() for weight in weight_in]
        ctx.inputs, ctx.rows, ctx.pairs, ctx.encoded = (
            inputs,
            rows,
            pairs,
            encode_rows(inputs, rows, first, bias, relu=True),
        )
        out = np.zeros((networks, len(pairs.start) - 1, len(bias[0])), np.float32)
        parts = zip(ctx.encoded, ctx.weight_in, out, strict=True)
        ctx.attended = [attend(*network, heads, pairs) for network in parts]
        return torch.from_numpy(out)

    @staticmethod
    @torch.autograd.function.once_differentiable
    def backward(ctx: Any, grad: Tensor) -> tuple[Tensor | None, ...]:
        slope = np.zeros_like(ctx.encoded)
        parts = zip(grad.contiguous().numpy(), ctx.encoded, ctx.weight_in, ctx.attended, slope, strict=True)
        by_weight_in = [attend_gradients(*network, ctx.pairs) for network in parts]
        slope *= ctx.encoded > 0
        by_first = weight_gradients(ctx.inputs, ctx.rows, slope)
        by_bias = torch.from_numpy(slope.sum(1)).unbind(0)
        return None, None, None, None, *by_first, *by_bias, *map(torch.from_numpy, by_weight_in)
