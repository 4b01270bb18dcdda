"""The way of a request to an HttpInferenceService, and what is read from it.

Owns the specs of Service, HTTPRoute, HealthCheckPolicy, GCPBackendPolicy and PodMonitoring. The route has nothing in it that
GKE's regional Gateway rejects: path prefixes, one rewrite, one backend.
"""

from __future__ import annotations

from typing import Any

from components.http_service.arguments import PORT_NAME, HttpInferenceServiceArgs


def service(args: HttpInferenceServiceArgs, selected: dict[str, str]) -> dict[str, Any]:
    """`spec` of the Service; its appProtocol is what the load balancer speaks to the pods."""
    port = args.endpoints.port
    entry = {
        "name": PORT_NAME,
        "port": port,
        "targetPort": port,
        "protocol": "TCP",
        "appProtocol": args.endpoints.scheme.lower(),
    }
    return {"type": "ClusterIP", "selector": selected, "ports": [entry]}


def route(name: str, args: HttpInferenceServiceArgs, path: str) -> dict[str, Any]:
    """`spec` of the HTTPRoute: each serving path under the service's own, on the listener that serves."""
    spec: dict[str, Any] = {
        "parentRefs": [{"name": args.gateway, "sectionName": args.section}],
        "rules": [rule(name, args, path, served) for served in args.endpoints.serving],
    }
    return {**spec, "hostnames": list(args.hostnames)} if args.hostnames else spec


def rule(name: str, args: HttpInferenceServiceArgs, path: str, served: str) -> dict[str, Any]:
    """One rule: a path prefix, its rewrite, one backend."""
    prefix = path if served == "/" else f"{path}{served.rstrip('/')}"
    rewrite = {"type": "ReplacePrefixMatch", "replacePrefixMatch": served}
    return {
        "matches": [{"path": {"type": "PathPrefix", "value": prefix}}],
        "filters": [{"type": "URLRewrite", "urlRewrite": {"path": rewrite}}],
        "backendRefs": [{"group": "", "kind": "Service", "name": name, "port": args.endpoints.port}],
    }


def target(name: str) -> dict[str, Any]:
    """What GKE's policies are attached to."""
    return {"group": "", "kind": "Service", "name": name}


def health_check_policy(name: str, args: HttpInferenceServiceArgs) -> dict[str, Any]:
    """`spec` of the HealthCheckPolicy."""
    return {"targetRef": target(name), "default": args.endpoints.health_check()}


def backend_policy(name: str, args: HttpInferenceServiceArgs) -> dict[str, Any]:
    """`spec` of the GCPBackendPolicy."""
    return {
        "targetRef": target(name),
        "default": {
            "timeoutSec": args.longest_request_seconds,
            "connectionDraining": {"drainingTimeoutSec": args.drain_seconds},
            "logging": {"enabled": True},
            **args.protection,
        },
    }


def pod_monitoring(args: HttpInferenceServiceArgs, selected: dict[str, str]) -> dict[str, Any]:
    """`spec` of the PodMonitoring."""
    endpoint: dict[str, Any] = {
        "port": PORT_NAME,
        "path": args.endpoints.metrics,
        "scheme": args.endpoints.scheme.lower(),
        "interval": f"{args.scrape_seconds}s",
    }
    if args.endpoints.scheme == "HTTPS":
        # Pods prove who they are by certificates of the cluster's own authority, which the collector does not know.
        endpoint["tls"] = {"insecureSkipVerify": True}
    return {"selector": {"matchLabels": selected}, "endpoints": [endpoint]}
