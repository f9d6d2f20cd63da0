"""Memory asked for before it is needed: rows of a factor that the entries of a long list name in any order.

A row that is not in the core's own cache takes longer to come than an entry takes to compute, and the processor sees
only a few entries ahead. The list says which rows will be wanted; asking for them early hides the wait. Nothing
computed changes.
"""

from typing import Any, no_type_check

from llvmlite import ir
from numba.core import cgutils, types
from numba.extending import intrinsic

# Entries between the one that is computed and the one whose row is asked for.
AHEAD = 8
_LINE = 64


@intrinsic
@no_type_check
def prefetch(typingctx, array, offset):
    """Ask for the cache line of one number of a flat array."""

    def build(context, builder, signature, args):
        _ask(context, builder, array, args[0], args[1])
        return context.get_dummy_value()

    return types.void(array, types.intp), build


@intrinsic
@no_type_check
def prefetch_row(typingctx, array, offset, width):
    """Ask for `width` numbers from `offset` on."""

    def build(context, builder, signature, args):
        size = context.get_abi_sizeof(context.get_value_type(array.dtype))
        step = args[2].type(_LINE // size)
        with cgutils.for_range_slice(builder, step.type(0), args[2], step, step.type) as (place, _):
            _ask(context, builder, array, args[0], builder.add(args[1], place))
        return context.get_dummy_value()

    return types.void(array, types.intp, types.intp), build


def _ask(context: Any, builder: Any, array: Any, value: Any, offset: Any) -> None:
    data = context.make_array(array)(context, builder, value).data
    place = builder.bitcast(builder.gep(data, [offset]), ir.IntType(8).as_pointer())
    number = ir.IntType(32)
    kind = ir.FunctionType(ir.VoidType(), [place.type, number, number, number])
    ask = builder.module.declare_intrinsic("llvm.prefetch", [place.type], kind)
    # to be read, into the nearest cache, as data
    builder.call(ask, [place, number(0), number(3), number(1)])
