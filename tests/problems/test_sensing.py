"""Sensing: the adjoint identity for every operator, the gradient, and completion as a special case."""

from dataclasses import fields

import numpy as np
import pytest

import rankfall as rf
from rankfall.problems import DenseOperator, DiagonalOperator, RankOneOperator, SymmetricOperator
from rankfall.problems.operators import Operator
from tests.helpers.derivatives import slope_along
from tests.helpers.planted import planted_problem

ROUNDING = 1e-12  # of sums of a few hundred products of numbers of size one
COUNT, WIDTH = 9, 3


def symmetric_stack(side, seed=0):
    stack = np.random.default_rng(seed).standard_normal((COUNT, side, side))
    return stack + np.swapaxes(stack, 1, 2)


def operators():
    rng = np.random.default_rng(0)
    for shape in [(5, 5), (4, 7), (7, 4)]:
        m, n = shape
        yield pytest.param(DenseOperator(rng.standard_normal((COUNT, m, n))), id=f"dense {shape}")
        pairs = RankOneOperator(rng.standard_normal((COUNT, m)), rng.standard_normal((COUNT, n)))
        yield pytest.param(pairs, id=f"pairs {shape}")
        yield pytest.param(DiagonalOperator(rng.standard_normal((COUNT, min(shape))), shape), id=f"diagonal {shape}")
    yield pytest.param(SymmetricOperator.from_matrices(symmetric_stack(6)), id="symmetric")
    vectors = rng.standard_normal((COUNT, 6))
    yield pytest.param(RankOneOperator(vectors, vectors), id="quadratic")


def matrices_of(operator):
    """A_i, read off the adjoint: A*(e_i)."""
    return operator.adjoint(np.eye(operator.count))


over_operators = pytest.mark.parametrize("operator", list(operators()))
over_batches = pytest.mark.parametrize("batch", [(), (2,), (2, 3)], ids=str)


@over_operators
@over_batches
def test_the_adjoint_is_the_adjoint(operator, batch):
    # ⟨A(W), λ⟩ = ⟨W, A*(λ)⟩
    rng = np.random.default_rng(1)
    product = rng.standard_normal((*batch, *operator.shape))
    multipliers = rng.standard_normal((*batch, operator.count))
    seen, pulled = operator.apply(product), operator.adjoint(multipliers)
    assert seen.shape == (*batch, operator.count)
    assert pulled.shape == (*batch, *operator.shape)
    np.testing.assert_allclose(
        np.sum(seen * multipliers, axis=-1), np.sum(product * pulled, axis=(-2, -1)), atol=100 * ROUNDING
    )


@over_operators
@over_batches
def test_factors_are_measured_and_pulled_like_their_product(operator, batch):
    rng = np.random.default_rng(2)
    left, right = (rng.standard_normal((*batch, side, WIDTH)) for side in operator.shape)
    multipliers = rng.standard_normal((*batch, operator.count))
    product = left @ np.swapaxes(right, -1, -2)
    np.testing.assert_allclose(operator.apply_factored(left, right), operator.apply(product), atol=100 * ROUNDING)
    pull = operator.adjoint(multipliers)
    row_pull, column_pull = operator.pulls(multipliers, left, right)
    np.testing.assert_allclose(row_pull, pull @ right, atol=100 * ROUNDING)
    np.testing.assert_allclose(column_pull, np.swapaxes(pull, -1, -2) @ left, atol=100 * ROUNDING)


@over_operators
def test_an_operator_is_its_matrices(operator):
    assert isinstance(operator, Operator)
    matrices = matrices_of(operator)
    np.testing.assert_allclose(operator.size, np.sum(matrices**2), rtol=1e-12)
    mirrored = np.swapaxes(matrices, 1, 2)
    assert operator.is_symmetric == (mirrored.shape == matrices.shape and np.allclose(matrices, mirrored, atol=1e-12))
    product = np.random.default_rng(3).standard_normal(operator.shape)
    np.testing.assert_allclose(operator.apply(product), np.einsum("imn,mn->i", matrices, product), atol=100 * ROUNDING)
    chosen = np.asarray([4, 1])
    np.testing.assert_allclose(matrices_of(operator.select(chosen)), matrices[chosen], atol=ROUNDING)


