"""The compiled passes of the tangent space are the dense formulas, by one thread and by many."""

from dataclasses import dataclass

import numpy as np
import pytest

from rankfall.kernels.observed import equal_work, line_starts
from rankfall.kernels.tangent_gradients import solve_schur
from rankfall.kernels.tangent_passes import eliminate_rows, factor_lines, pull_lines, solve_lines

RIDGE, JITTER = (0.3, 0.7), 1e-3


@dataclass(frozen=True)
class Lists:
    """Observed entries by row and by column, and factors of their two sides."""

    rows: np.ndarray
    columns: np.ndarray
    left: np.ndarray
    right: np.ndarray

    @classmethod
    def drawn(cls, rank: int, shape: tuple[int, int] = (9, 7)) -> "Lists":
        rng = np.random.default_rng(rank)
        mask = rng.random(shape) < 0.5
        mask[2] = mask[:, 3] = False
        return cls(
            *(index.astype(np.int32) for index in np.nonzero(mask)),
            *(rng.standard_normal((side, rank)) for side in shape),
        )

    @property
    def places(self) -> np.ndarray:
        return np.argsort(self.columns, kind="stable")

    def starts(self, axis: int) -> np.ndarray:
        return line_starts((self.rows, self.columns)[axis], (self.left, self.right)[axis].shape[0])

    def ridge(self, axis: int) -> np.ndarray:
        return np.linspace(RIDGE[axis], 1, self.left.shape[1])

    def triangles(self, axis: int) -> np.ndarray:
        others, factor = ((self.columns, self.right), (self.rows[self.places], self.left))[axis]
        starts = self.starts(axis)
        return factor_lines(equal_work(starts), starts, others, factor, self.ridge(axis), JITTER)

    def grams(self, axis: int, jitter: float = JITTER) -> np.ndarray:
        lines, others, factor = ((self.rows, self.columns, self.right), (self.columns, self.rows, self.left))[axis]
        rank = factor.shape[1]
        grams = np.zeros((self.starts(axis).size - 1, rank, rank))
        np.add.at(grams, lines, factor[others, :, None] * factor[others, None, :])
        raised = jitter * np.trace(grams, axis1=1, axis2=2)
        return grams + np.diag(self.ridge(axis)) + raised[:, None, None] * np.eye(rank)


@pytest.fixture(params=["one thread", "many"], autouse=True)
def _threads(request, monkeypatch):
    if request.param == "many":
        monkeypatch.setattr("rankfall.kernels.tangent_passes.WORTH_THREADS", 0)


over_ranks = pytest.mark.parametrize("rank", [1, 3, 6, 8, 11])


@over_ranks
@pytest.mark.parametrize("axis", [0, 1])
def test_triangles_factor_the_systems_of_the_lines(axis, rank):
    lists = Lists.drawn(rank)
    grouped = lists.triangles(axis)
    stored = np.moveaxis(grouped, -1, 1).reshape(-1, rank, rank)[: lists.starts(axis).size - 1]
    upper = np.triu(stored, 1) + np.linalg.inv(stored * np.eye(rank))
    np.testing.assert_allclose(upper.mT @ upper, lists.grams(axis), rtol=1e-12, atol=1e-12)
    assert not np.tril(stored, -1).any()
    targets = np.random.default_rng(0).standard_normal(stored.shape[:2])
    before = targets.copy()
    solved = solve_lines(equal_work(lists.starts(axis)), grouped, targets)
    np.testing.assert_array_equal(targets, before)
    np.testing.assert_allclose(np.einsum("lab,lb->la", lists.grams(axis), solved), targets, atol=1e-12)


def test_a_line_of_too_few_entries_has_a_finite_triangle():
    starts, factor = np.array([0, 1, 1]), np.array([[1.0, 2.0, -1.0]])
    stored = factor_lines(equal_work(starts), starts, np.array([0]), factor, np.zeros(3), 0.0)
    assert np.isfinite(stored).all()
    # the floor of a pivot is below the rounding of the trace
    assert (np.diagonal(stored, axis1=1, axis2=2) >= 0).all()
    assert stored[0, 1, 1, 0] > 1e7
    assert stored[0, 0, 0, 1] == pytest.approx(1e150)


