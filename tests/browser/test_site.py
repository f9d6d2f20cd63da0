"""Every page of the documentation on a phone: built beforehand, in the folder that RANKFALL_SITE names."""

import os
from pathlib import Path

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
