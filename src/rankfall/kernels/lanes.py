"""Rows of eight lanes as values of compiled loops: what keeps a short row of numbers in vector registers.

A loop over a row of 20 numbers is too short for the loop vectorizer: it spends more on alignment, aliasing and the
remainder than on the row. These functions make a row of 8 B numbers a value, B vectors of eight lanes. Loops that
are written with them have no remainder, and read and write memory only where they say so. LLVM maps a vector to the
registers that the machine has.

`tag` is a tuple of B zeros: its type says how long a row is. A row is added up in one fixed order.
"""

import math
from typing import Any, no_type_check

import numpy as np
import numpy.typing as npt
from llvmlite import ir
from numba.core import cgutils, types
from numba.extending import intrinsic, models, register_model

LANES = 8
_LINE = 64


def tag_of(width: int) -> tuple[int, ...]:
    """The tag of rows for `width` numbers: 8, 16, 32, … lanes. A loop is compiled once for each."""
    blocks = 1
    while blocks * LANES < width:
        blocks *= 2
    return (0,) * blocks


def aligned_zeros(shape: tuple[int, ...], dtype: npt.DTypeLike) -> np.ndarray:
    """Zeros that begin where a cache line does, so that no row of eight lanes lies on two lines more than it must."""
    size = math.prod(shape) * np.dtype(dtype).itemsize
    raw = np.zeros(size + _LINE, np.uint8)
    first = -raw.ctypes.data % _LINE
    return raw[first : first + size].view(dtype).reshape(shape)


class Vector(types.Type):
    """Eight numbers of one type."""

    def __init__(self, dtype: types.Type) -> None:
        self.dtype = dtype
        super().__init__(name=f"Vector({dtype} x {LANES})")


@register_model(Vector)
class _VectorModel(models.PrimitiveModel):
    def __init__(self, manager: Any, vector: Any) -> None:
        super().__init__(manager, vector, ir.VectorType(manager.lookup(vector.dtype).get_value_type(), LANES))


def _row(dtype: types.Type, tag: Any) -> types.UniTuple:
    return types.UniTuple(Vector(dtype), len(tag))


def _splat(builder: Any, value: Any) -> Any:
    vector = ir.VectorType(value.type, LANES)
    first = builder.insert_element(ir.Constant(vector, ir.Undefined), value, ir.IntType(32)(0))
    return builder.shuffle_vector(first, ir.Constant(vector, ir.Undefined), ir.VectorType(ir.IntType(32), LANES)(None))


def _place(context: Any, builder: Any, array_type: Any, array: Any, offset: Any, block: int) -> Any:
    data = context.make_array(array_type)(context, builder, array).data
    at = builder.add(offset, offset.type(block * LANES))
    vector = ir.VectorType(data.type.pointee, LANES)
    return builder.bitcast(builder.gep(data, [at]), vector.as_pointer())


@intrinsic
@no_type_check
def zeros(typingctx, array, tag):
    """A row of zeros of the array's type."""

    def build(context, builder, signature, args):
        vector = context.get_value_type(signature.return_type.dtype)
        return cgutils.pack_array(builder, [vector(None)] * signature.return_type.count)

    return _row(array.dtype, tag)(array, tag), build


@intrinsic
@no_type_check
def load(typingctx, array, offset, tag):
    """The row that begins at `offset` of a flat array."""

    def build(context, builder, signature, args):
        blocks = range(signature.return_type.count)
        size = context.get_abi_sizeof(context.get_value_type(array.dtype))
        places = [_place(context, builder, array, args[0], args[1], block) for block in blocks]
        return cgutils.pack_array(builder, [builder.load(place, align=size) for place in places])

    return _row(array.dtype, tag)(array, types.intp, tag), build


@intrinsic
@no_type_check
def store(typingctx, array, offset, row):
    """Write the row at `offset` of a flat array."""

    def build(context, builder, signature, args):
        size = context.get_abi_sizeof(context.get_value_type(array.dtype))
        for block in range(row.count):
            place = _place(context, builder, array, args[0], args[1], block)
            builder.store(builder.extract_value(args[2], block), place, align=size)
        return context.get_dummy_value()

    return types.void(array, types.intp, row), build


