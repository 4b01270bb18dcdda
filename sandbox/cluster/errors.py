"""The one error people see when a simulated cluster cannot run."""

from __future__ import annotations


class ClusterError(Exception):
    """A control plane could not be started or kept; the text says what is wrong and what to do about it."""
