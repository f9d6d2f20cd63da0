"""The methods a comparison knows by name."""

from collections.abc import Sequence

from rankfall.comparison.imputers import KNN, FancyImpute, Iterative
from rankfall.comparison.libraries import CMFRec, SurpriseSVD, SurpriseSVDpp
from rankfall.comparison.methods import ALSMethod, ColumnMeans, Effects, Method, Rankfall, SoftImputeMethod
from rankfall.errors import InputError

METHODS: dict[str, Method] = {
    method.name: method
    for method in (
        Rankfall(), ColumnMeans(), Effects(), SoftImputeMethod(), ALSMethod(), KNN(), Iterative(), SurpriseSVD(),
        SurpriseSVDpp(), CMFRec(), FancyImpute(),
    )
}  # fmt: skip


def named(methods: Sequence[str | Method] | None) -> list[Method]:
    """The methods meant; None means all whose library is installed.

    Raises
    ------
    InputError
        For a name that is not known, a method twice, or none at all.
    """
    if methods is None:
        return [method for method in METHODS.values() if method.is_installed()]
    if isinstance(methods, str):
        raise InputError(f"methods must be a list of names, got the text {methods!r}; write [{methods!r}]")
    chosen = []
    for given in methods:
        if isinstance(given, Method):
            chosen.append(given)
        elif given in METHODS:
            chosen.append(METHODS[given])
        else:
            raise InputError(f"a method must be one of {', '.join(METHODS)}, got {given!r}; check the spelling")
    names = [method.name for method in chosen]
    repeated = next((name for name in names if names.count(name) > 1), None)
    if repeated is not None:
        raise InputError(f"each method is compared once, got {repeated!r} twice; name it once")
    if not chosen:
        raise InputError("a comparison needs a method, got an empty list; leave methods out for all of them")
    return chosen
