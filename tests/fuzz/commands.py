"""Random commands on random files, and what must be true of each however it ends."""

import re
import warnings
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from rankfall.errors import InputError
from rankfall.tables import read_table
from tests.fuzz.files import FORMATS, WORDS, damage, write
from tests.fuzz.tables import random_table, some
from tests.helpers.shell import Ended, shell

NUMBERS = ("auto", "0", "1", "2", "-1", "1e-3", "0.5", "1e400", "nan", "inf", "-inf", "9" * 30, "", "x", "1e-320")
READING = {
    "--unknown": ("-999", "NA,?", "", ","), "--below": ("half", "limit", "unknown", "x"),
    "--separator": (",", ";", "tab", "", "ab"), "--decimal": (".", ",", "x"), "--thousands": ("comma", "none", "x"),
    "--encoding": ("utf-8", "cp1252", "utf-16", "x"), "--comment": ("#", "", "##"), "--leave-out": ("1", "none", "2,x"),
    "--sheet": ("1", "Sheet", "9"), "--labels": ("1", "", "c0", "9", "name,1"), "--duplicates": ("mean", "last", "x"),
    "--round": ("auto", "none", "0", "3", "99"), "--marks": ("e,p", "*", "", "2"),
}  # fmt: skip
FITTING = {
    "--depth": ("auto", "2", "3", "0", "x", "4"), "--width": (*NUMBERS, "3"), "--scale": NUMBERS, "--rtol": NUMBERS,
    "--holdout": NUMBERS, "--seed": ("0", "7", "-1", "9" * 30, "x"), "--min": ("0", "-1e3", "inf", "nan"),
    "--max": ("5", "1e3", "-inf", "1e308"), "--loss": ("squared", "huber", "absolute", "logistic", "x"),
    "--scaling": ("auto", "global", "columns", "x"), "--order": ("rows", "x"),
}  # fmt: skip
FLAGS = ("--header", "--no-header", "--float32", "--features", "--no-features", "--quiet", "--no-refine")
CONTROL = re.compile(r"[\x00-\x09\x0b-\x1f\x7f-\x9f\u202a-\u202e]")
NOT_A_NUMBER = re.compile(r"(?<![\w'.-])(nan|-?inf)(?![\w'])", re.IGNORECASE)


@dataclass(frozen=True)
class Case:
    """A command's words, its input and output, and whether the input is as some program wrote it."""

    words: tuple[str, ...]
    source: Path
    output: Path
    is_whole: bool


def case(seed: int, folder: Path) -> Case:
    """The case of a seed, its files in the folder."""
    rng = np.random.default_rng(seed)
    source = write(rng, folder, random_table(rng))
    is_whole = rng.random() < 0.65
    if not is_whole:
        source = damage(rng, source)
    command = some(rng, *["complete"] * 12, "recover", "flow")
    output = folder / ("out" + some(rng, *FORMATS).removeprefix("sparse").removeprefix("coded"))
    words = [command, str(source), "-o", str(output)]
    if command == "flow":
        output = folder / "out.zarr"
        words = [
            "flow",
            "--input",
            str(source),
            "-o",
            str(output),
            "--depth",
            some(rng, "1", "2", "3"),
            "--loss",
            "0.1",
            "--steps",
            "2000",
        ]
    elif command == "complete":
        words += _options(rng)
    if rng.random() < 0.2:
        output.parent.joinpath(output.name).write_bytes(b"an older result")
    return Case(tuple(words), source, output, is_whole)


def _options(rng: np.random.Generator) -> list[str]:
    # the stack takes seconds, so most tables do without
    words = ["--depth", "2"] if rng.random() < 0.98 else []
    for options, share in ((READING, 0.025), (FITTING, 0.025)):
        for name, values in options.items():
            if rng.random() < share:
                words += [f"{name}={some(rng, *values)}"]
    words += [flag for flag in FLAGS if rng.random() < 0.04]
    if rng.random() < 0.05:
        words += ["--triplets", some(rng, "1,2,3", "row,col,value", "c0,c1,c2", "x", "1,1,2")]
    if rng.random() < 0.03:
        words += [some(rng, *WORDS).replace("\x00", "")]
    if rng.random() < 0.03:
        words += ["--plot", some(rng, "p.png", "p.jpg", "no/p.png")]
    return words


def judge(case: Case) -> str:
    """Run the case; what is wrong with how it ended, or nothing."""
    before = _bytes(case.source), _bytes(case.output)
    there = {path.name for path in case.source.parent.iterdir()}
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        ended = shell(*case.words)
    after = _bytes(case.source), _bytes(case.output)
    left = {path.name for path in case.source.parent.iterdir()} - there - {case.output.name, "p.png"}
    checks = {
        f"exit code {ended.code}": ended.code in (0, 1, 2),
        "the input was changed": case.source == case.output or before[0] == after[0],
        f"left behind: {left}": not left,
        "control characters": not CONTROL.search(ended.stdout + ended.stderr),
        # a header that was asked for may be a row of unknown cells, and its names be printed
        "not a number is printed": ended.code == 2 or _header(case) or not NOT_A_NUMBER.search(ended.stdout),
        f"warning: {[str(each.message) for each in caught][:1]}": not caught,
        f"no single sentence: {ended.stderr[-300:]!r}": ended.code != 2 or _is_sentence(ended),
        "the older result is gone": ended.code != 2 or before[1] == after[1],
        "no result": ended.code == 2 or after[1] is not None,
    }
    wrong = [what for what, is_right in checks.items() if not is_right]
    if ended.code == 0 and case.words[0] == "complete" and "--triplets" not in case.words and not wrong:
        wrong += _wrong_result(case)
    return "; ".join(wrong)


def _bytes(path: Path) -> bytes | list[str] | None:
    if path.is_dir():
        return sorted(str(each) for each in path.rglob("*"))
    return path.read_bytes() if path.exists() else None


def _is_sentence(ended: Ended) -> bool:
    lines = [line for line in ended.stderr.splitlines() if not line.startswith(("read: ", "warning: "))]
    # words that are no options are answered by the parser of options, in its own way
    return "Usage:" in lines[0] or (len(lines) == 1 and lines[0].startswith("rankfall: "))


def _value(case: Case, option: str) -> str | None:
    return next((word.removeprefix(option) for word in case.words if word.startswith(option)), None)


def _header(case: Case) -> bool | None:
    flags = [word == "--header" for word in case.words if word in ("--header", "--no-header")]
    return flags[-1] if flags else None


def _wrong_result(case: Case) -> list[str]:
    said = []
    # a header or labels that were asked for may be none in the format of the output
    for labels, header in ((_value(case, "--labels="), _header(case)), (None, None)):
        try:
            found = read_table(case.output, label_columns=labels, header=header)
        except InputError as error:
            said.append(f"the result cannot be read: {error}")
            continue
        if np.isfinite(found.values).all():
            return []
        said.append("the result has holes")
    return said
