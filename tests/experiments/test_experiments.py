"""Experiments: parts computed once and kept whole, claims judged by where they come from, panels as numbers."""

import json
import os
import signal
from dataclasses import replace

import numpy as np
import pytest

import rankfall as rf
from rankfall.experiments import PROVENANCES, Claim, Curve, Finding, Panel, Part, experiment, experiments, reproduce
from rankfall.experiments.published import number, ordering, series, statement
from rankfall.experiments.reproduce import compute
from rankfall.experiments.store import Store, _sources, key_of
from rankfall.pictures import PanelsPicture
from rankfall.theory import Verdict
from tests.helpers import toy_experiment
from tests.helpers.toy_experiment import COMPUTED, scaled, toy, with_data


@pytest.fixture(autouse=True)
def _nothing_computed(monkeypatch):
    COMPUTED.clear()
    monkeypatch.setattr(toy_experiment, "BEFORE", [])


# --- claims ---------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("provenance", PROVENANCES)
def test_numbers_are_judged_where_they_were_stated_printed_or_derived(provenance):
    judged = provenance in ("P", "C", "D")
    near = number("x", 1.0, 1.05, provenance, within=0.1)
    far = number("x", 1.0, 1.2, provenance, within=0.1)
    assert (near.holds, far.holds) == ((True, False) if judged else (None, None))
    assert (near.verdict, far.verdict) == (("holds", "FAILS") if judged else ("shown", "shown"))
    assert ("±" in str(near.bound)) is judged


@pytest.mark.parametrize("provenance", PROVENANCES)
def test_orderings_are_judged_wherever_they_were_published(provenance):
    grows = ordering("x", {"a": 1.0, "b": 2.5}, provenance, by=2)
    falls = ordering("x", {"a": 1.0, "b": 1.9}, provenance, by=2)
    assert (grows.holds, falls.holds) == ((None, None) if provenance == "NF" else (True, False))
    assert grows.bound == "a < b, by ×2"
    assert (grows.measured, falls.measured) == ("1 < 2.5", "1 , 1.9")


@pytest.mark.parametrize("measured", [0.5, 1.0, 2.0])
def test_a_factor_reaches_either_way(measured):
    assert number("x", 1.0, measured, "P", factor=2).holds is True
    assert number("x", 1.0, measured, "P", factor=1.9).holds is (measured == 1.0)


def test_what_cannot_be_compared_does_not_hold():
    nothing = float("nan")
    assert number("x", 1.0, nothing, "P", within=0.1).holds is False
    assert number("x", 1.0, nothing, "P", factor=2).holds is False
    assert ordering("x", {"a": 1.0, "b": nothing}, "P").holds is False


def test_a_number_without_tolerance_and_a_series_are_shown():
    assert number("x", 1.0, 1.0, "P").holds is None
    assert series("x", [1.0, 2.0], [1.1, 2.1], "P") == Claim("x", "", "1.1, 2.1", "1, 2", Verdict.SHOWN, provenance="P")
    assert statement("x", "so", "so", True, "NF").holds is None


def test_a_claim_as_a_record():
    record = number("x", 2.0, 3.0, "P", within=0.1, note="why").record()
    assert record == {
        "statement": "x", "source": "", "measured": "3", "bound": "2 ± 10 %", "verdict": "FAILS", "why": "why",
        "hypotheses": "", "provenance": "P", "finding": "",
    }  # fmt: skip
    json.dumps(record)


def test_a_finding_excuses_the_deviation_that_was_found_and_no_other():
    slip = Finding("a slip in the paper", 3.0, 2.5, 3.5)
    known = number("x", 2.0, 3.0, "P", within=0.1, finding=slip)
    assert (known.holds, known.fails, known.verdict) == (False, False, "does not hold")
    for measured in (2.4, 3.6, float("nan")):
        assert number("x", 2.0, measured, "P", within=0.1, finding=replace(slip, measured=measured)).fails
    held = number("x", 2.0, 2.0, "P", within=0.1, finding=slip)
    assert (held.fails, held.verdict, held.finding) == (False, "holds", None)
    assert statement("x", "so", "not so", False, "P").fails


FACTOR = 2.0


def called():
    return FACTOR


def called_instead():
    return 2 * FACTOR


def uses_another():
    return {"x": np.asarray(called())}


# --- parts on disk --------------------------------------------------------------------------------------------------


