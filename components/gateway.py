"""The regional Gateway: its static address, listeners, SSL policy, and the redirect of port 80.

Owns these. Does not own its namespace (namespace.py), certificates (Google's, or certificates.py) nor the models' routes: each
model brings its own (model.py), and only from this namespace, to the listener called `section`. The GatewayClass is GKE's;
which classes take an InferencePool stands in `rules/gateway.py`.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass
from typing import Any

import pulumi

from components.google import Address, RegionSslPolicy
from components.manifests import manifest
from rules import edge, exposure, gateway


@dataclass(frozen=True, kw_only=True)
class GatewayTls:
    """What the HTTPS listener is made of.

    Attributes:
        certificate_manager: Names of regional Certificate Manager certificates; of these three, one is not empty.
        pre_shared: Names of regional SSL certificates.
        secrets: Names of TLS Secrets in the Gateway's namespace.
        redirect_http: Whether port 80 answers with a redirect.
        minimum_version: Oldest version of TLS, as an SSL policy writes it.
        ssl_policy: Name of an SSL policy that exists; without one a policy is made.
    """

    certificate_manager: tuple[str, ...] = ()
    pre_shared: tuple[str, ...] = ()
    secrets: tuple[str, ...] = ()
    redirect_http: bool
    minimum_version: str
    ssl_policy: str | None


@dataclass(frozen=True, kw_only=True)
class InferenceGatewayArgs:
    """Arguments of InferenceGateway.

    Attributes:
        name: Name of the Gateway.
        google_name: Name of its address and its SSL policy, which no other stack of the project may have.
        namespace: Namespace of the Gateway and the models.
        region: Region of the address.
        class_name: GatewayClass.
        subnet: Id of the node subnet, where an internal Gateway takes its address.
        tls: Certificates; without them the Gateway speaks plain HTTP.
        hostnames: Host names that are answered; empty for every one.
        global_access: Whether clients of other regions reach an internal Gateway.
    """

    name: str
    google_name: str
    namespace: str
    region: str
    class_name: str
    subnet: pulumi.Input[str]
    tls: GatewayTls | None
    hostnames: tuple[str, ...] = ()
    global_access: bool = False


class InferenceGateway(pulumi.ComponentResource):
    """The one entry to all models of the stack."""

    address: Address
    gateway: pulumi.CustomResource
    section: str
    url: pulumi.Output[str]

    def __init__(self, name: str, args: InferenceGatewayArgs, opts: pulumi.ResourceOptions | None = None) -> None:
        props = {key: value for key, value in vars(args).items() if key not in {"subnet", "tls"}}
        if args.tls is not None:
            props["tls"] = {key: value for key, value in asdict(args.tls).items() if value not in ((), None)}
        super().__init__("platform:index:Gateway", name, props, opts)
        self._child = pulumi.ResourceOptions(parent=self)
        self.section = "http" if args.tls is None else "https"

        internal = args.class_name == gateway.REGIONAL_INTERNAL
        self.address = Address(
            name,
            name=args.google_name,
            region=args.region,
            address_type="INTERNAL" if internal else "EXTERNAL",
            subnetwork=args.subnet if internal else None,
            purpose=gateway.SHARED_ADDRESS_PURPOSE if internal else None,
            opts=self._child,
        )
        made = self._ssl_policy(name, args)
        self.gateway = manifest(
            name,
            api_version=gateway.GATEWAY_API_VERSION,
            kind="Gateway",
            name=args.name,
            namespace=args.namespace,
            spec={
                "gatewayClassName": args.class_name,
                "addresses": [{"type": exposure.NAMED_ADDRESS, "value": self.address.name}],
                "listeners": listeners(args.tls, args.hostnames),
            },
            # The load balancer holds the SSL policy until the Gateway is gone: deleted before, Google Cloud refuses.
            opts=pulumi.ResourceOptions(parent=self, depends_on=[made] if made else []),
        )
        self._policy(name, args, made)
        if args.tls is not None and args.tls.redirect_http:
            redirect(name, args, pulumi.ResourceOptions(parent=self, depends_on=[self.gateway]))
        host = pulumi.Output.from_input(args.hostnames[0]) if args.hostnames else self.address.address
        self.url = host.apply(lambda host: f"{self.section}://{host}")
        self.register_outputs({"url": self.url})

    def _ssl_policy(self, name: str, args: InferenceGatewayArgs) -> RegionSslPolicy | None:
        """The SSL policy, where TLS is spoken and none exists."""
        if args.tls is None or args.tls.ssl_policy is not None:
            return None
        return RegionSslPolicy(
            name,
            name=args.google_name,
            region=args.region,
            profile="MODERN",
            min_tls_version=args.tls.minimum_version,
            opts=self._child,
        )

    def _policy(self, name: str, args: InferenceGatewayArgs, made: RegionSslPolicy | None) -> None:
        """What belongs to the load balancer's front: the SSL policy, and who reaches an internal one."""
        default: dict[str, Any] = {}
        if args.tls is not None:
            default["sslPolicy"] = args.tls.ssl_policy if made is None else made.name
        if args.global_access:
            default["allowGlobalAccess"] = True
        if default:
            target = {"group": gateway.GATEWAY_GROUP, "kind": "Gateway", "name": args.name}
            manifest(
                f"{name}-policy",
                api_version=gateway.GKE_NETWORKING_API_VERSION,
                kind=edge.GATEWAY_POLICY,
                name=args.name,
                namespace=args.namespace,
                spec={"targetRef": target, "default": default},
                opts=pulumi.ResourceOptions(parent=self, depends_on=[self.gateway]),
            )


