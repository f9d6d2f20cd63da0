"""The methods a comparison knows by name, for tables and for tensors."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from rankfall.comparison.contender import Contender
from rankfall.comparison.imputers import KNN, FancyImpute, Iterative
from rankfall.comparison.libraries import CMFRec, SurpriseSVD, SurpriseSVDpp
from rankfall.comparison.methods import ALSMethod, ColumnMeans, Effects, Method, Rankfall, SoftImputeMethod
from rankfall.comparison.tensor_libraries import TensorlyCP, TensorlyTucker
from rankfall.comparison.tensor_methods import BestFlattening, HaLRTC, SliceMeans, TensorMethod, TensorRankfall
from rankfall.errors import InputError
from rankfall.estimators.tensors.holding import split
from rankfall.problems.completion import Completion
from rankfall.problems.tensor_completion import TensorCompletion

METHODS: dict[str, Method] = {
    method.name: method
    for method in (
        Rankfall(), ColumnMeans(), Effects(), SoftImputeMethod(), ALSMethod(), KNN(), Iterative(), SurpriseSVD(),
        SurpriseSVDpp(), CMFRec(), FancyImpute(),
    )
}  # fmt: skip

TENSOR_METHODS: dict[str, TensorMethod] = {
    method.name: method
    for method in (TensorRankfall(), SliceMeans(), BestFlattening(), HaLRTC(), TensorlyCP(), TensorlyTucker())
}


@dataclass(frozen=True)
class Kind:
    """What a comparison must know of a kind of problem.

    Parameters
    ----------
    problem
        its class, made of positions, values, shape and weights.
    methods
        by name.
    hold_out
        the problem with a share of its entries held out, from the share and a seed.
    positions
        of the entries of a problem, as methods are asked for them.
    """

    problem: Callable[..., Any]
    methods: Mapping[str, Contender]
    hold_out: Callable[[Any, float, int], Any]
    positions: Callable[[Any], tuple[np.ndarray, ...]]


KINDS: dict[type, Kind] = {
    Completion: Kind(Completion, METHODS, Completion.hold_out, lambda problem: (problem.rows, problem.cols)),
    TensorCompletion: Kind(TensorCompletion, TENSOR_METHODS, split, lambda problem: (problem.indices,)),
}


def named(methods: Sequence[str | Contender] | None, known: Mapping[str, Contender] | None = None) -> list[Contender]:
    """The methods meant, of those known: `METHODS` by default; None means all whose library is installed.

    Raises
    ------
    InputError
        For a name that is not known, a method twice, or none at all.
    """
    known = METHODS if known is None else known
    if methods is None:
        return [method for method in known.values() if method.is_installed()]
    if isinstance(methods, str):
        raise InputError(f"methods must be a list of names, got the text {methods!r}; write [{methods!r}]")
    chosen = []
    for given in methods:
        if isinstance(given, Contender):
            chosen.append(given)
        elif given in known:
            chosen.append(known[given])
        else:
            raise InputError(f"a method must be one of {', '.join(known)}, got {given!r}; check the spelling")
    names = [method.name for method in chosen]
    repeated = next((name for name in names if names.count(name) > 1), None)
    if repeated is not None:
        raise InputError(f"each method is compared once, got {repeated!r} twice; name it once")
    if not chosen:
        raise InputError("a comparison needs a method, got an empty list; leave methods out for all of them")
    return chosen
