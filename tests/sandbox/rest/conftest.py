"""A simulated cloud of each test's own, with records in place of clusters; the fixtures are those of the provider's tests."""

from tests.sandbox.gcp.conftest import daemon, engine, gate, home, start_daemon, world

__all__ = ["daemon", "engine", "gate", "home", "start_daemon", "world"]
