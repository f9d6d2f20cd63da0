"""Which cells to measure next: those that certify most rows and columns for each measurement.

A row is determined when its entries in certified columns span the rank q. It misses q minus the dimension they span.
The row or column that misses least comes first; of the certified lines it could be measured in, those whose vectors
are furthest from what its entries span already. Then it is certified, which may help others. Of a symmetric
matrix a row is a column too, and one cell of each pair is suggested.
"""

import numpy as np
from jaxtyping import Bool, Float

from rankfall.errors import InputError
from rankfall.problems.completion import Completion
from rankfall.recovery.recovery import Recovery
from rankfall.recovery.symmetry import Symmetry

# A vector adds a dimension where this share of its length is new.
_NEW = 1e-3


def suggest_cells(problem: Completion, recovery: Recovery, count: int = 10) -> list[tuple[int, int]]:
    """At most `count` unobserved cells (row, column), in the order to measure them.

    They are as many as it takes to certify everything where that is fewer. Without a certified block, they are cells
    of the rows and columns with the fewest entries.

    Parameters
    ----------
    problem : Completion
        The observed entries.
    recovery : Recovery
        What `recover` found for this problem.
    count : int
        The most cells to suggest, default 10.

    Raises
    ------
    InputError
        For a count below 1.
    """
    if count < 1:
        raise InputError(f"count must be at least 1, got {count}; 10 is the default")
    is_symmetric = recovery.symmetry is not Symmetry.GENERAL
    observed = _observed_lines(problem, is_symmetric)
    if recovery.certificate.count == 0:
        return _sparsest(problem.shape, observed, count, is_symmetric)
    rows, cols = recovery.certificate.rows.copy(), recovery.certificate.cols.copy()
    left, right = recovery.product.factors
    cells: list[tuple[int, int]] = []
    while len(cells) < count and not (rows.all() and cols.all()):
        options = [(*_needed(observed[0][i], cols, right), 0, i) for i in np.flatnonzero(~rows).tolist()]
        if not is_symmetric:
            options += [(*_needed(observed[1][j], rows, left), 1, j) for j in np.flatnonzero(~cols).tolist()]
        options = [option for option in options if option[0] >= 0]
        if not options:
            break
        _, needed, side, line = min(options, key=lambda option: (option[0], option[2], option[3]))
        cells += [(line, other) if side == 0 else (other, line) for other in needed]
        for other in needed:
            observed[side][line].add(other)
            observed[1 - side][other].add(line)
            if is_symmetric:
                observed[1][line].add(other)
                observed[0][other].add(line)
        (rows if side == 0 else cols)[line] = True
        if is_symmetric:
            cols[line] = True
    return cells[:count]


def _observed_lines(problem: Completion, is_symmetric: bool) -> tuple[list[set[int]], list[set[int]]]:
    rows, cols = [set() for _ in range(problem.shape[0])], [set() for _ in range(problem.shape[1])]
    for i, j in zip(problem.rows.tolist(), problem.cols.tolist(), strict=True):
        rows[i].add(j)
        cols[j].add(i)
        if is_symmetric:
            rows[j].add(i)
            cols[i].add(j)
    return rows, cols


def _needed(
    met: set[int], certified: Bool[np.ndarray, " others"], frame: Float[np.ndarray, "others k"]
) -> tuple[int, list[int]]:
    """How many measurements a line misses, and in which certified lines; −1 where no choice spans the rank."""
    rank = frame.shape[1]
    known = [other for other in sorted(met) if certified[other]]
    free = certified.copy()
    free[sorted(met)] = False
    candidates = np.flatnonzero(free)
    scale = np.linalg.norm(frame, axis=1, keepdims=True)
    unit = frame / np.maximum(scale, 1e-300)
    basis = np.zeros((rank, 0))
    for other in known:
        basis = _extended(basis, unit[other])
    needed: list[int] = []
    rest = unit[candidates] - unit[candidates] @ basis @ basis.T
    while basis.shape[1] < rank:
        lengths = np.linalg.norm(rest, axis=1)
        if not lengths.size or lengths.max() < _NEW:
            return -1, []
        place = int(lengths.argmax())
        needed.append(int(candidates[place]))
        basis = _extended(basis, unit[candidates[place]])
        rest = unit[candidates] - unit[candidates] @ basis @ basis.T
    return len(needed), needed


def _extended(basis: Float[np.ndarray, "k d"], vector: Float[np.ndarray, " k"]) -> Float[np.ndarray, "k e"]:
    """The orthonormal basis with one more vector, where that is new."""
    rest = vector - basis @ (basis.T @ vector)
    length = float(np.linalg.norm(rest))
    return basis if length < _NEW else np.column_stack([basis, rest / length])


def _sparsest(
    shape: tuple[int, int], observed: tuple[list[set[int]], list[set[int]]], count: int, is_symmetric: bool
) -> list[tuple[int, int]]:
    """Unobserved cells, one at a time in the row with the fewest entries and there in the emptiest column."""
    row_counts, col_counts = (np.asarray([len(met) for met in lines]) for lines in observed)
    cells: list[tuple[int, int]] = []
    while len(cells) < count and row_counts.min() < shape[1]:
        row = int(row_counts.argmin())
        free = np.setdiff1d(np.arange(shape[1]), sorted(observed[0][row]))
        col = int(free[col_counts[free].argmin()])
        cells.append((row, col))
        for i, j in {(row, col), (col, row)} if is_symmetric else {(row, col)}:
            observed[0][i].add(j)
            row_counts[i] += 1
            col_counts[j] += 1
    return cells
