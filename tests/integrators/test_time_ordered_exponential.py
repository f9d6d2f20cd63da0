"""The time-ordered exponential and projected gradient: what they conserve, where they lead, and at which order."""

import numpy as np
import pytest

import rankfall as rf
from rankfall.integrators import Field
from rankfall.integrators.projected_gradient import positive_part
from rankfall.integrators.time_ordered_exponential import turned
from rankfall.theory import commuting_solution, minimum_trace, nuclear_norm_instance
from tests.helpers.derivatives import order_of
from tests.helpers.planted import planted_problem
from tests.helpers.semidefinite import commuting, positive, sensing

ROUNDING = 1e-10


def cases():
    yield pytest.param(sensing(), rf.Symmetric(), rf.Gaussian(0.3), id="symmetric")
    yield pytest.param(sensing(), rf.Symmetric(3, decay=0.2), rf.Gaussian(0.3), id="symmetric, narrow, decay")
    yield pytest.param(planted_problem((6, 5)), rf.Chain(2), rf.Gaussian(0.3), id="chain")
    yield pytest.param(planted_problem((5, 7)), rf.Chain(2, 3, decay=0.2), rf.Gaussian(0.3), id="chain, narrow, decay")


over_cases = pytest.mark.parametrize(("problem", "model", "start"), list(cases()))


# --- steering -------------------------------------------------------------------------------------------------------


@over_cases
def test_a_step_is_the_flow_with_the_gradient_held_still(problem, model, start):
    from scipy.linalg import expm

    sized = model.sized(problem.shape)
    weights = sized.draw(problem, start, [0.3, 1.0], [0, 1])
    pull = problem.gradient(sized.product(weights))
    steps = np.asarray([0.7, 2.0])
    layers = sized.layers(turned(sized, weights, pull, steps))
    for run, step in enumerate(steps):
        first, second = (layer[run] for layer in sized.layers(weights))
        m, n = problem.shape
        if isinstance(model, rf.Symmetric):
            moved = expm(-step * pull[run]) @ second
            moved_first = moved.T
        else:
            generator = np.block([[np.zeros((m, m)), pull[run]], [pull[run].T, np.zeros((n, n))]])
            both = expm(-step * generator) @ np.vstack([second, first.T])
            moved, moved_first = both[:m], both[m:].T
        shrunk = np.exp(-model.decay * step)
        np.testing.assert_allclose(layers[1][run], shrunk * moved, atol=ROUNDING)
        np.testing.assert_allclose(layers[0][run], shrunk * moved_first, atol=ROUNDING)


@over_cases
def test_steering_converges_to_the_flow_at_order_one(problem, model, start):
    steps = np.asarray([0.2, 0.1, 0.05])
    exact = rf.evolve(problem, model, start, rf.Reference(rtol=1e-9), stop=rf.TimeReached(4.0))
    errors = []
    for step in steps:
        run = rf.evolve(problem, model, start, rf.integrators.TimeOrderedExponential(step), stop=rf.TimeReached(4.0))
        assert run.time == 4.0
        errors.append(np.linalg.norm(run.product - exact.product))
    assert errors[-1] < 0.05 * np.linalg.norm(exact.product)
    assert order_of(steps, errors) == pytest.approx(1, abs=0.15)


def test_imbalance_is_conserved_to_rounding_at_any_step():
    record = rf.Record(imbalance=True)
    run = rf.evolve(
        planted_problem((6, 5)),
        rf.Chain(2),
        rf.Gaussian(1.0),
        rf.integrators.TimeOrderedExponential(2.0),
        stop=rf.StepLimit(100),
        record=record,
    )
    assert run.history["imbalance"][0] > 0.1
    np.testing.assert_allclose(run.history["imbalance"], run.history["imbalance"][0], rtol=1e-11)


def test_coarse_steps_of_commuting_measurements_end_where_the_flow_does():
    # any control that stays on the manifold ends at the same point of it   [gunasekar2017, Theorem 1]
    entries, values = commuting()
    stack = np.einsum("mk,kj->mkj", entries, np.eye(6))
    problem = rf.Sensing.from_matrices(stack, values, symmetric=True)
    expected = commuting_solution(entries, values, 2, 1e-4).spectrum
    steered_run, descended = (
        rf.evolve(problem, rf.Symmetric(), rf.Identity(1e-4), integrator, stop=rf.LossBelow(1e-16))
        for integrator in (rf.integrators.TimeOrderedExponential(0.1), rf.Descent(rf.Gradient(0.1)))
    )
    assert steered_run.steps < 2000
    np.testing.assert_allclose(np.diagonal(steered_run.product), expected, atol=1e-6)
    assert np.abs(np.diagonal(descended.product) - expected).max() > 1e-4


def test_steering_records_between_its_steps():
    times = [0.35, 1.0, 1.95]
    record = rf.Record(times=times, functions={"product": lambda p, m, w: m.product(w)})
    problem, start = sensing(), rf.Gaussian([0.1, 0.3])
    runs = rf.evolve_batch(
        problem,
        rf.Symmetric(),
        start,
        rf.integrators.TimeOrderedExponential(0.1),
        stop=rf.TimeReached(2.0),
        record=record,
    )
    exact = rf.evolve_batch(problem, rf.Symmetric(), start, rf.Reference(), stop=rf.TimeReached(2.0), record=record)
    for run, yardstick in zip(runs, exact, strict=True):
        np.testing.assert_allclose(run.history["time"][1:4], times)
        np.testing.assert_allclose(run.history["product"], yardstick.history["product"], atol=2e-2)