def listeners(tls: GatewayTls | None, hostnames: tuple[str, ...]) -> list[dict[str, Any]]:
    """The Gateway's listeners: HTTPS and, for the redirect, port 80 beside it; or plain HTTP alone.

    A listener takes one host name at most, so of several each route says them all.
    """
    shared: dict[str, Any] = {"allowedRoutes": {"namespaces": {"from": "Same"}}}
    if len(hostnames) == 1:
        shared["hostname"] = hostnames[0]
    http = {"name": "http", "protocol": "HTTP", "port": 80, **shared}
    if tls is None:
        return [http]
    https = {"name": "https", "protocol": "HTTPS", "port": 443, "tls": certificates(tls), **shared}
    return [https, http] if tls.redirect_http else [https]


def certificates(tls: GatewayTls) -> dict[str, Any]:
    """`tls` of the HTTPS listener."""
    if tls.secrets:
        return {"mode": "Terminate", "certificateRefs": [{"kind": "Secret", "name": name} for name in tls.secrets]}
    options: Mapping[str, tuple[str, ...]] = {
        gateway.CERTIFICATE_OPTION: tls.certificate_manager,
        gateway.PRE_SHARED_OPTION: tls.pre_shared,
    }
    return {"mode": "Terminate", "options": {option: ",".join(names) for option, names in options.items() if names}}


def redirect(name: str, args: InferenceGatewayArgs, opts: pulumi.ResourceOptions) -> pulumi.CustomResource:
    """The route of port 80: everything to https, by scheme alone since GKE refuses a port there.

    It names its listener: attached to both, it would send the HTTPS listener's requests to themselves.
    """
    spec: dict[str, Any] = {
        "parentRefs": [{"name": args.name, "sectionName": "http"}],
        "rules": [
            {"filters": [{"type": "RequestRedirect", "requestRedirect": {"scheme": "https", "statusCode": 301}}]}
        ],
    }
    if args.hostnames:
        spec["hostnames"] = list(args.hostnames)
    return manifest(
        f"{name}-redirect",
        api_version=gateway.GATEWAY_API_VERSION,
        kind="HTTPRoute",
        name=f"{args.name}-redirect",
        namespace=args.namespace,
        spec=spec,
        opts=opts,
    )
