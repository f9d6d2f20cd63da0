"""Planted matrices: low rank by construction, so that a completion can be judged on every entry.

The default is the recipe of the papers. A spectrum, a condition number or a coherence can be asked
for instead, and is then met exactly: these are the three things theorems about completion are
stated in.
"""

import math
from collections.abc import Sequence

import numpy as np
from jaxtyping import Float

from rankfall.arrays import Array
from rankfall.errors import InputError

KINDS = ("general", "symmetric", "psd")


def planted(
    shape: tuple[int, int] = (100, 100),
    rank: int | None = None,
    spectrum: Sequence[float | int] | np.ndarray | None = None,
    condition: float | int | None = None,
    coherence: float | int | None = None,
    kind: str = "general",
    norm: float | int | None = None,
    seed: int = 0,
) -> Float[np.ndarray, "m n"]:
    """A matrix of known rank, drawn from a seed.

    W = U Vᵀ/√r with independent standard normal U (m × r) and V (n × r), rescaled to ‖W‖_F = √(mn):
    the mean squared entry is 1, so the mean squared error of the all-zero guess is 1 too
    [arora2019, experiments].

    With singular values given, U and V are orthonormalized first, which makes them uniformly
    distributed (Haar) frames, and W = U diag(σ) Vᵀ.

    Parameters
    ----------
    shape
        (m, n).
    rank
        r; by default the spectrum's length, else 5 (or the smaller side, if that is less).
    spectrum
        the nonzero singular values, kept exactly unless `norm` is given. For "symmetric"
        they are the eigenvalues and carry their signs.
    condition
        σ_1/σ_r; the singular values go down geometrically,
        σ_k ∝ condition^((r−k)/(r−1)), and are rescaled to `norm`. For "symmetric" the signs
        are drawn.
    coherence
        μ = (m/r)·max_i ‖U_i‖² of the column space and likewise of the row space: one row
        and one column are raised until μ is met exactly. It ranges from that of the draw to
        min(m, n)/r  [candes2009].
    kind
        "general" U Vᵀ; "symmetric" U S Uᵀ, S random signs; "psd" U Uᵀ.
    norm
        ‖W‖_F; √(mn) by default.
    seed
        of `numpy.random.default_rng`.

    Returns
    -------
    Float[np.ndarray, 'm n']
        W in float64.

    Raises
    ------
    InputError
        on a rank, spectrum, condition, coherence, kind or norm that no such matrix has.

    Examples
    --------
    >>> W = planted((60, 40), spectrum=[3.0, 2.0, 1.0])
    >>> [round(float(s), 6) for s in np.linalg.svd(W, compute_uv=False)[:4]]
    [3.0, 2.0, 1.0, 0.0]
    """
    rows, cols = table_shape(shape)
    if kind not in KINDS:
        raise InputError(f"kind must be one of {', '.join(KINDS)}, got {kind!r}; general is the default")
    if kind != "general" and rows != cols:
        raise InputError(f"a {kind} matrix must be square, got shape {(rows, cols)}; use kind='general'")
    if norm is not None and not (math.isfinite(norm) and norm > 0):
        raise InputError(f"norm must be positive, got {norm}; leave it out for a mean squared entry of 1")
    rank = _rank(rank, spectrum, min(rows, cols))
    sigma = _spectrum(spectrum, condition, rank, kind)

    rng = np.random.default_rng(seed)
    left = _spiked(rng.standard_normal((rows, rank)), coherence)
    right = left if kind != "general" else _spiked(rng.standard_normal((cols, rank)), coherence)
    signs = np.ones(rank)
    if kind == "symmetric" and spectrum is None:
        signs = rng.choice([-1.0, 1.0], size=rank)
    if sigma is None:
        matrix = (left * signs) @ right.T
    else:
        matrix = (_frame(left) * (sigma * signs)) @ _frame(right).T

    if kind != "general":
        matrix = (matrix + matrix.T) / 2
    if spectrum is None and norm is None:
        norm = math.sqrt(rows * cols)
    if norm is not None:
        matrix *= norm / np.linalg.norm(matrix)
    return matrix


