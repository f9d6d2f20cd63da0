"""What a gradient on a cluster costs, on paper: `python -m benchmarks.cluster_model`.

A schedule is simulated from measured constants: the time of the kernel for an entry and a column of the factors, which
grows with the columns of the table, as R leaves the cache; the rates at which factors are sent and results come back;
the rate at which arrays are added; and the time of a call and of a task. A gradient is

- the caller sends to each worker, in turn, the rows of L of its blocks, and R once;
- each worker computes its blocks, one after the other, from when its part has arrived;
- the shares of Gᵀ L are added in a tree of `ARITY` neighbors, each sum where its first share is;
- the caller receives all rows of G R and one sum.

Up to `SMALL` bytes a call goes through the scheduler: what is sent and received passes twice. `--check` measures
constants and gradients on a local cluster and compares; `--table` is the table of docs/scale.md.
"""

import argparse
import time
from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np

ARITY, SMALL, ITEM = 8, 2**22, 4
# Of the tables at which the kernel is measured: columns, and at most so many rows a block.
COLUMNS, ROWS = (1_000, 10_000, 50_000, 200_000, 1_000_000), 60_000


@dataclass(frozen=True)
class Constants:
    """Measured seconds, and bytes a second.

    Parameters
    ----------
    kernels : sequence of (float, float)
        Columns of the table, ascending, and the seconds of a gradient there, for an entry and a column of the factors.
    send, receive, between : float
        Bytes a second from the caller to a worker, back, and between workers.
    add : float
        Bytes of arrays added a second.
    call, task : float
        Of a call without work, and of each further task.
    """

    kernels: Sequence[tuple[float, float]]
    send: float
    receive: float
    between: float
    add: float
    call: float
    task: float

    def kernel(self, columns: float) -> float:
        """Seconds for an entry and a column of the factors, between the measured ones by the logarithm."""
        places, found = np.transpose(self.kernels)
        return float(np.interp(np.log(columns), np.log(places), found))


@dataclass(frozen=True)
class Table:
    """Ratings of an m × n table at width k, in row blocks on workers."""

    entries: float
    m: float
    n: float
    width: int
    blocks: int
    workers: int

    @property
    def rows_bytes(self) -> float:
        """Of L, or G R."""
        return self.m * self.width * ITEM

    @property
    def columns_bytes(self) -> float:
        """Of R, or Gᵀ L."""
        return self.n * self.width * ITEM

    @property
    def network(self) -> float:
        """Bytes over the network for a gradient: L and G R, R to every worker, shares to their sums, one sum back."""
        moved = sum(count for _, count in _levels(self))
        return 2 * self.rows_bytes + (self.workers + moved + 1) * self.columns_bytes

    @property
    def memory(self) -> float:
        """Bytes of a worker: entries as given and as residuals, index lists, L, G R, R and shares of its blocks."""
        own = self.blocks / self.workers
        entries = self.entries / self.workers * (4 * ITEM + 8)
        return entries + 2 * self.rows_bytes / self.workers + (1 + own) * self.columns_bytes