@over_operators
def test_symmetrized_measurements_see_the_same_of_symmetric_matrices(operator):
    if operator.shape[0] != operator.shape[1]:
        with pytest.raises(rf.InputError, match="square"):
            operator.symmetrized()
        return
    turned = operator.symmetrized()
    assert turned.is_symmetric
    product = symmetric_stack(operator.shape[0], 4)[0]
    np.testing.assert_allclose(turned.apply(product), operator.apply(product), atol=100 * ROUNDING)


def test_a_symmetric_operator_keeps_its_matrices_and_symmetric_pulls():
    stack = symmetric_stack(6)
    operator = SymmetricOperator.from_matrices(stack)
    assert operator.triangles.shape == (COUNT, 21)
    np.testing.assert_array_equal(matrices_of(operator), stack)
    pull = operator.adjoint(np.random.default_rng(0).standard_normal(COUNT))
    np.testing.assert_array_equal(pull, pull.T)


# --- the problem ----------------------------------------------------------------------------------------------------


def problem_of(operator, seed=5):
    return rf.Sensing(operator, np.random.default_rng(seed).standard_normal(operator.count))


@over_operators
def test_the_gradient_is_the_slope_of_the_loss(operator):
    problem, rng = problem_of(operator), np.random.default_rng(6)
    product, direction = rng.standard_normal((2, *problem.shape))
    loss, gradient = problem.loss_and_gradient(product)
    np.testing.assert_allclose(loss, np.mean((problem.measure(product) - problem.values) ** 2), rtol=1e-12)
    np.testing.assert_allclose(problem.loss(product), loss, rtol=1e-12)
    np.testing.assert_allclose(np.sum(gradient * direction), slope_along(problem.loss, product, direction), rtol=1e-8)
    np.testing.assert_array_equal(problem.gradient(product), gradient)


@over_operators
@over_batches
def test_pulls_are_the_gradient_times_the_factors(operator, batch):
    problem, rng = problem_of(operator), np.random.default_rng(7)
    left, right = (rng.standard_normal((*batch, side, WIDTH)) for side in problem.shape)
    product = left @ np.swapaxes(right, -1, -2)
    loss, row_pull, column_pull = problem.loss_and_factor_gradients(left, right)
    gradient = problem.gradient(product)
    np.testing.assert_allclose(loss, problem.loss(product), rtol=1e-11)
    np.testing.assert_allclose(loss, problem.factored_loss(left, right), rtol=1e-12)
    np.testing.assert_allclose(row_pull, gradient @ right, atol=100 * ROUNDING)
    np.testing.assert_allclose(column_pull, np.swapaxes(gradient, -1, -2) @ left, atol=100 * ROUNDING)


def test_observing_entries_is_completion():
    entries = planted_problem((5, 7))
    m, n = entries.shape
    sensed = rf.Sensing.from_pairs(
        np.eye(m)[entries.rows], np.eye(n)[entries.cols], entries.values, truth=entries.truth
    )
    product = np.random.default_rng(0).standard_normal((m, n))
    np.testing.assert_allclose(sensed.loss(product), entries.loss(product), rtol=1e-13)
    np.testing.assert_allclose(sensed.gradient(product), entries.gradient(product), atol=ROUNDING)
    np.testing.assert_allclose(
        sensed.back_projection().toarray(), entries.back_projection().toarray(), atol=100 * ROUNDING
    )
    runs = [
        rf.evolve(problem, rf.Chain(2), rf.Gaussian(1e-2), rf.Flow(1e-6), stop=rf.TimeReached(50.0))
        for problem in (sensed, entries)
    ]
    np.testing.assert_allclose(runs[0].product, runs[1].product, atol=1e-9)


