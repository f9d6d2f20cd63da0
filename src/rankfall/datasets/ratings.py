"""Ratings: triplets (user, item, rating), the labels behind the codes, and the ways to split them.

Published numbers depend on the split as much as on the method, so each customary split has its name
here: at random, the same share of every user, the latest, k folds, and the folds the publisher
made.
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field, replace

import numpy as np
from jaxtyping import Bool, Float, Int

from rankfall.errors import InputError


@dataclass(frozen=True, eq=False)
class Features:
    """Named numeric columns describing users or items, one row each; NaN where nothing is known."""

    values: Float[np.ndarray, "labels columns"]
    names: tuple[str, ...]

    def column(self, name: str) -> Float[np.ndarray, " labels"]:
        """The column of that name."""
        if name not in self.names:
            raise InputError(f"a feature must be one of {', '.join(self.names)}, got {name!r}")
        return self.values[:, self.names.index(name)]


@dataclass(frozen=True, eq=False)
class Ratings:
    """A table of ratings, known at `len(ratings)` of its m × n entries.

    Row i is the user `user_labels[i]`, column j the item `item_labels[j]`; only those with a rating
    have a code. A part of the ratings keeps all labels, hence the shape.

    Attributes
    ----------
    users
        codes 0 … m − 1.
    items
        codes 0 … n − 1.
    ratings
        stars.
    timestamps
        seconds since 1970, or None where the source has none.
    user_labels
        the source's user numbers, ascending.
    item_labels
        the source's item numbers, ascending.
    item_titles
        a title for each item, or None.
    user_features
        or None.
    item_features
        or None.
    official_tests
        name of a published fold -> positions of its test ratings.
    """

    users: Int[np.ndarray, " count"]
    items: Int[np.ndarray, " count"]
    ratings: Float[np.ndarray, " count"]
    timestamps: Int[np.ndarray, " count"] | None
    user_labels: Int[np.ndarray, " m"]
    item_labels: Int[np.ndarray, " n"]
    item_titles: tuple[str, ...] | None = field(default=None, repr=False)
    user_features: Features | None = field(default=None, repr=False)
    item_features: Features | None = field(default=None, repr=False)
    official_tests: Mapping[str, np.ndarray] = field(default_factory=dict, repr=False)

    def __len__(self) -> int:
        return self.ratings.size

    @property
    def shape(self) -> tuple[int, int]:
        """(m, n), users by items."""
        return self.user_labels.size, self.item_labels.size

    def triplets(
        self,
    ) -> tuple[
        Int[np.ndarray, " count"],
        Int[np.ndarray, " count"],
        Float[np.ndarray, " count"],
    ]:
        """(rows, cols, values), as `Completion.from_triplets` takes them together with `shape`."""
        return self.users, self.items, self.ratings

    def to_array(self) -> Float[np.ndarray, "m n"]:
        """The dense m × n table, NaN where there is no rating; for 20m it would be 30 GB."""
        table = np.full(self.shape, np.nan)
        table[self.users, self.items] = self.ratings
        return table

    def select(self, chosen: Bool[np.ndarray, " count"] | Int[np.ndarray, " part"]) -> "Ratings":
        """The ratings at these positions (numbers or a mask), with all labels kept."""
        return replace(
            self,
            users=self.users[chosen],
            items=self.items[chosen],
            ratings=self.ratings[chosen],
            timestamps=None if self.timestamps is None else self.timestamps[chosen],
            official_tests={},
        )

    def split(self, fraction: float = 0.1, seed: int = 0) -> tuple["Ratings", "Ratings"]:
        """(train, test): a random `fraction` of all ratings is the test."""
        _check_fraction(fraction)
        order = np.random.default_rng(seed).permutation(len(self))
        return self._apart(order[: round(fraction * len(self))])

    def split_each_user(self, fraction: float = 0.25, seed: int = 0) -> tuple["Ratings", "Ratings"]:
        """(train, test): a random `fraction` of every user's ratings is the test (stratified)."""
        _check_fraction(fraction)
        order = np.random.default_rng(seed).permutation(len(self))
        order = order[np.argsort(self.users[order], kind="stable")]
        sizes = np.bincount(self.users, minlength=self.shape[0])
        place = np.arange(len(self)) - np.repeat(np.cumsum(sizes) - sizes, sizes)
        return self._apart(order[place < np.repeat(np.rint(fraction * sizes), sizes)])

    def split_by_time(self, fraction: float = 0.1) -> tuple["Ratings", "Ratings"]:
        """(train, test): the latest `fraction` of all ratings is the test, as in use.

        Raises
        ------
        InputError
            when the source has no timestamps.
        """
        _check_fraction(fraction)
        if self.timestamps is None:
            raise InputError("a split by time must have timestamps, got none from this source; use split()")
        order = np.argsort(self.timestamps, kind="stable")
        return self._apart(order[len(self) - round(fraction * len(self)) :])

    def folds(self, count: int = 5, seed: int = 0) -> Iterator[tuple["Ratings", "Ratings"]]:
        """(train, test) for each of `count` random folds; every rating is tested once."""
        if not 2 <= count <= len(self):
            raise InputError(f"folds must number between 2 and {len(self)}, got {count}; 5 is customary")
        order = np.random.default_rng(seed).permutation(len(self))
        return (self._apart(test) for test in np.array_split(order, count))

    def fold(self, name: int | str) -> tuple["Ratings", "Ratings"]:
        """(base, test) of a published fold of MovieLens-100K: 1 … 5 (u1 … u5), "a" or "b" (ua, ub).

        Raises
        ------
        InputError
            when the source has no such fold.
        """
        key = f"u{str(name).removeprefix('u')}"
        if key not in self.official_tests:
            known = ", ".join(self.official_tests) or "none in this source, use folds()"
            raise InputError(f"a published fold must be one of those present ({known}), got {name!r}")
        return self._apart(self.official_tests[key])

    def _apart(self, test: np.ndarray) -> tuple["Ratings", "Ratings"]:
        mask = np.zeros(len(self), dtype=bool)
        mask[test] = True
        return self.select(~mask), self.select(mask)


def _check_fraction(fraction: float) -> None:
    if not 0 < fraction < 1:
        raise InputError(f"fraction must lie strictly between 0 and 1, got {fraction}; 0.1 tests on a tenth")
