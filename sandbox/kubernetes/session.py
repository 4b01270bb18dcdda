"""What the resources of one provider instance share: its configuration, its connection, its log, its cancellation."""

from __future__ import annotations

import os
import threading
from pathlib import Path
from typing import TYPE_CHECKING

from .awaiting import Patience
from .configuration import Configuration
from .helm import Helm, helm_binary
from .reporting import EngineLog

if TYPE_CHECKING:
    from sandbox.kube.client import Client  # loads urllib3: later, if at all


class Session:
    """One provider instance. Thread-safe: the engine works on many resources at once."""

    def __init__(self, *, log: EngineLog) -> None:
        self.log = log
        self.configuration = Configuration()
        self.cancelled = threading.Event()
        self._lock = threading.Lock()
        self._client: Client | None = None
        self._helm: Helm | None = None

    def configure(self, configuration: Configuration) -> None:
        """Takes the provider's inputs; connects to nothing."""
        with self._lock:
            self.configuration = configuration
            self._client = self._helm = None

    @property
    def client(self) -> Client:
        """The API server.

        Raises:
            NoClusterError: the provider has no kubeconfig.
            KubeconfigError: it cannot be used.
        """
        with self._lock:
            if self._client is None:
                from sandbox.kube.client import Client  # noqa: PLC0415 - keeps urllib3 out of the plugin's start

                self._client = Client.from_kubeconfig(self.configuration.require_kubeconfig())
            return self._client

    @property
    def helm(self) -> Helm:
        """Helm for the same cluster. Errors as `client`, and HelmError where there is no Helm."""
        with self._lock:
            if self._helm is None:
                kubeconfig = self.configuration.require_kubeconfig()
                self._helm = Helm(binary=helm_binary(), kubeconfig=kubeconfig, home=_home() / "helm")
            return self._helm

    def patience(self, urn: str, seconds: float, default: float) -> Patience:
        """The time for one operation: `seconds` of the resource's customTimeouts, 0 for none, else `default`."""
        return Patience(
            seconds=seconds or default,
            report=lambda message: self.log.status(urn, message),
            cancelled=self.cancelled,
        )

    def cancel(self) -> None:
        """Ends what is being waited for; what was made is reported as not ready, so the engine keeps it."""
        self.cancelled.set()
        with self._lock:
            helm = self._helm
        if helm is not None:
            helm.stop()


def _home() -> Path:
    given = os.environ.get("SANDBOX_HOME")
    return Path(given) if given else Path(__file__).resolve().parents[2] / ".sandbox"
