"""JSON schema of a stack's configuration file, for editors and for checks without Pulumi, and the page that describes it.

Owns the files `settings.schema.json` and `docs/settings.md`, made from the settings themselves: `python -m components.schema`
writes them, and a test compares.
"""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from components import settings_page
from components.settings import Settings
from components.settings.meanings import described

PROJECT = "gke-tpu-inference"
FILE = Path(__file__).resolve().parent.parent / "settings.schema.json"
PAGE = FILE.parent / "docs" / "settings.md"


def schema() -> dict[str, Any]:
    """The schema of Pulumi.<stack>.yaml."""
    settings = described(Settings.model_json_schema(by_alias=True), Settings)
    definitions = settings.pop("$defs")
    return {
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        "title": "Stack configuration of gke-tpu-inference",
        "type": "object",
        "properties": {
            "config": {"type": "object", "properties": {f"{PROJECT}:platform": settings}},
        },
        "$defs": definitions,
    }


def text() -> str:
    """The schema as it stands in the file."""
    return json.dumps(schema(), indent=2) + "\n"


def page() -> str:
    """The page as it stands in the file."""
    whole = schema()
    platform = whole["properties"]["config"]["properties"][f"{PROJECT}:platform"]
    return settings_page.page(platform, whole["$defs"])


if __name__ == "__main__":
    FILE.write_text(text())
    PAGE.write_text(page())
