"""The part of `cert-manager-startupapicheck`: the chart's hook that waits until cert-manager's API can be used."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from sandbox.certificates.resident import Resident
from sandbox.kube.client import Client
from sandbox.node.status import ContainerState

Object = dict[str, Any]


class StartupCheckWorkload(Resident):
    """Ends with exit code 0 once a Certificate can be created (dry run: webhooks are called, nothing is stored)."""

    def __init__(self, client: Client, namespace: str, *, on_change: Callable[[], None]) -> None:
        super().__init__("cert-manager-startupapicheck", log=None, on_change=on_change)
        self._client = client
        self._namespace = namespace
        self._passed = False

    def state(self) -> ContainerState:
        """See `Workload`."""
        return ContainerState(ready=False, exit_code=0 if self._passed else None, started_at=self._started_at)

    def reconcile(self) -> None:
        """Tries until it works; the Job's own limits end it otherwise."""
        name = "cert-manager-startupapicheck"
        spec = {"secretName": name, "dnsNames": [name], "issuerRef": {"name": name}}
        body = {"apiVersion": "cert-manager.io/v1", "kind": "Certificate", "metadata": {"name": name}, "spec": spec}
        self._client.request(
            "POST",
            f"/apis/cert-manager.io/v1/namespaces/{self._namespace}/certificates",
            params={"dryRun": "All"},
            body=body,
        )
        self._passed = True
        self.signal_stop()
        self._on_change()
