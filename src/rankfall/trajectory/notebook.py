"""A run as a notebook shows it: how it ended, and its singular values over time as a small drawing."""

from html import escape

import numpy as np

from rankfall.trajectory.run import Trajectory

_WIDTH, _HEIGHT, _LINES = 320, 120, 6


def html_of(run: Trajectory) -> str:
    """The run in a few lines of HTML; the drawing is there where singular values were recorded."""
    rows = {
        "ended": f"{run.status}: {run.reason}", "time": f"{run.time:.4g}", "loss": f"{run.loss:.3g}",
        "effective rank": f"{run.effective_rank:.3g}", "nuclear norm": f"{run.nuclear_norm:.4g}",
        "steps": f"{run.steps} ({run.evaluations} gradients, {run.seconds:.2g} s)",
    }  # fmt: skip
    cells = "".join(f"<tr><th>{escape(name)}</th><td>{escape(value)}</td></tr>" for name, value in rows.items())
    return f"<div><strong>Trajectory</strong><table>{cells}</table>{_drawing(run.history)}</div>"


def _drawing(history: dict[str, np.ndarray]) -> str:
    values, times = history.get("singular_values"), history["time"]
    if values is None or times.size < 2 or not times[-1] > 0 or not values.max() > 0:
        return ""
    lines = []
    for line in values.T[:_LINES]:
        x, y = _WIDTH * times / times[-1], _HEIGHT * (1 - line / values.max())
        points = " ".join(f"{a:.1f},{b:.1f}" for a, b in zip(x, y, strict=True))
        lines.append(f'<polyline points="{points}" fill="none" stroke="currentColor"/>')
    title = "<title>singular values over flow time</title>"
    return f'<svg role="img" width="{_WIDTH}" height="{_HEIGHT}">{title}{"".join(lines)}</svg>'
