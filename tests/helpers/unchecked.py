"""A function as users call it."""

import inspect


def unchecked(function):
    """The function without the shape checks of the tests, which a user's mistake does not meet."""
    return inspect.unwrap(function)
