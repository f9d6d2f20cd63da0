"""The Python of a documentation page."""

import re
from pathlib import Path

ROOT = Path(__file__).parents[2]


def python_blocks(page: str) -> str:
    """The Python of a page as one program; each line keeps its number, so that an error names the page's own line."""
    program, inside = [], False
    for line in page.splitlines():
        fence = re.match(r"```(\w*)", line)
        if fence:
            inside = not inside and fence[1] == "python"
        program.append("" if fence or not inside else line)
    return "\n".join(program)
