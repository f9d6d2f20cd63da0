"""A product of arrays summed over the axes that they share, pair by pair in the cheapest order, and the way back.

    W[output] = Σ Π_k A_k[names_k]        names say which axes are the same; those that `output` lacks are summed over

opt_einsum finds the order. Each step is a matrix product of any array library, with leading axes of a batch. The way
back goes through the same steps in reverse: all derivatives together cost twice as much as W.
"""

import math
from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache

import opt_einsum

from rankfall.arrays import Array, namespace

# The name of an axis of length 1 that is left out.
NONE = -1
Names = tuple[int, ...]


@dataclass(frozen=True)
class _Step:
    """Operands `left` and `right` become operand `place`; the arrays come first, then the results of the steps."""

    left: int
    right: int
    place: int


@dataclass(frozen=True)
class Contraction:
    """Which axes of some arrays are the same, and which are those of the result.

    Parameters
    ----------
    names
        the names of the axes of each array, of two arrays or more: small numbers, NONE for an axis of length 1.
    output
        those of the result, in its order. Every other name is of two arrays at least.
    shapes
        of the arrays.
    """

    names: tuple[Names, ...]
    output: Names
    shapes: tuple[tuple[int, ...], ...]

    def __call__(self, arrays: Sequence[Array]) -> Array:
        """The contraction of arrays of these shapes, which may all have the same leading axes."""
        return self._forth(arrays)[-1]

    def adjoint(self, arrays: Sequence[Array], gradient: Array) -> list[Array]:
        """∂/∂arrays of ⟨gradient, result⟩."""
        operands, kept = self._forth(arrays), self.kept
        xp, batch = namespace(gradient), tuple(gradient.shape[: gradient.ndim - len(self.output)])
        pulls: list[Array] = [None] * len(operands)
        pulls[-1] = gradient
        for step in reversed(self._steps):
            for one, other in ((step.left, step.right), (step.right, step.left)):
                pulls[one] = _pair(pulls[step.place], kept[step.place], operands[other], kept[other], kept[one])
        return [xp.reshape(pull, (*batch, *shape)) for pull, shape in zip(pulls, self.shapes, strict=False)]

    def _forth(self, arrays: Sequence[Array]) -> list[Array]:
        """The arrays without axes of length 1, then the result of each step."""
        kept, found = self.kept, []
        for array, names, shape in zip(arrays, self.names, self.shapes, strict=True):
            batch = tuple(array.shape[: array.ndim - len(shape)])
            sides = [side for name, side in zip(names, shape, strict=True) if name != NONE]
            found.append(namespace(array).reshape(array, (*batch, *sides)))
        for step in self._steps:
            found.append(
                _pair(found[step.left], kept[step.left], found[step.right], kept[step.right], kept[step.place])
            )
        return found

    @property
    def _steps(self) -> tuple[_Step, ...]:
        return _plan(self)[0]

    @property
    def kept(self) -> tuple[Names, ...]:
        """The names of the axes of each array without NONE, then of the result of each step."""
        return _plan(self)[1]


def contracted(
    names: Sequence[Names], output: Names, shapes: Sequence[tuple[int, ...]], arrays: Sequence[Array]
) -> Array:
    """The contraction of the arrays; a single one keeps its axes, but those of length 1, in their order."""
    if len(arrays) > 1:
        return Contraction(tuple(names), output, tuple(shapes))(arrays)
    kept = [side for name, side in zip(names[0], shapes[0], strict=True) if name != NONE]
    own = [name for name in names[0] if name != NONE]
    xp, lead = namespace(arrays[0]), arrays[0].ndim - len(shapes[0])
    found = xp.reshape(arrays[0], (*arrays[0].shape[:lead], *kept))
    return xp.permute_dims(found, (*range(lead), *(lead + own.index(name) for name in output)))


@lru_cache(maxsize=256)
def _plan(contraction: Contraction) -> tuple[tuple[_Step, ...], tuple[Names, ...]]:
    """The steps of the cheapest order, and the names of the axes of each operand."""
    operands = [tuple(name for name in names if name != NONE) for names in contraction.names]
    sizes = {
        name: side
        for names, shape in zip(contraction.names, contraction.shapes, strict=True)
        for name, side in zip(names, shape, strict=True)
    }
    letters = ["".join(map(opt_einsum.get_symbol, names)) for names in (*operands, contraction.output)]
    shapes = [tuple(sizes[name] for name in names) for names in operands]
    path = opt_einsum.contract_path(",".join(letters[:-1]) + "->" + letters[-1], *shapes, shapes=True)[0]
    left, steps = list(range(len(operands))), []
    for chosen in path:
        first, second = (left[place] for place in sorted(chosen))
        left = [place for place in left if place not in (first, second)]
        needed = {name for place in left for name in operands[place]} | set(contraction.output)
        both = dict.fromkeys(operands[first] + operands[second])
        operands.append(tuple(name for name in both if name in needed) if left else contraction.output)
        steps.append(_Step(first, second, len(operands) - 1))
        left.append(len(operands) - 1)
    return tuple(steps), tuple(operands)


def _pair(left: Array, left_names: Names, right: Array, right_names: Names, names: Names) -> Array:
    """The product of two arrays, summed over the axes that both have and the result has not."""
    xp = namespace(left)
    lead = left.ndim - len(left_names)
    batch = tuple(left.shape[:lead])
    both = [name for name in left_names if name in right_names and name in names]
    summed = [name for name in left_names if name in right_names and name not in names]
    rows = [name for name in left_names if name not in right_names]
    cols = [name for name in right_names if name not in left_names]
    sizes = dict(zip(left_names, left.shape[lead:], strict=True)) | dict(
        zip(right_names, right.shape[lead:], strict=True)
    )
    a, b = _grouped(left, left_names, (both, rows, summed)), _grouped(right, right_names, (both, summed, cols))
    whole = a @ b if summed else a * b
    found = (*both, *rows, *cols)
    spread = xp.reshape(whole, (*batch, *(sizes[name] for name in found)))
    return xp.permute_dims(spread, (*range(lead), *(lead + found.index(name) for name in names)))


def _grouped(array: Array, names: Names, groups: Sequence[Sequence[int]]) -> Array:
    """The array with the axes of each group side by side and as one."""
    xp = namespace(array)
    lead = array.ndim - len(names)
    sides = [math.prod(array.shape[lead + names.index(name)] for name in group) for group in groups]
    order = [lead + names.index(name) for group in groups for name in group]
    return xp.reshape(xp.permute_dims(array, (*range(lead), *order)), (*array.shape[:lead], *sides))
