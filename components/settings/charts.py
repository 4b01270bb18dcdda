"""Where Helm charts come from."""

from __future__ import annotations

from components.settings.base import Section


class Charts(Section):
    """Where Helm charts come from."""

    mirror: str | None = None
    """A folder or an oci:// prefix that holds the charts by name, instead of their publishers' registries."""
