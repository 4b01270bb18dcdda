"""The arguments that vLLM's own parser gets: what follows `vllm serve` in a container's command, script or environment.

Owns finding them, each with its place. Does not judge. A shell script is read as far as its first `vllm serve` goes.
"""

from __future__ import annotations

import shlex
from collections.abc import Iterator, Sequence
from typing import Final

from policies.reading import Field

VARIABLES: Final = ("VLLM_ADDITIONAL_ARGS", "VLLM_ARGS")
"""Environment variables from which start scripts take further arguments."""
_ENDS: Final = ("&&", "||", "|", ";", "&")
_SERVE: Final = "vllm serve"

Placed = tuple[str, str]
"""Where an argument stands, and the argument; what is not known yet is empty."""


def vllm_arguments(container: Field) -> Iterator[list[Placed]]:
    """Each command line of vLLM's in a container; none where it starts something else."""
    words: list[Placed] = []
    for part in ("command", "args"):
        words += [(f"{part}[{index}]", item.get(str) or "") for index, item in enumerate(container.at(part).items())]
    start = _after_program([text for _, text in words])
    if start is not None:
        yield words[start:]
    else:
        script = next(((place, text) for place, text in words if _SERVE in text), None)
        if script is not None:
            yield [(script[0], text) for text in _of_script(script[1])]
        elif container.at("command").missing:
            yield words
    for env in container.at("env").items():
        name = env.at("name").get(str)
        if name in VARIABLES:
            yield [(f"env[{name}]", text) for text in _split(env.at("value").get(str) or "")]


def _after_program(words: Sequence[str]) -> int | None:
    """Where the arguments begin in a command that is vLLM's server itself."""
    for index, word in enumerate(words):
        if word.rsplit("/", 1)[-1] == "vllm" and words[index + 1 : index + 2] == ["serve"]:
            return index + 2
        if word.endswith("vllm.entrypoints.openai.api_server"):
            return index + 1
    return None


def _of_script(script: str) -> list[str]:
    found: list[str] = []
    for word in _split(script.partition(_SERVE)[2]):
        if word in _ENDS:
            break
        found.append(word.rstrip(";"))
        if word.endswith(";"):
            break
    return found


def _split(text: str) -> list[str]:
    """The words as a shell takes them apart; none where it could not."""
    try:
        return shlex.split(text.replace("\\\n", " "))
    except ValueError:
        return []
