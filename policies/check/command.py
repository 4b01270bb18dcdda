"""`python -m policies check`: the command line around a check."""

from __future__ import annotations

import argparse
import os
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import BinaryIO, Final, NoReturn, TextIO

from policies.check.formats import FORMATS
from policies.check.result import check
from policies.check.settings import ConfigError, PackConfig, load
from policies.pack import POLICIES

_EPILOG: Final = """\
Exit codes: 0 nothing blocks, 1 violations, 2 wrong usage or input that could not be checked.
Examples:
  helm template my-chart | python -m policies check -
  python -m policies check deploy/ --output sarif=policies.sarif
  kustomize build overlays/prod | python -m policies check - --complete --config policies/config/prod.json
"""


class UsageError(Exception):
    """A command line that cannot be run."""


class _Parser(argparse.ArgumentParser):
    def error(self, message: str) -> NoReturn:
        raise UsageError(f"{message}. See: python -m policies check --help")


def main(
    arguments: Sequence[str] | None = None,
    *,
    stdin: BinaryIO | None = None,
    stdout: TextIO | None = None,
    stderr: TextIO | None = None,
) -> int:
    """Runs the command; every expected failure is a message on stderr."""
    out, err = stdout or sys.stdout, stderr or sys.stderr
    given = list(sys.argv[1:] if arguments is None else arguments)
    try:
        options = _parser().parse_args(given)
        outputs = [_output(text) for text in options.output]
        config = load(options.config, POLICIES) if options.config else PackConfig()
    except (UsageError, ConfigError) as error:
        err.write("".join(f"error: {line}\n" for line in str(error).splitlines()))
        return 2
    result = check(
        options.paths,
        stdin or sys.stdin.buffer,
        POLICIES,
        config=config,
        namespace=options.namespace,
        complete=options.complete,
    )
    try:
        for name, file in outputs:
            file.write_text(FORMATS[name](result), encoding="utf-8", errors="replace")
    except OSError as error:
        err.write(f"error: --output {error.filename}: cannot be written: {error.strerror}\n")
        return 2
    _write(out, FORMATS[options.format](result))
    if options.format not in {"text", "github"}:
        _write(err, "".join(f"error: {problem}\n" for problem in result.problems))
    return result.exit_code


def _parser() -> argparse.ArgumentParser:
    top = _Parser(prog="python -m policies", description="The policy pack outside Pulumi.")
    commands = top.add_subparsers(dest="command", required=True, parser_class=_Parser, metavar="check")
    parser = commands.add_parser(
        "check",
        help="check Kubernetes YAML or JSON",
        description="Checks Kubernetes objects in YAML or JSON with the policy pack.",
        epilog=_EPILOG,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("paths", nargs="+", metavar="PATH", help="file, folder (*.yaml, *.yml, *.json), or - for stdin")
    parser.add_argument("--format", choices=FORMATS, default="text", help="what goes to stdout [text]")
    parser.add_argument(
        "--output",
        action="append",
        default=[],
        metavar="FORMAT=FILE",
        help="also write a report to a file; may be given several times",
    )
    parser.add_argument("--config", type=Path, metavar="FILE", help="the pack's configuration, as for Pulumi (JSON)")
    parser.add_argument("--namespace", metavar="NAME", help="namespace of objects that name none [default]")
    parser.add_argument(
        "--complete", action="store_true", help="nothing else is deployed: also report what is missing behind Gateways"
    )
    return top


def _output(text: str) -> tuple[str, Path]:
    name, separator, file = text.partition("=")
    if not separator or not file or name not in FORMATS:
        raise UsageError(f"--output '{text}': write FORMAT=FILE with a format of {', '.join(FORMATS)}")
    return name, Path(file)


def _write(stream: TextIO, text: str) -> None:
    """Writes whatever the terminal's encoding can show; a reader that went away (`| head`) is no failure."""
    encoding = getattr(stream, "encoding", None) or "utf-8"
    try:
        stream.write(text.encode(encoding, "replace").decode(encoding))
        stream.flush()
    except BrokenPipeError:
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
