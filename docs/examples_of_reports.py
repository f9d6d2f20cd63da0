"""The reports that the gallery links: of tables, of a list of entries, of a tensor and of a run."""

from pathlib import Path

import numpy as np
from sklearn.datasets import load_sample_image, load_wine

import rankfall as rf
from rankfall.datasets import planted, power_law_entries, uniform_entries
from rankfall.report import write_report


def write_reports(folder: Path) -> None:
    """Write all of them into a folder."""
    folder.mkdir(exist_ok=True)
    for report in (wine, survey, ratings, photograph, run):
        report(folder / f"{report.__name__}.html")


def wine(path: Path) -> None:
    """An assay: 13 measurements of 178 wines, a third of them hidden."""
    data = load_wine()
    gaps = np.random.default_rng(0).random(data.data.shape) < 1 / 3
    model = rf.DeepMatrixFactorization().fit(np.where(gaps, np.nan, data.data))
    write_report(model, path, force=True, column_names=data.feature_names)


def survey(path: Path) -> None:
    """400 answers with numbers and a category."""
    rng, count = np.random.default_rng(0), 400
    age = rng.integers(18, 80, count)
    height = (172 + 8 * rng.standard_normal(count)).round(1)
    weight = (0.9 * (height - 100) + 0.1 * age + 6 * rng.standard_normal(count)).round(1)
    income = np.exp(9.5 + 0.02 * age + 0.4 * rng.standard_normal(count)).round(-2)
    work = np.digitize(age + 8 * rng.standard_normal(count), [27, 64])
    names = ["age", "height in cm", "weight in kg", "income", "occupation"]
    answers = np.column_stack([age, height, weight, income, work]).astype(float)
    answers[rng.random(answers.shape) < 0.15] = np.nan
    model = rf.DeepMatrixFactorization(decimals="auto", categorical_features=[4]).fit(answers)
    words = {4: ["in education", "at work", "retired"]}
    write_report(model, path, force=True, column_names=names, category_names=words)


def ratings(path: Path) -> None:
    """16,000 ratings of 200 films by 800 users."""
    users, films, rng = 800, 200, np.random.default_rng(0)
    taste = 0.9 * rng.standard_normal((users, 4))
    liking = 3.5 + 0.4 * rng.standard_normal(films) + taste[:, rng.integers(4, size=films)]
    stars = np.clip(np.rint(liking + 0.6 * rng.standard_normal(liking.shape)), 1, 5)
    rows, cols = power_law_entries((users, films), 16_000, exponent=0.7, seed=1)
    problem = rf.Completion.from_triplets(rows, cols, stars[rows, cols], shape=(users, films))
    model = rf.DeepMatrixFactorization(bounds=(1, 5)).fit_problem(problem)
    names = {"row_names": [f"user {k}" for k in range(users)], "column_names": [f"film {k}" for k in range(films)]}
    write_report(model, path, force=True, **names)


def photograph(path: Path) -> None:
    """A color photograph as a tensor, 70 % of its values hidden."""
    photo = load_sample_image("china.jpg")[::12, ::12].astype(float)
    hidden = np.random.default_rng(0).random(photo.shape) < 0.7
    model = rf.DeepTensorCompletion().fit(np.where(hidden, np.nan, photo))
    labels = {2: ["red", "green", "blue"]}
    write_report(model, path, force=True, axis_names=["row", "column", "channel"], labels=labels)


def run(path: Path) -> None:
    """Gradient flow at depth 3 on a matrix of rank 3."""
    truth = planted((20, 20), 3, seed=0)
    rows, cols = uniform_entries(truth.shape, 240, seed=1)
    problem = rf.Completion.from_triplets(rows, cols, truth[rows, cols], truth.shape, truth=truth)
    record = rf.Record(singular_values=True, times=np.linspace(0, 800, 100)[1:], events=[rf.trajectory.Escape()])
    moved = rf.evolve(problem, rf.Chain(3), rf.Gaussian(1e-3), rf.Flow(1e-4), stop=rf.TimeReached(800.0), record=record)
    write_report(moved, path, force=True)