def test_the_state_has_the_velocity_of_the_weights():
    for model, problem in ((rf.Symmetric(decay=0.1), sensing()), (rf.Chain(2, 3, decay=0.1), planted_problem((5, 7)))):
        sized = model.sized(problem.shape)
        weights = sized.draw(problem, rf.Gaussian(1.0), [1.0], [0])
        field = Field(problem, sized)
        state = rf.integrators.TimeOrderedExponential().init(field, weights, np.asarray([np.inf]))
        np.testing.assert_allclose(state.velocity, field(weights)[1], atol=ROUNDING)
        assert field.evaluations == 2


# --- projected gradient ---------------------------------------------------------------------------------------------


def test_the_projection_is_the_nearest_positive_matrix():
    # Moreau: X − Π(X) is negative, orthogonal to Π(X)
    matrices = np.random.default_rng(0).standard_normal((3, 5, 5))
    projected = positive_part(matrices.reshape(3, -1), 5).reshape(3, 5, 5)
    rest = (matrices + np.swapaxes(matrices, 1, 2)) / 2 - projected
    assert (np.linalg.eigvalsh(projected) >= -ROUNDING).all()
    assert (np.linalg.eigvalsh(rest) <= ROUNDING).all()
    np.testing.assert_allclose(np.sum(projected * rest, axis=(1, 2)), 0, atol=ROUNDING)
    again = positive_part(projected.reshape(3, -1), 5)
    np.testing.assert_allclose(again, projected.reshape(3, -1), atol=ROUNDING)


def test_projected_gradient_ends_at_an_optimum_of_the_cone():
    # X ⪰ 0, ∇ℓ(X) ⪰ 0, ∇ℓ(X) X = 0, for measurements that no positive matrix meets
    problem = rf.Sensing(sensing(30).operator, np.random.default_rng(1).standard_normal(30))
    run = rf.evolve(
        problem, rf.Chain(1), rf.Identity(1e-3), rf.integrators.ProjectedGradient(4.0), stop=rf.StepLimit(20_000)
    )
    assert run.status == "stalled"
    pull = problem.gradient(run.product)
    assert np.linalg.norm(pull) > 1e-2
    assert np.linalg.eigvalsh(run.product)[0] > -1e-9
    assert np.linalg.eigvalsh((pull + pull.T) / 2)[0] > -1e-9
    np.testing.assert_allclose(pull @ run.product, 0, atol=1e-8)
    assert (np.diff(run.history["loss"]) <= 1e-15).all()


def test_without_factors_the_fit_is_not_of_least_nuclear_norm():
    truth = positive(1, side=8, seed=3)
    problem = rf.Sensing.gaussian(truth, 20, seed=3, symmetric=True)
    reference, factored = (
        rf.evolve(problem, model, start, integrator, stop=rf.LossBelow(1e-7))
        for model, start, integrator in (
            (rf.Chain(1), rf.Identity(1e-6), rf.integrators.ProjectedGradient(7.0)),
            (rf.Symmetric(), rf.Gaussian(1e-6), rf.Flow(1e-4)),
        )
    )
    assert np.linalg.norm(factored.product - truth) < 1e-2 * np.linalg.norm(truth)
    assert np.linalg.norm(reference.product - truth) > 0.1 * np.linalg.norm(truth)
    assert reference.nuclear_norm > factored.nuclear_norm


def test_least_trace_is_below_both():
    entries, values = commuting()
    problem = rf.Sensing.from_diagonals(entries, values)
    run = rf.evolve(
        problem, rf.Chain(1), rf.Identity(1e-6), rf.integrators.ProjectedGradient(0.1), stop=rf.LossBelow(1e-14)
    )
    assert run.nuclear_norm > minimum_trace(entries, values).spectrum.sum() + 1e-2


# --- bad input ------------------------------------------------------------------------------------------------------


def test_bad_steering_is_refused():
    problem = sensing()
    with pytest.raises(rf.InputError, match="step_size must be positive, got 0"):
        rf.integrators.TimeOrderedExponential(0.0)
    for model, words in (
        (rf.Chain(3), "got Chain of depth 3; use Symmetric"),
        (rf.Symmetric(depth=4), "got Symmetric of depth 4"),
        (rf.models.EndToEnd(2), "got EndToEnd of depth 2"),
        (rf.Chain(2, rates=(1, 2)), r"at one rate, got \(1.0, 2.0\)"),
    ):
        with pytest.raises(rf.InputError, match=words):
            rf.evolve(problem, model, rf.Gaussian(), rf.integrators.TimeOrderedExponential())


def test_bad_projections_are_refused():
    with pytest.raises(rf.InputError, match="rate must be positive, got -1"):
        rf.integrators.ProjectedGradient(-1.0)
    with pytest.raises(rf.InputError, match=r"got Chain of depth 2 on shape \(6, 6\)"):
        rf.evolve(sensing(), rf.Chain(2), rf.Gaussian(), rf.integrators.ProjectedGradient())
    with pytest.raises(rf.InputError, match=r"got Chain of depth 1 on shape \(4, 5\)"):
        rf.evolve(planted_problem((4, 5)), rf.Chain(1), rf.Gaussian(), rf.integrators.ProjectedGradient())


def test_the_counterexample_has_another_reference_solution():
    instance = nuclear_norm_instance(2.0)
    problem = rf.Sensing.from_matrices(instance.matrices, instance.values, symmetric=True)
    run = rf.evolve(
        problem, rf.Chain(1), rf.Identity(1e-6), rf.integrators.ProjectedGradient(0.5), stop=rf.LossBelow(1e-14)
    )
    assert 8.0 < np.trace(run.product) < 9.0
