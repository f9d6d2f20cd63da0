"""`rankfall reproduce`: the tables and figures of the papers, and whether their claims hold on this machine."""

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from rankfall.errors import InputError

if TYPE_CHECKING:
    from rankfall.experiments import Outcome
    from rankfall.theory import Claim

EXIT_CODES = (
    "Exit codes: 0 every claim holds, but for findings, whose reason is printed; 1 one fails; 2 bad input; "
    "130 interrupted, finished parts kept."
)
_FAILED = 1


def reproduce(
    names: Annotated[
        list[str] | None, typer.Argument(metavar="[NAME]...", help="Names of experiments.", show_default=False)
    ] = None,
    show_list: Annotated[bool, typer.Option("--list", help="List the experiments and exit.")] = False,
    run_all: Annotated[bool, typer.Option("--all", help="Run all experiments.")] = False,
    quick: Annotated[bool, typer.Option("--quick", help="Use smaller setups; minutes for all.")] = False,
    out: Annotated[Path, typer.Option(help="Folder for claims, data and figures.")] = Path("reproduced"),
    data: Annotated[
        Path | None, typer.Option(help="Folder with MovieLens and ethanol data; default: cache or download.")
    ] = None,
    jobs: Annotated[int, typer.Option(help="Number of processes.")] = 1,
    dask: Annotated[
        str | None,
        typer.Option(metavar="[ADDRESS]", help="Compute the parts on a Dask cluster, a local one by default."),
    ] = None,
    quiet: Annotated[bool, typer.Option("--quiet", "-q", help="Print failed claims only.")] = False,
) -> None:
    """Repeat the experiments of the papers and check their claims.

    For each experiment OUT/NAME holds claims.json, data.zarr, figure.png and
    figure.svg. Parts that are already computed are reused, so an
    interrupted run continues where it stopped.
    """
    from rankfall import experiments
    from rankfall.cli.console import Console

    if show_list:
        for each in experiments.experiments():
            print(f"{each.name:<24}  {each.title}  [{each.source}]")
        return
    if run_all and names:
        raise InputError(f"--all leaves nothing to choose, got it with {' '.join(names)}; give one of them")
    if not run_all and not names:
        raise InputError("which experiments must be said, got none; name some, or --all, or see --list")
    chosen = experiments.experiments() if run_all else [experiments.experiment(name) for name in names or []]
    if data is not None and not data.is_dir():
        raise InputError(f"--data must be a folder, {str(data)!r} is not; leave it out to download")
    if dask is not None and jobs != 1:
        raise InputError(f"--jobs is for one machine, got --jobs {jobs} with --dask; leave one of them out")
    console = Console(quiet)
    judged: list[Claim] = []
    for each in chosen:
        with console.fitting() as progress:
            outcome = experiments.reproduce(each, out, quick=quick, data=data, jobs=jobs, dask=dask, progress=progress)
        console.writing(lambda found=outcome: _draw(found))
        _show(outcome, quiet)
        judged += [claim for claim in outcome.claims if claim.holds is not None]
    if not quiet:
        print(f"{_counted(judged)}; all is in {str(out)!r}")
    if console.interrupted:
        raise typer.Exit(console.exit_code)
    raise typer.Exit(_FAILED if any(claim.fails for claim in judged) else 0)


def _counted(judged: "list[Claim]") -> str:
    held, failed = sum(claim.holds is True for claim in judged), sum(claim.fails for claim in judged)
    known = len(judged) - held - failed
    stated = f", {known} do not for reasons stated" if known else ""
    return f"{held} of {len(judged)} claims hold{stated}" + (f", {failed} fail" if failed else "")


def _draw(outcome: "Outcome") -> None:
    from rankfall.pictures import PanelsPicture

    picture = PanelsPicture(outcome.panels, outcome.experiment.columns)
    for name in ("figure.png", "figure.svg"):
        picture.save(outcome.folder / name)


def _show(outcome: "Outcome", quiet: bool) -> None:
    """The claims of one experiment as a table; of a quiet run those that fail."""
    from rich import box
    from rich.table import Table

    from rankfall.cli.console import screen
    from rankfall.theory.claim import text

    claims = [claim for claim in outcome.claims if not quiet or claim.fails]
    if not claims:
        return
    paper = screen()
    title = f"{outcome.experiment.name}: {outcome.experiment.title}  ({outcome.seconds:.1f} s)"
    shown = Table(box=box.SIMPLE_HEAD, pad_edge=False, show_edge=False, title=title, title_justify="left")
    for name in ("claim", "expected", "measured", "from", "verdict"):
        shown.add_column(name)
    for claim in claims:
        style = "bold red" if claim.fails else "yellow" if claim.holds is False else ""
        style = "dim" if claim.holds is None else style
        shown.add_row(
            claim.statement, text(claim.bound), text(claim.measured), claim.provenance, str(claim.verdict), style=style
        )
    paper.print(shown, markup=False)
    for claim in claims:
        for said in (claim.why, str(claim.finding or "")):
            if said:
                paper.print(f"{claim.statement}: {said}", markup=False, soft_wrap=True)
    paper.print()
