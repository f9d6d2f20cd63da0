"""What a device of PyTorch does in a second, beside what its memory allows: `python -m benchmarks.gpu --device cuda`.

| part     | what is timed                                                                                     |
|----------|---------------------------------------------------------------------------------------------------|
| gradient | one gradient of 20 million ratings (`TorchSparse`) and of 10,000 tables of 100 × 100 (`Dense`)     |
| fit      | `DeepMatrixFactorization(device=…)` on the ratings of `benchmarks.size`, choosing included         |
| batch    | 10,000 completions of 100 × 100 (rank 5, 2,000 entries, depth 3) in one call of `evolve`           |

A gradient is limited by memory. The limit is the bytes that no program can avoid (every list of the layout once, every
factor and gradient of a factor once a pass) over the bandwidth that a copy of a large array reaches on the same device,
in the same run. Rows of factors are also gathered, three for each entry: "gathered" is their rate, most of which a
cache serves. `--small` shrinks all sizes for a processor; `--beside` also times the same without a device.
"""

import argparse
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from typing import Any

import numpy as np

import rankfall as rf
from benchmarks.batch import tables
from rankfall.datasets import planted_ratings
from rankfall.devices import find_device, load_torch
from rankfall.problems import Dense, TorchSparse
from rankfall.trajectory import step_hook

PARTS = ("gradient", "fit", "batch")
# Of MovieLens-20M, for so many ratings; smaller tables are like it in proportion.
SHAPE, COUNT = (138_000, 27_000), 20_000_000
WIDTHS, REPEATS = (16, 32, 64), 5
RANK, NOISE, TESTED, FIT_WIDTH = 10, 0.5, 0.1, 16
GIGA, FITTED = 1e9, 1e-4


@dataclass(frozen=True)
class Sizes:
    """How much there is to do."""

    ratings: int
    tables: int
    side: int
    copied: int


FULL, SMALL = Sizes(COUNT, 10_000, 100, 2**30), Sizes(200_000, 30, 100, 2**26)


def seconds_of(work: Callable[[], Any]) -> float:
    """The shortest of several runs; the last number of each is read, which waits for the device."""
    times = []
    for _ in range(1 + REPEATS):
        begun = time.perf_counter()
        work().reshape(-1)[-1].item()
        times.append(time.perf_counter() - begun)
    return min(times[1:])


def bandwidth(device: Any, size: int) -> float:
    """Bytes a second of a copy of `size` bytes, read and written."""
    torch = load_torch()
    source, target = (torch.zeros(size, dtype=torch.uint8, device=device) for _ in range(2))
    return 2 * size / seconds_of(lambda: target.copy_(source))


def ratings(count: int) -> tuple[rf.Completion, rf.Completion]:
    """Synthetic ratings, popular rows and columns, for training and for testing."""
    share = (count / COUNT) ** 0.5
    shape = round(SHAPE[0] * share), round(SHAPE[1] * share)
    rows, cols, values = planted_ratings(shape, round(count / (1 - TESTED)), RANK, NOISE, seed=0, exponent=(0.6, 0.6))
    tested = np.zeros(rows.size, dtype=bool)
    tested[np.random.default_rng(1).choice(rows.size, rows.size - count, replace=False)] = True
    train, test = (
        rf.Completion.from_triplets(rows[part], cols[part], values[part].astype(np.float32), shape)
        for part in (~tested, tested)
    )
    return train, test


