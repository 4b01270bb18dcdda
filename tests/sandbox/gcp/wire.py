"""Requests to a running daemon as any HTTP client sends them."""

from __future__ import annotations

import http.client
import json
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit


def call(
    home: Path, method: str, path: str, body: dict[str, Any] | None = None, token: str | None = None
) -> tuple[int, dict[str, Any]]:
    """Status and body of the answer; the token is the sandbox's own unless another is given."""
    about = json.loads((home / "cloud.json").read_text(encoding="utf-8"))
    connection = http.client.HTTPConnection(urlsplit(about["url"]).netloc, timeout=30)
    headers = {"Authorization": f"Bearer {about['token'] if token is None else token}"}
    try:
        connection.request(method, path, None if body is None else json.dumps(body), headers)
        response = connection.getresponse()
        return response.status, json.loads(response.read())
    finally:
        connection.close()
