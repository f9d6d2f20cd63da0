"""MovieLens: the rating collections of GroupLens, from a folder or downloaded and verified.

The four sizes come in three layouts (tab-separated u.data, ratings.dat with "::", ratings.csv); all
become `Ratings`. Nothing of the data is part of this package, and nothing of it may be passed on:
see `movielens`.
"""

import csv
import gzip
import re
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from jaxtyping import Int

from rankfall.datasets.cache import fetch_folder
from rankfall.datasets.ratings import Features, Ratings
from rankfall.errors import InputError

ADDRESS = "https://files.grouplens.org/datasets/movielens"
FOLDS = ("u1", "u2", "u3", "u4", "u5", "ua", "ub")
OCCUPATIONS_1M = (
    "other", "academic/educator", "artist", "clerical/admin", "college/grad student",
    "customer service", "doctor/health care", "executive/managerial", "farmer", "homemaker",
    "K-12 student", "lawyer", "programmer", "retired", "sales/marketing", "scientist",
    "self-employed", "technician/engineer", "tradesman/craftsman", "unemployed", "writer",
)  # fmt: skip


@dataclass(frozen=True)
class Collection:
    """One size of MovieLens: its archive, folder and checksum, and how its rating lines read."""

    archive: str
    folder: str
    checksum: str
    ratings: str
    separator: str
    header: bool = False
    items: str = "movies.dat"
    encoding: str = "utf-8"


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

    user_numbers, item_numbers, stars, timestamps = _read_ratings(folder, form, size)
    users, user_labels = _codes(user_numbers)
    items, item_labels = _codes(item_numbers)
    titles, item_features = _items(folder, form, item_labels)
    return Ratings(
        users,
        items,
        stars,
        timestamps,
        user_labels,
        item_labels,
        item_titles=titles,
        user_features=_users(folder, size, user_labels),
        item_features=item_features,
        official_tests=_folds(folder, form, user_numbers, item_numbers) if size == "100k" else {},
    )


def _read_ratings(
    folder: Path, form: Collection, size: str
) -> tuple[np.ndarray, np.ndarray, np.ndarray, np.ndarray | None]:
    path = _find(folder, form.ratings)
    if path is not None:
        return _parse_ratings(path, form)
    packed = folder / "ratings.npz"
    if not packed.is_file():
        raise InputError(
            f"a folder with MovieLens {size} must hold {form.ratings}, {form.ratings}.gz or "
            f"ratings.npz, got {folder}; point data= at the unpacked archive"
        )
    with np.load(packed, allow_pickle=False) as arrays:
        if missing := {"user", "movie", "rating"}.difference(arrays.files):
            raise InputError(
                f"{packed} must hold arrays user, movie and rating, got none called "
                f"{', '.join(sorted(missing))}; rename them"
            )
        timestamps = arrays["timestamp"].astype(np.int64) if "timestamp" in arrays else None
        users, items = arrays["user"].astype(np.int64), arrays["movie"].astype(np.int64)
        return users, items, arrays["rating"].astype(np.float64), timestamps


def _parse_ratings(path: Path, form: Collection) -> tuple[np.ndarray, np.ndarray, np.ndarray, np.ndarray]:
    """The four columns user, item, rating, timestamp."""
    import polars

    whole, real = polars.Int64, polars.Float64
    names = {"user": whole, "item": whole, "rating": real, "time": whole}
    schema = {}
    for name, kind in names.items():
        # "::" is read as two colons with an empty field between them.
        if schema and form.separator == "::":
            schema[f"before {name}"] = polars.Int8
        schema[name] = kind
    try:
        frame = polars.read_csv(
            path,
            has_header=False,
            skip_rows=int(form.header),
            separator=form.separator[0],
            schema=schema,
        )
    except polars.exceptions.PolarsError as failure:
        raise InputError(
            f"{path} must hold lines of user, item, rating and time, separated by {form.separator!r}, "
            "got something else; fetch it anew"
        ) from failure
    if any(frame[name].null_count() for name in names):
        raise InputError(f"{path} must hold four numbers a line, got lines with fewer; fetch it anew")
    users, items, stars, timestamps = (frame[name].to_numpy(writable=True) for name in names)
    return users, items, stars, timestamps


def _codes(numbers: Int[np.ndarray, " count"]) -> tuple[np.ndarray, np.ndarray]:
    """Consecutive codes for the numbers that occur, ascending, and the numbers behind them."""
    if numbers.min() < 0:
        raise InputError(f"user and item numbers must not be negative, got {numbers.min()}")
    present = np.bincount(numbers) > 0
    return (np.cumsum(present) - 1)[numbers], np.flatnonzero(present)