def test_the_key_is_of_what_would_change_the_numbers(monkeypatch):
    part = Part(scaled, {"value": 1, "factor": 2.0})
    assert key_of(part) == key_of(Part(scaled, {"factor": 2.0, "value": 1}))
    others = [Part(scaled, {"value": 2, "factor": 2.0}), Part(with_data, {"value": 1, "factor": 2.0})]
    assert len({key_of(each) for each in (part, *others)}) == 3
    before = key_of(part)
    monkeypatch.setattr(rf, "__version__", "another")
    assert key_of(part) != before


def test_the_key_is_of_what_a_part_calls_and_reads(monkeypatch):
    keys = [key_of(Part(uses_another, {}))]
    for name, value in (("FACTOR", 3.0), ("called", called_instead)):
        monkeypatch.setattr(f"{__name__}.{name}", value)
        _sources.cache_clear()
        keys.append(key_of(Part(uses_another, {})))
    _sources.cache_clear()
    assert len(set(keys)) == 3


def test_a_result_is_read_back_bit_for_bit(tmp_path):
    store, part = Store(tmp_path / "parts"), Part(scaled, {"value": 1, "factor": 2.0})
    assert store.get(part) is None
    store.put(part, {"x": np.asarray([np.pi, np.nan]), "y": np.asarray(3)})
    kept = store.get(part)
    assert kept is not None
    np.testing.assert_array_equal(kept["x"], [np.pi, np.nan])
    assert kept["y"] == 3


def test_a_result_is_written_whole_or_not_at_all(tmp_path, monkeypatch):
    def torn(file, **arrays):
        with open(file, "wb") as written:
            written.write(b"half")
        raise OSError("disk full")

    store, part = Store(tmp_path), Part(scaled, {"value": 1, "factor": 2.0})
    monkeypatch.setattr(np, "savez_compressed", torn)
    with pytest.raises(rf.InputError, match="disk full"):
        store.put(part, {"x": np.ones(2)})
    assert list(tmp_path.iterdir()) == []
    assert store.get(part) is None


# --- running --------------------------------------------------------------------------------------------------------


def test_an_experiment_leaves_data_and_claims(tmp_path):
    shares = []
    outcome = reproduce(toy(), tmp_path, progress=lambda name, share: shares.append((name, share)))
    assert shares == [("toy2000-doubles", share) for share in (0.25, 0.5, 0.75, 1.0)]
    assert outcome.holds
    np.testing.assert_array_equal(outcome.data.scaled, [2, 4, 6, 8])
    folder = tmp_path / "toy2000-doubles"
    assert outcome.folder == folder
    written = json.loads((folder / "claims.json").read_text())
    assert (written["experiment"], written["quick"], written["holds"]) == ("toy2000-doubles", False, True)
    assert [claim["verdict"] for claim in written["claims"]] == ["holds", "holds", "shown"]
    import xarray

    with xarray.open_zarr(folder / "data.zarr", consolidated=False) as data:
        np.testing.assert_array_equal(data.scaled, [2, 4, 6, 8])
    assert {path.name for path in folder.iterdir()} == {"claims.json", "data.zarr", "parts"}


def test_finished_parts_are_not_computed_again(tmp_path):
    reproduce(toy(), tmp_path, quick=True)
    assert COMPUTED == [1, 2]
    reproduce(toy(), tmp_path)  # the full setup asks for two more
    assert COMPUTED == [1, 2, 3, 4]
    reproduce(toy(), tmp_path)
    assert COMPUTED == [1, 2, 3, 4]
    reproduce(toy(3.0), tmp_path, quick=True)
    assert COMPUTED == [1, 2, 3, 4, 1, 2]


def test_a_run_that_was_stopped_goes_on_where_it_was(tmp_path):
    def stop_at_three(value):
        if value == 3:
            raise KeyboardInterrupt

    toy_experiment.BEFORE.append(stop_at_three)
    with pytest.raises(KeyboardInterrupt):
        reproduce(toy(), tmp_path)
    assert len(list((tmp_path / "toy2000-doubles" / "parts").glob("*.npz"))) == 2
    assert not (tmp_path / "toy2000-doubles" / "claims.json").exists()
    toy_experiment.BEFORE.clear()
    assert reproduce(toy(), tmp_path).holds
    assert COMPUTED == [1, 2, 3, 4]


def test_a_part_that_answered_an_interrupt_with_its_best_is_not_kept(tmp_path):
    # as `evolve` does: Ctrl-C ends the run and returns it
    def press(value):
        if value == 2:
            try:
                os.kill(os.getpid(), signal.SIGINT)
                signal.sigtimedwait([], 1)
            except KeyboardInterrupt:
                pass

    toy_experiment.BEFORE.append(press)
    with pytest.raises(KeyboardInterrupt):
        reproduce(toy(), tmp_path)
    assert COMPUTED == [1, 2]
    assert len(list((tmp_path / "toy2000-doubles" / "parts").glob("*.npz"))) == 1
    assert signal.getsignal(signal.SIGINT) is signal.default_int_handler


