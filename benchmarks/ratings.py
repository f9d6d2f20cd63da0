"""Ratings on fixed splits, rankfall beside its peers, measured in one run: `python -m benchmarks.ratings --data DIR`.

| part   | train and test                                                                                    |
|--------|---------------------------------------------------------------------------------------------------|
| u1     | MovieLens-100K, the publisher's u1.base and u1.test                                                |
| folds  | MovieLens-100K, the publisher's u1 … u5, mean over the five                                        |
| 1m     | MovieLens-1M, `numpy.random.default_rng(0).permutation`, the first 90 % train                      |
| jester | Jester, 5,000 users, the same permutation and share                                                |

Every method sees the training entries alone and chooses its settings on them; all predictions are clipped to the
rating scale. Seconds are those of choosing, fitting and predicting, in this process, after a tiny table has had
everything imported and compiled. Peers are measured where they are installed (pip install scikit-surprise cmfrec
fancyimpute); a method that is not for a size says why below the table. For rankfall the table also has the share of
test entries that its 90 % intervals cover, and their mean width. Folders: ml-100k, ml-1m, jester5k/jester5k.npz.
"""

import argparse
import os
import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

import rankfall as rf
from rankfall.comparison import METHODS, Contender, measure, named, warm_up
from rankfall.comparison.methods import Rankfall
from rankfall.datasets import Ratings, movielens
from rankfall.errors import InputError

PARTS = ("u1", "folds", "1m", "jester")
COLUMNS = ("RMSE", "MAE", "seconds", "coverage", "width")
SEED, TRAINED, MISSED = 0, 0.9, 0.1


@dataclass(frozen=True, eq=False)
class Split:
    """Training entries and those to predict, with the bounds of the scale."""

    train: rf.Completion
    test: rf.Completion
    bounds: tuple[float, float]


def splits(part: str, data: Path) -> list[Split]:
    """The splits of a part: one, or the five published folds."""
    if part in ("u1", "folds"):
        ratings = movielens("100k", data=data)
        published = [ratings.fold(name) for name in ((1,) if part == "u1" else (1, 2, 3, 4, 5))]
        return [Split(_problem(base), _problem(test), (1.0, 5.0)) for base, test in published]
    if part == "1m":
        ratings = movielens("1m", data=data)
        train, test = _shuffled(len(ratings))
        return [Split(_problem(ratings.select(train)), _problem(ratings.select(test)), (1.0, 5.0))]
    path = data / "jester5k" / "jester5k.npz"
    if not path.is_file():
        raise InputError(f"Jester must lie in {path}, it does not; leave the part out")
    with np.load(path, allow_pickle=False) as arrays:
        rows, cols, values = (arrays[name] for name in ("user", "joke", "rating"))
    shape, values = (int(rows.max()) + 1, int(cols.max()) + 1), values.astype(np.float64)
    train, test = (
        rf.Completion.from_triplets(rows[part], cols[part], values[part], shape) for part in _shuffled(values.size)
    )
    return [Split(train, test, (-10.0, 10.0))]


def _problem(ratings: Ratings) -> rf.Completion:
    return rf.Completion.from_triplets(*ratings.triplets(), ratings.shape)


def _shuffled(count: int) -> tuple[np.ndarray, np.ndarray]:
    order = np.random.default_rng(SEED).permutation(count)
    return order[: int(TRAINED * count)], order[int(TRAINED * count) :]


def rankfall_numbers(split: Split, parameters: dict) -> tuple[float, ...]:
    """RMSE, MAE and seconds of the estimator; coverage and mean width of its 90 % intervals, outside the clock."""
    low, high = split.bounds
    rows, cols, values = split.test.rows, split.test.cols, split.test.values
    begun = time.perf_counter()
    model = Rankfall({"bounds": (low, high)} | parameters).fit(split.train, SEED)
    predicted = model.predict(rows, cols)
    seconds = time.perf_counter() - begun
    below, above = model.predict_interval(rows, cols, MISSED)
    covered = float(np.mean((below <= values) & (values <= above)))
    return *_errors(predicted, values), seconds, covered, float(np.mean(above - below))


def numbers(method: Contender, split: Split) -> tuple[float, ...] | str:
    """RMSE, MAE and seconds of any method, or the reason why there are none."""
    refusal = method.refusal(split.train)
    if refusal is not None:
        return refusal
    if isinstance(method, Rankfall):
        return rankfall_numbers(split, dict(method.parameters))
    answer = measure(method, split.train, split.test.rows, split.test.cols, SEED)
    if answer.predictions is None:
        return answer.reason or "no answer"
    return *_errors(np.clip(answer.predictions, *split.bounds), split.test.values), answer.seconds, np.nan, np.nan


def _errors(predicted: np.ndarray, values: np.ndarray) -> tuple[float, float]:
    missed = np.abs(predicted - values)
    return float(np.sqrt(np.mean(missed**2))), float(np.mean(missed))


def lines(part: str, methods: Sequence[Contender], data: Path) -> Iterator[str]:
    """The table of a part, a line as soon as it is measured; the reasons of those without numbers last."""
    parted = splits(part, data)
    train, test = parted[0].train, parted[0].test
    times = f", mean of {len(parted)}" if len(parted) > 1 else ""
    size = f"{train.shape[0]} × {train.shape[1]}, {train.values.size} train, {test.values.size} test"
    yield f"{part}: {size}{times}"
    yield f"| {'method':26} | " + " | ".join(f"{title:>8}" for title in COLUMNS) + " |"
    yield f"|{'-' * 28}|" + "|".join("-" * 9 + ":" for _ in COLUMNS) + "|"
    reasons = []
    for method in methods:
        found = []
        for split in parted:
            measured = numbers(method, split)
            if isinstance(measured, str):
                reasons.append(f"{method.title}: {measured}")
                break
            found.append(measured)
        else:
            yield _line(method.title, np.mean(found, axis=0))
    yield from reasons


def _line(title: str, means: np.ndarray) -> str:
    forms = (".4f", ".4f", ".2f", ".1%", ".3f")
    cells = ["" if np.isnan(mean) else f"{mean:{form}}" for mean, form in zip(means, forms, strict=True)]
    return f"| {title:26} | " + " | ".join(f"{cell:>8}" for cell in cells) + " |"


def main() -> None:
    """Print a table for each part."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    default = os.environ.get("RANKFALL_TEST_DATA") or Path(__file__).parents[2] / "shared" / "data"
    parser.add_argument(
        "--data", type=Path, default=default, help="folder of the data; RANKFALL_TEST_DATA names it too"
    )
    parser.add_argument("--parts", nargs="+", choices=PARTS, default=PARTS)
    parser.add_argument("--methods", nargs="+", choices=METHODS, help="default: all that are installed")
    chosen = parser.parse_args()
    try:
        methods = named(chosen.methods)
        for method in methods:
            warm_up(method)
        for part in chosen.parts:
            for line in lines(part, methods, chosen.data):
                print(line, flush=True)
            print()
    except InputError as error:
        parser.error(str(error))


if __name__ == "__main__":
    main()
