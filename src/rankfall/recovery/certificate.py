"""What the entries determine: a certificate of uniqueness for each row and column of an exact fit of rank q.

1. Peel rows and columns with at most q entries, drop entries without redundancy (leverage 1: the residual of a random
   right side vanishes there), and peel again: a core is left.
2. In the core a random tangent vector is read at the entries and solved for. What comes back differs from it by
   δA Vᵀ + U δBᵀ, which P does not see. Rows I and columns J with δA_i = u_i G and δB_j = −v_j Gᵀ for one matrix G are
   rigid together: there the difference vanishes.
3. A row whose entries in certified columns span the rank is determined by them; columns likewise. Close under this.

This is generic rigidity: at a fit of rank q with redundant entries the certified block is locally unique, with
probability one in the random vectors. It is no proof that no other matrix of rank q fits far away, nor that the
matrix behind the data has this rank.   [singer2010]

For a symmetric matrix the random vectors are symmetric, and uniqueness is that among symmetric matrices.
"""

from dataclasses import dataclass
from functools import singledispatch

import numpy as np
from jaxtyping import Bool, Float, Int

from rankfall.recovery.frozen_solve import fit_tangent
from rankfall.recovery.redundancy import core_of, redundancy_of
from rankfall.recovery.sampling import Sampling
from rankfall.recovery.spectrum import Triplets, triplets_of
from rankfall.recovery.symmetry import signs_of

_RIDGE = 1e-13
_ITERATIONS = 3000
# A random right side of unit entries leaves less than this where an entry has no redundancy.
_UNCHECKED = 1e-6
# A tangent of unit entries that comes back this well is determined.
_RETURNED = 1e-4
# Least singular value, relative to the largest, of vectors that span.
_SPANNING = 1e-4
_PEELS = 6
_REWEIGHTINGS = 50


@dataclass(frozen=True, eq=False)
class Certificate:
    """Which rows and columns the observed entries determine, given the rank.

    Cell (i, j) is determined where row i and column j both are.

    Parameters
    ----------
    rows : (m,) ndarray of bool
        Whether each row is determined.
    cols : (n,) ndarray of bool
        Whether each column is.
    redundancy : int
        Entries of the core beyond its degrees of freedom.
    """

    rows: Bool[np.ndarray, " m"]
    cols: Bool[np.ndarray, " n"]
    redundancy: int

    def __repr__(self) -> str:
        rows, cols = (f"{int(lines.sum())} of {lines.size}" for lines in (self.rows, self.cols))
        return f"Certificate({rows} rows, {cols} columns, redundancy {self.redundancy})"

    @classmethod
    def nothing(cls, shape: tuple[int, int]) -> "Certificate":
        """Nothing is determined."""
        return cls(np.zeros(shape[0], bool), np.zeros(shape[1], bool), 0)

    @property
    def is_complete(self) -> bool:
        """Whether every cell is determined."""
        return bool(self.rows.all() and self.cols.all())

    @property
    def count(self) -> int:
        """Certified rows and columns together."""
        return int(self.rows.sum() + self.cols.sum())

    def determines(
        self, rows: Int[np.ndarray, " cells"], cols: Int[np.ndarray, " cells"]
    ) -> Bool[np.ndarray, " cells"]:
        """Whether the cells at these positions are determined."""
        return self.rows[rows] & self.cols[cols]


@singledispatch
def certify(sampling: Sampling, fit: Triplets, seed: int = 0, closed: bool = True) -> Certificate:
    """The certificate of an exact fit, whose rank is the number of its triplets.

    Parameters
    ----------
    sampling : Sampling
        The observed positions.
    fit : Triplets
        U (m, q), σ (q,) and V (n, q) of the fit.
    seed : int
        Of the random vectors, default 0.
    closed : bool
        Whether step 3 is made, default True. Its lines have entries that no other entry checks, which may be wrong.
    """
    rank = fit.values.size
    rng = np.random.default_rng(seed)
    kept = core_of(sampling, rank)
    nothing = Certificate.nothing(sampling.shape)
    for _ in range(_PEELS):
        redundancy = redundancy_of(sampling, rank, kept)
        if redundancy <= 0:
            return nothing
        core, rows, cols = sampling.select(kept).compact()
        local = triplets_of(fit.left[rows] * fit.values, fit.right[cols], rank, core.symmetry)
        if local.values[-1] < 1e-3 * fit.values[-1]:
            return nothing
        unchecked = _unchecked_entries(core, local, rng)
        if not unchecked.any():
            break
        kept[np.flatnonzero(kept)[unchecked]] = False
        kept = core_of(sampling, rank, kept)
    else:
        return nothing
    rigid_rows, rigid_cols = _rigid_lines(core, local, rng)
    certified_rows, certified_cols = np.zeros(sampling.shape[0], bool), np.zeros(sampling.shape[1], bool)
    certified_rows[rows], certified_cols[cols] = rigid_rows, rigid_cols
    if not (_spans(fit.left[certified_rows]) and _spans(fit.right[certified_cols])):
        return nothing
    if closed:
        _close(sampling, fit, certified_rows, certified_cols)
    if sampling.is_symmetric:
        certified_rows = certified_cols = certified_rows & certified_cols
    return Certificate(certified_rows, certified_cols, redundancy)


