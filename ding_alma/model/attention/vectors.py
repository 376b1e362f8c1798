"""Operations on the numbers of attention heads that lie side by side, as vector instructions for numba's loops.

The compiler does not know that two arrays share no memory, and so handles the short rows of heads one number at a time.
These functions say so. A row has ``heads * width`` numbers, those of a head side by side; `add_dots` and
`add_per_head` read and write one number per head beside it. All indices are flat, all arrays float32 and contiguous.
"""

from collections.abc import Callable
from functools import lru_cache
from typing import Any

from llvmlite import ir
from numba.core import cgutils, types
from numba.extending import intrinsic


def _vector(context: Any, builder: Any, array_type: Any, array: Any, index: Any, length: int) -> Any:
    """Pointer to ``length`` numbers of a contiguous array from its flat ``index`` on, as one vector."""
    data = cgutils.create_struct_proxy(array_type)(context, builder, array).data
    kind = ir.VectorType(ir.FloatType(), length)
    return builder.bitcast(builder.gep(data, [index]), kind.as_pointer())


def _is_flat(array: Any) -> bool:
    return isinstance(array, types.Array) and array.layout == "C" and array.dtype == types.float32


def _load(context: Any, builder: Any, array_type: Any, array: Any, index: Any, length: int) -> Any:
    return builder.load(_vector(context, builder, array_type, array, index, length), align=4)


def _picked(builder: Any, vector: Any, places: list[int]) -> Any:
    """The numbers of a vector at ``places``."""
    mask = ir.Constant(ir.VectorType(ir.IntType(32), len(places)), places)
    return builder.shuffle_vector(vector, ir.Constant(vector.type, ir.Undefined), mask)


@lru_cache
def add_dots(heads: int, width: int) -> Callable:
    """``f(x, i, y, j, out, k)``: adds ``sum_c x[i + h width + c] * y[j + h width + c]`` to ``out[k + h]``.

    The width is a power of 2.
    """

    @intrinsic
    def dots(typing, x, i, y, j, out, k):
        if not (_is_flat(x) and _is_flat(y) and _is_flat(out)):
            return None

        def code(context, builder, signature, arguments):
            x_array, x_at, y_array, y_at, out_array, out_at = arguments
            left = _load(context, builder, signature.args[0], x_array, x_at, heads * width)
            right = _load(context, builder, signature.args[2], y_array, y_at, heads * width)
            sums = builder.fmul(left, right, flags=["fast"])
            half = width // 2
            while half:
                # First and second half of every head, added; in the end there is one number per head.
                first = [head * 2 * half + c for head in range(heads) for c in range(half)]
                second = [place + half for place in first]
                sums = builder.fadd(_picked(builder, sums, first), _picked(builder, sums, second), flags=["fast"])
                half //= 2
            target = _vector(context, builder, signature.args[4], out_array, out_at, heads)
            builder.store(builder.fadd(builder.load(target, align=4), sums, flags=["fast"]), target, align=4)
            return context.get_dummy_value()

        return types.void(x, types.intp, y, types.intp, out, types.intp), code

    return dots


@lru_cache
def add_per_head(heads: int, width: int) -> Callable:
    """``f(x, i, factor, k, y, j)``: adds ``factor[k + h] * y[j + h width + c]`` to ``x[i + h width + c]``."""

    @intrinsic
    def add(typing, x, i, factor, k, y, j):
        if not (_is_flat(x) and _is_flat(y) and _is_flat(factor)):
            return None

        def code(context, builder, signature, arguments):
            x_array, x_at, factor_array, factor_at, y_array, y_at = arguments
            target = _vector(context, builder, signature.args[0], x_array, x_at, heads * width)
            per_head = _load(context, builder, signature.args[2], factor_array, factor_at, heads)
            source = _load(context, builder, signature.args[4], y_array, y_at, heads * width)
            factors = _picked(builder, per_head, [head for head in range(heads) for _ in range(width)])
            change = builder.fmul(factors, source, flags=["fast"])
            total = builder.fadd(builder.load(target, align=4), change, flags=["fast"])
            builder.store(total, target, align=4)
            return context.get_dummy_value()

        return types.void(x, types.intp, factor, types.intp, y, types.intp), code

    return add


@lru_cache
def change_per_head(heads: int, operation: str) -> Callable:
    """``f(x, i, y, j)``: ``x[i + h] = operation(x[i + h], y[j + h])``, with the operation 'max' or 'mul'."""

    def changed(builder: Any, one: Any, other: Any) -> Any:
        if operation == "max":
            return builder.select(builder.fcmp_ordered(">", one, other), one, other)
        return builder.fmul(one, other, flags=["fast"])

    @intrinsic
    def change(typing, x, i, y, j):
        if not (_is_flat(x) and _is_flat(y)):
            return None

        def code(context, builder, signature, arguments):
            x_array, x_at, y_array, y_at = arguments
            target = _vector(context, builder, signature.args[0], x_array, x_at, heads)
            other = _load(context, builder, signature.args[2], y_array, y_at, heads)
            builder.store(changed(builder, builder.load(target, align=4), other), target, align=4)
            return context.get_dummy_value()

        return types.void(x, types.intp, y, types.intp), code

    return change
