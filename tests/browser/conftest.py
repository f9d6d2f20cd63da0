"""A browser for the tests of pages: Debian's Chromium driven by Playwright, nothing downloaded."""

import os
import shutil
import subprocess
from pathlib import Path

import pytest

from rankfall.playground import serve

_NAMES = ("chromium", "chromium-browser", "google-chrome")


@pytest.fixture(scope="session")
def browser():
    """The system's Chromium, headless; skips where it or Playwright is missing."""
    sync_api = pytest.importorskip("playwright.sync_api", reason="Playwright is not installed (pip install .[browser])")
    found = next(filter(None, map(shutil.which, _NAMES)), None)
    if found is None:
        pytest.skip(f"no browser on this machine (looked for {', '.join(_NAMES)}; apt-get install chromium)")
    with sync_api.sync_playwright() as playwright:
        running = playwright.chromium.launch(executable_path=found, args=["--no-sandbox"])
        yield running
        running.close()


@pytest.fixture
def open_page(browser):
    """A function address, width, height → page; at the end no page may have logged an error or asked another host."""
    opened, complaints = [], []

    def open_one(address: str, width: int = 1280, height: int = 900, **options):
        page = browser.new_page(viewport={"width": width, "height": height}, **options)
        opened.append(page)
        page.on("console", lambda message: message.type in ("error", "warning") and complaints.append(message.text))
        page.on("pageerror", lambda error: complaints.append(str(error)))
        page.on("request", lambda asked: _is_inside(asked.url, address) or complaints.append(f"asked {asked.url}"))
        page.goto(address)
        return page

    yield open_one
    for page in opened:
        page.close()
    assert complaints == []


def _is_inside(url: str, address: str) -> bool:
    own = address if address.startswith("file:") else "/".join(address.split("/")[:3])
    return url.startswith((own, "data:", "blob:"))


@pytest.fixture(scope="session")
def playground_address(browser):
    """The playground, served to this machine."""
    with serve() as address:
        yield address


@pytest.fixture(scope="session")
def axe(tmp_path_factory) -> str:
    """The source of axe, the checker of accessibility, from the npm registry; skips where npm cannot fetch it."""
    if shutil.which("npm") is None:
        pytest.skip("axe comes from the npm registry, and npm is not installed")
    folder = tmp_path_factory.mktemp("axe")
    fetched = subprocess.run(
        ["npm", "install", "--prefix", str(folder), "--no-audit", "--no-fund", "--ignore-scripts", "axe-core@4"],
        capture_output=True, text=True, timeout=120,
    )  # fmt: skip
    if fetched.returncode:
        pytest.skip(f"npm could not fetch axe-core: {fetched.stderr.strip().splitlines()[-1:]}")
    return (folder / "node_modules" / "axe-core" / "axe.min.js").read_text()


@pytest.fixture
def violations(axe):
    """A function page → what axe finds that is serious or critical."""

    def look(page) -> list[str]:
        page.evaluate(axe)
        found = page.evaluate("async () => (await axe.run()).violations")
        return [f"{one['id']}: {one['nodes'][0]['html']}" for one in found if one["impact"] in ("serious", "critical")]

    return look


@pytest.fixture
def keep(request, tmp_path):
    """A function page, name: its screenshot, in RANKFALL_SCREENSHOTS or the test's own folder."""
    folder = Path(os.environ.get("RANKFALL_SCREENSHOTS", tmp_path))
    folder.mkdir(parents=True, exist_ok=True)
    return lambda page, name: page.screenshot(path=folder / f"{name}.png", full_page=True)
