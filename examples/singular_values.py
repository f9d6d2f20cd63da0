"""Watch the singular values leave zero one after another, and check the law they follow.

A matrix of rank 3 is completed at depth 3 from an exactly balanced start. The singular values wait near zero and
escape in turn; in between, σ̇_r = −3 σ_r^{4/3} ⟨∇ℓ(W), u_r v_rᵀ⟩ [arora2019], which the run is held against.

    python examples/singular_values.py [PICTURE.png]
"""

import sys

import numpy as np

import rankfall as rf
from rankfall.datasets import planted, uniform_entries
from rankfall.theory import check_singular_values

DEPTH, HORIZON = 3, 400.0


def drives(problem, model, weights):
    """⟨∇ℓ(W), u_r v_rᵀ⟩ for the leading modes of each run, (batch, 6)."""
    u, _, v = model.decomposition(weights)
    gradient = problem.gradient(model.product(weights))
    return np.einsum("bmr,bmn,brn->br", u, gradient, v)[:, :6]


def follow() -> rf.Trajectory:
    truth = planted((40, 40), spectrum=[40.0, 25.0, 15.0], seed=0)
    rows, cols = uniform_entries(truth.shape, 800, seed=1)
    problem = rf.Completion.from_triplets(rows, cols, truth[rows, cols], truth.shape, truth=truth)
    record = rf.Record(
        singular_values=6, effective_rank=True, functions={"slopes": drives}, times=np.linspace(0, HORIZON, 2001)
    )
    return rf.evolve(
        problem, rf.Chain(DEPTH), rf.models.Orthogonal(scale=1e-2), rf.Flow(rtol=1e-6), stop=rf.TimeReached(HORIZON),
        record=record, seed=2,
    )  # fmt: skip


def draw(run: rf.Trajectory, path: str) -> None:
    from matplotlib.figure import Figure

    figure = Figure(figsize=(7, 4), layout="constrained")
    axes = figure.subplots()
    axes.plot(run.history["time"], run.history["singular_values"])
    axes.set_xlabel("flow time")
    axes.set_ylabel("singular values of W")
    figure.savefig(path, dpi=150)


def main() -> None:
    run = follow()
    values = run.history["singular_values"]
    print("  time   leading singular values of W          effective rank   test error")
    for k in range(0, len(values), 250):
        shown = "  ".join(f"{value:6.2f}" for value in values[k, :4])
        print(
            f"{run.history['time'][k]:6.0f}   {shown}   {run.history['effective_rank'][k]:18.2f}"
            f"   {run.history['test_error'][k]:10.1e}"
        )
    # only the modes that have left the start are distinct enough to be followed singly
    report = check_singular_values(run.history["time"], values[:, :3], run.history["slopes"][:, :3], DEPTH)
    print(report)
    if len(sys.argv) > 1:
        draw(run, sys.argv[1])
        print(f"drawn to {sys.argv[1]}")


if __name__ == "__main__":
    main()
