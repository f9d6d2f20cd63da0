"""What the shell tells about how it read a file, and lines that neither control a terminal nor end a run."""

import io
import sys
from pathlib import Path

import pytest

from rankfall.cli.edge import say
from tests.fuzz.commands import CONTROL
from tests.helpers.shell import complete, shell

TABLE = "who,a,b,c\nAnn,1,,3\nBob,4,5,\nCyd,7,8,9\nDan,,11,12\n"


@pytest.fixture(autouse=True)
def _in_a_folder_of_its_own(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)


def test_each_decision_is_one_line_that_names_its_option():
    Path("t.csv").write_text(TABLE + "Total,12,24,24\n")
    ended = shell("complete", "t.csv", "--depth", "2")
    assert [line.split(" (")[-1] for line in ended.stderr.splitlines() if line.startswith("read: ")] == [
        "--separator decides)", "--no-header decides)", "--labels decides)", "--leave-out decides)",
    ]  # fmt: skip
    lines = Path("t-completed.csv").read_text().splitlines()
    assert lines[-1] == "Total,12,24,24"
    assert all(cell.isdigit() for line in lines[1:] for cell in line.split(",")[1:])
    assert shell("complete", "t.csv", "--depth", "2", "--quiet").stderr == ""


def test_names_never_reach_the_terminal_as_commands():
    Path("t.csv").write_text(TABLE.replace("a,b", "\x1b[31ma\x07[red],b").replace(",1,", ",oops,"))
    ended = complete("t.csv")
    assert ended.code == 2
    assert ended.stderr.count("\n") == 1
    assert "\x1b" not in ended.stderr
    assert "[red]" in ended.stderr


def test_a_line_is_printed_whatever_its_stream_can_take(monkeypatch):
    narrow = io.TextIOWrapper(io.BytesIO(), encoding="ascii")
    say("3 × 4 …\nö", narrow)
    narrow.seek(0)
    assert narrow.read() == "3 x 4 ...\\n\\xf6\n"
    closed = io.StringIO()
    closed.close()
    say("lost", closed)
    monkeypatch.setattr(sys, "stdout", closed)
    Path("t.csv").write_text(TABLE)
    from rankfall.cli.console import Console

    Console(False).summary([("size", "3 × 4")], "written", "t.csv")


@pytest.mark.parametrize(
    ("options", "words"),
    [
        (("--below", "zero"), "below must be one of half, limit, unknown, got 'zero'"),
        (("--separator", "ab"), "a separator must be one sign, got 'ab'"),
        (("--decimal", "x"), "the decimal sign must be a point or a comma, got 'x'"),
        (("--leave-out", "x"), "--leave-out must be rows counted from 1"),
        (("--encoding", "klingon"), "the encoding must be one that Python knows, got 'klingon'"),
        (("--round", "-1"), "--round must be 'auto', 'none' or a number"),
    ],
)
def test_options_of_reading_are_checked(options, words):
    Path("t.csv").write_text(TABLE)
    ended = complete("t.csv", *options)
    assert ended.code == 2
    assert words in ended.stderr


def test_rows_in_the_order_of_dates_are_noted_and_times_may_be_named():
    rows = [f"2020-01-{day:02d},{day},{2 * day if day % 5 else ''},{40 - day}" for day in range(1, 21)]
    Path("t.csv").write_text("\n".join(["day,a,b,c", *rows]) + "\n")
    assert "read: rows are in the order of the dates in 'day' (--order decides)" in shell("complete", "t.csv").stderr
    assert "in the order of" not in shell("complete", "t.csv", "--order", "none").stderr
    assert complete("t.csv", "--order", "day").code == 0
    assert "must be that of a column, got 'hour'" in complete("t.csv", "--order", "hour").stderr


def test_words_are_completed_where_they_are_asked_for():
    rows = [f"{row},{2 * row},{('', 'low', 'high')[1 + (row > 15) if row % 6 else 0]}" for row in range(30)]
    Path("t.csv").write_text("\n".join(["a,b,level", *rows]) + "\n")
    ended = shell("complete", "t.csv", "--categories", "auto")
    assert "column 'level' completed as one of 2 categories: high, low (--categories decides)" in ended.stderr
    assert "wrong in" in ended.stdout
    done = [line.split(",") for line in Path("t-completed.csv").read_text().splitlines()[1:]]
    assert [cells[2] for cells in done if int(cells[0]) % 6 == 0] == ["low", "low", "low", "high", "high"]
    assert complete("t.csv", "--categories", "color").code == 2


@pytest.mark.parametrize(
    "words", [["\u202e"], ["complete", "a", "\x1b[31mb"], ["complete", "--\u202e", "3"], ["--\x07x"]]
)
def test_words_that_the_parser_does_not_know_command_no_terminal(words):
    ended = shell(*words)
    assert ended.code == 2
    assert not CONTROL.search(ended.stderr)
