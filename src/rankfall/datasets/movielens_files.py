"""The files of MovieLens as GroupLens ships them: ratings, published folds, and what describes users and items.

The ratings come in three layouts (tab-separated u.data, ratings.dat with "::", ratings.csv), each possibly gzipped.
"""

import csv
import gzip
import re
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from rankfall.datasets.ratings import Features
from rankfall.errors import InputError

_FOLDS = ("u1", "u2", "u3", "u4", "u5", "ua", "ub")


_OCCUPATIONS_1M = (
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


def read_ratings(
    folder: Path, form: Collection, size: str
) -> tuple[np.ndarray, np.ndarray, np.ndarray, np.ndarray | None]:
    """Users, items, ratings and, where they are known, times, from the ratings file or a ratings.npz."""
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


def read_folds(folder: Path, form: Collection, users: np.ndarray, items: np.ndarray) -> dict[str, np.ndarray]:
    """Where each published fold's test ratings stand in u.data; its base is all the others."""
    width = items.max() + 1
    keys = users * width + items
    order = np.argsort(keys)
    tests = {}
    for name in _FOLDS:
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


def read_items(folder: Path, form: Collection, labels: np.ndarray) -> tuple[tuple[str, ...] | None, Features | None]:
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


def read_users(folder: Path, size: str, labels: np.ndarray) -> Features | None:
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
            people[int(number)] = float(age), gender, _OCCUPATIONS_1M[int(code)]
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
