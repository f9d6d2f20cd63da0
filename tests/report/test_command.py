"""`rankfall report` and `rankfall complete --report`, as the shell runs them."""

import numpy as np
import pytest

import rankfall as rf
from rankfall.cli.report import load_subject, report
from rankfall.errors import InputError
from tests.helpers.shell import complete, write


def test_a_run_becomes_a_page(tmp_path, capsys):
    rf.evolve(rf.problems.Factorization(np.diag([2.0, 1.0])), rf.Chain(2), rf.Identity(1e-2), rf.Flow(1e-3)).save(
        tmp_path / "run"
    )
    report(tmp_path / "run", tmp_path / "run.html", False)
    assert capsys.readouterr().out == f"written  {tmp_path / 'run.html'}\n"
    assert "A run of Chain, W of 2 × 2" in (tmp_path / "run.html").read_text(encoding="utf-8")


@pytest.mark.parametrize("name", ["missing", "text.npz", "folder"])
def test_what_is_no_run_and_no_model_is_refused(tmp_path, name):
    (tmp_path / "text.npz").write_text("no model")
    (tmp_path / "folder").mkdir()
    with pytest.raises(InputError):
        report(tmp_path / name, tmp_path / "report.html", False)
    assert not (tmp_path / "report.html").exists()


def test_the_subject_is_a_model_where_the_file_is_one(tmp_path):
    rng = np.random.default_rng(0)
    fit = rf.DeepMatrixFactorization(depth=2).fit(np.where(rng.random((12, 6)) < 0.3, np.nan, rng.random((12, 6))))
    fit.save(tmp_path / "model.npz")
    assert isinstance(load_subject(tmp_path / "model.npz"), rf.DeepMatrixFactorization)


def test_complete_writes_a_report_with_the_names_of_the_table(tmp_path):
    rng = np.random.default_rng(3)
    whole = rng.standard_normal((25, 1)) @ rng.standard_normal((1, 3))
    lines = ["site,<b>one</b>,two,three"]
    for i, row in enumerate(whole):
        cells = ["" if rng.random() < 0.2 else f"{value:.3f}" for value in row]
        lines.append(",".join([f"site {i}", *cells]))
    (tmp_path / "t.csv").write_text("\n".join(lines))
    words = tmp_path / "t.csv", "--report", tmp_path / "t.html"
    ended = complete(*words)
    assert ended.code == 0
    text = (tmp_path / "t.html").read_text(encoding="utf-8")
    assert "&lt;b&gt;one&lt;/b&gt;" in text
    assert "site 1" in text
    assert "<b>one" not in text
    assert "in words" in ended.rows
    assert ended.rows["report"].endswith("t.html")
    again = complete(*words)
    assert again.code == 2
    assert "exists; name another, or use --force" in again.stderr
    assert complete(*words, "--force").code == 0


@pytest.mark.parametrize("words", [["--report"], ["--report", "--quiet"], ["-q", "--report", "--depth", "2"]])
def test_a_report_without_a_name_is_report_html(tmp_path, monkeypatch, words):
    monkeypatch.chdir(tmp_path)
    assert complete(write("t.csv"), *words).code == 0
    assert "<html" in (tmp_path / "report.html").read_text(encoding="utf-8")
    refused = complete("t.csv", "-o", "again.csv", *words)
    assert (refused.code, "report.html" in refused.stderr) == (2, True)
