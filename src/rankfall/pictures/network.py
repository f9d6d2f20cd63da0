"""The network that computes with a tensor factorization, drawn from its inputs to its score."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING, ClassVar

import numpy as np

from rankfall.errors import InputError
from rankfall.models import CP, Model, Train, Tree
from rankfall.pictures.picture import COLORS, Picture

if TYPE_CHECKING:
    import matplotlib.axes

# An input, a filter, a product over what comes in, a sum, and the score.
_FACES = {"x": "white", "filter": COLORS[5], "product": COLORS[4], "sum": COLORS[2], "score": "white"}
_SIGNS = {"filter": "", "product": "×", "sum": "+", "score": "h"}


@dataclass(frozen=True, eq=False)
class NetworkPicture(Picture):
    """A `CP`, `Train` or `Tree` of known shape as the network of `rankfall.theory.networks`.

    Numbers on lines say how many values pass. A train multiplies the state by a matrix that the input chooses; a filter
    of a tree stands above the product over its children.

    Raises
    ------
    InputError
        For another model, or one that has no shape yet.
    """

    model: Model
    size: ClassVar[tuple[float, float]] = (6.4, 3.6)

    def __post_init__(self) -> None:
        if type(self.model) not in _PLANS:
            raise InputError(f"a network is drawn of a CP, a Train or a Tree, got {type(self.model).__name__}")
        if not self.model.dimensions:
            raise InputError(f"a network is drawn of a model of known shape, got {self.model!r}; call sized(shape)")

    def frame(self) -> dict[str, np.ndarray]:
        """x, y, kind (v,) of the nodes; from, to, width (e,) of the lines: how many values pass from node to node."""
        plan = _Plan()
        _PLANS[type(self.model)](self.model, plan)
        x, y, kind = zip(*plan.nodes, strict=True)
        begin, end, width = zip(*plan.lines, strict=True)
        return {
            "x": np.asarray(x, dtype=float), "y": np.asarray(y, dtype=float), "kind": np.asarray(kind),
            "from": np.asarray(begin), "to": np.asarray(end), "width": np.asarray(width),
        }  # fmt: skip

    def draw(self, ax: "matplotlib.axes.Axes") -> None:
        """Inputs below, the score above or, for a train, at the right."""
        drawn = self.frame()
        x, y = drawn["x"], drawn["y"]
        for begin, end, width in zip(drawn["from"], drawn["to"], drawn["width"], strict=True):
            ax.plot(x[[begin, end]], y[[begin, end]], color="0.4", linewidth=1, zorder=1)
            middle = float(x[begin] + x[end]) / 2, float(y[begin] + y[end]) / 2
            around = {"boxstyle": "round,pad=0.1", "facecolor": "white", "edgecolor": "none"}
            ax.text(*middle, f"{width}", fontsize=7, ha="center", va="center", bbox=around, zorder=2)
        inputs = 0
        for place, kind in enumerate(drawn["kind"].tolist()):
            ax.scatter(x[place], y[place], s=330, color=_FACES[kind], edgecolor="black", zorder=3)
            inputs += kind == "x"
            sign = f"$x_{{{inputs}}}$" if kind == "x" else _SIGNS[kind]
            ax.text(x[place], y[place], sign, fontsize=9, ha="center", va="center", zorder=4)
        ax.margins(0.1)
        ax.set_axis_off()


class _Plan:
    """Nodes (x, y, kind) and lines (from, to, width), as they are laid out."""

    def __init__(self) -> None:
        self.nodes: list[tuple[float | int, float | int, str]] = []
        self.lines: list[tuple[int, int, int]] = []

    def node(self, x: float | int, y: float | int, kind: str, *sources: tuple[int, int]) -> int:
        """Add a node that reads from (node, width) each; returns its number."""
        self.nodes.append((x, y, kind))
        self.lines += [(source, len(self.nodes) - 1, width) for source, width in sources]
        return len(self.nodes) - 1


def _shallow(model: CP, plan: _Plan) -> None:
    inputs = [plan.node(n, 0, "x") for n in range(len(model.dimensions))]
    shapes = model.layer_shapes
    filters = [plan.node(n, 1, "filter", (inputs[n], d)) for n, (d, _) in enumerate(shapes)]
    center, channels = (len(inputs) - 1) / 2, shapes[0][1]
    product = plan.node(center, 2, "product", *((one, channels) for one in filters))
    total = plan.node(center, 3, "sum", (product, channels))
    plan.node(center, 4, "score", (total, 1))


def _recurrent(model: Train, plan: _Plan) -> None:
    inputs = [plan.node(n, 0, "x") for n in range(len(model.dimensions))]
    state: tuple[tuple[int, int], ...] = ()
    for n, (d, _, passed) in enumerate(model.layer_shapes):
        state = ((plan.node(n, 1, "filter", (inputs[n], d), *state), passed),)
    plan.node(len(inputs), 1, "score", *state)


def _deep(model: Tree, plan: _Plan) -> None:
    inputs: dict[int, int] = {}
    leaves = [node.mode for node in model.nodes if node.mode is not None]
    for place, mode in sorted(enumerate(leaves), key=lambda leaf: leaf[1]):
        inputs[mode] = plan.node(place, 0, "x")
    tops: list[int] = []
    for node, (given, _) in zip(model.nodes, model.layer_shapes, strict=True):
        if node.mode is not None:
            tops.append(plan.node(plan.nodes[inputs[node.mode]][0], 1, "filter", (inputs[node.mode], given)))
            continue
        below = [tops[child] for child in node.children]
        x = float(np.mean([plan.nodes[top][0] for top in below]))
        y = max(plan.nodes[top][1] for top in below)
        product = plan.node(x, y + 1, "product", *((top, given) for top in below))
        tops.append(plan.node(x, y + 2, "filter", (product, given)))
    plan.node(plan.nodes[tops[-1]][0], plan.nodes[tops[-1]][1] + 1, "score", (tops[-1], 1))


_PLANS: dict[type, Callable] = {CP: _shallow, Train: _recurrent, Tree: _deep}
