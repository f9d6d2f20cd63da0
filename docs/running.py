"""A Sphinx extension: `{run}` blocks are executed while the documentation is built, and show what they gave.

A block shows its code, what it printed, and its picture where it ends with `figure = …` (matplotlib). The blocks of a
page share their names, as the cells of a notebook do. Code that fails fails the build. At the end of an HTML build the
playground is copied into the site, the moving picture of the home page is drawn, and the reports of the gallery are
written.
"""

import contextlib
import io
import shutil
from pathlib import Path

from docutils import nodes
from sphinx.errors import ExtensionError
from sphinx.util.docutils import SphinxDirective

_MOVING = "singular-values"


class Run(SphinxDirective):
    """A block of Python that is run and shown."""

    has_content = True

    def run(self) -> list[nodes.Node]:
        code = "\n".join(self.content)
        names = self.env.temp_data.setdefault("rankfall_names", {})
        names.pop("figure", None)
        printed = io.StringIO()
        try:
            with contextlib.redirect_stdout(printed):
                exec(compile(code, f"{self.env.docname}:{self.lineno}", "exec"), names)
        except Exception as error:
            raise ExtensionError(f"{self.env.docname}, line {self.lineno}: {error!r}") from error
        found: list[nodes.Node] = [nodes.literal_block(code, code, language="python")]
        if printed.getvalue():
            found.append(nodes.literal_block(printed.getvalue(), printed.getvalue(), language="text"))
        if "figure" in names:
            salt = f"{self.env.docname}-{self.lineno}".replace("/", "-")
            found.append(
                nodes.raw(
                    "", f'<div role="img" aria-label="picture">{_svg(names["figure"], salt)}</div>', format="html"
                )
            )
        return found


def _svg(figure, salt: str) -> str:
    """The figure as SVG without the XML header; its ids depend on the block, as pages share theirs."""
    import matplotlib

    scratch = io.StringIO()
    with matplotlib.rc_context({"svg.hashsalt": salt, "svg.fonttype": "path"}):
        figure.savefig(scratch, format="svg", metadata={"Date": None})
    text = scratch.getvalue()
    return text[text.index("<svg") :].replace("<svg ", '<svg style="max-width: 100%; height: auto" ', 1)


def add_live_pages(app, error) -> None:
    """The playground, the moving picture and the reports, into the site."""
    if error is not None or app.builder.format != "html":
        return
    from examples_of_reports import write_reports

    from rankfall.playground import PAGE

    out = Path(app.outdir)
    shutil.copytree(PAGE, out / "playground", dirs_exist_ok=True)
    draw_moving(out / "_static")
    write_reports(out / "reports")


def draw_moving(folder: Path) -> None:
    """A 24 × 24 matrix of rank 3 completed from 40 % of its entries, at depth 3."""
    import numpy as np

    import rankfall as rf
    from rankfall.datasets import planted, uniform_entries
    from rankfall.pictures import Animation

    truth = planted((24, 24), 3, seed=0)
    rows, cols = uniform_entries(truth.shape, 230, seed=1)
    problem = rf.Completion.from_triplets(rows, cols, truth[rows, cols], truth.shape, truth=truth)
    record = rf.Record(singular_values=8, vectors=True, times=np.linspace(0, 900, 90)[1:])
    run = rf.evolve(
        problem, rf.Chain(depth=3), rf.Balanced(1e-3), rf.Flow(1e-3), stop=rf.TimeReached(900.0), record=record
    )
    for ending in ("gif", "png"):
        Animation(run, frames=90).save(folder / f"{_MOVING}.{ending}")


def setup(app) -> dict[str, bool]:
    app.add_directive("run", Run)
    app.connect("build-finished", add_live_pages)
    return {"parallel_read_safe": True}
