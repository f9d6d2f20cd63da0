"""`rankfall flow`: one run of gradient flow: its singular values, and the theorems checked on it."""

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from rankfall.cli.edge import INTERRUPTED
from rankfall.errors import InputError

if TYPE_CHECKING:
    from rankfall.cli.console import Console
    from rankfall.models import Start
    from rankfall.problems import Completion
    from rankfall.trajectory import Snapshot, Trajectory

EXIT_CODES = (
    "Exit codes: 0 done; 1 diverged, best state saved; 2 bad input, nothing written; 130 interrupted, best saved."
)
_STARTS = ("gaussian", "uniform", "identity", "orthogonal", "balanced", "spectral")
_PLANTED = {"rows": 100, "cols": 100, "rank": 5, "observed": 2000}
_DIVERGED = 1
# A residual of a few units in the last place of the largest entry.
_ROUNDING = 1e-14
# Of numbers that cannot be squared the problem itself says so.
_SQUARED = 1e150


def flow(
    rows: Annotated[int | None, typer.Option(help="Number of rows of the planted matrix.", show_default="100")] = None,
    cols: Annotated[
        int | None, typer.Option(help="Number of columns of the planted matrix.", show_default="100")
    ] = None,
    rank: Annotated[int | None, typer.Option(help="Rank of the planted matrix.", show_default="5")] = None,
    observed: Annotated[
        int | None, typer.Option(help="Number of observed entries of the planted matrix.", show_default="2000")
    ] = None,
    table: Annotated[
        Path | None, typer.Option("--input", help="Table with missing entries, instead of a planted matrix.")
    ] = None,
    depth: Annotated[int, typer.Option(help="Number of layers.")] = 3,
    width: Annotated[int | None, typer.Option(help="Bound on the rank; none, or 20 for a spectral start.")] = None,
    start: Annotated[str, typer.Option(help=f"Start: {', '.join(_STARTS)}.")] = "gaussian",
    scale: Annotated[float, typer.Option(help="Size of the initial product.")] = 1e-3,
    rtol: Annotated[float, typer.Option(help="Relative tolerance of the integrator.")] = 1e-3,
    loss: Annotated[float, typer.Option(help="Stop when the mean squared residual is below this value.")] = 1e-6,
    steps: Annotated[int, typer.Option(help="Stop after this many steps of the integrator.")] = 1_000_000,
    seed: Annotated[int, typer.Option(help="Seed of the start, the planted matrix and its observed entries.")] = 0,
    output: Annotated[Path, typer.Option("--output", "-o", help="Folder of the saved run (Zarr).")] = Path("run.zarr"),
    plot: Annotated[Path | None, typer.Option(help="Plot the singular values over time to this PNG file.")] = None,
    report: Annotated[bool, typer.Option("--report/--no-report", help="Check the theorems on the run.")] = True,
    quiet: Annotated[bool, typer.Option("--quiet", "-q", help="Print nothing.")] = False,
) -> None:
    """Follow gradient flow on a deep factorization and check the theorems on the run.

    A line is printed when a singular value of the product escapes: when it
    passes a tenth of the data's leading one. Then follow a table of their
    final values, and the papers' claims with the values measured on this run.
    """
    from rankfall.cli.console import Console
    from rankfall.cli.steps import check_picture
    from rankfall.integrators import Flow
    from rankfall.models import Chain
    from rankfall.trajectory import Escape, LossBelow, Record, StepLimit, evolve
    from rankfall.trajectory.blocks import block_record
    from rankfall.trajectory.storage import check_destination

    check_destination(output)
    if plot is not None:
        check_picture(plot)
    begun = _start(start, scale, width)
    stop, integrator, model = LossBelow(loss) | StepLimit(steps), Flow(rtol), Chain(depth, width)
    _check_seed(seed)
    console = Console(quiet)
    problem = _problem(table, {"rows": rows, "cols": cols, "rank": rank, "observed": observed}, seed, console)
    _check_loss(loss, problem)
    record = Record(
        singular_values=True, effective_rank=True, imbalance=True, curvature=True, events=[Escape()],
        functions=block_record(problem.shape),
    )  # fmt: skip
    tell = None if quiet else _Teller()
    run = evolve(problem, model, begun, integrator, stop=stop, record=record, seed=seed, callback=tell)
    console.interrupted = str(run.status) == "interrupted"
    console.writing(lambda: run.save(output))
    if plot is not None and run.history["time"].size > 1:
        from rankfall.pictures import SingularValuesPicture

        console.writing(lambda: SingularValuesPicture(run).save(plot))
    if not quiet:
        print(_ends(run))
    if report and not quiet and run.time > 0 and not console.interrupted:
        _report(run, console, output)
    console.summary(_rows(run), "saved", output)
    if run.advice:
        console.warn(run.advice)
    raise typer.Exit(INTERRUPTED if console.interrupted else _DIVERGED if str(run.status) == "diverged" else 0)


def _start(name: str, scale: float, width: int | None) -> "Start":
    """The start of that name."""
    from rankfall.models import Balanced, Gaussian, Identity, Orthogonal, Spectral, Uniform

    if name not in _STARTS:
        raise InputError(f"--start must be one of {', '.join(_STARTS)}, got {name!r}; gaussian is the papers' own")
    if name == "spectral":
        return Spectral(scale=scale) if width is None else Spectral(width, scale)
    kinds = {
        "gaussian": Gaussian,
        "uniform": Uniform,
        "identity": Identity,
        "orthogonal": Orthogonal,
        "balanced": Balanced,
    }
    return kinds[name](scale=scale)