@pytest.mark.parametrize("symmetric", [False, True])
@pytest.mark.parametrize("draw", [rf.Sensing.gaussian, rf.Sensing.rank_one], ids=["gaussian", "rank_one"])
def test_drawn_measurements_are_those_of_the_truth(draw, symmetric):
    truth = symmetric_stack(8)[0]
    problem = draw(truth, 400, seed=3, symmetric=symmetric)
    assert problem.loss(truth) == 0
    assert problem.is_symmetric == symmetric
    np.testing.assert_array_equal(problem.values, draw(truth, 400, seed=3, symmetric=symmetric).values)
    # E ‖A_i‖² = 1, or (1 + 1/n)/2 of the symmetric part of a Gaussian; quadratic forms have E ‖u‖⁴ = 1 + 2/n
    expected = {False: 1.0, True: (1 + 1 / 8) / 2 if draw == rf.Sensing.gaussian else 1 + 2 / 8}[symmetric]
    assert problem.operator.size / problem.count == pytest.approx(expected, rel=0.15)


def test_gaussian_sensing_recovers_a_planted_matrix():
    rng = np.random.default_rng(0)
    truth = rng.standard_normal((8, 1)) @ rng.standard_normal((1, 6))
    problem = rf.Sensing.gaussian(truth, 36, seed=1)
    run = rf.evolve(problem, rf.Chain(3), rf.Gaussian(1e-4), rf.Flow(1e-3), stop=rf.LossBelow(1e-6))
    assert run.status == "converged"
    assert run.history["test_error"][-1] < 1e-4 * run.history["test_error"][0]


def test_noise_has_the_size_asked_and_leaves_the_operator_alone():
    truth = symmetric_stack(6)[0]
    clean, noisy = (rf.Sensing.gaussian(truth, 2000, seed=1, noise=noise) for noise in (0.0, 0.3))
    np.testing.assert_array_equal(clean.operator.matrices, noisy.operator.matrices)
    assert np.std(noisy.values - clean.values) == pytest.approx(0.3, rel=0.1)


def test_held_out_measurements_partition_the_observed():
    problem = rf.Sensing.gaussian(np.ones((4, 5)), 20).hold_out(0.25, seed=0)
    assert problem.held_out is not None
    assert (problem.count, problem.held_out.count) == (15, 5)
    whole = rf.Sensing.gaussian(np.ones((4, 5)), 20)
    product = np.random.default_rng(0).standard_normal((4, 5))
    parts = (15 * problem.loss(product) + 5 * problem.held_out.loss(product)) / 20
    np.testing.assert_allclose(parts, whole.loss(product), rtol=1e-12)
    run = rf.evolve(problem, rf.Chain(2), rf.Gaussian(), rf.Flow(), stop=rf.HeldOutRise() | rf.StepLimit(12))
    assert "held_out_error" in run.history


def test_many_tables_measured_alike_are_a_batch():
    operator = DenseOperator(np.random.default_rng(0).standard_normal((30, 4, 5)))
    values = np.random.default_rng(1).standard_normal((3, 30))
    settings = {"stop": rf.TimeReached(3.0), "record": rf.Record(every=100)}
    batch = rf.evolve_batch(
        rf.Sensing(operator, values), rf.Chain(2), rf.Gaussian(0.1), rf.Reference(rtol=1e-9), **settings
    )
    for i, run in enumerate(batch):
        alone = rf.evolve(
            rf.Sensing(operator, values[i]), rf.Chain(2), rf.Gaussian(0.1), rf.Reference(rtol=1e-9), **settings
        )
        np.testing.assert_allclose(run.product, alone.product, atol=1e-8)


def test_single_precision_stays_single():
    problem = rf.Sensing.gaussian(np.ones((4, 5), dtype=np.float32), 12)
    assert problem.dtype == np.float32
    run = rf.evolve(problem, rf.Chain(2), rf.Gaussian(0.1), rf.Flow(), stop=rf.StepLimit(5))
    assert run.weights.dtype == np.float32


