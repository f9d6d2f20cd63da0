"""Pictures of what the path does and does not minimize: nuclear norm where measurements commute, and nothing else."""

import numpy as np
from matplotlib.figure import Figure

import rankfall as rf
from pictures.paper import COLORS, RUN, SECOND, THEORY, THIRD, axes, legend
from rankfall.theory import (
    commuting_solution,
    divergence_bound,
    nuclear_norm_instance,
    schatten_instance,
    schatten_sum,
)


def nuclear_norm() -> Figure:
    """How far the nuclear norm at the end of a run is from the least, against the start, at depths 2 to 4."""
    row, scales = np.asarray([[1.0, 0.5]]), np.geomspace(1e-6, 1e-1, 11)
    problem = rf.Sensing.from_diagonals(row, [1.0])
    figure, axis = axes("scale of the start", "nuclear norm above the least", xscale="log", yscale="log")
    for depth in (2, 3, 4):
        runs = rf.evolve_batch(
            problem, rf.Chain(depth), rf.Identity(list(scales)), rf.Flow(1e-7), stop=rf.LossBelow(1e-20),
            record=rf.Record(every=10**6),
        )  # fmt: skip
        exact = [commuting_solution(row, np.ones(1), depth, s).spectrum.sum() - 1 for s in scales]
        axis.plot(scales, [run.nuclear_norm - 1 for run in runs], "o", color=COLORS[depth], label=f"depth {depth}")
        axis.plot(scales, exact, **THEORY, label="closed form" if depth == 4 else None)
    legend(axis, "lower right")
    return figure


def schatten() -> Figure:
    """Σσ^p of solutions around the end of a run: for p < 1 the run ends where it is largest."""
    instance = schatten_instance()
    problem = rf.Sensing.from_matrices(instance.matrices, instance.values)
    run = rf.evolve(problem, rf.Chain(3), rf.Identity(1e-9), rf.Flow(1e-6), stop=rf.LossBelow(1e-16))
    figure, axis = axes("ε, off the diagonal of a solution", r"$\sum\,\sigma^p$", xlim=(-0.6, 0.6))
    steps = np.linspace(-0.6, 0.6, 121)
    direction = (instance.rival - instance.minimizer) / instance.rival[0, 1]
    for p, color in ((1.0, COLORS[1]), (0.9, RUN), (0.75, SECOND), (0.5, THIRD)):
        sums = [schatten_sum(instance.minimizer + step * direction, p) for step in steps]
        axis.plot(steps, sums, color=color, label=f"p = {p:g}")
        axis.plot(run.product[0, 1], schatten_sum(run.product, p), "o", color="black", zorder=5)
    axis.annotate(
        "end of the run, depth 3", (0, 2.001), (0, 22), textcoords="offset points", ha="center", fontsize=8,
        arrowprops={"arrowstyle": "-", "linewidth": 0.6},
    )  # fmt: skip
    axis.set_ylim(1.85, 2.04)
    legend(axis, "lower center", ncols=2)
    return figure


def four_by_four() -> Figure:
    """The nuclear norm of the fit of a 4 × 4 matrix against the start: from the least towards that of rank one."""
    instance, scales = nuclear_norm_instance(2.0), np.geomspace(1e-12, 0.1, 12)
    problem = rf.Sensing.from_matrices(instance.matrices, instance.values, symmetric=True)
    runs = rf.evolve_batch(
        problem, rf.Symmetric(), rf.Gaussian(list(scales)), rf.Flow(1e-5), stop=rf.LossBelow(1e-10), seed=1,
        record=rf.Record(every=10**6),
    )  # fmt: skip
    figure, axis = axes("scale of the start", "nuclear norm of the fit", xscale="log", ylim=(7.5, 10.5))
    axis.plot(scales, [run.nuclear_norm for run in runs], "o", color=RUN, label="end of the run, U Uᵀ")
    axis.axhline(np.trace(instance.minimizer), **THEORY, label="least nuclear norm, rank 2")
    axis.axhline(np.trace(instance.rival), color=SECOND, linewidth=1.1, label="the fit of rank 1", zorder=0)
    legend(axis, "center left", bbox_to_anchor=(0.0, 0.4))
    return figure


def two_by_two() -> Figure:
    """The entry nobody observed against the loss, at depths 3 and 4, and what the determinant demands of it."""
    problem = rf.Completion.from_triplets([0, 1, 1], [1, 0, 1], [1.0, 1.0, 0.0], (2, 2))
    figure, axis = axes("loss ½ Σ (W − b)²", "|W₁₁|, not observed", xscale="log", yscale="log")
    for depth, scale in ((3, 1e-3), (4, 1e-2)):
        run = rf.evolve(
            problem, rf.Chain(depth), rf.Identity(scale), rf.Flow(1e-5), stop=rf.LossBelow(1e-4),
            record=rf.Record(ratio=1.1, functions={"corner": lambda p, m, w: m.product(w)[:, 0, 0]}),
        )  # fmt: skip
        axis.plot(1.5 * run.history["loss"], np.abs(run.history["corner"]), color=COLORS[depth], label=f"depth {depth}")
    losses = np.geomspace(1.5e-4, 0.45, 300)
    axis.plot(losses, divergence_bound(losses), **THEORY, label="bound of the determinant")
    axis.set(xlim=(1.5, 1.5e-4), ylim=(1e-2, 200))
    legend(axis, "upper left")
    return figure
