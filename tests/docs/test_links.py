"""Every link inside the repository leads somewhere: its file exists, and so does its heading. No network is needed."""

from pathlib import Path

import pytest

from tests.helpers.links import anchors, broken_links, links
from tests.helpers.pages import ROOT

PAGES = sorted([*ROOT.glob("*.md"), *ROOT.glob("docs/**/*.md")])
# what `docs/running.py` adds to the site when it is built
MADE = frozenset(
    ROOT / "docs" / name
    for name in (
        "playground/index.html",
        "_static/singular-values.gif",
        "_static/singular-values.png",
        *(f"reports/{name}.html" for name in ("wine", "survey", "ratings", "photograph", "run")),
    )
)


@pytest.mark.parametrize("page", PAGES, ids=lambda path: str(path.relative_to(ROOT)))
def test_links_lead_somewhere(page: Path) -> None:
    assert broken_links(page, MADE) == []


def test_links_are_found() -> None:
    """The pages have links of every kind that is judged, so that a reader of links that finds none is noticed."""
    found = {link for page in PAGES for link in links(page.read_text(encoding="utf-8")) if not link.startswith("http")}
    assert len(found) > 30
    assert any("#" in link for link in found)
    assert any(link.endswith(".png") for link in found)


def test_links_of_a_page() -> None:
    seen = "[a](b.md) ![c](d.png) <img src='e.gif'>\n[[f](g.md#h)] <a href=\"i\">i</a>\n"
    code = "`[no](no.md)`\n```\n[no](no.md)\n```\n"
    assert links(seen + code) == ["b.md", "d.png", "g.md#h", "e.gif", "i"]


def test_anchors_of_a_page() -> None:
    page = "# Two words\n\n(label)=\n## `Code`, and more\n### Two words\n#### deep\n```\n# comment\n```\n"
    assert anchors(page) == {"two-words", "label", "code-and-more", "two-words-1"}


@pytest.mark.parametrize(
    ("link", "reason"),
    [("[a](none.md)", "no such file"), ("![a](none.png)", "no such file"), ("[a](other.md#none)", "no such heading"),
     ("[a](#none)", "no such heading"), ('<img src="none.gif">', "no such file")],
)  # fmt: skip
def test_a_link_that_leads_nowhere_is_found(tmp_path: Path, link: str, reason: str) -> None:
    (tmp_path / "other.md").write_text("# There\n", encoding="utf-8")
    page = tmp_path / "page.md"
    page.write_text(f"# Here\n[good](other.md#there) [good](#here) [good](https://example.org/#x)\n{link}\n", "utf-8")
    assert [found.split(": ")[1] for found in broken_links(page)] == [reason]
