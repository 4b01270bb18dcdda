"""The flags that `vllm serve` knows; every other one ends it with 'unrecognized arguments'.

Owns the names and how vLLM's parser reads them: underscores count as dashes, a flag may be cut short while it stays
unique, `--flag.key` sets a key of a JSON flag, and switches have a `--no-` form. Does not own what values mean
(`vllm_arguments.py`). The list (`data/vllm_flags.json`) is complete for one release of vLLM on TPU, read from its source, with
flags that were removed since but that TPU images of 2026-02 still took; how they are read: vllm/utils/argparse_utils.py of it.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Any, Final

from rules import image as images
from rules.finding import Finding
from rules.nearest import nearest
from rules.vllm import REJECTED_FLAGS

_DATA: Final[dict[str, Any]] = json.loads((Path(__file__).parent / "data" / "vllm_flags.json").read_text())

VERSION: Final[str] = _DATA["version"]
"""The release that the list is complete for: what it does not name is unknown there, and nowhere else for certain."""
_REPOSITORY: Final = "vllm/vllm-tpu"
_SWITCHES: Final[frozenset[str]] = frozenset(_DATA["switches"])
_VALUED: Final[frozenset[str]] = frozenset(_DATA["valued"])
_REMOVED: Final[frozenset[str]] = frozenset(_DATA["removed_switches"]) | frozenset(_DATA["removed_valued"])

SWITCHES: Final = _SWITCHES | frozenset(_DATA["removed_switches"])
"""Flags without a value, or with an optional one; without their dashes, as those below. Removed ones are among both."""
VALUED: Final = _VALUED | frozenset(_DATA["removed_valued"])
"""Flags with a value."""
SHORT: Final[dict[str, str]] = _DATA["short"]

_LEVEL: Final = "-O"
"""May have its value right behind it, as in `-O3`."""


def long_name(flag: str) -> str | None:
    """The full name of a flag as written, without its value; None when vLLM does not know it.

    `--no-` forms keep their prefix; a name that fits several flags is not known, as for argparse ('ambiguous option').
    """
    return _long_name(flag, SWITCHES, VALUED)


def _long_name(flag: str, switches: frozenset[str], valued: frozenset[str]) -> str | None:
    if flag in SHORT or flag.startswith(_LEVEL):
        return SHORT.get(flag, SHORT[_LEVEL])
    if not flag.startswith("--"):
        return None
    name = flag[2:].partition(".")[0].replace("_", "-")
    if f"--{name}" in REJECTED_FLAGS:
        return None
    if name in switches or name in valued or (name.startswith("no-") and name[3:] in switches):
        return f"--{name}"
    every = (*switches, *valued, *(f"no-{switch}" for switch in switches)) if name else ()
    longer = [known for known in every if known.startswith(name)]
    return f"--{longer[0]}" if len(longer) == 1 else None


def unrecognized(arguments: Iterable[str]) -> list[str]:
    """The arguments that vLLM's parser refuses, as written and in their order; values of unknown flags are among them."""
    refused: list[str] = []
    swallow = False  # values that follow an unknown flag are refused with it
    for argument in arguments:
        if argument.startswith("-") and not _is_number(argument):
            swallow = long_name(argument.partition("=")[0]) is None
            if swallow:
                refused.append(argument)
        elif swallow:
            refused.append(argument)
    return refused


def is_listed(image: str) -> bool:
    """Whether an image is the release that the list is complete for, from wherever it is pulled."""
    reference = images.parse(image)
    tail = reference.repository.rsplit("/", 2)[-2:]
    return "/".join(tail) == _REPOSITORY and reference.tag == f"v{VERSION}"


def check_known(arguments: Sequence[str], image: str) -> list[Finding]:
    """Which of these arguments end vLLM in that image because it has no such flag; paths are `[index]`.

    Other images are not judged: a later release has further flags, and one of somebody's own may have any.
    """
    if not is_listed(image):
        return []
    return [
        Finding(path=f"[{index}]", value=argument, reason=_reason(argument), remedy=_remedy(argument), rule="flag")
        for index, argument in enumerate(arguments)
        if argument.startswith("-") and not _is_number(argument) and _name(argument) not in REJECTED_FLAGS
        if _long_name(argument.partition("=")[0], _SWITCHES, _VALUED) is None
    ]


def meant(argument: str) -> str | None:
    """The flag that an unknown one most resembles; None where none is near."""
    known = (*_SWITCHES, *_VALUED, *(f"no-{switch}" for switch in _SWITCHES))
    near = nearest(_name(argument).lstrip("-"), known)
    return None if near is None or _removed(argument) else f"--{near}"


def _reason(argument: str) -> str:
    what = f"vLLM {VERSION} {'no longer knows' if _removed(argument) else 'does not know'} this flag"
    if _with_value(argument):
        what = "flag and value are one argument here, which vLLM does not take apart"
    return f"{what}: it ends with 'unrecognized arguments' and the pod crash-loops"


def _remedy(argument: str) -> str:
    if _with_value(argument):
        return f"Write '{argument.replace(' ', '=', 1)}'."
    near = meant(argument)
    if near is None:
        return f"Write a flag that vLLM {VERSION} has, or leave it out."
    return f"Did you mean {near}? Write that, or leave it out."


def _name(argument: str) -> str:
    """The flag in an argument, without value and key."""
    return argument.split("=", 1)[0].split(" ", 1)[0].split(".", 1)[0].replace("_", "-")


def _with_value(argument: str) -> bool:
    """Whether a known flag and its value are written with a space between."""
    return " " in argument and _long_name(argument.split(" ", 1)[0], _SWITCHES, _VALUED) is not None


def _removed(argument: str) -> bool:
    return _name(argument).removeprefix("--") in _REMOVED


def _is_number(text: str) -> bool:
    return text[1:].replace(".", "", 1).isdecimal()
