"""SARIF 2.1.0 as far as a log of results needs it, and whether a log keeps to it.

Owns the properties, types and limits of the objects that this project writes, from the OASIS standard (sections 3.13 to 3.58 of
SARIF 2.1.0 with errata 01). The standard's schema forbids properties it does not name, and so does this.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from typing import Any, Final

Check = Callable[[Any, str], Iterator[str]]
LEVELS: Final = ("none", "note", "warning", "error")


def text(value: Any, at: str) -> Iterator[str]:
    """A string."""
    if not isinstance(value, str):
        yield f"{at} is no text"


def flag(value: Any, at: str) -> Iterator[str]:
    """A boolean."""
    if not isinstance(value, bool):
        yield f"{at} is no boolean"


def whole(least: int) -> Check:
    """An integer of at least that."""

    def check(value: Any, at: str) -> Iterator[str]:
        if not isinstance(value, int) or isinstance(value, bool) or value < least:
            yield f"{at} is no whole number from {least}"

    return check


def one_of(*allowed: str) -> Check:
    """One of these words."""

    def check(value: Any, at: str) -> Iterator[str]:
        if value not in allowed:
            yield f"{at} is none of {allowed}"

    return check


def matching(pattern: str) -> Check:
    """A string of that form."""

    def check(value: Any, at: str) -> Iterator[str]:
        if not isinstance(value, str) or re.fullmatch(pattern, value) is None:
            yield f"{at} is not of the form {pattern}"

    return check


def many(item: Check, *, least: int = 0) -> Check:
    """An array."""

    def check(value: Any, at: str) -> Iterator[str]:
        if not isinstance(value, list) or len(value) < least:
            yield f"{at} is no array of {least} or more"
            return
        for index, each in enumerate(value):
            yield from item(each, f"{at}[{index}]")

    return check


def texts(value: Any, at: str) -> Iterator[str]:
    """An object of strings."""
    if not isinstance(value, dict) or not all(isinstance(each, str) for each in value.values()):
        yield f"{at} is no object of texts"


def bag(value: Any, at: str) -> Iterator[str]:
    """A property bag: anything, with tags that occur once."""
    tags = value.get("tags", []) if isinstance(value, dict) else None
    if not isinstance(tags, list) or len(set(tags)) != len(tags) or not all(isinstance(tag, str) for tag in tags):
        yield f"{at} is no property bag"


def thing(required: str = "", **properties: Check) -> Check:
    """An object with these properties and no other."""

    def check(value: Any, at: str) -> Iterator[str]:
        if not isinstance(value, dict):
            yield f"{at} is no object"
            return
        yield from (f"{at}.{name} is missing" for name in required.split() if name not in value)
        yield from (f"{at}.{name} is no property of it" for name in value if name not in properties)
        for name, test in properties.items():
            if name in value:
                yield from test(value[name], f"{at}.{name}")

    return check


URI: Final = matching(r"[A-Za-z0-9\-._~:/?#\[\]@!$&'()*+,;=%]*")
FORMATTED: Final = thing("text", text=text, markdown=text)
MESSAGE: Final = thing("text", text=text, markdown=text)
PLACE: Final = thing(
    artifactLocation=thing(uri=URI),
    region=thing(startLine=whole(1), startColumn=whole(1), endLine=whole(1), endColumn=whole(1)),
)
LOCATION: Final = thing(
    physicalLocation=PLACE,
    logicalLocations=many(thing(fullyQualifiedName=text, name=text, kind=text)),
)
DESCRIPTOR: Final = thing(
    "id",
    id=text,
    name=text,
    shortDescription=FORMATTED,
    fullDescription=FORMATTED,
    help=FORMATTED,
    helpUri=URI,
    defaultConfiguration=thing(level=one_of(*LEVELS)),
    properties=bag,
)
RESULT: Final = thing(
    "message",
    ruleId=text,
    ruleIndex=whole(-1),
    level=one_of(*LEVELS),
    message=MESSAGE,
    locations=many(LOCATION),
    partialFingerprints=texts,
    properties=bag,
)
NOTIFICATION: Final = thing(
    "message",
    level=one_of(*LEVELS),
    message=MESSAGE,
    locations=many(LOCATION),
    associatedRule=thing(id=text, index=whole(-1)),
)
RUN: Final = thing(
    "tool",
    tool=thing("driver", driver=thing("name", name=text, semanticVersion=text, rules=many(DESCRIPTOR))),
    columnKind=one_of("utf16CodeUnits", "unicodeCodePoints"),
    results=many(RESULT),
    invocations=many(
        thing(
            "executionSuccessful",
            executionSuccessful=flag,
            exitCode=whole(0),
            toolExecutionNotifications=many(NOTIFICATION),
        )
    ),
)
LOG: Final = thing("version runs", **{"$schema": URI}, version=one_of("2.1.0"), runs=many(RUN))


def faults(log: Any) -> list[str]:
    """Where a log breaks with the standard, references between its parts included."""
    found = list(LOG(log, "log"))
    if found:
        return found
    for number, run in enumerate(log["runs"]):
        rules = [rule["id"] for rule in run["tool"]["driver"].get("rules", [])]
        if len(set(rules)) != len(rules):
            found.append(f"runs[{number}]: two rules of one id")
        for index, result in enumerate(run.get("results", [])):
            at = f"runs[{number}].results[{index}]"
            if not 0 <= result["ruleIndex"] < len(rules) or rules[result["ruleIndex"]] != result["ruleId"]:
                found.append(f"{at}: ruleIndex is not ruleId's")
            if not result["message"]["text"]:
                found.append(f"{at}: an empty message")
    return found
