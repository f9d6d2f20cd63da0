"""Every page of the documentation, on a phone and by its links; built beforehand, in the folder RANKFALL_SITE."""

import os
from html.parser import HTMLParser
from pathlib import Path
from urllib.parse import unquote, urlsplit

import pytest

pytestmark = pytest.mark.browser

_PHONE = 390
_SIDEWAYS = """() => ({
  page: document.documentElement.scrollWidth,
  hidden: [...document.querySelectorAll("article *")].filter((part) => {
    const box = part.getBoundingClientRect();
    if (box.width === 0 || box.right <= innerWidth + 1) return false;
    for (let around = part.parentElement; around; around = around.parentElement)
      if (["auto", "scroll"].includes(getComputedStyle(around).overflowX)) return false;
    return !part.closest("mjx-assistive-mml, .headerlink, svg");
  }).slice(0, 3).map((part) => part.outerHTML.slice(0, 120)),
})"""


class _Page(HTMLParser):
    """The addresses that a page names, and the places in it that an address can name."""

    def __init__(self, path: Path) -> None:
        super().__init__()
        self.addresses: set[str] = set()
        self.places: set[str] = set()
        self.feed(path.read_text(encoding="utf-8"))

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        for name, value in attrs:
            if name in ("href", "src") and value:
                self.addresses.add(value)
            elif name == "srcset" and value:
                self.addresses.update(part.split()[0] for part in value.split(","))
            elif name == "id" and value:
                self.places.add(value)


@pytest.fixture(scope="module")
def site() -> Path:
    folder = os.environ.get("RANKFALL_SITE", "")
    if not folder:
        pytest.skip("the documentation is not built (sphinx-build docs FOLDER, and RANKFALL_SITE=FOLDER)")
    return Path(folder)


def test_pages_fit_a_phone_and_ask_for_nothing_from_elsewhere(browser, site):
    page = browser.new_page(viewport={"width": _PHONE, "height": 800})
    asked, wide = set(), {}
    page.on("request", lambda request: asked.add(request.url))
    for path in sorted(site.rglob("*.html")):
        name = path.relative_to(site).as_posix()
        if name.startswith("_"):
            continue
        page.goto(path.as_uri())
        page.wait_for_function("() => !window.MathJax?.startup?.promise || MathJax.startup.promise.then(() => true)")
        found = page.evaluate(_SIDEWAYS)
        if found["page"] > _PHONE or found["hidden"]:
            wide[name] = found
    page.close()
    assert wide == {}
    assert [url for url in asked if not url.startswith((site.as_uri(), "data:", "blob:"))] == []


def test_the_search_finds_pages_without_a_network(browser, site):
    page = browser.new_page()
    page.goto((site / "search.html").as_uri() + "?q=imbalance")
    page.wait_for_selector("#search-results li a")
    assert page.locator("#search-results li a").count() >= 3
    page.close()


def test_every_link_within_the_site_leads_to_a_page_and_a_place(site):
    pages = {path.resolve(): _Page(path) for path in site.rglob("*.html")}
    dead = []
    for path, page in pages.items():
        for address in page.addresses:
            scheme, host, name, _, place = urlsplit(address)
            if scheme or host:
                continue
            target = (path.parent / unquote(name)).resolve() if name else path
            there = pages.get(target)
            if not target.exists() or (place and there and unquote(place) not in there.places | {"top"}):
                dead.append(f"{path.name}: {address}")
    assert len(pages) > 40
    assert dead == []
