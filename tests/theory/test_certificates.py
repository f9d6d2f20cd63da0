"""What the convergence proof promises of a run, and what a certificate says where it cannot."""

import numpy as np
import pytest
from scipy.integrate import solve_ivp

from rankfall.errors import InputError
from rankfall.theory import (
    Claim,
    Report,
    adjoint,
    certify_convergence,
    certify_nuclear_norm,
    check_contraction,
    check_decrease,
    check_margin,
    deficiency_margin,
    imbalance,
    layer_velocities,
    measure,
    multiply,
    nuclear_norm_bound,
)
from tests.helpers.unchecked import unchecked

DEPTHS = [1, 2, 3, 4, 5]
SHAPES = [(5, 5), (3, 5), (5, 3)]
STEP = 1e-2  # far above the admissible one: the inequalities hold well beyond it

over_depths = pytest.mark.parametrize("depth", DEPTHS)
over_shapes = pytest.mark.parametrize("shape", SHAPES, ids=str)


def case(depth, shape, seed=0):
    """A well-conditioned target, and exactly balanced layers whose product has a margin of 0.2."""
    rng = np.random.default_rng(seed)
    q = min(shape)
    left = np.linalg.qr(rng.standard_normal((shape[0], q)))[0]
    right = np.linalg.qr(rng.standard_normal((shape[1], q)))[0].T
    target = (left * np.linspace(1.0, 1.5, q)) @ right
    offset = rng.standard_normal(shape)
    product = target + 0.8 * offset / np.linalg.norm(offset)
    left, values, right = np.linalg.svd(product, full_matrices=False)
    root = np.diag(values ** (1 / depth))
    if depth == 1:
        return [product], target
    return [root @ right, *[root] * (depth - 2), left @ root], target


def descend(layers, target, iterations):
    """Products along gradient descent, and the layers at the end."""
    products = [multiply(layers)]
    for _ in range(iterations):
        moves = layer_velocities(layers, products[-1] - target)
        layers = [layer + STEP * move for layer, move in zip(layers, moves, strict=True)]
        products.append(multiply(layers))
    return np.array(products), layers


def readings(products, target):
    """Losses, gradient norms and smallest singular values along a path."""
    norms = np.linalg.norm(products - target, axis=(1, 2))
    return norms**2 / 2, norms, np.linalg.svd(products, compute_uv=False)[:, -1]


@over_depths
@over_shapes
def test_descent_with_a_margin_decreases_contracts_and_keeps_its_margin(depth, shape):
    layers, target = case(depth, shape)
    margin = deficiency_margin(multiply(layers), target)
    assert margin == pytest.approx(0.2)
    products, last = descend(layers, target, 400)
    losses, norms, smallest = readings(products, target)
    times = STEP * np.arange(len(losses))
    for report in (
        check_decrease(losses, norms, smallest, STEP, depth),
        check_contraction(times, losses, margin, depth, STEP),
        check_margin(smallest, margin),
    ):
        assert report.holds, report
    assert imbalance(last) < 1e-2  # O(η)


@over_depths
@over_shapes
def test_flow_with_a_margin_contracts_twice_as_fast(depth, shape):
    layers, target = case(depth, shape)
    margin = deficiency_margin(multiply(layers), target)
    sizes = np.cumsum([layer.size for layer in layers])[:-1]
    shapes = [layer.shape for layer in layers]

    def split(weights):
        return [part.reshape(s) for part, s in zip(np.split(weights, sizes), shapes, strict=True)]

    def flow(_, weights):
        now = split(weights)
        return np.concatenate([v.ravel() for v in layer_velocities(now, multiply(now) - target)])

    start, times = np.concatenate([layer.ravel() for layer in layers]), np.linspace(0, 2, 20)
    path = solve_ivp(flow, (0, 2), start, t_eval=times, rtol=1e-9, atol=1e-12).y.T
    losses, _, smallest = readings(np.array([multiply(split(w)) for w in path]), target)
    report = check_contraction(times, losses, margin, depth)
    assert report.holds, report
    assert check_margin(smallest, margin).holds


def test_a_run_that_breaks_a_promise_is_told_so():
    losses, ones = np.array([1.0, 0.9999, 0.9998]), np.ones(3)
    assert not check_decrease(losses, ones, ones, 0.1, 3).holds
    assert not check_contraction(np.array([0.0, 0.1, 0.2]), losses, 0.5, 3, 0.1).holds
    assert not check_margin(np.array([1.0, 0.1, 0.1]), 0.5).holds


@over_depths
@over_shapes
def test_certificate_of_a_good_start(depth, shape):
    layers, target = case(depth, shape)
    certificate = certify_convergence(layers, target, accuracy=1e-3)
    assert certificate.holds, certificate
    assert certificate.margin == pytest.approx(0.2)
    assert 0 < certificate.step < STEP
    assert 0 < certificate.iterations < np.inf
    assert str(certificate).count("holds") == 3
    halved = certify_convergence(layers, target, certificate.step / 2, accuracy=1e-3)
    assert halved.iterations == pytest.approx(2 * certificate.iterations)
    loss = np.sum((multiply(layers) - target) ** 2) / 2
    assert certify_convergence(layers, target, accuracy=float(loss)).iterations == 0


