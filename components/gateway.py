"""The regional Gateway, its static address, and the namespace that it shares with the models.

Owns the address, the namespace and the Gateway. Does not own routes: each model brings its own (model.py), and only from
this namespace. The GatewayClass is GKE's; which classes take an InferencePool stands in `rules/gateway.py`.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import pulumi

from components.google import Address
from components.manifests import manifest
from rules import gateway


@dataclass(frozen=True, kw_only=True)
class InferenceGatewayArgs:
    """Arguments of InferenceGateway.

    Attributes:
        name: Name of the Gateway and of its address.
        namespace: Namespace of the Gateway and the models; made here.
        region: Region of the address.
        class_name: GatewayClass.
        subnet: Id of the node subnet, where an internal Gateway takes its address.
        certificate: Name of a regional Certificate Manager certificate; without one the Gateway speaks plain HTTP.
    """

    name: str
    namespace: str
    region: str
    class_name: str
    subnet: pulumi.Input[str]
    certificate: str | None


class InferenceGateway(pulumi.ComponentResource):
    """The one entry to all models of the stack."""

    address: Address
    namespace: pulumi.CustomResource
    gateway: pulumi.CustomResource
    url: pulumi.Output[str]

    def __init__(self, name: str, args: InferenceGatewayArgs, opts: pulumi.ResourceOptions | None = None) -> None:
        props = {key: value for key, value in vars(args).items() if key != "subnet"}
        super().__init__("platform:index:Gateway", name, props, opts)
        child = pulumi.ResourceOptions(parent=self)

        internal = args.class_name == gateway.REGIONAL_INTERNAL
        self.address = Address(
            name,
            name=args.name,
            region=args.region,
            address_type="INTERNAL" if internal else "EXTERNAL",
            subnetwork=args.subnet if internal else None,
            purpose="GCE_ENDPOINT" if internal else None,
            opts=child,
        )
        self.namespace = manifest(
            f"{name}-namespace", api_version="v1", kind="Namespace", name=args.namespace, opts=child
        )
        self.gateway = manifest(
            name,
            api_version=gateway.GATEWAY_API_VERSION,
            kind="Gateway",
            name=args.name,
            namespace=args.namespace,
            spec={
                "gatewayClassName": args.class_name,
                "addresses": [{"type": "NamedAddress", "value": self.address.name}],
                "listeners": [listener(args.certificate)],
            },
            opts=pulumi.ResourceOptions(parent=self, depends_on=[self.namespace]),
        )
        scheme = "http" if args.certificate is None else "https"
        self.url = self.address.address.apply(lambda address: f"{scheme}://{address}")
        self.register_outputs({"url": self.url})


def listener(certificate: str | None) -> dict[str, Any]:
    """The Gateway's one listener: HTTPS with a regional Certificate Manager certificate, else plain HTTP."""
    routes = {"namespaces": {"from": "Same"}}
    if certificate is None:
        return {"name": "http", "protocol": "HTTP", "port": 80, "allowedRoutes": routes}
    terminate = {"mode": "Terminate", "options": {gateway.CERTIFICATE_OPTION: certificate}}
    return {"name": "https", "protocol": "HTTPS", "port": 443, "tls": terminate, "allowedRoutes": routes}
