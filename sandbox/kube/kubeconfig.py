"""Reading a kubeconfig: which server, which CA, which credentials, and running the exec plugin that makes tokens.

Owns the file format (https://kubernetes.io/docs/reference/config-api/kubeconfig.v1/) and the ExecCredential protocol
(client.authentication.k8s.io/v1 and v1beta1). Does not own connections: see `client`.
"""

from __future__ import annotations

import base64
import json
import os
import subprocess
import threading
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any, Final, cast

from .errors import KubeconfigError

_EXEC_TIMEOUT: Final = 60.0
"""Seconds an exec plugin may take."""


@dataclass(frozen=True, kw_only=True)
class ClientKeyPair:
    """A client certificate with its key, both PEM."""

    certificate: str
    key: str


@dataclass(frozen=True, kw_only=True)
class ExecPlugin:
    """The command of a kubeconfig that prints credentials."""

    command: str
    args: tuple[str, ...] = ()
    env: dict[str, str] = field(default_factory=dict[str, str])
    api_version: str = "client.authentication.k8s.io/v1"
    install_hint: str = ""
    cluster: dict[str, Any] | None = None

    def run(self) -> tuple[str | None, ClientKeyPair | None, datetime | None]:
        """Token, key pair and expiry as the plugin prints them.

        Raises:
            KubeconfigError: the command is missing, fails or prints no ExecCredential.
        """
        spec: dict[str, Any] = {"interactive": False}
        if self.cluster is not None:
            spec["cluster"] = self.cluster
        info = {"apiVersion": self.api_version, "kind": "ExecCredential", "spec": spec}
        environment = {**os.environ, **self.env, "KUBERNETES_EXEC_INFO": json.dumps(info)}
        try:
            done = subprocess.run(
                [self.command, *self.args],
                env=environment,
                stdin=subprocess.DEVNULL,
                capture_output=True,
                timeout=_EXEC_TIMEOUT,
                check=False,
            )
        except FileNotFoundError as error:
            hint = f"\n{self.install_hint.strip()}" if self.install_hint else ""
            message = f"the kubeconfig's exec plugin {self.command!r} is not on PATH; install it{hint}"
            raise KubeconfigError(message) from error
        except (OSError, subprocess.TimeoutExpired) as error:
            raise KubeconfigError(f"the kubeconfig's exec plugin {self.command!r} failed: {error}") from error
        if done.returncode:
            text = done.stderr.decode(errors="replace").strip() or "no message"
            raise KubeconfigError(
                f"the kubeconfig's exec plugin {self.command!r} failed with exit code {done.returncode}: {text}"
            )
        try:
            status = cast("dict[str, Any]", json.loads(done.stdout))["status"]
            token = cast("str | None", status.get("token"))
            certificate, key = status.get("clientCertificateData"), status.get("clientKeyData")
            expiry = status.get("expirationTimestamp")
        except (ValueError, KeyError, TypeError, AttributeError) as error:
            raise KubeconfigError(f"the kubeconfig's exec plugin {self.command!r} printed no ExecCredential") from error
        pair = ClientKeyPair(certificate=certificate, key=key) if certificate and key else None
        return token, pair, datetime.fromisoformat(expiry) if expiry else None


@dataclass(frozen=True, kw_only=True)
class Cluster:
    """The current context of a kubeconfig, resolved: files are read, base64 is decoded."""

    server: str
    ca_pem: str | None = None
    verify: bool = True
    tls_server_name: str | None = None
    proxy_url: str | None = None
    namespace: str | None = None
    token: str | None = None
    key_pair: ClientKeyPair | None = None
    plugin: ExecPlugin | None = None


class TokenSource:
    """Bearer tokens of an exec plugin, cached until they expire or are refused. Thread-safe."""

    _MARGIN: Final = timedelta(seconds=20)

    def __init__(self, plugin: ExecPlugin) -> None:
        self._plugin = plugin
        self._lock = threading.Lock()
        self._token: str | None = None
        self._key_pair: ClientKeyPair | None = None
        self._expiry: datetime | None = None
        self._loaded = False

    def credentials(self) -> tuple[str | None, ClientKeyPair | None]:
        """The token and the client key pair, from the cache where they are still good."""
        with self._lock:
            stale = self._expiry is not None and datetime.now(UTC) >= self._expiry - self._MARGIN
            if not self._loaded or stale:
                self._token, self._key_pair, self._expiry = self._plugin.run()
                self._loaded = True
            return self._token, self._key_pair

    def refused(self, token: str | None) -> None:
        """Forget `token` after the server answered 401, so that the next call runs the plugin again."""
        with self._lock:
            if self._token == token:
                self._loaded = False


