"""The links of Markdown pages, and where they lead inside the repository."""

import re
from pathlib import Path

_FENCE = re.compile(r"^(`{3,}|~{3,}).*?^\1[ \t]*$", re.M | re.S)
_CODE = re.compile(r"(`+)(?!`).*?(?<!`)\1(?!`)", re.S)
_LINK = re.compile(r"\]\(\s*<?([^()\s<>]+)>?(?:\s+\"[^\"]*\")?\s*\)")
_ATTRIBUTE = re.compile(r"""<[a-z][^>]*?\s(?:href|src)=["']([^"']+)["']""")
_OUTSIDE = re.compile(r"[a-z][a-z0-9+.-]*:|//", re.I)


def links(page: str) -> list[str]:
    """Targets of a page's links and images, in Markdown and HTML; code is not read."""
    words = _CODE.sub("", _FENCE.sub("", page))
    return _LINK.findall(words) + _ATTRIBUTE.findall(words)


def anchors(page: str) -> set[str]:
    """Names a link may end in: those of headings to the third level, as MyST and GitHub write them, and labels."""
    words = _FENCE.sub("", page)
    found = set(re.findall(r"^\(([^()\s]+)\)=$", words, re.M))
    for heading in re.findall(r"^#{1,3}[ \t]+(.+?)[ \t]*$", words, re.M):
        slug = re.sub(r"[^\w\- ]", "", re.sub(r"\]\([^)]*\)", "]", heading).lower()).replace(" ", "-")
        # a heading that is repeated is numbered
        name, count = slug, 0
        while name in found:
            count += 1
            name = f"{slug}-{count}"
        found.add(name)
    return found


def broken_links(page: Path, made: frozenset[Path] = frozenset()) -> list[str]:
    """Links of a page that lead nowhere, each with the reason; `made` are files that only the build writes."""
    text = page.read_text(encoding="utf-8")
    broken = []
    for link in links(text):
        if _OUTSIDE.match(link):
            continue
        name, _, anchor = link.partition("#")
        target = (page.parent / name).resolve() if name else page
        if target in made:
            continue
        if not target.exists():
            broken.append(f"{link}: no such file")
        elif anchor and anchor not in anchors(target.read_text(encoding="utf-8")):
            broken.append(f"{link}: no such heading")
    return broken
