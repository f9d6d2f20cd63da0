"""Columns of words as categories: which ones, read from every format, and written back as words."""

import numpy as np
import pytest

from rankfall.errors import InputError
from rankfall.tables import Reading, from_frame, read_table, to_frame, write_table

AUTO = Reading(categories=("auto",))
ROWS = [
    (f"p{row}", 20 + row, ("", "f", "m")[(row * 7) % 3], ("clerk", "cook", "")[row % 3], f"street {row}")
    for row in range(24)
]
NAMES = ("who", "age", "sex", "job", "address")
TEXT = "\n".join(",".join(map(str, row)) for row in (NAMES, *ROWS)) + "\n"


@pytest.fixture
def files(tmp_path):
    """The same table in each format, by extension."""
    pl = pytest.importorskip("polars")
    frame = pl.DataFrame(ROWS, schema=list(NAMES), orient="row").with_columns(
        pl.when(pl.col(name) != "").then(pl.col(name)).alias(name) for name in ("sex", "job")
    )
    (tmp_path / "t.csv").write_text(TEXT)
    (tmp_path / "t.tsv").write_text(TEXT.replace(",", "\t"))
    frame.write_parquet(tmp_path / "t.parquet")
    frame.write_ipc(tmp_path / "t.feather")
    write_table(read_table(tmp_path / "t.csv"), tmp_path / "t.xlsx")
    return tmp_path


@pytest.mark.parametrize("kind", ["csv", "tsv", "xlsx", "parquet", "feather"])
@pytest.mark.parametrize("out", ["csv", "xlsx", "parquet"])
def test_words_become_codes_and_come_back(files, kind, out):
    table = read_table(files / f"t.{kind}", reading=AUTO)
    assert [table.column_names[place] for place in table.categories] == ["sex", "job"]
    assert list(table.row_labels) == ["who", "address"]
    places = list(table.categories)
    assert [table.levels(place) for place in places] == [("f", "m"), ("clerk", "cook")]
    assert np.isnan(table.values[:, places]).sum() == 16
    filled = table.with_values(np.where(np.isnan(table.values), 1.0, table.values))
    write_table(filled, files / f"done.{out}")
    again = read_table(files / f"done.{out}", reading=AUTO)
    np.testing.assert_array_equal(again.values, filled.values)
    assert again.row_labels == table.row_labels
    assert {str(note).split(":")[0] for note in table.layout.notes} >= {
        "column 'sex' completed as one of 2 categories", "column 'job' completed as one of 2 categories",
    }  # fmt: skip


def test_text_comes_back_byte_for_byte(files):
    table = read_table(files / "t.csv", reading=AUTO)
    write_table(table, files / "same.csv")
    assert (files / "same.csv").read_text() == TEXT
    first = np.argwhere(np.isnan(table.values))[0]
    values = table.values.copy()
    values[tuple(first)] = 1.0
    write_table(table.with_values(values), files / "one.csv")
    before, after = TEXT.split("\n"), (files / "one.csv").read_text().split("\n")
    assert [(old, new) for old, new in zip(before, after, strict=True) if old != new] == [
        ("p0,20,,clerk,street 0", "p0,20,m,clerk,street 0")
    ]


def test_columns_may_be_asked_for_by_name_or_place(files):
    table = read_table(files / "t.csv", reading=Reading(categories=("4", "age")))
    assert [table.column_names[place] for place in table.categories] == ["age", "job"]
    assert table.levels(0) == ()
    assert list(table.row_labels) == ["who", "sex", "address"]


def test_a_code_for_unknown_is_a_cell_not_a_level(files):
    table = read_table(files / "t.csv", reading=Reading(unknown=("clerk", "1"), categories=("auto",)))
    job = table.column_names.index("sex")
    assert np.nanmax(table.values[:, job]) == 1
    # what is left of it is one word in every cell
    assert "job" in table.row_labels


def test_without_being_asked_words_are_labels_and_holes_among_them_are_told(files):
    table = read_table(files / "t.csv")
    assert table.categories == ()
    told = [note.sentence for note in table.layout.notes if note.is_warning]
    assert "column 'sex' is carried along unfilled, with 8 empty or unknown cells; --categories auto fills it" in told


@pytest.mark.parametrize(
    ("reading", "labels", "words"),
    [
        (Reading(categories=("color",)), None, "got 'color'"),
        (Reading(categories=("sex",)), "who,sex,address,job", "either a label or a category, got column 'sex' as both"),
    ],
)
def test_what_cannot_be_is_refused(files, reading, labels, words):
    with pytest.raises(InputError, match=words):
        read_table(files / "t.csv", labels, reading=reading)


def test_too_many_levels_are_refused(tmp_path):
    (tmp_path / "t.csv").write_text("a,b\n" + "".join(f"{row},w{row}\n" for row in range(120)))
    with pytest.raises(InputError, match="from 1 to 100 levels, column 'b' has 120"):
        read_table(tmp_path / "t.csv", reading=Reading(categories=("b",)))


def test_words_have_no_place_in_an_array(files):
    table = read_table(files / "t.csv", reading=AUTO)
    with pytest.raises(InputError, match="categories are words"):
        write_table(table, files / "t.npy")


def test_columns_of_an_array_are_codes(tmp_path):
    np.save(tmp_path / "t.npy", np.arange(12.0).reshape(4, 3))
    assert read_table(tmp_path / "t.npy", reading=Reading(categories=("2",))).categories == (1,)


@pytest.mark.parametrize("library", ["pandas", "polars"])
def test_frames_keep_their_types(library):
    module = pytest.importorskip(library)
    words = ["b", None, "a", "b", "a", "b", "a", "b", "a", "b"]
    frame = module.DataFrame({"n": np.arange(10.0), "w": words, "c": words})
    if library == "pandas":
        frame["c"] = module.Categorical(words, categories=["b", "a", "never"], ordered=True)
    else:
        frame = frame.with_columns(module.col("c").cast(module.Enum(["b", "a", "never"])))
    table = from_frame(frame, reading=AUTO)
    assert table.categories == (1, 2)
    done = to_frame(table.with_values(np.nan_to_num(table.values)))
    assert done["c"].dtype == frame["c"].dtype
    assert done["w"].dtype == frame["w"].dtype
    assert list(done["w"]) == list(done["c"]) == [word or "a" for word in words]