def read_kubeconfig(kubeconfig: str | Path) -> Cluster:
    """The current context of `kubeconfig`, which is YAML or JSON text, or the path of a file.

    Raises:
        KubeconfigError: what is wrong with it, naming the entry.
    """
    folder = Path.cwd()
    text = str(kubeconfig)
    if isinstance(kubeconfig, Path) or ("\n" not in text and not text.lstrip().startswith("{")):
        path = Path(text).expanduser()
        folder = path.parent
        try:
            text = path.read_text(encoding="utf-8")
        except OSError as error:
            raise KubeconfigError(f"kubeconfig {path}: {error.strerror}; give its text or a file") from error
    return _resolve(_parse(text), folder)


def _parse(text: str) -> dict[str, Any]:
    if text.lstrip().startswith("{"):
        try:
            return cast("dict[str, Any]", json.loads(text))
        except ValueError:
            pass  # flow-style YAML
    import yaml  # noqa: PLC0415 - only for YAML text: JSON is what the program of this project writes

    try:
        parsed = yaml.safe_load(text)
    except yaml.YAMLError as error:
        raise KubeconfigError(f"the kubeconfig is neither YAML nor JSON: {error}") from error
    if not isinstance(parsed, dict):
        raise KubeconfigError("the kubeconfig is not an object; it must have clusters, contexts and users")
    return cast("dict[str, Any]", parsed)


def _named(config: dict[str, Any], section: str, member: str, name: str) -> dict[str, Any]:
    for entry in cast("list[dict[str, Any]]", config.get(section) or []):
        if entry.get("name") == name:
            return cast("dict[str, Any]", entry.get(member) or {})
    raise KubeconfigError(f"the kubeconfig has no entry {name!r} under {section}")


def _resolve(config: dict[str, Any], folder: Path) -> Cluster:
    current = config.get("current-context")
    if not current:
        raise KubeconfigError("the kubeconfig has no current-context; set it to the name of one of its contexts")
    context = _named(config, "contexts", "context", current)
    cluster = _named(config, "clusters", "cluster", context.get("cluster", ""))
    user = _named(config, "users", "user", context["user"]) if context.get("user") else {}
    server = cluster.get("server")
    if not server:
        raise KubeconfigError(f"cluster {context.get('cluster')!r} of the kubeconfig has no server")
    ca_pem = _material(cluster, "certificate-authority", folder)
    certificate = _material(user, "client-certificate", folder)
    key = _material(user, "client-key", folder)
    token = user.get("token")
    if not token and user.get("tokenFile"):
        token = (folder / user["tokenFile"]).read_text(encoding="utf-8").strip()
    return Cluster(
        server=str(server).rstrip("/"),
        ca_pem=ca_pem,
        verify=not cluster.get("insecure-skip-tls-verify", False),
        tls_server_name=cluster.get("tls-server-name"),
        proxy_url=cluster.get("proxy-url"),
        namespace=context.get("namespace"),
        token=token,
        key_pair=ClientKeyPair(certificate=certificate, key=key) if certificate and key else None,
        plugin=_plugin(user.get("exec"), cluster, ca_pem),
    )


def _material(entry: dict[str, Any], field_name: str, folder: Path) -> str | None:
    data = entry.get(f"{field_name}-data")
    if data:
        try:
            return base64.b64decode(data, validate=False).decode()
        except ValueError as error:
            raise KubeconfigError(f"{field_name}-data of the kubeconfig is not base64: {error}") from error
    path = entry.get(field_name)
    if not path:
        return None
    try:
        return (folder / path).read_text(encoding="utf-8")
    except OSError as error:
        raise KubeconfigError(f"{field_name} of the kubeconfig: {path}: {error.strerror}") from error


def _plugin(entry: dict[str, Any] | None, cluster: dict[str, Any], ca_pem: str | None) -> ExecPlugin | None:
    if not entry:
        return None
    command = entry.get("command")
    if not command:
        raise KubeconfigError("the kubeconfig's exec entry has no command")
    about = None
    if entry.get("provideClusterInfo"):
        about = {"server": cluster.get("server")}
        if ca_pem:
            about["certificate-authority-data"] = base64.b64encode(ca_pem.encode()).decode()
    pairs = cast("list[dict[str, str]]", entry.get("env") or [])
    return ExecPlugin(
        command=command,
        args=tuple(entry.get("args") or ()),
        env={pair["name"]: pair["value"] for pair in pairs},
        api_version=entry.get("apiVersion") or "client.authentication.k8s.io/v1",
        install_hint=entry.get("installHint") or "",
        cluster=about,
    )