@pytest.mark.parametrize("depth", DEPTHS[1:])
def test_certificate_names_the_hypothesis_that_fails(depth):
    layers, target = case(depth, (5, 5))

    def failed(*arguments):
        certificate = certify_convergence(*arguments)
        assert certificate.iterations == np.inf
        return [report.statement.split()[0] for report in certificate.hypotheses.failures]

    assert failed(layers, target, 1.0) == ["the"]  # step
    unbalanced = [2 * layers[0], layers[1] / 2, *layers[2:]]
    assert failed(unbalanced, target) == ["layers"]
    assert failed([0 * layers[0], *layers[1:]], target)[0] == "deficiency"
    singular = np.diag([1.0, 1.0, 1.0, 1.0, 0.0])
    assert "deficiency" in failed([np.eye(5)] * depth, singular)


def test_margin_keeps_every_closer_matrix_from_being_singular():
    rng = np.random.default_rng(1)
    (product,), target = case(1, (4, 6))
    margin = deficiency_margin(product, target)
    radius = np.linalg.norm(product - target)
    for _ in range(50):
        offset = rng.standard_normal(target.shape)
        other = target + radius * rng.random() * offset / np.linalg.norm(offset)
        assert np.linalg.svd(other, compute_uv=False)[-1] >= margin


def test_any_dual_bounds_the_nuclear_norm_from_below():
    rng = np.random.default_rng(0)
    matrices = rng.standard_normal((4, 5, 5))
    matrices = matrices + np.swapaxes(matrices, 1, 2)
    factor = rng.standard_normal((5, 2))
    solution = factor @ factor.T
    values = measure(matrices, solution)
    for _ in range(20):
        dual = rng.standard_normal(4)
        assert np.sum(adjoint(matrices, dual) * solution) == pytest.approx(values @ dual)
        assert nuclear_norm_bound(matrices, values, dual) <= np.trace(solution)


def test_nuclear_norm_certificate_names_the_condition_that_fails():
    matrices, values = np.eye(2)[None] * [[1.0], [0.5]], np.array([1.0])
    best, dual = np.diag([1.0, 0.0]), np.array([1.0])

    def failed(product, multiplier):
        return [r.statement.split(":")[0] for r in certify_nuclear_norm(matrices, values, product, multiplier).failures]

    assert failed(best, dual) == []
    assert failed(np.diag([2.0, 0.0]), dual)[0] == "A(X) = y"
    assert failed(np.diag([1.5, -1.0]), dual)[0].endswith("X ⪰ 0")
    assert failed(best, 2 * dual)[0].startswith("A†(ν) ⪯ I")
    assert failed(np.diag([0.5, 1.0]), dual)[0].startswith("complementary slackness")


def test_reports_read_as_sentences_and_as_a_table():
    good = Claim.at_most("δ is small", "arora2018", 1e-12, 1e-9)
    bad = Claim.at_least("σ stays up", "razin2020", float("nan"), 1.0, "record 3")
    assert good.holds
    assert not bad.holds
    assert str(good) == "holds: δ is small [arora2018]: measured 1e-12, bound 1e-09"
    assert str(bad).startswith("FAILS")
    assert str(bad).endswith("record 3")
    reports = Report([good, bad])
    assert not reports.holds
    assert Report().holds
    assert reports.failures == (bad,)
    header, first, second = str(reports).splitlines()
    assert header.index("claim") == first.index("δ") == second.index("σ")


@pytest.mark.parametrize(
    ("call", "words"),
    [
        (lambda: certify_convergence([np.ones((2, 3))], np.ones((3, 2))), "target's shape"),
        (lambda: certify_convergence([np.ones((1, 3)), np.ones((3, 1))], np.eye(3)), "at least min"),
        (lambda: unchecked(deficiency_margin)(np.ones((2, 3)), np.ones((3, 2))), r"shape \(3, 2\), got \(2, 3\)"),
        (
            lambda: unchecked(certify_nuclear_norm)(np.ones((2, 3, 3)), np.ones(2), np.eye(4), np.ones(2)),
            r"\(2, 3, 3\) for all A_i, X of shape \(4, 4\)",
        ),
        (lambda: certify_nuclear_norm(np.triu(np.ones((2, 3, 3))), np.ones(2), np.eye(3), np.ones(2)), "be symmetric"),
        (lambda: check_contraction(np.ones(2), np.ones(2), 0.0, 2), "margin above 0"),
        (lambda: check_contraction(np.ones(2), np.ones(2), 1.0, 2, 1.0), "below 1"),
    ],
)
def test_bad_input_says_what_to_do(call, words):
    with pytest.raises(InputError, match=words):
        call()
