"""Sums over a few numbers that lie side by side, as single vector instructions for numba's compiled loops.

The compiler does not know that two arrays share no memory, and so handles the short rows of attention heads one number
at a time. These functions say so.
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


@lru_cache
def dot_of(length: int) -> Callable:
    """``f(x, i, y, j)``: the sum of ``x[i + c] * y[j + c]`` over ``c < length``, for flat indices of float32 arrays."""

    @intrinsic
    def dot(typing, x, i, y, j):
        if not (_is_flat(x) and _is_flat(y)):
            return None

        def code(context, builder, signature, arguments):
            x_array, x_at, y_array, y_at = arguments
            left = builder.load(_vector(context, builder, signature.args[0], x_array, x_at, length), align=4)
            right = builder.load(_vector(context, builder, signature.args[2], y_array, y_at, length), align=4)
            product = builder.fmul(left, right, flags=["fast"])
            name = f"llvm.vector.reduce.fadd.v{length}f32"
            kind = ir.FunctionType(ir.FloatType(), [ir.FloatType(), product.type])
            reduce = cgutils.get_or_insert_function(builder.module, kind, name)
            return builder.call(reduce, [ir.Constant(ir.FloatType(), 0.0), product], fastmath=["fast"])

        return types.float32(x, types.intp, y, types.intp), code

    return dot


@lru_cache
def add_multiple_of(length: int) -> Callable:
    """``f(x, i, factor, y, j)``: adds ``factor * y[j + c]`` to ``x[i + c]`` for ``c < length``; x and y are apart."""

    @intrinsic
    def add_multiple(typing, x, i, factor, y, j):
        if not (_is_flat(x) and _is_flat(y)):
            return None

        def code(context, builder, signature, arguments):
            x_array, x_at, multiplier, y_array, y_at = arguments
            target = _vector(context, builder, signature.args[0], x_array, x_at, length)
            source = builder.load(_vector(context, builder, signature.args[3], y_array, y_at, length), align=4)
            many = ir.VectorType(ir.FloatType(), length)
            zero = ir.Constant(ir.IntType(32), 0)
            one = builder.insert_element(ir.Constant(many, ir.Undefined), multiplier, zero)
            mask = ir.Constant(ir.VectorType(ir.IntType(32), length), [0] * length)
            factors = builder.shuffle_vector(one, ir.Constant(many, ir.Undefined), mask)
            change = builder.fmul(factors, source, flags=["fast"])
            total = builder.fadd(builder.load(target, align=4), change, flags=["fast"])
            builder.store(total, target, align=4)
            return context.get_dummy_value()

        return types.void(x, types.intp, types.float32, y, types.intp), code

    return add_multiple
