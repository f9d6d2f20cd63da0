"""Pictures of descent as an optimizer: convergence promised, convergence that fails, acceleration, no regularizer."""

import numpy as np
from matplotlib.figure import Figure

import rankfall as rf
from pictures.paper import COLORS, RUN, SECOND, THEORY, axes, legend
from rankfall.theory import (
    acceleration_step,
    certify_convergence,
    descend,
    half_annulus_integral,
    lp_losses,
    single_output_velocity,
    stalled_loss,
    unbalanced_start,
)


def convergence() -> Figure:
    """Losses of descent from a start with a margin, at depths 1 to 3, under what the margin promises."""
    target, step = np.diag([3.0, 2.5, 2.2]), 1e-2
    figure, axis = axes("flow time", "loss ½‖W − Φ‖²", yscale="log", xlim=(0, 4), ylim=(1e-9, 2))
    for depth in (1, 2, 3):
        start = rf.models.FromLayers([2.5 ** (1 / depth) * np.eye(3)] * depth)
        run = rf.evolve(
            rf.problems.Factorization(target),
            rf.Chain(depth),
            start,
            rf.Descent(rf.Gradient(step)),
            stop=rf.TimeReached(4.0),
        )
        time, loss = run.history["time"], run.history["loss"]
        margin = certify_convergence([2.5 * np.eye(3)], target).margin
        along = np.linspace(0, 4, 101)
        promised = loss[0] * (1 - step * margin ** (2 - 2 / depth)) ** (along / step)
        axis.plot(time, loss, color=COLORS[depth], label=f"depth {depth}")
        axis.plot(along, promised, **THEORY | {"color": COLORS[depth]}, label="promised" if depth == 3 else None)
    legend(axis, "lower left")
    return figure


def failures() -> Figure:
    """Balance violated: the loss explodes. Margin violated: it stalls at the negative eigenvalue."""
    figure, (left, right) = axes("iterations", "loss", columns=2, yscale="log")
    for layers, color, label in (
        (unbalanced_start(0.1, 0.8), SECOND, "unbalanced"),
        ([np.sqrt([[0.8]])] * 2, RUN, "balanced"),
    ):
        losses = descend(layers, np.eye(1), 0.1, 12)[1]
        left.plot(losses[losses < 1e60], "o-", markersize=3, color=color, label=f"{label}, same margin")
    left.set_ylim(1e-9, 1e60)
    legend(left, "upper left")
    target = np.diag([1.0, -0.5])
    for depth in (2, 4):
        losses = descend([np.eye(2)] * depth, target, 0.05, 300)[1]
        right.plot(losses, color=COLORS[depth], label=f"depth {depth}, balanced")
    right.axhline(stalled_loss(target), **THEORY, label="λ²/2 of the eigenvalue −½")
    right.set(ylim=(0.1, 2), xlim=(0, 300))
    right.set_yticks([0.1, 0.2, 0.5, 1, 2], ["0.1", "0.2", "0.5", "1", "2"])
    right.minorticks_off()
    legend(right, "upper right")
    return figure


def acceleration() -> Figure:
    """Losses of ℓ_4 regression by descent and by the end-to-end rule of depths 2 and 3, each at its largest step."""
    targets, start = np.asarray([10.0, 0.03]), 1e-3
    figure, axis = axes("iterations", "loss ¼ Σ (w − y)⁴", xscale="log", yscale="log", xlim=(1, 1e4), ylim=(1e-17, 1e4))
    count = np.arange(1, 10_001)
    for depth in (1, 2, 3):
        step = 0.019 if depth == 1 else acceleration_step(targets, 4, depth, start)
        losses = lp_losses(targets, 4, depth, step, np.asarray([start, 0.0]), 10_000)
        axis.plot(count, losses[1:], color=COLORS[depth], label=f"depth {depth}")
        pace = step * 10 ** (2 - 2 / depth)
        # beyond depth 1 the large target is met at once
        left = targets if depth == 1 else targets[1:]
        law = sum(0.25 * (target**-2 + 2 * pace * count) ** -2.0 for target in left)
        axis.plot(count, law, **THEORY, label="law of the slow coordinate" if depth == 3 else None)
    legend(axis, "lower left")
    return figure


def no_regularizer() -> Figure:
    """∮F·dW around half an annulus at 0 against the depth: zero at 1 and 2 alone."""
    inner, outer = 0.01, 0.02
    angles, radii = np.linspace(np.pi, 0, 400), np.linspace(inner, outer, 200)
    rim = np.stack([np.cos(angles), np.sin(angles)], axis=1)
    axis_part = np.stack([radii, 0 * radii], axis=1)
    loop = np.concatenate([-axis_part[::-1], inner * rim, axis_part, outer * rim[::-1]])
    middles, steps = (loop[1:] + loop[:-1]) / 2, np.diff(loop, axis=0)

    def integral(depth):
        # ℓ = ½(W₁ + 1)² + W₂⁴: a gradient of length 1 at 0, along the first axis
        gradients = np.stack([middles[:, 0] + 1, 4 * middles[:, 1] ** 3], axis=1)
        fields = [-single_output_velocity(w[None], g[None], depth)[0] for w, g in zip(middles, gradients, strict=True)]
        return float(np.sum(np.asarray(fields) * steps))

    depths, along = np.arange(1.0, 6.01, 0.5), np.linspace(1, 6, 200)
    figure, axis = axes("depth N", r"$\oint F \cdot dW\ /\ R^{3-2/N}$, $R$ the outer radius")
    found = [integral(depth) / outer ** (3 - 2 / depth) for depth in depths]
    axis.plot(depths, found, "o", color=RUN, label="integral of the field, computed")
    closed = [half_annulus_integral(1.0, depth, inner, outer) / outer ** (3 - 2 / depth) for depth in along]
    axis.plot(along, closed, **THEORY, label="leading term near 0")
    axis.axhline(0, color="0.75", linewidth=0.8, zorder=0)
    legend(axis, "upper left")
    return figure
