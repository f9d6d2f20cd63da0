"""The papers' program against rankfall, on the same entries, in one run: `python -m benchmarks.reference`.

The papers' program is plain PyTorch autograd with group RMSprop at rate 1e-3 [arora2019, code]: layers drawn at
product scale 1e-3, mean squared residual over the observed entries, stop at 1e-6. Each row gives seconds, gradient
evaluations, test error (mean square over all entries, the truth has mean square 1) and the ratio of seconds to the
papers' program at that depth. rankfall is timed over several runs and the median is taken, after a first run.

The last column is the time of the general path over that of the compiled steps of narrow chains, run in turn: a layout
chosen by hand, `layout=Dense`, takes the general path. `--only-rankfall` leaves the papers' program out.
"""

import argparse
import math
import statistics
import time
from typing import Any

import numpy as np

import rankfall as rf
from rankfall.datasets import planted, uniform_entries
from rankfall.models.starts import Start
from rankfall.problems import Dense

TARGET = 1e-6


def paper_program(
    rows: np.ndarray, cols: np.ndarray, values: np.ndarray, truth: np.ndarray, depth: int, seed: int
) -> tuple[float, int, float]:
    """Seconds, iterations and test error of group RMSprop in PyTorch."""
    import torch

    torch.manual_seed(seed)
    size = truth.shape[0]
    deviation = 1e-3 ** (1 / depth) / size**0.5
    layers = [(deviation * torch.randn(size, size, dtype=torch.float64)).requires_grad_() for _ in range(depth)]
    row_index, col_index, target = torch.as_tensor(rows), torch.as_tensor(cols), torch.as_tensor(values)
    square, iteration, begun = 0.0, 0, time.perf_counter()
    while True:
        product = layers[0]
        for layer in layers[1:]:
            product = layer @ product
        loss = ((product[row_index, col_index] - target) ** 2).mean()
        if loss.item() <= TARGET:
            break
        gradients = torch.autograd.grad(loss, layers)
        iteration += 1
        square = 0.99 * square + 0.01 * sum(float((g * g).sum()) for g in gradients)
        step = 1e-3 / ((square / (1 - 0.99**iteration)) ** 0.5 + 1e-4)
        with torch.no_grad():
            for layer, gradient in zip(layers, gradients, strict=True):
                layer -= step * gradient
    seconds = time.perf_counter() - begun
    return seconds, iteration, float(np.mean((product.detach().numpy() - truth) ** 2))


def rankfall_run(
    problem: rf.Completion, depth: int, start: Start, rtol: float, repeats: int, seed: int
) -> tuple[float, float, rf.Trajectory]:
    """Median seconds, those of the general path, and the run, recording nothing but time and loss."""

    def once(**options: Any) -> tuple[float, rf.Trajectory]:
        plain = rf.Completion(problem.rows, problem.cols, problem.values, problem.shape, **options)
        begun = time.perf_counter()
        run = rf.evolve(plain, rf.Chain(depth), start, rf.Flow(rtol), stop=rf.LossBelow(TARGET), seed=seed)
        return time.perf_counter() - begun, run

    once(), once(layout=Dense)
    timed = [(once(), once(layout=Dense)) for _ in range(repeats)]
    seconds, general = (statistics.median(pair[which][0] for pair in timed) for which in (0, 1))
    return seconds, general, timed[0][0][1]


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--depths", type=int, nargs="+", default=[2, 3, 4])
    parser.add_argument("--repeats", type=int, default=7)
    parser.add_argument("--rtol", type=float, default=1e-2)
    parser.add_argument("--only-rankfall", action="store_true", help="Leave the papers' program out.")
    parser.add_argument("--draw", type=int, default=0, help="Seed of the matrix, its entries and the starts.")
    chosen = parser.parse_args()
    truth = planted(seed=chosen.draw)
    rows, cols = uniform_entries(truth.shape, 2000, seed=1 + chosen.draw)
    problem = rf.Completion.from_triplets(rows, cols, truth[rows, cols], truth.shape, truth=truth)
    print(
        f"{'depth':>5}  {'program':<28}{'seconds':>9}  {'evaluations':>11}  {'test error':>10}  {'ratio':>7}  "
        f"{'general':>7}"
    )
    for depth in chosen.depths:
        slow = math.nan
        if not chosen.only_rankfall:
            slow, iterations, error = paper_program(
                problem.rows, problem.cols, problem.values, truth, depth, seed=chosen.draw
            )
            print(
                f"{depth:>5}  {'papers (PyTorch)':<28}{slow:>9.3f}  {iterations:>11}  {error:>10.2e}  {1:>7}",
                flush=True,
            )
        starts = {"full width": rf.Gaussian(1e-3), "Spectral(20)": rf.Spectral(20), "Spectral(10)": rf.Spectral(10)}
        for name, start in starts.items():
            seconds, general, run = rankfall_run(problem, depth, start, chosen.rtol, chosen.repeats, chosen.draw)
            error = float(np.mean((run.product - truth) ** 2))
            print(
                f"{depth:>5}  {'rankfall, ' + name:<28}{seconds:>9.4f}  {run.evaluations:>11}  {error:>10.2e}  "
                f"{slow / seconds:>7.0f}  {general / seconds:>7.2f}",
                flush=True,
            )


if __name__ == "__main__":
    main()
