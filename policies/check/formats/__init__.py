"""The forms a result is reported in; each is a function from a result to text that ends in a newline."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Final

from policies.check.formats import data, github, junit, sarif, text
from policies.check.result import Result

FORMATS: Final[Mapping[str, Callable[[Result], str]]] = {
    "text": text.render,
    "json": data.render,
    "sarif": sarif.render,
    "junit": junit.render,
    "github": github.render,
}
