"""Pictures of how layers and product move: imbalance, the end-to-end law, alignment, decay, the invariant block."""

from itertools import pairwise

import numpy as np
from matplotlib.figure import Figure

import rankfall as rf
from pictures.paper import COLORS, FAINT, RUN, SECOND, THEORY, THIRD, axes, completion, legend
from rankfall.theory import idle_scales, imbalances, layer_velocities


def weights_and_gradient() -> dict:
    """For `Record(functions=…)`: the weights, and ∇ℓ(W)."""
    return {
        "weights": lambda problem, model, weights: weights,
        "gradient": lambda problem, model, weights: problem.gradient(model.product(weights)),
    }


def imbalance() -> Figure:
    """The drift of imbalance under descent is η times an integral along the flow; under the flow there is none."""
    problem, times = completion(), np.linspace(0, 60, 121)
    record = rf.Record(times=times[1:], functions=weights_and_gradient())

    def walk(integrator):
        run = rf.evolve(
            problem, rf.Chain(3), rf.Gaussian(0.3), integrator, stop=rf.TimeReached(60.0), record=record, seed=1
        )
        layers = [run.model.layers(weights) for weights in run.history["weights"]]
        gaps = np.asarray([np.concatenate([gap.ravel() for gap in imbalances(now)]) for now in layers])
        return run.history, layers, gaps - gaps[0]

    history, layers, drift = walk(rf.Flow(1e-6))
    rates = []
    for now, gradient in zip(layers, history["gradient"], strict=True):
        moves = layer_velocities(now, gradient)
        pairs = pairwise(moves)
        rates.append(np.concatenate([(above.T @ above - below @ below.T).ravel() for below, above in pairs]))
    spans = np.diff(history["time"])[:, None]
    promised = np.linalg.norm(np.cumsum(spans * (np.add(rates[1:], rates[:-1])) / 2, axis=0), axis=1)

    figure, axis = axes("flow time", "drift of the imbalance", yscale="log", xlim=(0, 60))
    for rate, color in ((0.2, SECOND), (0.05, THIRD), (0.0125, COLORS[5])):
        found, _, gaps = walk(rf.Descent(rf.Gradient(rate)))
        axis.plot(found["time"][1:], np.linalg.norm(gaps[1:], axis=1), color=color, label=f"descent, η = {rate:g}")
        axis.plot(
            history["time"][1:], rate * promised, **THEORY, label="η × integral along the flow" if rate == 0.2 else None
        )
    axis.plot(history["time"][1:], np.linalg.norm(drift[1:], axis=1), color=RUN, label="Flow(1e-6)")
    legend(axis, "lower right", ncols=2)
    axis.set_ylim(1e-9, 1)
    return figure


def end_to_end() -> Figure:
    """Singular values of balanced layers of two widths, and those of W alone: one path."""
    problem = completion()
    times = np.linspace(0, 120, 41)
    figure, axis = axes("flow time", "singular values of W", xlim=(0, 120))
    wide = rf.Chain(3, 16).sized(problem.shape)
    hidden = [0.05 ** (1 / 3) * layer for layer in rf.Balanced(0.05, rotated=True).layers(problem, wide.form(), 0)]
    product = hidden[2] @ hidden[1] @ hidden[0]
    left, values, right = np.linalg.svd(product, full_matrices=False)
    root = np.diag(values ** (1 / 3))
    narrow = [root @ right, root, left @ root]
    for model, layers, style in (
        (rf.Chain(3, 16), hidden, {"color": RUN, "linewidth": 3.2, "alpha": 0.45, "label": "layers of width 16"}),
        (rf.Chain(3), narrow, {"color": SECOND, "linewidth": 1.0, "label": "layers of width 10"}),
        (
            rf.models.EndToEnd(3),
            hidden,
            {"color": "black", "linestyle": "", "marker": ".", "label": "W alone, by the law"},
        ),
    ):
        run = rf.evolve(
            problem, model, rf.models.FromLayers(layers), rf.Flow(1e-6), stop=rf.TimeReached(120.0),
            record=rf.Record(singular_values=4, times=times[1:]),
        )  # fmt: skip
        lines = axis.plot(run.history["time"], run.history["singular_values"], **style)
        for line in lines[1:]:
            line.set_label(None)
    legend(axis, "center right", bbox_to_anchor=(1.0, 0.68))
    return figure


