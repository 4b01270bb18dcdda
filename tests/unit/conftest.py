"""The stand-in for Pulumi's engine, for every test here that wants one."""

from tests.unit.fake_pulumi import make

__all__ = ["make"]
