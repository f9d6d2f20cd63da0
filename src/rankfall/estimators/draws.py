"""Multiple imputation: completed tables drawn from what is uncertain about the filled entries.   [rubin1987]

A draw of row i of a small table is, in column units, with M its unknown and O its known entries,

    x̂_M + [E*(x_M | x_O) − E(x_M | x_O)] + S C*^{1/2} ε,      ε ~ N(0, I)

x̂ is the fit. E and C = Σ_MM − Σ_MO Σ_OO⁻¹ Σ_OM are those of a Gaussian fitted to the rows, and the asterisk marks one
fitted to rows drawn with replacement: what relates the columns is uncertain, too.   [honaker2010] S scales the noise of
each column to the error of its held-out entries. In a table that is too wide for a Gaussian, or for which the
factorization stands alone, a filled entry is drawn around its prediction with an error drawn from the held-out ones.
"""

import numpy as np
from jaxtyping import Float

from rankfall.errors import InputError
from rankfall.estimators.fitted import FittedTable
from rankfall.estimators.refinement.column_units import varying_columns
from rankfall.estimators.refinement.gaussian import LARGEST, fitted_gaussians, prior_rows

# How many held-out entries' worth the Gaussian's own error weighs in S.
_DOUBT = 20.0


def drawn_tables(fitted: FittedTable, n_draws: int, seed: int) -> Float[np.ndarray, "draws m n"]:
    """`n_draws` tables in input units; observed entries are those of the fit, not of the table.

    Raises InputError for fewer than two draws, a table of two values, or nothing held out to judge errors by.
    """
    if not isinstance(n_draws, (int, np.integer)) or n_draws < 2:
        raise InputError(f"n_draws must be a whole number of at least 2, got {n_draws!r}; 20 is usual")
    if fitted.signs is not None:
        raise InputError("draws are for tables of numbers, got one of two values; draw from predict_proba instead")
    if not fitted.selection.values.size:
        raise InputError("draws need held-out entries to know errors by, got a table with too few; observe at least 10")
    rng = np.random.default_rng(seed)
    return fitted.of_draws(_drawn(fitted.source, n_draws, rng), rng)


def _drawn(fitted: FittedTable, n_draws: int, rng: np.random.Generator) -> Float[np.ndarray, "draws m n"]:
    m, n = fitted.problem.shape
    if fitted.refinement is not None and m * n**3 <= LARGEST:
        return _by_rows(fitted, n_draws, rng)
    return _entry_by_entry(fitted, n_draws, rng)


def _by_rows(fitted: FittedTable, n_draws: int, rng: np.random.Generator) -> Float[np.ndarray, "draws m n"]:
    m, n = fitted.problem.shape
    raw = np.full((m, n), np.nan)
    raw[fitted.problem.rows, fitted.problem.cols] = fitted.problem.values
    center = fitted.trained_rows(slice(None))
    varying = varying_columns(raw)
    origin, unit = np.nanmean(raw[:, varying], axis=0), np.nanstd(raw[:, varying], axis=0)
    z = (raw[:, varying] - origin) / unit
    drawn_rows = rng.integers(m, size=(n_draws, m))
    _, means, spreads = fitted_gaussians(np.concatenate([z[None], z[drawn_rows]]), prior_rows(z.shape[1]))
    known = ~np.isnan(z)
    expected, conditional = np.zeros((n_draws + 1, *z.shape)), np.zeros((n_draws + 1, *z.shape))
    noise = rng.standard_normal((n_draws + 1, *z.shape))
    drawn = np.zeros_like(noise)
    for i in range(m):
        have, lack = np.flatnonzero(known[i]), np.flatnonzero(~known[i])
        if not lack.size:
            continue
        gain = np.linalg.solve(spreads[:, have[:, None], have], spreads[:, have[:, None], lack])
        expected[:, i, lack] = means[:, 0, lack] + np.einsum("k,dkl->dl", z[i, have], gain)
        expected[:, i, lack] -= np.einsum("dk,dkl->dl", means[:, 0, have], gain)
        rest = spreads[:, lack[:, None], lack] - np.swapaxes(spreads[:, have[:, None], lack], 1, 2) @ gain
        conditional[:, i, lack] = np.diagonal(rest, axis1=1, axis2=2)
        root = np.linalg.cholesky(rest + 1e-10 * np.eye(lack.size))
        drawn[:, i, lack] = np.einsum("dkl,dl->dk", root, noise[:, i, lack])
    usual = np.sqrt(np.sum(conditional[0], axis=0) / np.maximum(1, np.sum(~known, axis=0)))
    held = np.bincount(fitted.selection.cols, minlength=n)[varying]
    ratio = fitted.error_units[varying] / unit / np.maximum(usual, 1e-12)
    scale = np.sqrt((held * ratio**2 + _DOUBT) / (held + _DOUBT))
    tables = np.tile(center, (n_draws, 1, 1))
    tables[:, :, varying] += unit * (expected[1:] - expected[:1] + scale * drawn[1:])
    return tables


def _entry_by_entry(fitted: FittedTable, n_draws: int, rng: np.random.Generator) -> Float[np.ndarray, "draws m n"]:
    m, n = fitted.problem.shape
    rows, cols = np.divmod(np.arange(m * n), n)
    center = fitted.trained_rows(slice(None)).ravel()
    spread = fitted.error_units[cols] * fitted.calibration.spread(rows, cols)
    scores = fitted.calibration.scores
    signed = rng.choice(scores, (n_draws, m * n)) * rng.choice([-1.0, 1.0], (n_draws, m * n))
    return (center + spread * signed).reshape(n_draws, m, n)