@over_ranks
def test_rows_are_eliminated_one_by_one(rank):
    lists, rng = Lists.drawn(rank), np.random.default_rng(1)
    values, direction = rng.standard_normal(lists.rows.size), rng.standard_normal(lists.right.shape)
    starts = lists.starts(0)
    solved, residuals = eliminate_rows(
        equal_work(starts), starts, lists.columns, values, lists.triangles(0), lists.left, lists.right, direction
    )
    left_over = values - np.sum(lists.left[lists.rows] * direction[lists.columns], axis=1)
    sides = np.zeros_like(lists.left)
    np.add.at(sides, lists.rows, left_over[:, None] * lists.right[lists.columns])
    expected = np.linalg.solve(lists.grams(0), sides[..., None])[..., 0]
    np.testing.assert_allclose(solved, expected, atol=1e-12)
    left_over -= np.sum(expected[lists.rows] * lists.right[lists.columns], axis=1)
    np.testing.assert_allclose(residuals, left_over, atol=1e-12)


@over_ranks
def test_residuals_are_pulled_back_to_the_columns(rank):
    lists = Lists.drawn(rank)
    values, starts = np.random.default_rng(2).standard_normal(lists.rows.size), lists.starts(1)
    pulled = pull_lines(equal_work(starts), starts, lists.rows[lists.places], lists.places, values, lists.left)
    table = np.zeros((len(lists.left), len(lists.right)))
    table[lists.rows, lists.columns] = values
    np.testing.assert_allclose(pulled, table.T @ lists.left, atol=1e-13)


def schur(lists: Lists) -> np.ndarray:
    """S = E − Cᵀ D⁻¹ C, dense: D_i = Σ v_j v_jᵀ, E_j = Σ u_i u_iᵀ, C_ij = v_j u_iᵀ; ridges in D and E, jitter in D."""
    (m, rank), n = lists.left.shape, len(lists.right)
    cross, by_col = np.zeros((m, rank, n, rank)), np.zeros((n, rank, n, rank))
    cross[lists.rows, :, lists.columns] = lists.right[lists.columns, :, None] * lists.left[lists.rows, None, :]
    by_col[np.arange(n), :, np.arange(n)] = lists.grams(1, jitter=0.0)
    solved = np.linalg.solve(lists.grams(0), cross.reshape(m, rank, -1)).reshape(cross.shape)
    return (by_col - np.einsum("iajb,iakc->jbkc", cross, solved)).reshape(n * rank, n * rank)


def solved_schur(lists, gradient, tolerance=1e-13, floor=0.0, iterations=200):
    return solve_schur(
        lists.starts(0), lists.columns, lists.triangles(0), lists.triangles(1), lists.ridge(1), lists.left, lists.right,
        gradient, tolerance, floor, iterations,
    )  # fmt: skip


@over_ranks
def test_conjugate_gradients_solve_the_schur_complement(rank):
    lists = Lists.drawn(rank)
    gradient = np.random.default_rng(3).standard_normal(lists.right.shape)
    before = gradient.copy()
    solution, done = solved_schur(lists, gradient)
    np.testing.assert_array_equal(gradient, before)
    np.testing.assert_allclose(schur(lists) @ solution.ravel(), gradient.ravel(), atol=1e-9)
    # conjugate gradients end after as many steps as there are unknowns, up to rounding
    assert 0 < done <= gradient.size + 5


def left_over(lists, gradient, solution):
    """The norm that is judged, ‖C⁻¹ (g − S x)‖."""
    residual = gradient.ravel() - schur(lists) @ solution.ravel()
    lower = np.linalg.cholesky(lists.grams(1))
    return np.linalg.norm(np.linalg.solve(lower, residual.reshape(*gradient.shape, 1)))


def test_conjugate_gradients_stop_at_the_first_step_that_is_good_enough():
    lists = Lists.drawn(3)
    gradient = np.random.default_rng(3).standard_normal(lists.right.shape)
    first = left_over(lists, gradient, np.zeros_like(gradient))
    errors = [left_over(lists, gradient, solved_schur(lists, gradient, iterations=k)[0]) / first for k in range(30)]
    assert errors[0] == 1
    for tolerance in (0.5, 0.1, 1e-2, 1e-3):
        expected = next(k for k, error in enumerate(errors) if error <= tolerance)
        assert solved_schur(lists, gradient, tolerance)[1] == expected
        assert solved_schur(lists, gradient, 1e-13, float(tolerance * first) ** 2)[1] == expected
    for most in (0, 1, 4):
        assert solved_schur(lists, gradient, iterations=most)[1] == most


def test_no_right_side_takes_no_step():
    lists = Lists.drawn(2)
    solution, done = solved_schur(lists, np.zeros_like(lists.right))
    assert done == 0
    assert not solution.any()
