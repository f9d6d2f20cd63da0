"""A small table completed by several members, stacked by what each predicts for held-out entries.

Members differ in what they can see: row and column effects, low rank, products of columns, regressions, logarithms,
neighbors, neighbors in time. Their stack completes the table; learners then predict each column from the completed
others, and a second stack weighs all of them. Predictions stay near the observed range of their column.
"""

import time
from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from jaxtyping import Float, Int

from rankfall.estimators.refinement.column_units import ColumnUnits, over_decades, varying_columns
from rankfall.estimators.refinement.flow import DeepFactorization
from rankfall.estimators.refinement.gaussian import LARGEST, Gaussian
from rankfall.estimators.refinement.interpolation import Interpolation, interpolated
from rankfall.estimators.refinement.kernel_ridge import KernelRidge
from rankfall.estimators.refinement.learner import Learner
from rankfall.estimators.refinement.member import Effects, Member, Neighbors, Split
from rankfall.estimators.refinement.row_model import RowModel
from rankfall.estimators.refinement.splits import held_entries
from rankfall.estimators.refinement.stacking import stack_weights, stacked
from rankfall.estimators.refinement.trees import Trees
from rankfall.estimators.standardization import BEYOND
from rankfall.problems.completion import Completion

# Tables with at most so many cells and columns, and at least so many rows and known entries, are refined.
_MOST_CELLS, _MOST_COLUMNS, _FEWEST_ROWS, _FEWEST_ENTRIES = 50_000, 60, 8, 40
# With fewer rows than this, a stronger ridge is tried too.
_FEW_ROWS = 150


@dataclass(frozen=True, eq=False)
class Refinement:
    """What the stack found.

    Parameters
    ----------
    table : (m, n) ndarray
        Predictions of what is unknown, input units; NaN where an entry is observed.
    rows, cols, values, predicted : (held,) ndarrays
        Held-out entries of all folds, and their cross-fitted predictions.
    column_means : (held,) ndarray
        What column means predict for the held-out entries.
    simple : dict of (held,) ndarrays
        What simple methods predict for the held-out entries, by name.
    row_model : RowModel
        The Gaussian that fills new rows.
    shares : dict[str, float]
        What each member contributes, by name.
    seconds : dict[str, float]
        How long each member took, by name.
    """

    table: Float[np.ndarray, "m n"]
    rows: Int[np.ndarray, " held"]
    cols: Int[np.ndarray, " held"]
    values: Float[np.ndarray, " held"]
    predicted: Float[np.ndarray, " held"]
    column_means: Float[np.ndarray, " held"]
    simple: dict[str, Float[np.ndarray, " held"]]
    row_model: RowModel
    shares: dict[str, float]
    seconds: dict[str, float]


def is_refined(problem: Completion) -> bool:
    """Whether a table is small enough for several members, and has enough entries to weigh them by."""
    m, n = problem.shape
    return (
        m * n <= _MOST_CELLS and 2 <= n <= _MOST_COLUMNS and m >= _FEWEST_ROWS and problem.weights is None
        and problem.rows.size >= _FEWEST_ENTRIES
    )  # fmt: skip


def members_for(shape: tuple[int, int], is_ordered: bool) -> list[Member]:
    """The members that a table of a shape can afford."""
    m, n = shape
    members: list[Member] = [
        Effects(),
        DeepFactorization(2),
        DeepFactorization(3),
        DeepFactorization(2, lift=True),
        Neighbors(8),
    ]
    if m * n**3 <= LARGEST:
        members += [Gaussian(0.1), Gaussian(1.0)] if m <= _FEW_ROWS else [Gaussian(0.1)]
    if is_ordered:
        members.append(Interpolation())
        if m * (2 * n) ** 3 <= LARGEST:
            members.append(Gaussian(0.1, with_neighbors=True))
    return members


