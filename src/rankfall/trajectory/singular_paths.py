"""Singular values followed through crossings: each path is one singular triplet, not one place in the order of size.

An analytic decomposition W(t) = U S Vᵀ exists if the entries of S may change order and sign. A record contains the
triplets of one time, sorted and positive. Successive records are matched by their singular vectors, so a path keeps its
vectors where two values cross. The matching runs backwards from the last record, where the values are best separated:
path r ends as the r-th largest value, with a positive sign.   [arora2019, analytic singular value decomposition]
"""

from dataclasses import dataclass
from itertools import pairwise

import numpy as np
from jaxtyping import Bool, Float, Int

from rankfall.errors import InputError
from rankfall.trajectory.run import Trajectory

# Values closer than this, relative to the largest, are one value: the SVD then takes any basis of their vectors.
_TIE = 1e-9


@dataclass(frozen=True, eq=False)
class SingularPaths:
    """Singular triplets of W along paths, in descending order of the final values.

    Parameters
    ----------
    times
        (t,).
    values
        (t, k), signed.
    left, right
        (t, m, k) and (t, n, k), turning continuously.
    overlaps
        (t − 1, k), `|u·u'|` `|v·v'|` between successive records of each path: near 1 where the records are dense
        enough to identify the path, small where the match is uncertain.
    """

    times: Float[np.ndarray, " t"]
    values: Float[np.ndarray, "t k"]
    left: Float[np.ndarray, "t m k"]
    right: Float[np.ndarray, "t n k"]
    overlaps: Float[np.ndarray, "s k"]

    @classmethod
    def of(cls, run: Trajectory) -> "SingularPaths":
        """The paths of a run recorded with `Record(singular_values=True, vectors=True)`.

        If only leading values were recorded, a path that leaves them is lost, and its overlap is small there.

        Raises
        ------
        InputError
            If the vectors were not recorded.
        """
        if "left_vectors" not in run.history:
            raise InputError(
                f"paths of singular values need their vectors, got records of {', '.join(run.history)}; "
                "run with Record(singular_values=True, vectors=True)"
            )
        names = ("time", "singular_values", "left_vectors", "right_vectors")
        return follow(*(np.asarray(run.history[name], dtype=np.float64) for name in names))

    def drives(self, gradients: Float[np.ndarray, "t m n"]) -> Float[np.ndarray, "t k"]:
        """⟨∇ℓ(W), u_r v_rᵀ⟩ of each path, with the sign convention of its value."""
        return np.einsum("tmk,tmn,tnk->tk", self.left, gradients, self.right, optimize=True)


def follow(
    times: Float[np.ndarray, " t"],
    values: Float[np.ndarray, "t k"],
    left: Float[np.ndarray, "t m k"],
    right: Float[np.ndarray, "t n k"],
) -> SingularPaths:
    """The paths through the singular triplets of successive times, each sorted in descending order."""
    values, left, right = values.copy(), left.copy(), right.copy()
    overlaps = np.ones((times.size - 1, values.shape[1]))
    for now in range(times.size - 2, -1, -1):
        later = left[now + 1], right[now + 1]
        left[now], right[now] = _untied(
            values[now], left[now], right[now], *later, np.where(values[now + 1] < 0, -1.0, 1.0)
        )
        on_left, on_right = left[now].T @ later[0], right[now].T @ later[1]
        order = _matched(np.abs(on_left * on_right))
        paths = np.arange(order.size)
        overlaps[now] = np.abs(on_left * on_right)[order, paths]
        turned = np.where(on_left[order, paths] < 0, -1.0, 1.0), np.where(on_right[order, paths] < 0, -1.0, 1.0)
        left[now], right[now] = left[now][:, order] * turned[0], right[now][:, order] * turned[1]
        values[now] = values[now][order] * turned[0] * turned[1]
    return SingularPaths(times, values, left, right, overlaps)


def _matched(overlap: Float[np.ndarray, "k k"]) -> Int[np.ndarray, " k"]:
    """For each path (column) its triplet (row), by the assignment with the largest sum of overlaps."""
    from scipy.optimize import linear_sum_assignment

    rows, columns = linear_sum_assignment(overlap, maximize=True)
    order = np.empty(rows.size, dtype=int)
    order[columns] = rows
    return order


def _untied(
    values: np.ndarray, left: np.ndarray, right: np.ndarray, later_left: np.ndarray, later_right: np.ndarray,
    later_signs: np.ndarray,
) -> tuple[np.ndarray, np.ndarray]:  # fmt: skip
    """The vectors, with those of equal singular values rotated to be nearest to the later ones.

    W determines only the span of the vectors of equal values: (U_c R, V_c R) is as valid for any orthogonal R. The one
    nearest to given vectors is the polar factor of U_cᵀU' + V_cᵀV'S', S' the signs of the later values.
    """
    tied: Bool[np.ndarray, " q"] = np.diff(values) >= -_TIE * values[0]
    if not tied.any():
        return left, right
    left, right = left.copy(), right.copy()
    bounds = [0, *(np.flatnonzero(~tied) + 1), values.size]
    for begin, end in pairwise(bounds):
        if end - begin == 1:
            continue
        block = slice(begin, end)
        pull = left[:, block].T @ later_left + right[:, block].T @ (later_right * later_signs)
        kept = np.sort(np.argsort(-np.sum(pull**2, axis=0), kind="stable")[: end - begin])
        outer, _, inner = np.linalg.svd(pull[:, kept])
        left[:, block] = left[:, block] @ (outer @ inner)
        right[:, block] = right[:, block] @ (outer @ inner)
    return left, right