@over_operators
def test_torch_gives_the_same_numbers(operator):
    torch = pytest.importorskip("torch")
    parts = [getattr(operator, part.name) for part in fields(operator)]
    moved = type(operator)(*(torch.from_numpy(part) if isinstance(part, np.ndarray) else part for part in parts))
    problem, other = problem_of(operator), problem_of(moved)
    rng = np.random.default_rng(8)
    left, right = (rng.standard_normal((2, side, WIDTH)) for side in problem.shape)
    here, there = (
        problem.loss_and_factor_gradients(left, right),
        other.loss_and_factor_gradients(*map(torch.from_numpy, (left, right))),
    )
    for mine, theirs in zip(here, there, strict=True):
        assert isinstance(theirs, torch.Tensor)
        np.testing.assert_allclose(theirs.numpy(), mine, atol=100 * ROUNDING)


# --- bad input ------------------------------------------------------------------------------------------------------


def test_bad_measurements_are_refused():
    stack = np.zeros((3, 4, 5))
    with pytest.raises(rf.InputError, match=r"each of the 3 measurements needs one value, got values of shape \(2,\)"):
        rf.Sensing.from_matrices(stack, [1.0, 2.0])
    with pytest.raises(rf.InputError, match=r"3 dimensions, got shape \(4, 5\)"):
        rf.Sensing.from_matrices(stack[0], [1.0])
    with pytest.raises(rf.InputError, match=r"shape of the measured matrix, \(4, 5\), got \(5, 4\)"):
        rf.Sensing.from_matrices(stack, [1.0, 2.0, 3.0], truth=np.zeros((5, 4)))
    with pytest.raises(rf.InputError, match=r"shapes \(3, 4\) and \(2, 5\)"):
        rf.Sensing.from_pairs(np.zeros((3, 4)), np.zeros((2, 5)), [1.0, 2.0, 3.0])
    with pytest.raises(rf.InputError, match=r"shape \(4, 6\) has 4 entries, got rows of 5"):
        rf.Sensing.from_diagonals(np.zeros((3, 5)), [1.0, 2.0, 3.0], shape=(4, 6))
    with pytest.raises(rf.InputError, match="finite, got nan"):
        rf.Sensing.from_matrices(stack, [1.0, np.nan, 3.0])
    with pytest.raises(rf.InputError, match="real numbers, got dtype complex128"):
        rf.Sensing.from_matrices(stack.astype(complex), [1.0, 2.0, 3.0])
    with pytest.raises(rf.InputError, match="none"):
        rf.Sensing.from_matrices(np.zeros((0, 4, 5)), [])
    with pytest.raises(rf.InputError, match="a count of 0"):
        rf.Sensing.gaussian(np.ones((4, 5)), 0)
    with pytest.raises(rf.InputError, match=r"shape \(4, 5\), got a truth of shape \(5, 4\)"):
        rf.Sensing.of(DenseOperator(stack), np.ones((5, 4)))
    with pytest.raises(rf.InputError, match="got 1.5"):
        rf.Sensing.gaussian(np.ones((4, 5)), 9).hold_out(1.5, seed=0)


def test_symmetry_is_demanded_where_required():
    stack = symmetric_stack(4)
    stack[1, 0, 1] += 1.0
    with pytest.raises(rf.InputError, match="must be symmetric, got one that differs from its transpose by"):
        rf.Sensing.from_matrices(stack, np.zeros(COUNT), symmetric=True)
    with pytest.raises(rf.InputError, match=r"square matrix, got A_i of shape \(4, 5\)"):
        SymmetricOperator.from_matrices(np.zeros((3, 4, 5)))
    problem = rf.Sensing.from_matrices(stack, np.zeros(COUNT))
    with pytest.raises(rf.InputError, match=r"needs symmetric measurements.*symmetrized\(\)"):
        rf.evolve(problem, rf.Symmetric(), rf.Gaussian(), rf.Flow())
    rf.evolve(problem.symmetrized(), rf.Symmetric(), rf.Gaussian(), rf.Flow(), stop=rf.StepLimit(1))
