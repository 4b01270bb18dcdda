"""The HTTP services' example, built once."""

from __future__ import annotations

import pytest

from tests.components.http_services.graphs import example
from tests.components.recording import Graph, build


@pytest.fixture(scope="session")
def graph() -> Graph:
    """The example environment in its first preview."""
    return build(example(), stack="http-services", preview=True)
