"""Which Kubernetes objects stand in the files, folders and streams that are given, and where.

Lists are taken apart. A document that is no Kubernetes object is passed over and counted, but a path that holds none at
all is a mistake: a check that looked at nothing must not be green.
"""

from __future__ import annotations

import json
import os
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, BinaryIO, Final, cast

from policies.check.located import Located, UnreadableError, documents

SUFFIXES: Final = frozenset({".yaml", ".yml", ".json"})
STDIN: Final = "-"
STDIN_NAME: Final = "stdin"


@dataclass(frozen=True, slots=True)
class KubernetesObject:
    """One object of a file."""

    urn: str
    """`FILE:LINE NAMESPACE/NAME`; unique, and what exemptions match."""
    file: str
    line: int
    api_version: str
    kind: str
    name: str
    """`NAMESPACE/NAME` as far as it is written."""
    body: Located

    @property
    def token(self) -> str:
        """The type token a Pulumi program would give it."""
        version = self.api_version if "/" in self.api_version else f"core/{self.api_version}"
        return f"kubernetes:{version}:{self.kind}"


@dataclass(frozen=True, slots=True)
class Problem:
    """Input that cannot be checked."""

    file: str
    line: int | None
    message: str

    def __str__(self) -> str:
        return f"{self.file}:{self.line}: {self.message}" if self.line else f"{self.file}: {self.message}"


@dataclass(slots=True)
class Input:
    """Everything that was found."""

    objects: list[KubernetesObject] = field(default_factory=list[KubernetesObject])
    problems: list[Problem] = field(default_factory=list[Problem])
    files: int = 0
    passed_over: int = 0
    """Documents that are no Kubernetes objects, such as Helm values."""


def read(paths: Sequence[str], stdin: BinaryIO) -> Input:
    """Every object under the paths, in order of file and line; `-` is standard input."""
    found = Input()
    urns: set[str] = set()
    done: set[str] = set()
    for path in paths:
        if path == STDIN:
            _read_text(stdin.read(), STDIN_NAME, found, urns, explicit=True)
            continue
        problems = len(found.problems)
        files = _files(path, found)
        if not files and len(found.problems) == problems:
            found.problems.append(Problem(path, None, "there is no .yaml, .yml or .json file in this folder"))
        for file in files:
            real = os.path.realpath(file)
            if real not in done:
                done.add(real)
                _read_file(file, found, urns, explicit=file == path)
    if not found.objects and not found.problems:
        found.problems.append(Problem(" ".join(paths), None, _NOTHING))
    return found


_NOTHING: Final = "no Kubernetes object (with apiVersion and kind) in it, so nothing was checked"


def _files(path: str, found: Input) -> list[str]:
    """The path itself, or the YAML and JSON files in the folder; hidden files and folders are left out."""
    if not Path(path).is_dir():
        return [path]
    files: list[str] = []

    def refuse(error: OSError) -> None:
        found.problems.append(Problem(str(error.filename), None, f"cannot be read: {error.strerror}"))

    for folder, folders, names in os.walk(path, onerror=refuse):
        folders[:] = sorted(name for name in folders if not name.startswith("."))
        files += [
            str(Path(folder, name))
            for name in names
            if Path(name).suffix.lower() in SUFFIXES and not name.startswith(".")
        ]
    return sorted(files)


def _read_file(file: str, found: Input, urns: set[str], *, explicit: bool) -> None:
    try:
        content = Path(file).read_bytes()
    except (OSError, ValueError) as error:
        why = error.strerror if isinstance(error, OSError) else str(error)
        found.problems.append(Problem(file, None, f"cannot be read: {why}"))
        return
    _read_text(content, file, found, urns, explicit=explicit)


def _read_text(content: bytes, file: str, found: Input, urns: set[str], *, explicit: bool) -> None:
    found.files += 1
    before = len(found.objects)
    try:
        text = content.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        line = content.count(b"\n", 0, error.start) + 1
        found.problems.append(
            Problem(file, line, f"no UTF-8 text: byte 0x{content[error.start]:02x}. Save it as UTF-8.")
        )
        return
    try:
        for document in _parse(text):
            _add(document, file, found, urns)
    except UnreadableError as error:
        hint = " It looks like an unrendered Helm template: pipe `helm template` in." if "{{" in text else ""
        found.problems.append(Problem(file, error.line, f"no valid YAML: {error}.{hint}"))
        return
    if explicit and len(found.objects) == before and not any(problem.file == file for problem in found.problems):
        found.problems.append(Problem(file, None, _NOTHING))


def _parse(text: str) -> Iterator[Located]:
    """The documents of a text; JSON that YAML's parser cannot take (surrogate pairs) comes without lines."""
    if not text.lstrip().startswith(("{", "[")):
        return documents(text)
    try:
        return iter(list(documents(text)))
    except UnreadableError as error:
        try:
            readable = json.dumps(json.loads(text, parse_constant=str), ensure_ascii=False)
        except (ValueError, RecursionError):
            raise error from None
        return documents(readable)


def _add(document: Located, file: str, found: Input, urns: set[str], inherited: Sequence[str] = ("", "")) -> None:
    body = document.value
    if body is None:
        return
    if not isinstance(body, dict) or not isinstance(document.inner, dict):
        found.passed_over += 1
        return
    fields = cast("dict[str, Any]", body)
    api_version, kind = (fields.get(name, default) for name, default in zip(_TYPE, inherited, strict=True))
    if not api_version and not kind:
        found.passed_over += 1
        return
    for name, value in zip(_TYPE, (api_version, kind), strict=True):
        if not isinstance(value, str) or not value:
            wrong = (
                f"{name} is {'missing' if value is None or value == '' else 'no text'}; Kubernetes knows no such object"
            )
            found.problems.append(Problem(file, document.find(name), f"{wrong}. Write apiVersion and kind."))
            return
    items = document.inner.get("items")
    if kind.endswith("List") and items is not None and "spec" not in fields:
        inner = items.inner if isinstance(items.inner, list) else []
        if items.value is not None and not isinstance(items.inner, list):
            found.problems.append(Problem(file, items.line, f"items of {kind} is no list. Write a list of objects."))
        for item in inner:
            _add(item, file, found, urns, ("", "") if kind == "List" else (api_version, kind.removesuffix("List")))
        return
    name = _key(fields)
    urn = _unique(f"{file}:{document.line} {name}", urns)
    if "apiVersion" not in fields or "kind" not in fields:
        document = Located({**fields, "apiVersion": api_version, "kind": kind}, document.line, document.inner)
    found.objects.append(KubernetesObject(urn, file, document.line, api_version, kind, name, document))


_TYPE: Final = ("apiVersion", "kind")


def _key(fields: dict[str, Any]) -> str:
    metadata = fields.get("metadata")
    written = cast("dict[str, Any]", metadata) if isinstance(metadata, dict) else {}
    parts = (written.get("namespace"), written.get("name") or written.get("generateName"))
    return "/".join(part for part in parts if isinstance(part, str) and part) or "(no name)"


def _unique(urn: str, urns: set[str]) -> str:
    """The URN, numbered if two objects of the same name share a line."""
    number, candidate = 1, urn
    while candidate in urns:
        number += 1
        candidate = f"{urn} #{number}"
    urns.add(candidate)
    return candidate
