"""A full gradient of observed entries against SciPy's two products: `python -m benchmarks.kernels`.

rankfall computes the residuals of L Rᵀ on the observed entries and both products with a factor, G R and Gᵀ L. SciPy
is given the residuals for nothing and times G @ R and G.T @ L alone, with G stored in both CSR layouts. Same data,
same precision, same process; medians over repeats taken in turn, and the ratio of rankfall to SciPy. The data is
MovieLens-1M sized (6,040 × 3,706, 900,000 entries) with power-law rows and columns.
"""

import argparse
import statistics
import time

import numpy as np
from scipy.sparse import csr_array

from rankfall.datasets import planted_ratings
from rankfall.kernels.observed import Entries


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--widths", type=int, nargs="+", default=[16, 32, 64])
    parser.add_argument("--repeats", type=int, default=11)
    chosen = parser.parse_args()
    shape = (6040, 3706)
    rows, cols, values = planted_ratings(shape, 900_000, seed=0)
    print(f"{'dtype':<9}{'width':>6}{'rankfall ms':>13}{'SciPy ms':>10}{'ratio':>8}")
    for dtype in (np.float32, np.float64):
        entries = Entries(rows.astype(np.int32), cols.astype(np.int32), shape)
        residuals = csr_array((values.astype(dtype), (rows, cols)), shape=shape)
        transposed = csr_array(residuals.T)
        observed, none = values.astype(dtype), np.empty(0, dtype)
        for width in chosen.widths:
            rng = np.random.default_rng(0)
            left = rng.standard_normal((shape[0], width)).astype(dtype)
            right = rng.standard_normal((shape[1], width)).astype(dtype)
            ours, theirs = [], []
            for repeat in range(chosen.repeats + 1):
                begun = time.perf_counter()
                entries.loss_and_products(observed, none, left, right)
                between = time.perf_counter()
                _ = residuals @ right, transposed @ left
                if repeat:
                    ours.append(between - begun)
                    theirs.append(time.perf_counter() - between)
            mine, other = statistics.median(ours), statistics.median(theirs)
            ratio = statistics.median(a / b for a, b in zip(ours, theirs, strict=True))
            print(f"{np.dtype(dtype).name:<9}{width:>6}{1e3 * mine:>13.2f}{1e3 * other:>10.2f}{ratio:>8.2f}")


if __name__ == "__main__":
    main()
