"""Which entries the folds hide: single ones at random, or, where rows are ordered, runs as long as the holes are."""

import numpy as np
from jaxtyping import Bool

_SHARE, _FOLDS, _FEWEST_LEFT = 0.1, 4, 3
# Where few entries would be judged by, more of them are held out, in more folds.
_FEW, _MORE_FOLDS, _LARGER_SHARE = 400, 6, 0.12


def held_entries(known: Bool[np.ndarray, "m n"], is_ordered: bool, seed: int) -> Bool[np.ndarray, "folds m n"]:
    """What each fold hides of the known entries; every column keeps a few."""
    few = known.sum() < _FEW
    folds, share = (_MORE_FOLDS, _LARGER_SHARE) if few else (_FOLDS, _SHARE)
    rng = np.random.default_rng(seed)
    held = np.zeros((folds, *known.shape), dtype=bool)
    draw = _runs if is_ordered and not known.all() else _singles
    for fold in held:
        fold |= draw(known, share, rng)
        for col in range(known.shape[1]):
            left = np.flatnonzero(known[:, col] & ~fold[:, col])
            lost = np.flatnonzero(fold[:, col])
            short = _FEWEST_LEFT - left.size
            if short > 0:
                fold[rng.permutation(lost)[:short], col] = False
    return held


def _singles(known: np.ndarray, share: float, rng: np.random.Generator) -> np.ndarray:
    places = np.flatnonzero(known)
    hidden = np.zeros(known.size, dtype=bool)
    hidden[rng.permutation(places)[: max(1, round(share * places.size))]] = True
    return hidden.reshape(known.shape)


def _runs(known: np.ndarray, share: float, rng: np.random.Generator) -> np.ndarray:
    """Runs of rows with the lengths of those that are unknown, each at a place drawn in its own column."""
    m, n = known.shape
    steps = np.diff(np.pad((~known).astype(int), ((1, 1), (0, 0))), axis=0)
    cols, begins = np.nonzero(steps.T == 1)
    lengths = np.nonzero(steps.T == -1)[1] - begins
    hidden, wanted = np.zeros((m, n), dtype=bool), share * known.sum()
    for _ in range(50):
        for run in rng.permutation(cols.size):
            length = min(int(lengths[run]), m // 2)
            begin = int(rng.integers(m - length + 1))
            hidden[begin : begin + length, cols[run]] = True
            if (hidden & known).sum() >= wanted:
                return hidden & known
    return hidden & known
