"""Whether the arguments of a run are what they must be, said before anything is computed."""

from rankfall.errors import InputError
from rankfall.integrators.integrator import Integrator
from rankfall.integrators.update import Update
from rankfall.models.model import Model
from rankfall.models.start import Start
from rankfall.problems.problem import Problem
from rankfall.trajectory.record import Record
from rankfall.trajectory.stop import Stop

_NOUNS = {
    "problem": (Problem, "Completion.from_array(X) makes one of an array with NaN where it is unknown"),
    "model": (Model, "Chain(3) is one"),
    "start": (Start, "Balanced(1e-3) is one"),
    "integrator": (Integrator, "Flow() is one"),
    "stop": (Stop, "LossBelow(1e-6) is one"),
    "record": (Record, "Record(singular_values=5) is one"),
}


def require_nouns(**given: object) -> None:
    """Refuses an argument of another kind than its name says; None is a default, and left to the caller.

    Raises InputError.
    """
    for name, noun in given.items():
        kind, example = _NOUNS[name]
        if isinstance(noun, kind):
            continue
        got = f"a {type(noun).__name__}"
        if isinstance(noun, type):
            got, example = f"the class {noun.__name__}", f"{noun.__name__}(…) makes one"
        elif isinstance(noun, Update):
            example = f"Descent({noun!r}) steps by it"
        raise InputError(f"{name} must be of the kind {kind.__name__}, got {got}; {example}")