def coherence_of(matrix: Float[Array, "m n"], rank: int) -> tuple[float, float]:
    """The coherence: how concentrated the leading singular vectors are on single rows and columns.

    μ(U) = (m/r)·max_i ‖U_i‖², between 1 (spread evenly) and m/r (one row carries a vector by
    itself); the same for V with n. Uniform sampling needs about μ r (m + n) log² entries
    [candes2009].

    Parameters
    ----------
    matrix
        the whole matrix (m, n).
    rank
        r, how many leading singular vectors count.

    Returns
    -------
    tuple[float, float]
        (μ(U), μ(V)).
    """
    left, _, right = np.linalg.svd(np.asarray(matrix), full_matrices=False)
    leverages = (left[:, :rank] ** 2).sum(1), (right[:rank].T ** 2).sum(1)
    row_side, col_side = (float(scores.max() * scores.size / rank) for scores in leverages)
    return row_side, col_side


def table_shape(shape: Sequence[int] | np.ndarray | int) -> tuple[int, int]:
    """(m, n) as two positive integers; anything else is an InputError."""
    sizes = np.atleast_1d(shape).tolist()
    if len(sizes) != 2 or not all(isinstance(size, int) and size > 0 for size in sizes):
        raise InputError(f"shape must be two positive integers (m, n), got {shape}; e.g. (100, 100)")
    return sizes[0], sizes[1]


def _rank(rank: int | None, spectrum: Sequence[float | int] | np.ndarray | None, largest: int) -> int:
    if spectrum is not None:
        if rank is not None and rank != len(spectrum):
            raise InputError(
                f"rank must be the number of singular values, got rank {rank} with {len(spectrum)} "
                "of them; leave rank out when a spectrum is given"
            )
        rank = len(spectrum)
    elif rank is None:
        rank = min(5, largest)
    if not 1 <= rank <= largest:
        raise InputError(f"rank must lie between 1 and {largest}, the smaller side, got {rank}; lower it")
    return rank


def _spectrum(
    spectrum: Sequence[float | int] | np.ndarray | None,
    condition: float | int | None,
    rank: int,
    kind: str,
) -> np.ndarray | None:
    if spectrum is not None and condition is not None:
        raise InputError(
            f"only one of spectrum and condition must be given, got both (condition {condition}); drop one"
        )
    if condition is not None:
        if not (math.isfinite(condition) and condition >= 1):
            raise InputError(f"condition must be at least 1, got {condition}; it is σ_1/σ_r, 1 makes all equal")
        return np.geomspace(condition, 1.0, rank) if rank > 1 else np.ones(1)
    if spectrum is None:
        return None
    sigma = np.asarray(spectrum, dtype=np.float64)
    signs_allowed = kind == "symmetric"
    if sigma.ndim != 1 or not np.isfinite(sigma).all() or np.any(sigma == 0):
        raise InputError(
            f"spectrum must be a list of finite nonzero numbers, got {spectrum}; leave zeros out, "
            "they only lower the rank"
        )
    if not signs_allowed and np.any(sigma < 0):
        raise InputError(
            f"singular values must be positive, got {sigma.min():g}; kind='symmetric' takes eigenvalues of both signs"
        )
    return sigma


def _spiked(factor: np.ndarray, coherence: float | int | None) -> np.ndarray:
    """The factor with its strongest row raised until its column space has the coherence asked for.

    Scaling row i by s turns its leverage h into s²h/(1 − h + s²h) (Sherman–Morrison) and lowers all
    others, hence s² = ℓ(1 − h)/(h(1 − ℓ)) gives it leverage ℓ = μ r/m exactly.
    """
    if coherence is None:
        return factor
    size, rank = factor.shape
    scores = (_frame(factor) ** 2).sum(1)
    row = int(scores.argmax())
    present, wanted = float(scores[row]), float(coherence) * rank / size
    if not present <= wanted < 1:
        raise InputError(
            f"coherence must lie between that of the draw, {present * size / rank:.4g}, and "
            f"{size / rank:g} (excluded), got {coherence}; leave it out for spread singular vectors"
        )
    spiked = factor.copy()
    spiked[row] *= math.sqrt(wanted * (1 - present) / (present * (1 - wanted)))
    return spiked


def _frame(factor: np.ndarray) -> np.ndarray:
    """Orthonormal basis of the column space; with diag(R) positive, Haar for Gaussian factors."""
    frame, triangle = np.linalg.qr(factor)
    return frame * np.where(np.diag(triangle) < 0, -1.0, 1.0)