def _check_loss(loss: float, problem: "Completion") -> None:
    """Refuse a loss that rounding does not allow: the run would never end."""
    import numpy as np

    largest = float(np.abs(problem.values).max())
    least = (_ROUNDING * largest) ** 2 if largest < _SQUARED else 0.0
    if not loss >= least:
        raise InputError(
            f"--loss must be above what rounding leaves of this matrix, {least:.2g}, got {loss:g}; raise it, or choose "
            "another unit"
        )


def _check_seed(seed: int) -> None:
    if not 0 <= seed < 2**32:
        raise InputError(f"--seed must lie between 0 and {2**32 - 1}, got {seed}; 0 is as good as any")


def _problem(table: Path | None, asked: dict[str, int | None], seed: int, console: "Console") -> "Completion":
    """The observed entries of the table, or of a planted matrix."""
    from rankfall.cli.steps import check_size
    from rankfall.problems import Completion

    if table is not None:
        from rankfall.cli.observed import notes_of, problem_of
        from rankfall.tables import read_table

        for name, value in asked.items():
            if value is not None:
                raise InputError(f"--{name} is for planted matrices, got it with --input; leave it out")
        found = read_table(table)
        console.warnings(notes_of(found))
        return problem_of(found)
    from numpy.random import SeedSequence

    from rankfall.datasets import planted, uniform_entries

    sizes = {name: _PLANTED[name] if value is None else value for name, value in asked.items()}
    for name in ("rows", "cols"):
        if sizes[name] < 1:
            raise InputError(f"--{name} must be at least 1, got {sizes[name]}; {_PLANTED[name]} is the papers' size")
    shape = sizes["rows"], sizes["cols"]
    check_size(shape)
    if not 1 <= sizes["rank"] <= min(shape):
        raise InputError(f"--rank must lie between 1 and {min(shape)}, got {sizes['rank']}; lower it")
    if not 1 <= sizes["observed"] <= shape[0] * shape[1]:
        raise InputError(f"--observed must lie between 1 and {shape[0] * shape[1]}, got {sizes['observed']}")
    of_matrix, of_entries = map(int, SeedSequence(seed).generate_state(2))
    truth = planted(shape, sizes["rank"], seed=of_matrix)
    at = uniform_entries(shape, sizes["observed"], seed=of_entries)
    return Completion.from_triplets(*at, truth[at], shape, truth=truth)


class _Teller:
    """The callback that prints a line for every escape, under a heading before the first.

    The time is that of the escape; value and loss are those at the end of the step that went through it.
    """

    _WIDTHS = "{:>12}  {:>4}  {:>12}  {:>12}"

    def __init__(self) -> None:
        self._has_begun = False

    def __call__(self, now: "Snapshot") -> None:
        for event in (event for happened in now.events.values() for event in happened):
            if not self._has_begun:
                print(self._WIDTHS.format("escaped at", "r", "σ_r by now", "loss by now"))
            self._has_begun = True
            value, loss = now.singular_values[0, event.index], now.loss[0]
            line = f"{event.time:.6g}", event.index + 1, f"{value:.4g}", f"{loss:.4g}"
            print(self._WIDTHS.format(*line), flush=True)


def _ends(run: "Trajectory") -> str:
    """The table of where the singular values ended: all that escaped or are the truth's, and one more."""
    import numpy as np

    assert run.problem is not None
    escaped = {event.index: f"{event.time:.6g}" for event in reversed(run.events)}
    truth = [] if run.problem.truth is None else np.linalg.svd(run.problem.truth, compute_uv=False)
    known = [f"{value:.5g}" for value in truth if value > 1e-9 * truth[0]]
    sizes = run.singular_values
    lines = [("r", "σ_r", "of the truth", "escaped at")]
    for r in range(min(sizes.size, max([*escaped, len(known) - 1, 0]) + 2)):
        lines.append((f"{r + 1}", f"{sizes[r]:.5g}", known[r] if r < len(known) else "", escaped.get(r, "-")))
    columns = (0, 1, 2, 3) if known else (0, 1, 3)
    return "\n" + "\n".join("  ".join(f"{line[k]:>{12 if k else 4}}" for k in columns) for line in lines) + "\n"


def _rows(run: "Trajectory") -> list[tuple[str, str]]:
    """How the run did, for the summary."""
    test_error = run.history.get("test_error")
    return [
        ("ended", f"{run.status}: {run.reason}"), ("time", f"{run.time:.6g}"), ("loss", f"{run.loss:.4g}"),
        *([] if test_error is None else [("test error", f"{test_error[-1]:.4g}")]),
        ("effective rank", f"{run.effective_rank:.4g}"), ("nuclear norm", f"{run.nuclear_norm:.5g}"),
        ("steps", f"{run.steps} ({run.evaluations} gradients)"), ("seconds", f"{run.seconds:.2f}"),
    ]  # fmt: skip


def _report(run: "Trajectory", console: "Console", output: Path) -> None:
    """The claims and what was measured, printed and kept with the saved run; Ctrl-C leaves them out."""
    from rankfall.theory import check, with_claims

    try:
        found = check(run)
    except KeyboardInterrupt:
        console.interrupted = True
        return
    print(f"{found}\n", flush=True)
    console.writing(lambda: with_claims(run, found.judged).save(output))
