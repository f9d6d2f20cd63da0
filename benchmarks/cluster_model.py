"""What a gradient on a cluster costs, on paper: `python -m benchmarks.cluster_model`.

A schedule is simulated from measured constants: the time of the kernel for an entry, with all workers busy, which grows
with the columns of the table, as R leaves the cache, and with the width; the rates at which factors are sent and
results come back, and arrays are added and made; and the time of a gradient of blocks with hardly an entry. A gradient
is

- the caller sends to each worker, in turn, the rows of L of its blocks, and R once;
- each worker computes its blocks, one after the other, from when its part has arrived;
- the shares of Gᵀ L are added in a tree of `ARITY` neighbors, each sum where its first share is;
- the caller receives all rows of G R and one sum, and scales them into arrays of its own.

Up to `SMALL` bytes a call goes through the scheduler: what is sent and received passes twice. `--check` measures
constants on a local cluster, before and after gradients, and compares; `--table` is the table of docs/scale.md.
"""

import argparse
import time
from collections.abc import Sequence
from dataclasses import dataclass, fields, replace
from typing import Any

import numpy as np

ARITY, SMALL, ITEM = 8, 2**22, 4
# Of the tables at which the kernel is measured: columns; of their blocks: fewest and most rows, entries a row, width.
COLUMNS, ROWS, A_ROW, WIDTH = (1_000, 10_000, 50_000, 200_000, 1_000_000), (10_000, 60_000), 40, 16


