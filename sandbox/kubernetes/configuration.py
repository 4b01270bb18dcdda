"""The configuration of one provider instance: which cluster, which defaults.

Owns the reading of the provider's inputs and the decision whether a change of them means another cluster. Makes no
connection; a kubeconfig that is not known at preview is no error.
"""

from __future__ import annotations

import os
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Final

from sandbox.kube.kubeconfig import read_kubeconfig
from sandbox.plugin.values import Properties, changed_paths, is_unknown

from .diffing import Changes, Mutability

_KNOWN_BUT_UNUSED: Final = frozenset({"renderYamlToDirectory", "cluster", "context"})


class NoClusterError(Exception):
    """The provider does not know which cluster to talk to."""


@dataclass(frozen=True, kw_only=True)
class Configuration:
    """What the program gave to `kubernetes.Provider`."""

    kubeconfig: str | None = None
    known: bool = True
    namespace: str = "default"
    delete_unreachable: bool = False
    skip_update_unreachable: bool = False
    mutable: Mutability = field(default_factory=Mutability)

    @classmethod
    def read(cls, arguments: Mapping[str, Any]) -> Configuration:
        """The configuration in the provider's inputs.

        Raises:
            NoClusterError: an input asks for what this provider does not do.
        """
        for name in sorted(_KNOWN_BUT_UNUSED & arguments.keys()):
            if arguments[name]:
                raise NoClusterError(f"{name} is not supported by the sandbox's bridge; give kubeconfig alone")
        kubeconfig = arguments.get("kubeconfig") or os.environ.get("KUBECONFIG")
        namespace = arguments.get("namespace")
        return cls(
            kubeconfig=None if is_unknown(kubeconfig) else kubeconfig,
            known=not is_unknown(kubeconfig),
            namespace=str(namespace) if namespace and not is_unknown(namespace) else "default",
            delete_unreachable=_flag(arguments, "deleteUnreachable", "PULUMI_K8S_DELETE_UNREACHABLE"),
            skip_update_unreachable=_flag(arguments, "skipUpdateUnreachable", "PULUMI_K8S_SKIP_UPDATE_UNREACHABLE"),
            mutable=Mutability(
                config_maps=_flag(arguments, "enableConfigMapMutable", "PULUMI_K8S_ENABLE_CONFIGMAP_MUTABLE"),
                secrets=_flag(arguments, "enableSecretMutable", "PULUMI_K8S_ENABLE_SECRET_MUTABLE"),
            ),
        )

    def require_kubeconfig(self) -> str:
        """The kubeconfig.

        Raises:
            NoClusterError: there is none. The one in the home directory is not used: a sandbox must not find its way to
                a real cluster by accident.
        """
        if not self.known:
            raise NoClusterError("the provider's kubeconfig is not known yet")
        if not self.kubeconfig:
            raise NoClusterError(
                "the provider has no kubeconfig; pass ResourceOptions(provider=kubernetes.Provider(…, kubeconfig=…)). "
                "The sandbox does not use ~/.kube/config"
            )
        return self.kubeconfig


def _flag(arguments: Mapping[str, Any], name: str, variable: str) -> bool:
    value = arguments.get(name, os.environ.get(variable))
    return value is True or str(value).lower() in {"true", "1"}


def diff_configuration(olds: Mapping[str, Any], news: Mapping[str, Any]) -> Changes:
    """How the provider's inputs changed; a change of the cluster replaces everything in it.

    `clusterIdentifier` decides where it is set, else the server's URL. Another token, certificate or exec plugin is the
    same cluster, and a kubeconfig that is not known yet is not taken for another one.
    """
    paths = changed_paths(dict(olds), dict(news))
    replaces: set[str] = set()
    before, after = olds.get("clusterIdentifier"), news.get("clusterIdentifier")
    if before and after and not is_unknown(after):
        if before != after:
            replaces.add("clusterIdentifier")
    elif "kubeconfig" in paths and not is_unknown(news.get("kubeconfig")):
        old_server, new_server = _server(olds), _server(news)
        if old_server and new_server and old_server != new_server:
            replaces.add("kubeconfig")
    return Changes(paths=paths, replaces=frozenset(replaces))


def _server(arguments: Mapping[str, Any]) -> str | None:
    try:
        return read_kubeconfig(str(arguments.get("kubeconfig") or "")).server
    except ValueError:
        return None


def check_configuration(arguments: Properties) -> list[tuple[str, str]]:
    """What is wrong with the provider's inputs: pairs of property and reason."""
    kubeconfig = arguments.get("kubeconfig")
    if not kubeconfig or is_unknown(kubeconfig):
        return []
    try:
        read_kubeconfig(str(kubeconfig))
    except ValueError as error:
        return [("kubeconfig", str(error))]
    return []
