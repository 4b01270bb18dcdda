"""The graphs of the committed stacks; each is built once a test process."""

from __future__ import annotations

import functools
from collections.abc import Iterator

import pytest

from tests.committed import committed
from tests.components.recording import Graph, build


@pytest.fixture(scope="session", autouse=True)
def _outputs_are_no_text() -> Iterator[None]:  # pyright: ignore[reportUnusedFunction] - pytest uses it
    """Makes an output in a string an error, where the SDK would put a sentence about it into the string."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("PULUMI_ERROR_OUTPUT_STRING", "true")
        yield


@functools.cache
def _graph(stack: str, *, preview: bool) -> Graph:
    return build(committed(stack), stack=stack, preview=preview)


@pytest.fixture
def dev() -> Graph:
    """Pulumi.dev.yaml in an update."""
    return _graph("dev", preview=False)


@pytest.fixture
def prod() -> Graph:
    """Pulumi.prod.yaml in an update."""
    return _graph("prod", preview=False)


@pytest.fixture(params=["dev", "prod"])
def first_preview(request: pytest.FixtureRequest) -> Graph:
    """Each committed stack in its first preview, when nothing exists yet."""
    return _graph(request.param, preview=True)


@pytest.fixture(params=[("dev", False), ("dev", True), ("prod", False), ("prod", True)], ids=str)
def graph(request: pytest.FixtureRequest) -> Graph:
    """Each committed stack, in an update and in its first preview."""
    stack, preview = request.param
    return _graph(stack, preview=preview)
