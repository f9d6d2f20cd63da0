#!/usr/bin/env -S uv run --script

# /// script
# dependencies = ["nox>=2024.10.9"]
# ///

"""Tasks of a contributor: `nox` runs the quick ones, `nox -s NAME` runs one. `.ci/run` runs all that must pass."""

from pathlib import Path

import nox

nox.needs_version = ">=2024.10.9"
nox.options.default_venv_backend = "uv|virtualenv"


@nox.session(python=["3.11", "3.12", "3.13"])
def tests(session: nox.Session) -> None:
    """Run the tests; arguments after `--` go to pytest."""
    session.install(".[test]")
    session.run("pytest", *session.posargs)


@nox.session(default=False)
def shapes(session: nox.Session) -> None:
    """Run every eighth test with the shapes and types of all calls checked."""
    session.install(".[test]")
    session.run("pytest", "--jaxtyping-packages=rankfall,beartype.beartype", *session.posargs)


@nox.session
def lint(session: nox.Session) -> None:
    """Check format, style, spelling, types and the configuration of the repository."""
    session.install(".[test,check]")
    session.run("ruff", "format", "--check", ".")
    session.run("ruff", "check", ".")
    session.run("codespell")
    session.run("repo-review", ".")
    session.run("pyright")
    session.run("mypy")


@nox.session(default=False)
def fuzz(session: nox.Session) -> None:
    """Run thousands of random commands and fits, and faults while results are written; minutes."""
    session.install(".[test]")
    session.run("pytest", "-m", "fuzz or not fuzz", "tests/fuzz", *session.posargs)


@nox.session(default=False)
def mutate(session: nox.Session) -> None:
    """Change single operators and numbers of the theory and what it rests on, a sample, and count what tests notice."""
    session.install(".[test]", "cosmic-ray>=8.3")
    session.run("python", "-m", "tests.mutation.sample", *session.posargs)


@nox.session(default=False)
def docs(session: nox.Session) -> None:
    """Build the documentation into docs/_build."""
    session.install(".[docs]")
    session.run("sphinx-build", "-q", "-W", "--keep-going", "-b", "html", "docs", "docs/_build")


@nox.session(default=False)
def build(session: nox.Session) -> None:
    """Build the source archive and the wheel, and check their metadata."""
    session.install("build", "twine")
    folder = Path(session.create_tmp())
    session.run("python", "-m", "build", "--outdir", str(folder))
    session.run("twine", "check", "--strict", *map(str, folder.glob("rankfall-*")))


if __name__ == "__main__":
    nox.main()
