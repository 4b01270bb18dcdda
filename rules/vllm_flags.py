"""The flags that `vllm serve` knows; every other one ends it with 'unrecognized arguments'.

Owns the names and how vLLM's parser reads them: underscores count as dashes, a flag may be cut short while it stays
unique, `--flag.key` sets a key of a JSON flag, and switches have a `--no-` form. Does not own what values mean
(`vllm_arguments.py`). Source: vllm-project/vllm, engine/arg_utils.py, entrypoints/openai/cli_args.py and
utils/argparse_utils.py (2026-08), with flags that were removed since but that TPU images of 2026-02 still took.
"""

from __future__ import annotations

import json
from collections.abc import Iterable
from pathlib import Path
from typing import Final

from rules.vllm import REJECTED_FLAGS

_DATA: Final[dict[str, list[str]]] = json.loads((Path(__file__).parent / "data" / "vllm_flags.json").read_text())

SWITCHES: Final = frozenset(_DATA["switches"])
"""Flags without a value, or with an optional one; without their dashes, as those below."""
VALUED: Final = frozenset(_DATA["valued"])
"""Flags with a value."""
SHORT: Final = {"-tp": "--tensor-parallel-size", "-pp": "--pipeline-parallel-size", "-dp": "--data-parallel-size"} | {
    "-q": "--quantization",
    "-O": "--optimization-level",
    "-dcp": "--decode-context-parallel-size",
    "-ep": "--enable-expert-parallel",
}

_NAMES: Final = SWITCHES | VALUED


def long_name(flag: str) -> str | None:
    """The full name of a flag as written, without its value; None when vLLM does not know it.

    `--no-` forms keep their prefix; a name that fits several flags is not known, as for argparse ('ambiguous option').
    """
    if flag in SHORT:
        return SHORT[flag]
    if not flag.startswith("--"):
        return None
    name = flag[2:].partition(".")[0].replace("_", "-")
    prefix = ""
    if name.startswith("no-") and name not in _NAMES:
        prefix, name = "no-", name[3:]
        if name not in SWITCHES:
            return None
    if f"--{name}" in REJECTED_FLAGS:
        return None
    if name in _NAMES:
        return f"--{prefix}{name}"
    longer = [known for known in _NAMES if known.startswith(name)] if name else []
    return f"--{longer[0]}" if len(longer) == 1 and not prefix else None


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


def _is_number(text: str) -> bool:
    return text[1:].replace(".", "", 1).isdecimal()
