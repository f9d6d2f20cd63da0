"""MovieLens: the rating collections of GroupLens, from a folder or downloaded and verified.

All four sizes become `Ratings`; `movielens_files` reads their files. Nothing of the data is part of this package, and
nothing of it may be passed on: see `movielens`.
"""

from pathlib import Path

import numpy as np
from jaxtyping import Int

from rankfall.datasets.cache import fetch_folder
from rankfall.datasets.movielens_files import Collection, read_folds, read_items, read_ratings, read_users
from rankfall.datasets.ratings import Ratings
from rankfall.errors import InputError

ADDRESS = "https://files.grouplens.org/datasets/movielens"
COLLECTIONS = {
    "100k": Collection(
        "ml-100k", "ml-100k",
        "sha256:50d2a982c66986937beb9ffb3aa76efe955bf3d5c6b761f4e3a7cd717c6a3229",
        "u.data", "\t", items="u.item", encoding="latin-1",
    ),
    "1m": Collection(
        "ml-1m", "ml-1m",
        "sha256:a6898adb50b9ca05aa231689da44c217cb524e7ebd39d264c56e2832f2c54e20",
        "ratings.dat", "::", encoding="latin-1",
    ),
    "10m": Collection(
        "ml-10m", "ml-10M100K",
        "sha256:813c411ccb6122564edfe752e7f80c4dcc5aa25fa94c93622f6877a7ba252862",
        "ratings.dat", "::",
    ),
    "20m": Collection(
        "ml-20m", "ml-20m",
        "sha256:96f243c338a8665f6bcc89c53edf6ee39162a846940de6b7c8c48aeada765ff3",
        "ratings.csv", ",", header=True, items="movies.csv",
    ),
}  # fmt: skip


def movielens(
    size: str = "100k",
    data: str | Path | None = None,
    *,
    source: str | None = None,
    checksum: str | None = None,
) -> Ratings:
    """Movie ratings collected by GroupLens, University of Minnesota.

    ====  ======================  ==========  =======  ===============================
    size  users × rated movies    ratings     stars    extras
    ====  ======================  ==========  =======  ===============================
    100k  943 × 1682              100,000     1 … 5    users, titles, genres, 7 folds
    1m    6040 × 3706             1,000,209   1 … 5    users, titles, genres
    10m   69878 × 10677           10,000,054  0.5 … 5  titles, genres
    20m   138493 × 26744          20,000,263  0.5 … 5  titles, genres
    ====  ======================  ==========  =======  ===============================

    Terms: research use; acknowledge the data (Harper and Konstan 2015, ACM TiiS 5:19), do not imply
    endorsement by GroupLens, make no commercial use and do not redistribute without their
    permission. The README in each archive binds; it stays beside the files in the cache.

    The features of a user are age (1m: the youngest of the group), gender=F, gender=M and
    occupation=…; those of an item its year and one indicator for each genre.

    Parameters
    ----------
    size
        "100k", "1m", "10m" or "20m".
    data
        a folder with the files as GroupLens ships them, each possibly gzipped, or its parent;
        a ratings.npz with arrays user, movie, rating and perhaps timestamp may stand for the
        ratings file. None downloads the archive once (5, 6, 66, 199 MB) and keeps it, see
        `rankfall.datasets.cache`.
    source
        another address to download from.
    checksum
        of the archive there ("sha256:…" or "md5:…"), when it is not the original one.

    Raises
    ------
    InputError
        on another size, a folder without the files, a malformed file, a failed
        download.
    """
    if size not in COLLECTIONS:
        raise InputError(f"size must be one of {', '.join(COLLECTIONS)}, got {size!r}; 100k is the smallest")
    form = COLLECTIONS[size]
    if data is None:
        url = f"{(source or ADDRESS).rstrip('/')}/{form.archive}.zip"
        root = fetch_folder(form.archive, url, checksum or form.checksum)
    else:
        root = Path(data)
    folder = root / form.folder if (root / form.folder).is_dir() else root

    user_numbers, item_numbers, stars, timestamps = read_ratings(folder, form, size)
    users, user_labels = _codes(user_numbers)
    items, item_labels = _codes(item_numbers)
    titles, item_features = read_items(folder, form, item_labels)
    return Ratings(
        users,
        items,
        stars,
        timestamps,
        user_labels,
        item_labels,
        item_titles=titles,
        user_features=read_users(folder, size, user_labels),
        item_features=item_features,
        official_tests=read_folds(folder, form, user_numbers, item_numbers) if size == "100k" else {},
    )


def _codes(numbers: Int[np.ndarray, " count"]) -> tuple[np.ndarray, np.ndarray]:
    """Consecutive codes for the numbers that occur, ascending, and the numbers behind them."""
    if numbers.min() < 0:
        raise InputError(f"user and item numbers must not be negative, got {numbers.min()}")
    present = np.bincount(numbers) > 0
    return (np.cumsum(present) - 1)[numbers], np.flatnonzero(present)
