"""What the shell postpones is loaded when it is asked for, and not before."""

import pytest

from tests.helpers.shell import python

BEFORE = "import sys; from rankfall.cli.postponed import postpone; postpone(frozenset({name!r}.split())); "


def printed(names, script):
    """What a process prints in which modules of these names are postponed."""
    ended = python(BEFORE.format(name=names) + script)
    assert ended.returncode == 0, ended.stderr
    return ended.stdout.split()


@pytest.mark.parametrize("name", ["scipy.stats", "numpy.f2py"])
def test_a_module_is_loaded_when_one_of_its_names_is_asked_for(name):
    package, _, part = name.partition(".")
    found = printed(
        name,
        f"import {name}; before = len(sys.modules); from {package} import {part} as again; again.__name__; "
        f"print(len(sys.modules) > before, again.__name__, again is sys.modules[{name!r}])",
    )
    assert found == ["True", name, "True"]


def test_other_modules_are_found_as_before():
    assert printed("scipy.stats", "import scipy.special; print(scipy.special.ndtr(0.0))") == ["0.5"]


def test_a_module_that_is_not_there_is_not_found():
    script = "\ntry: import no_such_module\nexcept ModuleNotFoundError as error: print(error.name)"
    assert printed("no_such_module", script) == ["no_such_module"]


def test_the_estimator_loads_neither_statistics_nor_frames():
    loaded = "{'scipy.stats._stats_py', 'pandas.core'} & set(sys.modules)"
    assert printed("scipy.stats pandas", f"import rankfall.estimators.estimator; print({loaded})") == ["set()"]
