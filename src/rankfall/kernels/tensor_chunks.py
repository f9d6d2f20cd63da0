"""How the entries of a tensor are dealt out to threads, so that the bits do not depend on how many there are.

Every entry adds to one row of each layer. Entries are cut into chunks; each chunk adds to a copy of the weights of its
own, and the copies are summed in order. The number of chunks depends on the sizes alone.
"""

import numpy as np

# Multiplications below which one thread does the work: a few milliseconds. Waking threads costs little where cores are
# idle, and more than the work where others use them.
WORTH_THREADS = 2**23
# Most chunks; and the share of its entries' work that a chunk may spend on clearing and summing its copy.
_MOST, _OVERHEAD = 16, 0.25


def chunk_bounds(entries: int, width: int, size: int, runs: int) -> np.ndarray:
    """Where the chunks of `entries` begin and end; every entry touches `width` weights.

    size: number of weights. runs: of a batch, each of which is cut into these chunks.
    """
    fitting = _OVERHEAD * entries * width / max(size, 1)
    count = int(np.clip(fitting, 1, max(1, _MOST // runs)))
    return np.linspace(0, entries, count + 1).astype(np.int64)


def job_bounds(chunks: np.ndarray, runs: int) -> range:
    """Pieces of one chunk of one run each, run after run."""
    return range(runs * (chunks.size - 1) + 1)
