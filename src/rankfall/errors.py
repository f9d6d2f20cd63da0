"""What rankfall says when it cannot do what was asked.

An `InputError` is one sentence: the rule, the value that broke it, the likely fix. It is a `ValueError`, so
scikit-learn and ordinary callers need no knowledge of it; the command line turns it into that sentence and exit
code 2. A `RunWarning` is issued for a run or a fit that ended other than by its stop.
"""


class InputError(ValueError):
    """A rule about the input was broken; the message names the rule, the value got, and the likely fix."""


class RunWarning(UserWarning):
    """A run or fit ended with a result that deserves a second look; the message says why and what to try."""


def require(value: object, contract: type, what: str, example: str) -> None:
    """Raise InputError where a value is no member of a contract (an abstract base class)."""
    if not isinstance(value, contract):
        raise InputError(
            f"{what} must be a {contract.__name__} such as {example}, got {value!r}; a class of your own inherits from "
            f"{contract.__name__}"
        )


def require_class(value: object, contract: type, what: str, example: str) -> None:
    """Raise InputError where a value is no subclass of a contract."""
    if not (isinstance(value, type) and issubclass(value, contract)):
        raise InputError(
            f"{what} must be {example}, got {value!r}; a class of your own inherits from {contract.__name__}"
        )
