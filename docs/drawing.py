"""A Sphinx extension: `{picture} name` draws a picture while the documentation is built, and sets it in the page.

The function `pictures.name` follows runs through the public API and draws what they gave, with theory over it; nothing
that it shows is kept in the repository. The drawing becomes an SVG inside the page, and what the directive holds its
caption.
"""

import io
import time

from docutils import nodes
from sphinx.util import logging
from sphinx.util.docutils import SphinxDirective


class Picture(SphinxDirective):
    """A picture by its name, drawn anew whenever its page is read."""

    required_arguments = 1
    has_content = True

    def run(self) -> list[nodes.Node]:
        name, caption = self.arguments[0], nodes.paragraph()
        begun = time.perf_counter()
        drawing = svg(name)
        logging.getLogger(__name__).info(f"drew {name} in {time.perf_counter() - begun:.1f} s")
        self.state.nested_parse(self.content, self.content_offset, caption)
        frame = nodes.figure("", align="center")
        frame += nodes.raw("", f'<div role="img" aria-label="{name}">{drawing}</div>', format="html")
        frame += nodes.caption("", "", *[child for part in caption.children for child in part.children])
        return [frame]


def svg(name: str) -> str:
    """The picture of that name as SVG, without the XML header; its ids begin with its name, as pages share theirs."""
    import matplotlib

    import pictures

    scratch = io.StringIO()
    with matplotlib.rc_context({"svg.hashsalt": name, "svg.fonttype": "path"}):
        getattr(pictures, name)().savefig(scratch, format="svg", metadata={"Date": None})
    text = scratch.getvalue()
    return text[text.index("<svg") :].replace("<svg ", '<svg style="max-width: 100%; height: auto" ', 1)


def setup(app) -> dict[str, bool]:
    app.add_directive("picture", Picture)
    return {"parallel_read_safe": True}