@intrinsic
@no_type_check
def read(typingctx, array, offset):
    """One number of a flat array, at an offset that is not negative: no look at its sign."""

    def build(context, builder, signature, args):
        data = context.make_array(array)(context, builder, args[0]).data
        return builder.load(builder.gep(data, [args[1]]))

    return array.dtype(array, types.intp), build


@intrinsic
@no_type_check
def write(typingctx, array, offset, value):
    """Set one number of a flat array, at an offset that is not negative."""

    def build(context, builder, signature, args):
        data = context.make_array(array)(context, builder, args[0]).data
        builder.store(args[2], builder.gep(data, [args[1]]))
        return context.get_dummy_value()

    return types.void(array, types.intp, array.dtype), build


@intrinsic
@no_type_check
def add_multiple(typingctx, total, factor, row):
    """total + factor · row."""

    def build(context, builder, signature, args):
        factors = _splat(builder, args[1])
        parts = []
        for block in range(row.count):
            term = builder.fmul(factors, builder.extract_value(args[2], block), flags=("contract",))
            parts.append(builder.fadd(builder.extract_value(args[0], block), term, flags=("contract",)))
        return cgutils.pack_array(builder, parts)

    return total(total, row.dtype.dtype, row), build


@intrinsic
@no_type_check
def times(typingctx, row, other):
    """row ∘ other, number by number."""

    def build(context, builder, signature, args):
        pairs = [[builder.extract_value(arg, block) for arg in args] for block in range(row.count)]
        return cgutils.pack_array(builder, [builder.fmul(*pair) for pair in pairs])

    return row(row, other), build


@intrinsic
@no_type_check
def multiple(typingctx, factor, row):
    """factor · row."""

    def build(context, builder, signature, args):
        factors = _splat(builder, args[0])
        blocks = [builder.extract_value(args[1], block) for block in range(row.count)]
        return cgutils.pack_array(builder, [builder.fmul(factors, block) for block in blocks])

    return row(row.dtype.dtype, row), build


@intrinsic
@no_type_check
def add(typingctx, total, row):
    """total + row."""

    def build(context, builder, signature, args):
        pairs = [[builder.extract_value(arg, block) for arg in args] for block in range(row.count)]
        return cgutils.pack_array(builder, [builder.fadd(*pair) for pair in pairs])

    return total(total, row), build


@intrinsic
@no_type_check
def add_times(typingctx, total, row, other):
    """total + row ∘ other."""

    def build(context, builder, signature, args):
        parts = []
        for block in range(row.count):
            before, a, b = (builder.extract_value(arg, block) for arg in args)
            parts.append(builder.fadd(before, builder.fmul(a, b, flags=("contract",)), flags=("contract",)))
        return cgutils.pack_array(builder, parts)

    return total(total, row, other), build


def _sum_of_lanes(builder: Any, total: Any) -> Any:
    """The upper half onto the lower one, until one lane is left."""
    half = LANES
    while half > 1:
        half //= 2
        mask = ir.VectorType(ir.IntType(32), half)
        low, high = (
            builder.shuffle_vector(total, total, mask([ir.IntType(32)(first + i) for i in range(half)]))
            for first in (0, half)
        )
        total = builder.fadd(low, high)
    return builder.extract_element(total, ir.IntType(32)(0))


@intrinsic
@no_type_check
def dot(typingctx, row, other):
    """⟨row, other⟩: lane by lane over the blocks, then the lanes."""

    def build(context, builder, signature, args):
        total = None
        for block in range(row.count):
            term = builder.fmul(
                builder.extract_value(args[0], block), builder.extract_value(args[1], block), flags=("contract",)
            )
            total = term if total is None else builder.fadd(total, term, flags=("contract",))
        return _sum_of_lanes(builder, total)

    return row.dtype.dtype(row, other), build


@intrinsic
@no_type_check
def sum_of_lanes(typingctx, row):
    """The sum of the eight numbers of a row of one block."""

    def build(context, builder, signature, args):
        return _sum_of_lanes(builder, builder.extract_value(args[0], 0))

    return row.dtype.dtype(row), build


@intrinsic
@no_type_check
def stay_apart(typingctx):
    """Keep the function that calls this out of its callers: what was optimized once is not optimized again in each."""

    def build(context, builder, signature, args):
        builder.function.attributes.add("noinline")
        return context.get_dummy_value()

    return types.void(), build