def seconds(table: Table, constants: Constants) -> float:
    """Of a gradient, by the schedule."""
    own = [len(part) for part in np.array_split(np.arange(table.blocks), table.workers)]
    per_block = table.entries / table.blocks * table.width * constants.kernel(table.n)
    sent = table.rows_bytes + table.columns_bytes
    if sent <= SMALL:
        through = 2 * (table.rows_bytes + table.blocks * table.columns_bytes)
        slowest = max(own) * per_block
        moved = through / constants.send + through / constants.receive
        return constants.call + table.blocks * constants.task + moved + slowest
    arrived, finished = 0.0, 0.0
    for blocks in own:
        arrived += (table.rows_bytes * blocks / table.blocks + table.columns_bytes) / constants.send
        finished = max(finished, arrived + blocks * per_block)
    for groups, moved in _levels(table):
        # groups of one level are added at the same time on as many workers
        rounds = -(-groups // table.workers)
        at_a_time = moved / max(1, min(groups, table.workers))
        finished += at_a_time * table.columns_bytes / constants.between
        finished += rounds * (ARITY - 1) * table.columns_bytes / constants.add
    back = (table.rows_bytes + table.columns_bytes) / constants.receive
    tasks = 2 * table.blocks + sum(groups for groups, _ in _levels(table))
    return constants.call + tasks * constants.task + finished + back


def _levels(table: Table) -> list[tuple[int, float]]:
    """Of the tree of sums: how many sums a level makes, and how many shares are sent to another worker for them."""
    levels, count = [], table.blocks
    # neighbors lie on other workers, but for chance
    elsewhere = 1 - 1 / table.workers
    while count > 1:
        groups = -(-count // ARITY)
        levels.append((groups, (count - groups) * elsewhere))
        count = groups
    return levels


def measured_constants(workers: int) -> Constants:
    """On a local cluster, beside one another where workers would be."""
    from rankfall.cluster import connected
    from rankfall.cluster.workers import DaskWorkers

    with connected() as found:
        client: Any = found
        pool = DaskWorkers(found)
        addresses = list(client.scheduler_info()["workers"])[:workers]
        big = np.random.default_rng(0).standard_normal(2**23).astype(np.float32)
        client.gather(client.scatter(big, workers=[addresses[0]], direct=True, hash=False), direct=True)
        there = _best(lambda: client.scatter(big, workers=[addresses[0]], direct=True, hash=False))
        held = client.scatter(big, workers=[addresses[0]], direct=True, hash=False)
        back = _best(lambda: client.gather(held, direct=True))
        moved = _best(lambda: client.submit(_size, held, workers=[addresses[-1]], pure=False).result())
        blocks = pool.hold(list(range(8)))
        pool.map(_nothing, blocks)
        one, eight = (_best(lambda some=some: pool.map(_nothing, some)) for some in (blocks[:1], blocks))
        task = max((eight - one) / 7, 1e-5)
        kernels = [
            (columns, max(client.gather([
                client.submit(_kernel_seconds, columns, workers=[place], pure=False) for place in addresses
            ])))
            for columns in COLUMNS
        ]  # fmt: skip
        copy = big.copy()
        add = _best(lambda: np.add(big, copy, out=copy))
    return Constants(
        kernels, big.nbytes / there, big.nbytes / back, big.nbytes / max(moved - one, 1e-3), big.nbytes / add, one, task
    )


def _kernel_seconds(columns: int) -> float:
    """Of a gradient of a block of as many rows as columns, at most `ROWS`, for an entry and a column of the factors."""
    from rankfall.problems.layouts.row_block import gradient_of
    from rankfall.problems.losses import Squared

    rows = min(columns, ROWS)
    block, rng = _block(0, min(2_000_000, rows * columns // 8), rows, columns), np.random.default_rng(1)
    left, right = (rng.standard_normal((k, 16)).astype(np.float32) for k in (rows, columns))
    return _best(lambda: gradient_of(block, left, right, Squared())) / (block.values.size * 16)


def _block(seed: int, entries: int, m: int, n: int):
    from rankfall.problems.layouts.row_block import RowBlock

    rng = np.random.default_rng(seed)
    keys = np.unique(rng.integers(m * n, size=entries))
    rows, cols = np.divmod(keys, n)
    return RowBlock.of(seed * m, rows, cols, rng.standard_normal(keys.size).astype(np.float32), (m, n))


def measured_gradient(blocks: int, entries: int, m: int, n: int, width: int) -> tuple[Table, float]:
    """A gradient on a local cluster of blocks of so many entries, rows and columns, and its best time of five."""
    from rankfall.cluster import connected
    from rankfall.cluster.workers import DaskWorkers
    from rankfall.problems.layouts.row_blocks import RowBlocks
    from rankfall.problems.losses import Squared

    rng = np.random.default_rng(0)
    left, right = (rng.standard_normal((k, width)).astype(np.float32) for k in (blocks * m, n))
    with connected() as client:
        pool = DaskWorkers(client)
        held = [pool.apply(_block, seed, entries, m, n) for seed in range(blocks)]
        stored = RowBlocks(held, [place * m for place in range(blocks + 1)], 1.0, Squared(), pool)
        stored.loss_and_factor_gradients(left, right)
        found = _best(lambda: stored.loss_and_factor_gradients(left, right))
        count = sum(pool.map(_count, held))
        workers = len(client.scheduler_info()["workers"])
    return Table(count, blocks * m, n, width, blocks, workers), found


def _count(block) -> int:
    return block.values.size


def _nothing(block: object) -> None:
    return None


def _size(array: np.ndarray) -> int:
    return array.size


def _best(call, repeats: int = 5) -> float:
    times = []
    for _ in range(repeats):
        begun = time.perf_counter()
        call()
        times.append(time.perf_counter() - begun)
    return min(times)


CASES = ((4, 250_000, 2_000, 1_000, 16), (8, 500_000, 10_000, 10_000, 16), (8, 1_000_000, 40_000, 20_000, 16),
         (16, 1_000_000, 40_000, 40_000, 8), (12, 2_000_000, 60_000, 50_000, 16))  # fmt: skip
# ratings, m, n
SIZES = ((1e8, 1e6, 1e5), (1e9, 1e7, 1e6), (1e11, 1e9, 1e7))
WORKERS = (10, 100, 1000)


def check(workers: int) -> None:
    """Measured gradients beside those of the model."""
    constants = measured_constants(workers)
    print(constants)
    print("| blocks | entries | m | n | width | measured, ms | model, ms | error |")
    print("|---:|---:|---:|---:|---:|---:|---:|---:|")
    for case in CASES:
        table, found = measured_gradient(*case)
        said = seconds(table, constants)
        print(
            f"| {table.blocks} | {table.entries:,} | {table.m:,} | {table.n:,} | {table.width} | {1e3 * found:.0f} | "
            f"{1e3 * said:.0f} | {said / found - 1:+.0%} |"
        )


def network_of(constants: Constants, cores: int = 8, bits: float = 10e9) -> Constants:
    """The constants of a cluster: workers of so many cores, behind links of so many bits a second."""
    link = bits / 8
    kernels = [(columns, found / cores) for columns, found in constants.kernels]
    return replace(constants, kernels=kernels, send=link, receive=link, between=link, task=2e-4)


def table_of_scale(constants: Constants, sizes: Sequence[tuple[float, float, float]] = SIZES, width: int = 16) -> None:
    """Network, memory and seconds of a gradient for sizes and workers."""
    print("| ratings | table | workers | blocks | network, GB | memory a worker, GB | caller, GB | gradient, s |")
    print("|---:|---:|---:|---:|---:|---:|---:|---:|")
    for entries, m, n in sizes:
        for workers in WORKERS:
            blocks = max(8 * workers, round(entries / 4e6))
            table = Table(entries, m, n, width, blocks, workers)
            # weights, six vectors of a Chebyshev step, and the best weights
            caller = 8 * (table.rows_bytes + table.columns_bytes)
            print(
                f"| {entries:.0e} | {m:.0e} × {n:.0e} | {workers} | {blocks:,} | {table.network / 1e9:.3g} | "
                f"{table.memory / 1e9:.3g} | {caller / 1e9:.3g} | {seconds(table, network_of(constants)):.3g} |"
            )


# Measured by --check: two cores of a virtual machine in a slow hour.
KERNELS = ((1_000, 0.66e-9), (10_000, 1.03e-9), (50_000, 1.08e-9), (200_000, 3.30e-9), (1_000_000, 6.77e-9))
HERE = Constants(KERNELS, send=1.28e9, receive=1.59e9, between=33.6e9, add=7.45e9, call=14.3e-3, task=2.4e-3)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--check", action="store_true", help="measure here, and compare")
    parser.add_argument("--table", action="store_true", help="the table of docs/scale.md")
    parser.add_argument("--workers", type=int, default=2)
    chosen = parser.parse_args()
    if chosen.check:
        check(chosen.workers)
    if chosen.table or not chosen.check:
        table_of_scale(HERE)


if __name__ == "__main__":
    main()
