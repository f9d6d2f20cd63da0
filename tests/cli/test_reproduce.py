"""`rankfall reproduce`: which experiments, where to, and what the exit code says."""

import json
from pathlib import Path

import pytest

from rankfall import experiments
from rankfall.experiments.catalogue import NAMES
from tests.helpers import toy_experiment
from tests.helpers.shell import shell
from tests.helpers.toy_experiment import COMPUTED, toy

TOYS = {"toy2000-doubles": toy(), "toy2000-triples": toy(3.0, "toy2000-triples")}
KNOWN = toy(4.0, "toy2000-fourfold")


@pytest.fixture(autouse=True)
def _in_a_folder_of_its_own(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(toy_experiment, "BEFORE", [])
    COMPUTED.clear()


@pytest.fixture
def toys(monkeypatch):
    """Only the toys are known."""
    monkeypatch.setattr(experiments, "experiments", lambda: list(TOYS.values()))
    monkeypatch.setattr(experiments, "experiment", TOYS.__getitem__)


def reproduce(*words):
    return shell("reproduce", *words)


def test_the_list_names_all_and_does_nothing():
    ended = reproduce("--list")
    assert (ended.code, ended.stderr) == (0, "")
    lines = ended.stdout.splitlines()
    assert [line.split()[0] for line in lines] == list(NAMES)
    assert all(line.endswith("]") for line in lines)
    assert list(Path().iterdir()) == []


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (["nobody1900"], "an experiment must be one of arora2019-table"),
        (["--all", "arora2019-table"], "--all leaves nothing to choose, got it with arora2019-table"),
        ([], "which experiments must be said, got none"),
        (["arora2019-table", "--data", "nowhere"], "--data must be a folder, 'nowhere' is not"),
    ],
    ids=["unknown", "all and some", "none", "no data"],
)
def test_bad_words_are_refused_in_a_sentence(words, said):
    ended = reproduce(*words)
    assert (ended.code, ended.stdout) == (2, "")
    assert ended.stderr.startswith("rankfall: ")
    assert said in ended.stderr
    assert ended.stderr.count("\n") == 1
    assert list(Path().iterdir()) == []


@pytest.mark.usefixtures("toys")
def test_what_holds_exits_0_with_a_table_and_all_files():
    ended = reproduce("toy2000-doubles", "--quick", "--out", "found")
    assert ended.code == 0
    assert "toy2000-doubles: Doubles" in ended.stdout
    assert "twice one" in ended.stdout
    assert "2 ± 1 %" in ended.stdout
    assert "twice one: of a toy" in ended.stdout
    assert ended.stdout.endswith("2 of 2 claims hold; all is in 'found'\n")
    folder = Path("found/toy2000-doubles")
    assert {path.name for path in folder.iterdir()} == {
        "claims.json", "data.zarr", "parts", "figure.png", "figure.svg"
    }  # fmt: skip
    assert json.loads((folder / "claims.json").read_text())["quick"] is True
    assert COMPUTED == [1, 2]


@pytest.mark.usefixtures("toys")
def test_a_claim_that_fails_exits_1_and_the_others_are_judged_all_the_same():
    ended = reproduce("--all", "--quick")
    assert ended.code == 1
    assert "FAILS" in ended.stdout
    assert ended.stdout.endswith("3 of 4 claims hold, 1 fail; all is in 'reproduced'\n")
    assert {path.name for path in Path("reproduced").iterdir()} == set(TOYS)


def test_a_finding_is_told_with_its_reason_and_exits_0(monkeypatch):
    monkeypatch.setattr(experiments, "experiment", lambda name: KNOWN)
    ended = reproduce(KNOWN.name, "--quick")
    assert ended.code == 0
    assert "does not hold" in ended.stdout
    assert "twice one: it is twice two" in ended.stdout
    assert ended.stdout.endswith("1 of 2 claims hold, 1 do not for reasons stated; all is in 'reproduced'\n")


@pytest.mark.usefixtures("toys")
def test_a_part_that_was_cut_or_changed_is_computed_again():
    assert reproduce("toy2000-doubles", "--quick").code == 0
    first, second = sorted(Path("reproduced/toy2000-doubles/parts").iterdir())
    first.write_bytes(first.read_bytes()[:100])
    damaged = bytearray(second.read_bytes())
    damaged[len(damaged) // 2] ^= 255
    second.write_bytes(damaged)
    COMPUTED.clear()
    assert reproduce("toy2000-doubles", "--quick").code == 0
    assert COMPUTED == [1, 2]
    assert reproduce("toy2000-doubles", "--quick").code == 0
    assert COMPUTED == [1, 2]


@pytest.mark.usefixtures("toys")
def test_quiet_shows_failures_alone():
    assert reproduce("toy2000-doubles", "-q").stdout == ""
    ended = reproduce("toy2000-triples", "-q")
    assert ended.code == 1
    assert "twice one" in ended.stdout
    assert "doubles grow" not in ended.stdout


@pytest.mark.usefixtures("toys")
def test_ctrl_c_keeps_what_was_finished_and_the_next_run_goes_on():
    def stop_at_three(value):
        if value == 3:
            raise KeyboardInterrupt

    toy_experiment.BEFORE.append(stop_at_three)
    ended = reproduce("toy2000-doubles")
    assert ended.code == 130
    assert COMPUTED == [1, 2]
    toy_experiment.BEFORE.clear()
    assert reproduce("toy2000-doubles").code == 0
    assert COMPUTED == [1, 2, 3, 4]
