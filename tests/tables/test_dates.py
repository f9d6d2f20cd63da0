"""Columns that say when: read from many spellings, and rows put in the order of time."""

import datetime

import numpy as np
import pytest

from rankfall.errors import InputError
from rankfall.tables import Table
from rankfall.tables.dates import dated_column, is_increasing, order_of, times_of

DAYS = [datetime.date(2020, 1, 5) + datetime.timedelta(days=20 * step) for step in range(5)]


@pytest.mark.parametrize(
    "kind", ["%Y-%m-%d", "%Y-%m-%d %H:%M:%S", "%d.%m.%Y", "%d/%m/%Y", "%m/%d/%Y", "%d %b %Y", "%Y/%m/%d", "%Y%m%d"]
)
def test_dates_are_read_however_they_are_spelled(kind):
    times = times_of([day.strftime(kind) for day in DAYS])
    np.testing.assert_array_equal(np.diff(times), 20 * 86400)


@pytest.mark.parametrize("cells", [["2020-01", "2020-02", "2020-03"], ["Jan 2020", "Feb 2020", "Mar 2020"], DAYS])
def test_months_and_dates_of_python_are_times(cells):
    assert is_increasing(times_of(cells))


@pytest.mark.parametrize("cells", [["a", "b"], ["2020-01-05", None], ["2020-01-05", ""], ["12", "13"], [1.0, 2.0]])
def test_other_cells_are_no_dates(cells):
    assert times_of(cells) is None


def _table(labels, values=None):
    return Table(np.zeros((5, 2)) if values is None else values, ("a", "b"), labels)


def test_only_rows_in_order_are_taken_to_be_ordered():
    days = [str(day) for day in DAYS]
    assert dated_column(_table({"who": list("vwxyz"), "day": days})) == "day"
    assert dated_column(_table({"born": [*days[1:], days[0]]})) is None
    assert dated_column(_table({"who": list("vwxyz")})) is None
    assert dated_column(_table(None)) is None


def test_rows_are_ordered_by_any_column_of_times():
    table = _table({"day": [str(day) for day in DAYS[::-1]], "year": ["3", "1", "2", "5", "4"]})
    np.testing.assert_array_equal(np.argsort(order_of(table, "day")), [4, 3, 2, 1, 0])
    np.testing.assert_array_equal(np.argsort(order_of(table, "year")), [1, 2, 0, 4, 3])
    values = np.asarray([[3.0, 0], [1, 0], [2, 0], [5, 0], [4, 0]])
    np.testing.assert_array_equal(np.argsort(order_of(_table(None, values), "a")), [1, 2, 0, 4, 3])


@pytest.mark.parametrize(
    ("column", "words"), [("x", "must be that of a column, got 'x'"), ("who", "column 'who' has other cells")]
)
def test_what_orders_nothing_is_refused(column, words):
    with pytest.raises(InputError, match=words):
        order_of(_table({"who": list("vwxyz")}), column)