def _unchecked_entries(core: Sampling, fit: Triplets, rng: np.random.Generator) -> Bool[np.ndarray, " entries"]:
    """Entries that the tangent space fits whatever they are: two right sides in a row, as one may do so by chance."""
    charge = np.full(fit.values.size, _RIDGE)
    unchecked = np.ones(core.count, bool)
    for _ in range(2):
        random = core.mirrored(rng.standard_normal(core.count))
        found = fit_tangent(core, random, fit.left, fit.right, charge, tolerance=1e-9, iterations=_ITERATIONS)
        unchecked &= core.mirrored(np.abs(found.residual) < _UNCHECKED)
        if not unchecked.any():
            break
    return unchecked


def _rigid_lines(
    core: Sampling, fit: Triplets, rng: np.random.Generator
) -> tuple[Bool[np.ndarray, " m"], Bool[np.ndarray, " n"]]:
    """Rows and columns of the core on whose block no tangent vector hides from P.

    G is found by reweighted least squares, which gives the largest block its way and ignores lines outside of it.
    """
    # frames of unit rows on average, so that tolerances are relative to the entries of the tangent
    left, right = fit.left * np.sqrt(core.shape[0]), fit.right * np.sqrt(core.shape[1])
    rank = fit.values.size
    random_left = rng.standard_normal(left.shape)
    random_right = random_left * signs_of(left, right) if core.is_symmetric else rng.standard_normal(right.shape)
    tangent = core.read(np.hstack([random_left, left]), np.hstack([right, random_right]))
    charge = np.full(rank, _RIDGE)
    found = fit_tangent(core, tangent, left, right, charge, tolerance=1e-11, iterations=_ITERATIONS)
    over_left, over_right = found.left - random_left, found.right - random_right
    row_weights, col_weights = np.ones(len(left)), np.ones(len(right))
    row_miss = col_miss = np.zeros(0)
    for _ in range(_REWEIGHTINGS):
        turn = _common_turn(left, right, over_left, over_right, row_weights, col_weights)
        row_miss = np.linalg.norm(over_left - left @ turn, axis=1)
        col_miss = np.linalg.norm(over_right + right @ turn.T, axis=1)
        row_weights, col_weights = 1 / (row_miss + 1e-9), 1 / (col_miss + 1e-9)
        if max(row_miss.max(), col_miss.max()) < _RETURNED:
            break
    return row_miss < _RETURNED, col_miss < _RETURNED


def _common_turn(
    left: Float[np.ndarray, "m k"], right: Float[np.ndarray, "n k"], over_left: Float[np.ndarray, "m k"],
    over_right: Float[np.ndarray, "n k"], row_weights: Float[np.ndarray, " m"], col_weights: Float[np.ndarray, " n"],
) -> Float[np.ndarray, "k k"]:  # fmt: skip
    """G with u_i G ≈ δA_i and v_j Gᵀ ≈ −δB_j, by weighted least squares: a Sylvester equation."""
    from scipy.linalg import solve_sylvester

    weighed_left, weighed_right = left * row_weights[:, None], right * col_weights[:, None]
    rhs = weighed_left.T @ over_left - over_right.T @ weighed_right
    return solve_sylvester(weighed_left.T @ left, weighed_right.T @ right, rhs)


def _spans(vectors: Float[np.ndarray, "count k"]) -> bool:
    """Whether the vectors, made unit, span all k dimensions with room to spare."""
    if len(vectors) < vectors.shape[1]:
        return False
    lengths = np.linalg.norm(vectors, axis=1, keepdims=True)
    values = np.linalg.svd(vectors / np.maximum(lengths, 1e-300), compute_uv=False)
    return bool(values[-1] > _SPANNING * values[0])


def _close(sampling: Sampling, fit: Triplets, rows: Bool[np.ndarray, " m"], cols: Bool[np.ndarray, " n"]) -> None:
    """Add, in place, rows whose entries in certified columns span the rank, and columns likewise, until none is."""
    rank = fit.values.size
    by_col = np.argsort(sampling.cols, kind="stable")
    sides = (
        (sampling.rows, sampling.cols, np.arange(sampling.count), rows, cols, fit.right),
        (sampling.cols, sampling.rows, by_col, cols, rows, fit.left),
    )
    tried = [np.full(rows.size, -1), np.full(cols.size, -1)]
    grown = True
    while grown:
        grown = False
        for side, (lines, others, order, certified, known, frame) in enumerate(sides):
            counts = np.bincount(lines[known[others]], minlength=certified.size)
            starts = np.searchsorted(lines[order], np.arange(certified.size + 1))
            # a line is looked at again only when it has more entries in certified lines than last time
            for line in np.flatnonzero(~certified & (counts >= rank) & (counts > tried[side])):
                tried[side][line] = counts[line]
                met = others[order[starts[line] : starts[line + 1]]]
                if _spans(frame[met[known[met]]]):
                    certified[line] = grown = True
