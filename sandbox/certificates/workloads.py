"""The programs of cert-manager the node agent can start, by the container they play."""

from __future__ import annotations

from sandbox.certificates.controller import IssuerWorkload
from sandbox.certificates.injector import CaInjectorWorkload
from sandbox.certificates.startup_check import StartupCheckWorkload
from sandbox.certificates.webhook import WebhookWorkload

__all__ = ["CaInjectorWorkload", "IssuerWorkload", "StartupCheckWorkload", "WebhookWorkload"]
