"""Asymmetric problems inside semidefinite ones: the same measurements, the same flow, the same least norm."""

import numpy as np
import pytest

import rankfall as rf
from rankfall.baselines import NuclearNorm
from rankfall.theory import (
    certify_nuclear_norm,
    embed_factors,
    embed_measurements,
    embed_product,
    embedded_block,
    measure,
)

M, N, COUNT = 4, 3, 9
rng = np.random.default_rng(0)
MATRICES = rng.standard_normal((COUNT, M, N))
LEFT, RIGHT = rng.standard_normal((M, 5)), rng.standard_normal((N, 5))


def seen(product):
    return np.einsum("kmn,mn->k", MATRICES, product)


def test_the_embedding_measures_the_block():
    factor = embed_factors(LEFT, RIGHT)
    embedded, matrices = factor @ factor.T, embed_measurements(MATRICES)
    np.testing.assert_array_equal(matrices, np.swapaxes(matrices, 1, 2))
    np.testing.assert_allclose(embedded_block(embedded, M), LEFT @ RIGHT.T)
    np.testing.assert_allclose(measure(matrices, embedded), seen(LEFT @ RIGHT.T))


@pytest.mark.parametrize("integrator", [rf.Flow(1e-6), rf.integrators.Reference()], ids=repr)
def test_the_flow_of_the_stacked_factors_is_that_of_both_at_half_the_speed(integrator):
    values = rng.standard_normal(COUNT)
    apart, stacked = rf.Sensing.from_matrices(MATRICES, values), rf.Sensing.from_matrices(
        embed_measurements(MATRICES), values, symmetric=True
    )  # fmt: skip
    factor = embed_factors(LEFT, RIGHT) / 2
    for time in (0.5, 3.0):
        two = rf.evolve(
            apart, rf.Chain(2), rf.models.FromLayers([RIGHT.T / 2, LEFT / 2]), integrator, stop=rf.TimeReached(time)
        )
        one = rf.evolve(
            stacked, rf.Symmetric(), rf.models.FromLayers([factor.T, factor]), integrator, stop=rf.TimeReached(2 * time)
        )
        np.testing.assert_allclose(embedded_block(one.product, M), two.product, atol=1e-4)
        assert np.linalg.norm(two.product - LEFT @ RIGHT.T / 4) > 0.1  # it moves


def test_the_least_trace_of_a_block_is_twice_its_nuclear_norm():
    product = LEFT @ RIGHT.T
    least = embed_product(product)
    norm = np.linalg.svd(product, compute_uv=False).sum()
    assert np.trace(least) == pytest.approx(2 * norm)
    assert np.linalg.eigvalsh(least)[0] > -1e-12
    np.testing.assert_allclose(embedded_block(least, M), product)
    for _ in range(20):  # any other factors of that block have a larger trace
        mix = rng.standard_normal((5, 5)) + 3 * np.eye(5)
        factor = embed_factors(LEFT @ mix, RIGHT @ np.linalg.inv(mix).T)
        assert np.trace(factor @ factor.T) >= 2 * norm


def test_a_dual_of_the_asymmetric_problem_certifies_the_embedded_one():
    truth = np.outer(LEFT[:, 0], RIGHT[:, 0])
    problem = rf.Sensing.from_matrices(MATRICES, seen(truth))
    least = NuclearNorm(gap=1e-9).solve(problem)
    # ‖A†(ν)‖_2 ≤ 1 for ‖X‖_*; B†(2ν) ⪯ I for tr Z = 2‖X‖_*
    report = certify_nuclear_norm(
        embed_measurements(MATRICES), np.asarray(problem.values), embed_product(least.product), 2 * least.dual, 1e-4
    )
    assert report.holds, report
    worse = embed_product(truth + 0.1 * MATRICES[0])
    assert not certify_nuclear_norm(
        embed_measurements(MATRICES), np.asarray(problem.values), worse, 2 * least.dual, 1e-4
    ).holds


def test_a_block_without_rows_is_refused():
    for rows in (0, 7):
        with pytest.raises(rf.InputError, match=f"between 1 and 6 rows, got {rows}"):
            embedded_block(np.eye(7), rows)
