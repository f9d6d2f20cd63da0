"""Fill the holes of a data frame, and see how far to trust the fill.

Forty weather stations report twelve monthly means each; 40 % of the cells were never written down. Every station
follows its own mean and its own seasonal swing, so the full table is close to rank 3.

    python examples/complete_table.py
"""

import numpy as np
import pandas as pd

import rankfall as rf

MONTHS = ["Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec"]


def stations(seed: int = 0) -> tuple[pd.DataFrame, pd.DataFrame]:
    """The table with holes, and the whole table that nobody sees."""
    rng = np.random.default_rng(seed)
    mean, swing, warmest = rng.normal(10, 4, 40), rng.normal(9, 2, 40), rng.normal(6.5, 0.4, 40)
    phase = 2 * np.pi * (np.arange(12) - warmest[:, None]) / 12
    degrees = mean[:, None] + swing[:, None] * np.cos(phase) + 0.3 * rng.standard_normal((40, 12))
    whole = pd.DataFrame(degrees, columns=MONTHS).rename_axis(index="station")
    return whole.mask(rng.random(whole.shape) < 0.4), whole


def main() -> None:
    holes, whole = stations()
    completion = rf.DeepMatrixFactorization().set_output(transform="pandas")
    filled = completion.fit_transform(holes)

    hidden = holes.isna().to_numpy()
    error = np.sqrt(np.mean((filled - whole).to_numpy()[hidden] ** 2))
    print(f"observed            {100 * (1 - hidden.mean()):.0f} % of {holes.shape[0]} × {holes.shape[1]}")
    print(f"depth               {completion.depth_}")
    print(f"effective rank      {completion.effective_rank_:.2f}")
    print(f"held-out error      {completion.held_out_error_:.2f} degrees, estimated from the observed cells alone")
    print(f"column means        {completion.column_mean_error_:.2f} degrees, on the same cells")
    print(f"error on the holes  {error:.2f} degrees, which only this example can know")
    print(filled.head(3).round(1).to_string())


if __name__ == "__main__":
    main()