@dataclass(frozen=True)
class Constants:
    """Measured seconds, and bytes a second.

    Parameters
    ----------
    kernels : sequence of (float, float)
        Columns of the table, ascending, and the seconds of a gradient there, for an entry at width 16.
    fixed : float
        The share of them that does not grow with the width.
    send, receive, between : float
        Bytes a second from the caller to a worker, back, and between workers.
    add, make : float
        Bytes of arrays added a second, and of arrays computed into new memory.
    small, large : (float, float)
        Of a gradient without entries and without blocks, and of each block: where it goes through the scheduler, and
        where factors are sent, beside the sending.
    task : float
        Of a task without work.
    """

    kernels: Sequence[tuple[float, float]]
    fixed: float
    send: float
    receive: float
    between: float
    add: float
    make: float
    small: tuple[float, float]
    large: tuple[float, float]
    task: float

    def kernel(self, columns: float, width: int) -> float:
        """Seconds for an entry, between the measured columns by the logarithm."""
        places, found = np.transpose(self.kernels)
        share = self.fixed + (1 - self.fixed) * width / WIDTH
        return share * float(np.interp(np.log(columns), np.log(places), found))


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
    per_block = table.entries / table.blocks * constants.kernel(table.n, table.width)
    sent = table.rows_bytes + table.columns_bytes
    if sent <= SMALL:
        through = 2 * (table.rows_bytes + table.blocks * table.columns_bytes)
        slowest = max(own) * per_block
        moved = through / constants.send + through / constants.receive
        return constants.small[0] + table.blocks * constants.small[1] + moved + slowest
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
    back = (table.rows_bytes + table.columns_bytes) * (1 / constants.receive + 1 / constants.make)
    sums = sum(groups for groups, _ in _levels(table))
    return constants.large[0] + table.blocks * constants.large[1] + sums * constants.task + finished + back


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
    from distributed import wait

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
        kernels, halves = [], []
        for columns in COLUMNS:
            made = [client.submit(_kernel_blocks, columns, workers=[place], pure=False) for place in addresses]
            wait(made)
            # at the same time: workers of one machine share its memory
            whole, half = (
                max(client.gather([client.submit(_kernel_seconds, each, width, pure=False) for each in made]))
                for width in (WIDTH, WIDTH // 2)
            )
            kernels.append((columns, whole))
            halves.append(half / whole)
        copy = big.copy()
        add, make = _best(lambda: np.add(big, copy, out=copy)), _best(lambda: np.multiply(big, np.float32(2)))
    rates = big.nbytes / there, big.nbytes / back
    small, large = (_without_entries(workers, sent, *rates) for sent in (2**16, SMALL + 2**20))
    fixed = float(np.clip(2 * np.median(halves) - 1, 0, 1))
    return Constants(
        kernels, fixed, *rates, big.nbytes / max(moved - one, 1e-3), big.nbytes / add, big.nbytes / make, small, large,
        task,
    )  # fmt: skip


def _without_entries(workers: int, sent: int, send: float, receive: float) -> tuple[float, float]:
    """Of a gradient of blocks with hardly an entry, so many bytes being sent: without blocks, and of a block."""
    counts = workers, 9 * workers
    few, many = (measured_gradient(count, 8, sent // (ITEM * WIDTH * count), 8, WIDTH)[1] for count in counts)
    block = (many - few) / (counts[1] - counts[0])
    return few - counts[0] * block - sent * (1 / send + 1 / receive), block


def _kernel_blocks(columns: int) -> list:
    """Blocks of as many rows as columns, within `ROWS`, that have made their lists by column."""
    rows = int(np.clip(columns, *ROWS))
    blocks = [_block(seed, rows * A_ROW, rows, columns) for seed in range(3)]
    _kernel_seconds(blocks, WIDTH, 1)
    return blocks


def _kernel_seconds(blocks: list, width: int, repeats: int = 5) -> float:
    """Of a gradient for an entry, in the median.

    One block after the other, as in a gradient of the table: none of them is in the cache when its turn comes.
    """
    from rankfall.problems.layouts.row_block import gradient_of
    from rankfall.problems.losses import Squared

    rng = np.random.default_rng(1)
    left, right = (rng.standard_normal((k, width)).astype(np.float32) for k in blocks[0].shape)

    def gradient() -> None:
        for block in blocks:
            # factors come anew from the caller
            gradient_of(block, left.copy(), right.copy(), Squared())

    return float(np.median(_times(gradient, repeats))) / sum(block.values.size for block in blocks)


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


def _best(call) -> float:
    return min(_times(call, 5))


def _times(call, repeats: int) -> list[float]:
    times = []
    for _ in range(repeats):
        begun = time.perf_counter()
        call()
        times.append(time.perf_counter() - begun)
    return times


CASES = ((4, 250_000, 2_000, 1_000, 16), (8, 500_000, 10_000, 10_000, 16), (8, 1_000_000, 40_000, 20_000, 16),
         (16, 1_000_000, 40_000, 40_000, 8), (12, 2_000_000, 60_000, 50_000, 16))  # fmt: skip
# ratings, m, n
SIZES = ((1e8, 1e6, 1e5), (1e9, 1e7, 1e6), (1e11, 1e9, 1e7))
WORKERS = (10, 100, 1000)


def mean_of(first: Constants, second: Constants) -> Constants:
    """Number by number."""

    def mean(name: str) -> Any:
        return np.mean([getattr(first, name), getattr(second, name)], axis=0).tolist()

    return Constants(**{field.name: mean(field.name) for field in fields(Constants)})


def check(workers: int) -> None:
    """Measured gradients beside those of the model, whose constants are measured before and after."""
    before = measured_constants(workers)
    found = [measured_gradient(*case) for case in CASES]
    constants = mean_of(before, measured_constants(workers))
    print(constants)
    print("| blocks | entries | m | n | width | measured, ms | model, ms | error |")
    print("|---:|---:|---:|---:|---:|---:|---:|---:|")
    for table, taken in found:
        said = seconds(table, constants)
        print(
            f"| {table.blocks} | {table.entries:,} | {table.m:,} | {table.n:,} | {table.width} | {1e3 * taken:.0f} | "
            f"{1e3 * said:.0f} | {said / taken - 1:+.0%} |"
        )


def network_of(constants: Constants, cores: int = 8, bits: float = 10e9) -> Constants:
    """The constants of a cluster: workers of so many cores, behind links of so many bits a second.

    Its scheduler has a core of its own: 0.2 ms a task.
    """
    link, task = bits / 8, 2e-4
    kernels = [(columns, found / cores) for columns, found in constants.kernels]
    small, large = (constants.small[0], task), (constants.large[0], 3 * task)
    return replace(
        constants, kernels=kernels, send=link, receive=link, between=link, small=small, large=large, task=task
    )


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


# Measured by --check: two cores of a virtual machine in a middling hour.
KERNELS = ((1_000, 13.2e-9), (10_000, 19.3e-9), (50_000, 25.4e-9), (200_000, 50.0e-9), (1_000_000, 100e-9))
HERE = Constants(
    KERNELS, fixed=0.55, send=1.98e9, receive=2.19e9, between=33.6e9, add=6.22e9, make=3.88e9, small=(13.8e-3, 0.86e-3),
    large=(30.8e-3, 5.6e-3), task=0.95e-3,
)  # fmt: skip


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
