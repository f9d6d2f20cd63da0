"""A mode tree: how the axes of a tensor are grouped, as nested tuples of axis numbers.

((0, 1), (2, 3))        the balanced binary tree over four axes
(0, 1, 2, 3)            one node over all axes
((0,), (1, 2))          axis 0 through one more node, which makes that edge deeper
"""

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from operator import index
from typing import Any, SupportsIndex

from rankfall.errors import InputError

Structure = int | tuple[Any, ...]


@dataclass(frozen=True)
class Node:
    """A node: a leaf over one axis (`mode`), or an inner node over its children, by their numbers."""

    mode: int | None
    children: tuple[int, ...]


def balanced(order: int) -> Structure:
    """The binary tree that halves the axes 0 … order − 1 until single axes are left."""

    def halved(first: int, count: int) -> Structure:
        if count == 1:
            return first
        near = count - count // 2
        return (halved(first, near), halved(first + near, count - near))

    return halved(0, order)


def as_structure(given: object) -> Structure:
    """Lists as tuples, whole numbers as int. Raises InputError for anything else, and for an empty node."""
    if isinstance(given, Sequence) and not isinstance(given, str):
        if not given:
            raise InputError("a node of a mode tree needs at least one child, got an empty one; leave it out")
        return tuple(as_structure(child) for child in given)
    if not isinstance(given, SupportsIndex):
        raise InputError(
            f"a mode tree is made of nested tuples of axis numbers, got {given!r}; ((0, 1), (2, 3)) is one of order 4"
        )
    return index(given)


def nodes_of(structure: Structure, order: int) -> list[Node]:
    """The nodes, children first and the root last.

    Raises
    ------
    InputError
        For a tree that misses or repeats an axis, or that is one axis alone.
    """
    nodes: list[Node] = []

    def visit(part: Structure) -> int:
        if isinstance(part, int):
            nodes.append(Node(part, ()))
        else:
            nodes.append(Node(None, tuple([visit(child) for child in part])))
        return len(nodes) - 1

    if isinstance(structure, int):
        raise InputError(f"a mode tree has an inner node at its root, got axis {structure} alone; pass ({structure},)")
    visit(structure)
    modes = sorted(node.mode for node in nodes if node.mode is not None)
    wanted = list(range(order))
    if modes != wanted:
        missed, repeated = sorted(set(wanted) - set(modes)), sorted({m for m in modes if modes.count(m) > 1})
        outside = sorted(set(modes) - set(wanted))
        fault = (
            f"misses axis {missed[0]}" if missed
            else f"repeats axis {repeated[0]}" if repeated
            else f"has axis {outside[0]}"
        )  # fmt: skip
        raise InputError(
            f"a mode tree holds each axis 0 … {order - 1} once, got {structure}, which {fault}; "
            f"{balanced(order)} is the balanced one"
        )
    return nodes


def full_rank(nodes: Sequence[Node], v: int, shape: Sequence[int]) -> int:
    """As many local components as any tensor of the shape needs at node v."""

    def entries_below(w: int) -> int:
        node = nodes[w]
        return shape[node.mode] if node.mode is not None else math.prod(entries_below(child) for child in node.children)

    sides = [entries_below(child) for child in nodes[v].children]
    outside = math.prod(shape) // math.prod(sides)
    sides = [*sides, outside]
    return math.prod(sides) // max(sides)


def cheapest_cut(nodes: Sequence[Node], widths: Mapping[int, int], shape: Sequence[int], axes: Sequence[int]) -> int:
    """The least product of widths and sides that a cut between the axes and the others passes.

    `widths` are those of the edges above inner nodes, `shape` are the sides of the axes.
    """
    chosen = tuple(axes)
    # costs[v][s]: the cheapest cut below node v with its matrix on side s, 0 the side of the axes
    costs: list[tuple[int, int]] = []
    for v, node in enumerate(nodes):
        if node.mode is not None:
            side = shape[node.mode]
            costs.append((1, side) if node.mode in chosen else (side, 1))
            continue
        together = [math.prod(costs[child][s] for child in node.children) for s in (0, 1)]
        parted = widths[v] * math.prod(min(costs[child]) for child in node.children)
        costs.append((min(together[0], parted), min(together[1], parted)))
    return min(costs[-1])