def alignment() -> Figure:
    """Mean |diagonal| and mean |off-diagonal| of Uᵀ∇ℓ(W)V along a run of depth 2, as in the papers' figure."""
    run = rf.evolve(
        completion((40, 40), 3, 0.35), rf.Chain(2), rf.Identity(1e-3), rf.Flow(1e-4), stop=rf.TimeReached(400.0),
        record=rf.Record(alignment=True, events=[rf.trajectory.Escape()], times=np.linspace(0, 400, 101)[1:]),
    )  # fmt: skip
    time, parts = run.history["time"], run.history["alignment"].T
    figure, axis = axes("flow time", "mean absolute entry of Uᵀ∇ℓ(W)V", yscale="log")
    axis.plot(time, parts[0], color=RUN, label="diagonal: moves singular values")
    axis.plot(time, parts[1], color=SECOND, label="off the diagonal: turns singular vectors")
    for event in run.events:
        label = "a singular value escapes" if event.index == 0 else None
        axis.axvline(event.time, color=FAINT, linewidth=0.8, zorder=0, label=label)
    axis.set(xlim=(0, 400), ylim=(0.5 * parts.min(), 10 * parts.max()))
    legend(axis, "upper right")
    return figure


def weight_decay() -> Figure:
    """Where weight decay leaves a singular value of a known target, at depths 1 to 4."""
    decay, targets = 0.3, np.linspace(0.06, 2.0, 33)
    problem = rf.problems.Factorization(np.diag(targets))
    figure, axis = axes("singular value of the target, φ", "singular value of W at rest, σ", xlim=(0, 2), ylim=(0, 2))
    for depth in (1, 2, 3, 4):
        run = rf.evolve(
            problem, rf.Chain(depth, decay=decay), rf.Identity(2.0), rf.Flow(1e-5), stop=rf.TimeReached(200.0)
        )
        ends = np.diagonal(run.product)
        axis.plot(targets, ends, "o", markersize=4.5, color=COLORS[depth], label=f"depth {depth}", zorder=5)
        sizes = np.geomspace(1e-4, 2, 2000)
        rest = sizes + decay * sizes ** (2 / depth - 1)
        turn = int(np.argmin(rest))
        axis.plot(
            rest[turn:],
            sizes[turn:],
            **THEORY | {"linestyle": "-", "linewidth": 0.7},
            label=r"$\varphi = \sigma + \lambda\,\sigma^{2/N-1}$" if depth == 4 else None,
        )
    axis.plot([0, 2], [0, 2], color=FAINT, linewidth=0.8, zorder=0)
    legend(axis, "upper left")
    return figure


def invariant_block() -> Figure:
    """Singular values of a layer of 12 × 12 that learns rank 2: four move, eight follow the scalar recursion."""
    rng, step, iterations, decay = np.random.default_rng(0), 0.05, 400, 0.02
    target = rng.standard_normal((12, 2)) @ rng.standard_normal((2, 12)) / 6
    run = rf.evolve(
        rf.problems.Factorization(target),
        rf.Chain(3, decay=decay),
        rf.models.Orthogonal(0.6**3),
        rf.Descent(rf.Gradient(step)),
        stop=rf.StepLimit(iterations), record=rf.Record(functions=weights_and_gradient()),
    )  # fmt: skip
    layers = [run.model.layers(weights) for weights in run.history["weights"]]
    values = np.asarray([np.linalg.svd(now[0], compute_uv=False) for now in layers])
    scales = [float(np.linalg.norm(layer) / np.sqrt(12)) for layer in layers[0]]
    idle = idle_scales(scales, step, iterations, decay)[:, 0]
    is_idle = np.abs(values - idle[:, None]) < 1e-8
    moving = np.flatnonzero(~is_idle[-1])
    figure, axis = axes("iterations of descent", "singular values of W₁", xlim=(0, iterations))
    axis.plot(values[:, is_idle[-1]], color=RUN, linewidth=2.5, alpha=0.5)
    axis.plot(values[:, moving], color=SECOND)
    axis.plot([], [], color=SECOND, label=f"{moving.size} that move, in a block of size 2r")
    axis.plot([], [], color=RUN, linewidth=2.5, alpha=0.5, label=f"the other {12 - moving.size}")
    axis.plot(idle, **THEORY, label="scalar recursion ρ₁")
    legend(axis, "center right", bbox_to_anchor=(1.0, 0.62))
    return figure