def many_tables(sizes: Sizes) -> rf.Completion:
    """Planted tables of rank 5 with a fifth of their entries each, in float32."""
    problem = tables(sizes.tables, (sizes.side, sizes.side), 5, sizes.side**2 // 5)
    assert problem.weights is not None
    return replace(
        problem, values=problem.values.astype(np.float32), weights=problem.weights.astype(np.float32), layout=Dense
    )


def factors_on(device: Any, problem: rf.Completion, width: int) -> list[Any]:
    torch = load_torch()
    batch = () if problem.batch_size is None else (problem.batch_size,)
    generator = torch.Generator().manual_seed(0)
    return [torch.randn((*batch, side, width), generator=generator).to(device) for side in problem.shape]


def gradients(device: Any, sizes: Sizes) -> Iterator[str]:
    speed = bandwidth(device, sizes.copied)
    yield f"a copy of {sizes.copied / GIGA:.2f} GB reaches {speed / GIGA:.0f} GB/s"
    yield row("gradient", "width", "ms", "GB at least", "limit, ms", "of the limit", "gathered, GB/s")
    yield rule(7)
    sparse = replace(ratings(sizes.ratings)[0], layout=TorchSparse).on_device(device)
    entries, size = sparse.rows.size, 4
    for width in WIDTHS:
        pair = factors_on(device, sparse, width)
        taken = seconds_of(lambda pair=pair: sparse.loss_and_factor_gradients(*pair)[2])
        # columns, values in and slopes out; columns and slopes; places, rows and slopes in the order of columns
        lists = (size + 2 * size) + (size + size) + (size + size + size)
        least = lists * entries + 3 * size * width * sum(sparse.shape)
        yield gradient_row(f"{entries:,} ratings", width, taken, least, speed, 3 * size * width * entries)
    del sparse
    dense = many_tables(sizes).on_device(device)
    for width in WIDTHS:
        pair = factors_on(device, dense, width)
        taken = seconds_of(lambda pair=pair: dense.loss_and_factor_gradients(*pair)[2])
        # values and shares in, G out and in twice
        least = size * sizes.tables * (5 * sizes.side**2 + 4 * sizes.side * width)
        yield gradient_row(f"{sizes.tables:,} tables of {sizes.side} × {sizes.side}", width, taken, least, speed, 0)


def gradient_row(name: str, width: int, taken: float, least: float, speed: float, gathered: float) -> str:
    limit = least / speed
    return row(
        name, width, f"{1e3 * taken:.2f}", f"{least / GIGA:.3f}", f"{1e3 * limit:.2f}", f"{limit / taken:.0%}",
        f"{gathered / taken / GIGA:.0f}" if gathered else "",
    )  # fmt: skip


def fits(device: Any, sizes: Sizes, is_beside: bool) -> Iterator[str]:
    train, test = ratings(sizes.ratings)
    yield row("fit", "device", "seconds", "gradients", "test RMSE", "noise")
    yield rule(6)
    for where in (device, None) if is_beside else (device,):
        model = rf.DeepMatrixFactorization(depth=2, width=FIT_WIDTH, features=False, dtype="float32", device=where)
        begun = time.perf_counter()
        model.fit_problem(train)
        taken = time.perf_counter() - begun
        error = np.sqrt(np.mean((model.predict(test.rows, test.cols) - test.values) ** 2))
        count = sum(trial.evaluations for trial in model.selection_.trials)
        yield row(f"{train.rows.size:,} ratings", where or "none", f"{taken:.1f}", count, f"{error:.4f}", NOISE)


def batches(device: Any, sizes: Sizes, is_beside: bool) -> Iterator[str]:
    yield row("batch", "device", "seconds", "of them starts", "runs a second", "median test error", "fitted")
    yield rule(7)
    problem = many_tables(sizes)
    stop = rf.LossBelow(FITTED) | rf.TimeReached(1e5)
    for where in (device, None) if is_beside else (device,):
        given, steps = problem if where else replace(problem, layout="auto"), []
        begun = time.perf_counter()
        with step_hook(lambda state, steps=steps: steps.append(time.perf_counter())):
            runs = rf.evolve(
                given, rf.Chain(3), rf.Spectral(20, 1e-3), rf.Flow(1e-2), stop=stop, record=rf.Record(every=10**9),
                seed=np.arange(sizes.tables), device=where,
            )  # fmt: skip
        taken = time.perf_counter() - begun
        errors = [
            np.mean((run.low_rank.product.ravel() - truth) ** 2)
            for run, truth in zip(runs[:50], problem.values[:50], strict=True)
        ]
        yield row(
            f"{sizes.tables:,} of {sizes.side} × {sizes.side}", where or "none", f"{taken:.1f}",
            f"{steps[0] - begun:.1f}", f"{sizes.tables / taken:.0f}", f"{np.median(errors):.1e}",
            f"{np.mean([run.loss <= FITTED for run in runs]):.1%}",
        )  # fmt: skip


def row(*cells: Any) -> str:
    return "| " + " | ".join(f"{cell!s:>14}" for cell in cells) + " |"


def rule(columns: int) -> str:
    return "|" + "|".join("-" * 15 + ":" for _ in range(columns)) + "|"


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--device", default="cuda", help="as PyTorch names it, default cuda")
    parser.add_argument("--parts", nargs="+", choices=PARTS, default=PARTS)
    parser.add_argument("--small", action="store_true", help="sizes for a processor")
    parser.add_argument("--beside", action="store_true", help="the same without a device too")
    chosen = parser.parse_args()
    try:
        device = find_device(chosen.device)
    except rf.InputError as error:
        parser.error(f"{error}; --device cpu --small runs everywhere")
    torch = load_torch()
    name = torch.cuda.get_device_name(device) if device.type == "cuda" else f"{torch.get_num_threads()} threads"
    print(f"PyTorch {torch.__version__}, {device} ({name})")
    sizes = SMALL if chosen.small else FULL
    for part in chosen.parts:
        lines = gradients(device, sizes) if part == "gradient" else PARTS_BESIDE[part](device, sizes, chosen.beside)
        print()
        for line in lines:
            print(line, flush=True)


PARTS_BESIDE = {"fit": fits, "batch": batches}

if __name__ == "__main__":
    main()