def refine(
    problem: Completion, order: Int[np.ndarray, " m"] | None, seed: int, progress: Callable[[str, float], None],
    blocks: Int[np.ndarray, " n"] | None = None,
) -> Refinement:  # fmt: skip
    """Complete a table by the stack; a constant column is its constant, and is kept out of everything else.

    order: the rows in the order of time; None where they have none.
    Columns of equal `blocks` stand side by side and are known or unknown together; they do not predict one another.
    """
    raw = np.full(problem.shape, np.nan)
    raw[problem.rows, problem.cols] = problem.values
    is_ordered = order is not None
    order = np.arange(problem.shape[0]) if order is None else order
    raw = raw[order]
    varying = varying_columns(raw)
    count = (~np.isnan(raw)).sum(axis=0)
    constants = np.where(count > 0, np.nansum(np.where(varying, 0.0, raw), axis=0) / np.maximum(count, 1), np.nan)
    whole = np.tile(np.where(np.isnan(constants), np.nanmean(raw), constants), (len(raw), 1))
    table = raw[:, varying]
    blocks = (np.arange(problem.shape[1]) if blocks is None else blocks)[varying]
    _, first, place = np.unique(blocks, return_index=True, return_inverse=True)
    held = held_entries(~np.isnan(table[:, first]), is_ordered, seed)[:, :, place]
    tables = np.concatenate([np.where(held, np.nan, table), table[None]])
    plain = ColumnUnits.of(tables, np.zeros(table.shape[1], dtype=bool))
    split = Split(plain.to_units(tables), held, is_ordered, seed, place)
    names, predictions, seconds = [], [], {}
    members = [(member, False) for member in members_for(table.shape, is_ordered)]
    logs = over_decades(table)
    if logs.any():
        members += [(member, True) for member, _ in members if member == Gaussian(0.1)]
    for number, (member, by_logs) in enumerate(members):
        progress(f"refining: {member.name}", 0.6 * number / len(members))
        begun = time.perf_counter()
        if by_logs:
            bent = ColumnUnits.of(tables, logs)
            filled = member.complete(Split(bent.to_units(tables), held, is_ordered, seed, place))
            filled = plain.to_units(bent.from_units(filled))
        else:
            filled = member.complete(split)
        name = member.name + (" of logarithms" if by_logs else "")
        names.append(name)
        predictions.append(_near_range(filled, split.tables))
        seconds[name] = time.perf_counter() - begun
    truth = plain.to_units(np.tile(table, (len(tables), 1, 1)))
    first, _, _ = _stack(np.stack(predictions), truth, held)
    learners: tuple[Learner, ...] = (Trees(), KernelRidge())
    for number, learner in enumerate(learners):
        progress(f"refining: {learner.name}", 0.6 + 0.2 * number)
        begun = time.perf_counter()
        predictions.append(_near_range(learner.complete(split, first), split.tables))
        names.append(learner.name)
        seconds[learner.name] = time.perf_counter() - begun
    final, crossed, weights = _stack(np.stack(predictions), truth, held)
    if is_ordered:
        # held-out entries have others beside them in their row; what has none is between its neighbors in time
        alone = np.isnan(table).all(axis=1)
        final[-1, alone] = interpolated(split.tables[-1])[alone]
    whole[:, varying] = plain.from_units(_near_range(final, split.tables))[-1]
    part, rows, cols = np.nonzero(held)

    def in_input_units(z: Float[np.ndarray, " held"]) -> Float[np.ndarray, " held"]:
        return plain.origin[part, 0, cols] + plain.unit[part, 0, cols] * z

    answered = in_input_units(crossed)
    simple = {
        member.name: in_input_units(predicted[part, rows, cols])
        for (member, _), predicted in zip(members, predictions, strict=False)
        if member.is_simple
    }
    is_known = ~np.isnan(raw)
    error, unit = np.zeros(raw.shape[1]), np.zeros(raw.shape[1])
    count = np.maximum(np.bincount(cols, minlength=table.shape[1]), 1)
    error[varying] = np.sqrt(np.bincount(cols, (answered - table[rows, cols]) ** 2, table.shape[1]) / count)
    unit[varying] = plain.unit[-1, 0]
    row_model = RowModel.of(np.where(is_known, raw, whole), is_known, error, unit)
    whole[is_known] = np.nan
    return Refinement(
        table=whole[np.argsort(order)], rows=order[rows], cols=np.flatnonzero(varying)[cols],
        values=table[rows, cols], predicted=answered,
        column_means=plain.origin[part, 0, cols], simple=simple, row_model=row_model,
        shares=dict(zip(names, weights.mean(axis=0).tolist(), strict=True)), seconds=seconds,
    )  # fmt: skip


def _stack(
    predictions: Float[np.ndarray, "members parts m n"], truth: Float[np.ndarray, "parts m n"], held: np.ndarray
) -> tuple[Float[np.ndarray, "parts m n"], Float[np.ndarray, " held"], Float[np.ndarray, "n members"]]:
    """The stack of all parts, the held-out predictions by weights of the other folds, and the weights."""
    fold, rows, cols = np.nonzero(held)
    asked, targets = predictions[:, fold, rows, cols].T, truth[fold, rows, cols]
    n = held.shape[2]
    weights = stack_weights(asked, targets, cols, n)
    crossed = np.empty(targets.size)
    for k in range(len(held)):
        mine = fold == k
        others = stack_weights(asked[~mine], targets[~mine], cols[~mine], n)
        crossed[mine] = np.einsum("ek,ek->e", asked[mine], others[cols[mine]])
    return stacked(predictions, weights), crossed, weights


def _near_range(filled: np.ndarray, tables: np.ndarray) -> np.ndarray:
    """Within the range that each part knows of each column, and a share of it beyond."""
    low, high = np.nanmin(tables, axis=1, keepdims=True), np.nanmax(tables, axis=1, keepdims=True)
    return np.clip(filled, low - BEYOND * (high - low), high + BEYOND * (high - low))
