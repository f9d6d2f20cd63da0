"""Pictures of singular values: the law of each, two that share a measurement, and how long they wait."""

import numpy as np
from matplotlib.figure import Figure

import rankfall as rf
from pictures.paper import COLORS, RUN, SECOND, THEORY, THIRD, axes, completion, legend
from rankfall.theory import (
    curve_ceiling,
    escape_time,
    least_escape_time,
    measurement_curve,
    mode_time,
    singular_value_velocity,
)


def singular_values() -> Figure:
    """The speed of recorded singular values, by differences, and what the law makes of their drives."""
    times = np.linspace(0, 160, 641)
    run = rf.evolve(
        completion((12, 10), 3, 0.8), rf.Chain(3), rf.Balanced(1e-2), rf.Flow(1e-6), stop=rf.TimeReached(160.0),
        record=rf.Record(singular_values=3, drives=True, times=times[1:]),
    )  # fmt: skip
    time, values = run.history["time"], run.history["singular_values"]
    speeds = (values[2:] - values[:-2]) / (time[2:] - time[:-2])[:, None]
    law = singular_value_velocity(values, run.history["drives"], 3)
    figure, axis = axes("flow time", "speed of singular values", xlim=(0, 160))
    for r, color in enumerate((RUN, SECOND, THIRD)):
        axis.plot(time[1:-1], speeds[:, r], color=color, linewidth=3, alpha=0.5, label=f"σ̇ of σ{'₁₂₃'[r]}, measured")
        axis.plot(
            time,
            law[:, r],
            **THEORY,
            label=r"$-N \sigma^{2-2/N} \langle\nabla\ell, u v^\top\rangle$" if r == 2 else None,
        )
    legend(axis, "upper right")
    return figure


def one_measurement() -> Figure:
    """Two singular values that share one measurement, at depths 1 to 4, on their curves."""
    ratio, start = 0.6, 1e-3
    figure, axis = axes("σ₂", "σ₁", xscale="log", yscale="log", xlim=(8e-4, 1.3), ylim=(8e-4, 1.3))
    along = np.geomspace(start, 1.1, 200)
    for depth in (1, 2, 3, 4):
        problem = rf.Sensing.from_diagonals([[1.0, ratio]], [1.0])
        run = rf.evolve(
            problem, rf.Chain(depth), rf.Identity(start), rf.Flow(1e-6), stop=rf.LossBelow(1e-10),
            record=rf.Record(functions={"modes": lambda p, m, w: np.diagonal(m.product(w), axis1=-2, axis2=-1)}),
        )  # fmt: skip
        leading, lagging = run.history["modes"].T
        axis.plot(leading, lagging, "o", color=COLORS[depth], markersize=3.5, label=f"depth {depth}")
        axis.plot(along, measurement_curve(along, ratio, depth, start), **THEORY, label="curve" if depth == 4 else None)
        ceiling = curve_ceiling(ratio, depth, start)
        if np.isfinite(ceiling):
            axis.axhline(ceiling, color=COLORS[depth], linewidth=0.8, linestyle=":")
    legend(axis, "upper left")
    return figure


def escape_times() -> Figure:
    """When modes of strength 1 and ½ reach half their targets, against the size of the start, at depths 2 to 4."""
    strengths, scales = np.asarray([1.0, 0.5]), np.geomspace(1e-6, 1e-2, 9)
    problem = rf.problems.Factorization(np.diag(strengths))
    figure, axis = axes("scale of the start, σ₀", "time of escape", xscale="log", yscale="log")
    for depth in (2, 3, 4):
        record = rf.Record(every=10**6, events=[rf.trajectory.Escape(threshold=strengths / 2)])
        for mode, strength in enumerate(strengths):
            if mode == 0:
                runs = rf.evolve_batch(
                    problem, rf.Chain(depth), rf.Identity(list(scales)), rf.Flow(1e-6), stop=rf.LossBelow(1e-4),
                    record=record,
                )  # fmt: skip
            found = [next(event.time for event in run.events if event.index == mode) for run in runs]
            exact = [float(mode_time(np.asarray(strength / 2), float(strength), s, depth)) for s in scales]
            axis.plot(
                scales, found, "o", color=COLORS[depth], markersize=5, fillstyle="full" if mode == 0 else "none",
                label=f"depth {depth}, λ = {'1' if mode == 0 else '½'}",
            )  # fmt: skip
            axis.plot(scales, exact, **THEORY, label="closed form" if (depth, mode) == (4, 1) else None)
            assert np.allclose([escape_time(strength, s, depth) for s in scales[:3]], exact[:3], rtol=0.2)
    legend(axis, "upper right")
    return figure


def saddle() -> Figure:
    """How long σ₁ needs to grow to a tenth of its target, against the start, and the least that it can need."""
    problem, scales = rf.problems.Factorization(np.diag([1.0, 0.5])), np.geomspace(1e-6, 1e-2, 9)
    escape = rf.trajectory.Escape(threshold=[0.1, 0.1])
    figure, axis = axes("scale of the start, σ₀", "time to leave zero", xscale="log", yscale="log")
    for depth in (2, 3, 4):
        runs = rf.evolve_batch(
            problem, rf.Chain(depth), rf.Identity(list(scales)), rf.Flow(1e-6), stop=rf.LossBelow(1e-2),
            record=rf.Record(every=10**6, events=[escape]),
        )  # fmt: skip
        found = [next(event.time for event in run.events if event.index == 0) for run in runs]
        least = [least_escape_time(s, 0.1, 1.0, depth) for s in scales]
        axis.plot(scales, found, "o", color=COLORS[depth], markersize=5, label=f"depth {depth}")
        axis.plot(scales, least, **THEORY, label="least time" if depth == 4 else None)
    legend(axis, "upper right")
    return figure