def _folds(folder: Path, form: Collection, users: np.ndarray, items: np.ndarray) -> dict[str, np.ndarray]:
    """Where each published fold's test ratings stand in u.data; its base is all the others."""
    width = items.max() + 1
    keys = users * width + items
    order = np.argsort(keys)
    tests = {}
    for name in FOLDS:
        path = _find(folder, f"{name}.test")
        if path is None:
            continue
        test_users, test_items, _, _ = _parse_ratings(path, form)
        wanted = test_users * width + test_items
        places = order[np.searchsorted(keys, wanted, sorter=order).clip(max=keys.size - 1)]
        if np.any(keys[places] != wanted):
            raise InputError(f"{path} must be a part of u.data, got ratings that are not in it; fetch both anew")
        tests[name] = np.sort(places)
    return tests


def _items(folder: Path, form: Collection, labels: np.ndarray) -> tuple[tuple[str, ...] | None, Features | None]:
    """Titles, and the year with one indicator for each genre."""
    path = _find(folder, form.items)
    if path is None:
        return None, None
    known: dict[int, tuple[str, set[str]]] = {}
    if form.items == "u.item":
        listing = _find(folder, "u.genre") or folder / "u.genre"
        genres = [name for name, _ in _records(listing, "|", form.encoding, 2)]
        for number, title, *rest in _records(path, "|", form.encoding, 5 + len(genres)):
            listed = {genre for genre, flag in zip(genres, rest[3:], strict=True) if flag == "1"}
            known[int(number)] = title, listed
    else:
        for number, title, listed in _records(path, form.separator, form.encoding, 3, form.header):
            known[int(number)] = title, set(listed.split("|")) - {"(no genres listed)"}
    films = [known.get(int(label), ("", set[str]())) for label in labels]
    names = sorted({genre for _, listed in films for genre in listed})
    columns = [[_year(title) for title, _ in films]]
    columns += [[float(name in listed) for _, listed in films] for name in names]
    return tuple(title for title, _ in films), Features(np.array(columns).T, ("year", *names))


def _users(folder: Path, size: str, labels: np.ndarray) -> Features | None:
    """Age, gender, occupation; u.user starts number|age|gender, users.dat number::gender::age."""
    path = _find(folder, {"100k": "u.user", "1m": "users.dat"}.get(size, ""))
    if path is None:
        return None
    people: dict[int, tuple[float, str, str]] = {}
    if size == "100k":
        for number, age, gender, work, _ in _records(path, "|", "latin-1", 5):
            people[int(number)] = float(age), gender, work
    else:
        for number, gender, age, code, _ in _records(path, "::", "latin-1", 5):
            people[int(number)] = float(age), gender, OCCUPATIONS_1M[int(code)]
    known = [people.get(int(label), (np.nan, "", "")) for label in labels]
    works = sorted({work for _, _, work in known if work})
    columns = [[age for age, _, _ in known]]
    columns += [[float(given == gender) for _, given, _ in known] for gender in ("F", "M")]
    columns += [[float(given == work) for _, _, given in known] for work in works]
    names = ("age", "gender=F", "gender=M", *(f"occupation={work}" for work in works))
    return Features(np.array(columns).T, names)


def _year(title: str) -> float:
    """The year of release that ends a title, "Toy Story (1995)"."""
    found = re.findall(r"\((\d{4})\)", title)
    return float(found[-1]) if found else np.nan


def _find(folder: Path, name: str) -> Path | None:
    """The file, or its gzipped version, if the folder has one of them."""
    return next((p for p in (folder / name, folder / f"{name}.gz") if name and p.is_file()), None)


def _records(path: Path, separator: str, encoding: str, width: int, header: bool = False) -> list[list[str]]:
    """The fields of each line of a descriptive file, as many as there must be."""
    if not path.is_file():
        raise InputError(f"{path.name} must lie beside the other files, got none in {path.parent}")
    raw = path.read_bytes()
    # Not splitlines(): in Latin-1 titles it would also split at the control character U+0085.
    text = (gzip.decompress(raw) if path.suffix == ".gz" else raw).decode(encoding)
    lines = [line.rstrip("\r") for line in text.split("\n")[int(header) :] if line.strip()]
    rows = list(csv.reader(lines)) if separator == "," else [line.split(separator) for line in lines]
    for row in rows:
        if len(row) != width:
            raise InputError(f"a line of {path.name} must have {width} fields, got {len(row)} in {row}; fetch it anew")
    return rows
