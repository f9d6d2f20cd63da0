"""The picture of exact recovery: the metric against depth, and the path that nothing tells the rank."""

import numpy as np
from matplotlib.figure import Figure

import rankfall as rf
from pictures.paper import COLORS, RUN, SECOND, THEORY, THIRD, axes, legend
from rankfall.datasets import planted, uniform_entries
from rankfall.recovery import DepthMean, recover


def recovery() -> Figure:
    """Means of two squared singular values at several depths; scale, residual and rank along a path."""
    figure, (means, path) = axes("", "", columns=2)
    values = np.geomspace(1, 100, 200)
    ones = np.ones_like(values)
    for depth, color in ((2, COLORS[2]), (4, COLORS[4]), (16, COLORS[5])):
        means.loglog(values, DepthMean(depth).entries(values, ones), color=color, label=f"depth {depth}")
    means.loglog(values, DepthMean().entries(values, ones), **THEORY, label="logarithmic mean")
    means.set_xlabel("σ of an escaped direction, over that of the bulk", fontsize=9)
    means.set_ylabel("M, over that of the bulk", fontsize=9)
    legend(means, "upper left")
    truth = planted((100, 80), 3, condition=10.0, seed=0)
    rows, cols = uniform_entries(truth.shape, round(1.6 * 3 * 177), seed=1)
    steps = recover(rf.Completion.from_triplets(rows, cols, truth[rows, cols], truth.shape)).path
    scales = np.asarray([step.scale for step in steps])
    path.semilogy(scales / scales[0], color=RUN, label="scale ε, relative")
    path.semilogy([step.residual for step in steps], color=SECOND, label="residual ‖z‖/‖b‖")
    path.set_xlabel("frozen flows solved", fontsize=9)
    count = path.twinx()
    count.step(range(len(steps)), [step.rank for step in steps], where="mid", color=THIRD, linewidth=0.9)
    count.set_ylabel("R, escaped directions", fontsize=9, color=THIRD)
    count.tick_params(labelsize=8)
    count.set_ylim(0, None)
    legend(path, "lower left")
    return figure
