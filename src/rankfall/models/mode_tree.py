"""A mode tree: how the axes of a tensor are grouped, as nested tuples of axis numbers.

((0, 1), (2, 3))        the balanced binary tree over four axes
(0, 1, 2, 3)            one node over all axes
((0,), (1, 2))          axis 0 through one more node, which makes that edge deeper
"""

from collections.abc import Sequence
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
