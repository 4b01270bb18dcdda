"""From a container's command and args to the arguments vLLM would see.

Owns: the forms in which people start the server (`vllm serve`, `python3 -m vllm.entrypoints.openai.api_server`, either
of them inside a shell script, KServe's preset script with its `$@`, or the image's own entrypoint). Nothing of the command
is run: a script is read for its server line, variables come from the environment, and what a script computes itself is
empty. Why not a real shell: the command was written for a container and would act on this machine.
"""

from __future__ import annotations

import re
import shlex
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import PurePosixPath
from typing import Final

_SHELLS: Final = {"bash", "sh", "dash"}
_PYTHONS: Final = re.compile(r"python(3(\.\d+)?)?")
_API_SERVER: Final = "vllm.entrypoints.openai.api_server"
_SERVER_LINE: Final = re.compile(
    rf"(?<![\w./-])(vllm\s+serve|python3?(?:\.\d+)?\s+-m\s+{re.escape(_API_SERVER)})(?=\s|$)"
)
_SHELL_PART: Final = re.compile(
    r"""\\. | "(?:\\.|[^"\\])*" | '[^']*'
    | (?P<redirection> (?: (?<!\S)\d+ | & )? (?: >> | >\| | > | < ) & ? [ \t]* (?: "[^"]*" | '[^']*' | [^\s;&|<>] )* )
    | (?P<end> [;&|] ) | .""",
    re.VERBOSE | re.DOTALL,
)
"""What a shell reads as one piece: an escaped character, a quoted text, a redirection (`2>&1`, `> file`), the command's end."""
_ASSIGNMENT: Final = re.compile(
    r"""(?:export\s+)?(?P<name>[A-Za-z_]\w*)=(?:'(?P<single>[^']*)'|"(?P<double>[^"`]*)"|(?P<bare>[^\s'"`()]*))"""
)
_SEPARATOR: Final = re.compile(r"\s*(?:;|&&)\s*")
_OPENS: Final = re.compile(r"^(?:(?:then|do|else)\s+)?(?:if|case|for|while|until|\{)(?=\s|$)|\)\s*\{$")
_CLOSES: Final = re.compile(r"^(?:fi|esac|done|\})(?=\s|$)")
_VARIABLE: Final = re.compile(r"\$(?:\{(\w+)(?::?-([^}]*))?\}|(\w+))")


class CommandError(Exception):
    """The container's command starts no vLLM; `exit_code` is what a container would end with."""

    def __init__(self, message: str, exit_code: int) -> None:
        super().__init__(message)
        self.exit_code = exit_code


@dataclass(frozen=True)
class Command:
    """The arguments of the server and the name under which argparse would report errors."""

    program: str
    arguments: list[str]


def find(words: Sequence[str], environment: Mapping[str, str]) -> Command:
    """The server's arguments in a container's command followed by its args.

    Raises:
        CommandError: no vLLM server is started.
    """
    if not words:
        return Command("api_server.py", _split(environment.get("VLLM_ARGS", ""), "VLLM_ARGS"))
    name = PurePosixPath(words[0]).name
    if name == "exec":
        return find(words[1:], environment)
    if name == "vllm":
        if len(words) < 2 or words[1] != "serve":
            raise CommandError(f"vllm: error: argument subparser: invalid choice: {' '.join(words[1:2])!r}", 2)
        return Command("vllm", list(words[2:]))
    if _PYTHONS.fullmatch(name):
        if list(words[1:3]) == ["-m", _API_SERVER]:
            return Command("api_server.py", list(words[3:]))
        raise CommandError(f"{words[0]}: this stand-in runs no other module than {_API_SERVER}", 1)
    if name in _SHELLS:
        return _in_script(words, environment)
    if words[0].startswith("-"):
        return Command("api_server.py", list(words))
    raise CommandError(f'exec: "{words[0]}": executable file not found in $PATH', 127)


def _in_script(words: Sequence[str], environment: Mapping[str, str]) -> Command:
    """Of `bash -c SCRIPT [NAME] ARGS…`; the first word after the script is `$0`, `--` included."""
    flags = [index for index, word in enumerate(words) if index and word.startswith("-") and word.endswith("c")]
    if not flags or flags[0] + 1 >= len(words):
        raise CommandError(f"{words[0]}: this stand-in reads scripts given with -c only", 127)
    script, positional = words[flags[0] + 1], list(words[flags[0] + 3 :])
    return from_script(script, positional, environment)


def from_script(script: str, positional: Sequence[str], environment: Mapping[str, str]) -> Command:
    """The server line of a shell script, with `$@` and variables replaced; redirections are left out."""
    text = re.sub(r"^[ \t]*#.*$", "", script, flags=re.MULTILINE)
    lines = _joined(text)
    at = next((index for index, line in enumerate(lines) if _SERVER_LINE.search(line)), None)
    if at is None:
        raise CommandError("the script starts no vLLM server", 0)
    line = lines[at]
    match = _SERVER_LINE.search(line)
    assert match is not None  # noqa: S101 - the line was chosen by it
    before = [part.strip() for text in lines[:at] for part in _SEPARATOR.split(text)]
    before += _SEPARATOR.split(line[: match.start()])[:-1]  # the last part belongs to the server's own command
    values = _assigned(before, environment)
    rest = line[match.end() :]
    if line[: match.start()].lstrip().startswith("eval"):
        rest = rest.rstrip().removesuffix('"')  # eval "exec vllm serve … $@": the words are those inside the quotes
    rest = _simple(rest)
    rest = rest.replace('"$@"', "$@").replace("$@", " ".join(shlex.quote(word) for word in positional))
    rest = _VARIABLE.sub(lambda found: _value(found, values), rest)
    return Command("vllm" if match.group(1).startswith("vllm") else "api_server.py", _split(rest, "bash: -c"))


def _simple(line: str) -> str:
    """The one command that `line` begins with, without its redirections; what is quoted stays as it is."""
    kept: list[str] = []
    for found in _SHELL_PART.finditer(line):
        if found["end"]:
            break
        kept.append(" " if found["redirection"] else found.group())
    return "".join(kept)


def _assigned(commands: Sequence[str], environment: Mapping[str, str]) -> dict[str, str]:
    """The environment with what plain `NAME=value` commands set; not those inside of conditions and loops, which may not run."""
    values, depth = dict(environment), 0
    for text in commands:
        found = _ASSIGNMENT.fullmatch(text)
        if found is not None and not depth:
            values[found["name"]] = _assigned_value(found, values)
        depth = max(depth + len(_OPENS.findall(text)) - len(_CLOSES.findall(text)), 0)
    return values


def _assigned_value(found: re.Match[str], values: Mapping[str, str]) -> str:
    if found["single"] is not None:
        return found["single"]
    text = found["double"] or found["bare"] or ""
    return "" if "$(" in text else _VARIABLE.sub(lambda match: _value(match, values), text)


def _split(text: str, who: str) -> list[str]:
    try:
        return shlex.split(text)
    except ValueError as error:
        raise CommandError(f"{who}: {error}", 2) from None


def _joined(text: str) -> list[str]:
    """The lines of a script with continuations joined; inside them a commented line ends nothing."""
    return re.sub(r"\\[ \t]*\n[ \t\n]*", " ", text).splitlines()


def _value(match: re.Match[str], environment: Mapping[str, str]) -> str:
    name = match.group(1) or match.group(3)
    return environment.get(name) or (match.group(2) or "").strip("\"'")