def test_processes_compute_what_one_does(tmp_path):
    apart = reproduce(toy(), tmp_path / "apart", jobs=2)
    alone = reproduce(toy(), tmp_path / "alone")
    assert COMPUTED == [1, 2, 3, 4]  # those of `alone`; the others were computed elsewhere
    np.testing.assert_array_equal(apart.data.scaled, alone.data.scaled)


def test_parts_that_need_data_are_told_where(tmp_path):
    assert compute(Part(with_data, {"value": 1}, needs_data=True), "four")["scaled"] == 4


def test_bad_runs_are_refused(tmp_path):
    with pytest.raises(rf.InputError, match="jobs must be at least 1, got 0"):
        reproduce(toy(), tmp_path, jobs=0)
    (tmp_path / "taken").write_text("a file")
    with pytest.raises(rf.InputError, match="the output folder must be one"):
        reproduce(toy(), tmp_path / "taken")
    with pytest.raises(rf.InputError, match="must be one of arora2019-table.*got 'nobody1900'"):
        experiment("nobody1900")


def test_a_failing_claim_fails_the_experiment(tmp_path):
    outcome = reproduce(toy(3.0), tmp_path, quick=True)
    assert not outcome.holds
    assert [claim.verdict for claim in outcome.claims] == ["FAILS", "holds", "shown"]


def test_a_finding_does_not_fail_the_experiment(tmp_path):
    outcome = reproduce(toy(4.0), tmp_path, quick=True)
    assert outcome.holds
    assert [claim.verdict for claim in outcome.claims] == ["does not hold", "holds", "shown"]


# --- the catalogue --------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("each", experiments(), ids=lambda each: each.name)
def test_every_experiment_is_told_apart_and_can_be_kept(each):
    assert experiment(each.name) is each
    assert each.title
    # a key may go on where an author has two papers a year, as arora2018convergence
    assert each.source.partition(",")[0].startswith(each.name.partition("-")[0])
    for setup in (each.quick, each.full):
        parts = each.parts(setup)
        keys = {key_of(part) for part in parts}
        assert len(keys) == len(parts)
        for part in parts:
            assert json.loads(json.dumps(part.parameters)) == part.parameters


# --- panels ---------------------------------------------------------------------------------------------------------


def test_panels_are_numbers_before_they_are_drawn(tmp_path):
    curves = [
        Curve([1, 2, 3], [1.0, 2.0, 4.0], "line"),
        Curve([1, 2, 3], [1.0, 2.0, 4.0], style="marked", spread=np.asarray([[0.1] * 3, [0.2] * 3])),
        Curve([1, 2], [3.0, 3.5], "dots", style="dots", color=0),
        Curve([1, 2], [3.0, 2.5], style="dashed", spread=[0.1, 0.1]),
        Curve([1, 2], [3.0, 2.5], style="steps"),
    ]
    panels = [
        Panel("one", "x", "y", curves, "xy", {"level": 2.0}),
        Panel("two", "x", "y", curves[:1], limits=(0.0, 5.0), ticks={1.0: "a", 3.0: "b"}),
        Panel("three", "x", "y", curves[:1]),
    ]
    picture = PanelsPicture(panels, columns=2)
    frame = picture.frame()
    assert list(frame) == ["one", "two", "three"]
    assert list(frame["one"]) == ["line", "1", "dots", "3", "4"]
    np.testing.assert_array_equal(frame["one"]["1"]["spread"], [[0.1] * 3, [0.2] * 3])
    figure = picture.plot()
    assert len(figure.axes) == 3
    assert [figure.axes[0].get_xscale(), figure.axes[2].get_yscale()] == ["log", "linear"]
    assert figure.axes[1].get_ylim() == (0.0, 5.0)
    for name in ("figure.png", "figure.svg"):
        picture.save(tmp_path / name)
        assert (tmp_path / name).stat().st_size > 1000
    with pytest.raises(rf.InputError, match="written as .png or .svg"):
        picture.save(tmp_path / "figure.jpg")
    assert {path.name for path in tmp_path.iterdir()} == {"figure.png", "figure.svg"}


def test_a_setup_can_be_replaced():
    assert [part.parameters["value"] for part in toy().parts(replace(toy().quick, count=3))] == [1, 2, 3]
