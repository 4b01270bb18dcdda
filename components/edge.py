"""What stands between clients and every model: Cloud Armor, Identity-Aware Proxy, Model Armor.

Owns a Cloud Armor policy where the stack wants its own, who may pass Identity-Aware Proxy, the Model Armor extension on the
Gateway, and what each backend's GCPBackendPolicy says about protection. Does not own those policies: whoever owns a backend has
its one GCPBackendPolicy (model.py), because GKE takes only one for each. Nor the OAuth client's secret, which is synced from
Secret Manager.

Who may pass is granted on the project's `iap_web`, for requests to the Gateway's host names alone. A grant for each backend
service (`iap_web/compute-REGION/services/NAME`) would be narrower, but GKE gives those their names when it makes them, so no
preview knows them, and a backend that is made anew would let nobody pass. Without the condition, members would pass every IAP of
the project. On `iap_web` a change takes roles/iap.admin instead of the right to write the project's own policy.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import pulumi

from components.google import IAMMember, RegionSecurityPolicy, WebIamMember
from components.manifests import manifest
from rules import edge, gateway, vllm


@dataclass(frozen=True, kw_only=True)
class ModelArmorArgs:
    """How Model Armor judges.

    Attributes:
        template: Whole name of the template, in the Gateway's region.
        project: Project of Gateway and template.
        project_number: Its number, by which Google names its service accounts.
        agent: What makes the service account that calls out for the project's load balancers.
        timeout_milliseconds: How long a request waits for a judgement.
        fail_open: Whether requests pass unjudged when none comes.
        paths: Parts of the paths whose bodies are judged.
    """

    template: str
    project: str
    project_number: pulumi.Input[str]
    agent: pulumi.Resource
    timeout_milliseconds: int
    fail_open: bool
    paths: tuple[str, ...] = (vllm.COMPLETIONS_PATH, vllm.CHAT_COMPLETIONS_PATH)


@dataclass(frozen=True, kw_only=True)
class EdgeProtectionArgs:
    """Arguments of EdgeProtection.

    Attributes:
        name: Name of what is made in the cluster.
        google_name: Name of the Cloud Armor policy, which no other stack of the project may have.
        namespace: Namespace of the Gateway.
        gateway: Name of the Gateway.
        region: Region of the Gateway.
        security_policy: Name of a regional Cloud Armor policy that exists.
        make_security_policy: Whether one is made, of the next two.
        allowed_cidrs: Ranges clients may come from; empty for all.
        requests_per_minute: Limit for one client address; None for no limit.
        iap_client: Id of the OAuth client of Identity-Aware Proxy; None leaves it off.
        iap_secret: Name of the Kubernetes Secret with that client's secret.
        iap_members: Who passes, as IAM members.
        project: Project of the Gateway.
        hostnames: The Gateway's host names, to which the members' role is bound.
        model_armor: Model Armor; None leaves it off.
    """

    name: str
    google_name: str
    namespace: str
    gateway: str
    region: str
    security_policy: str | None = None
    make_security_policy: bool = False
    allowed_cidrs: tuple[str, ...] = ()
    requests_per_minute: int | None = None
    iap_client: str | None = None
    iap_secret: str | None = None
    iap_members: tuple[str, ...] = ()
    project: str
    hostnames: tuple[str, ...] = ()
    model_armor: ModelArmorArgs | None = None


class EdgeProtection(pulumi.ComponentResource):
    """Protection of every backend behind one Gateway."""

    backend: Mapping[str, Any]
    """Part of `spec.default` of each backend's GCPBackendPolicy."""
    before_gateway: list[pulumi.Resource]
    """What the load balancer holds until the Gateway is gone: deleted before, Google Cloud refuses."""
    before_routes: list[pulumi.Resource]
    """What a route waits for, so that no request passes by it."""

    def __init__(self, name: str, args: EdgeProtectionArgs, opts: pulumi.ResourceOptions | None = None) -> None:
        shown = {key: value for key, value in vars(args).items() if key != "model_armor"}
        if args.model_armor is not None:
            shown["model_armor"] = {"template": args.model_armor.template, "fail_open": args.model_armor.fail_open}
        super().__init__("platform:index:EdgeProtection", name, shown, opts)
        child = pulumi.ResourceOptions(parent=self)
        self._name, self._args = name, args
        self.before_gateway, self.before_routes = [], []
        policy: pulumi.Input[str] | None = args.security_policy
        if args.make_security_policy:
            made = RegionSecurityPolicy(
                name,
                name=args.google_name,
                region=args.region,
                type=edge.SECURITY_POLICY_TYPE,
                description="Who may send requests to the models, and how many",
                rules=security_rules(args.allowed_cidrs, args.requests_per_minute),
                opts=child,
            )
            policy = made.name
            self.before_gateway.append(made)
        self.backend = backend_protection(policy, args.iap_client, args.iap_secret)
        self._let_pass(child)
        self.register_outputs({})

    def _let_pass(self, opts: pulumi.ResourceOptions) -> None:
        """Lets the members of Identity-Aware Proxy pass to the Gateway's host names."""
        for member in self._args.iap_members:
            WebIamMember(
                f"{self._name}-{member}",
                project=self._args.project,
                role=edge.IAP_ROLE,
                member=member,
                condition={
                    "title": f"Requests to {self._args.google_name}",
                    "expression": edge.host_condition(self._args.hostnames),
                },
                opts=opts,
            )

    def guard(self, entry: pulumi.Resource) -> None:
        """Puts Model Armor, where it is wanted, in front of the Gateway `entry`."""
        name, args, wanted = self._name, self._args, self._args.model_armor
        if wanted is None:
            return
        agent = pulumi.Output.from_input(wanted.project_number).apply(edge.extensions_agent)
        grants = [
            IAMMember(
                f"{name}-{role.rpartition('.')[2]}",
                project=wanted.project,
                role=role,
                member=pulumi.Output.concat("serviceAccount:", agent),
                # IAM refuses a role for an account that does not exist, as in a project that never had an extension.
                opts=pulumi.ResourceOptions(parent=self, depends_on=[wanted.agent]),
            )
            for role in edge.MODEL_ARMOR_ROLES
        ]
        target = {"group": gateway.GATEWAY_GROUP, "kind": "Gateway", "name": args.gateway}
        extension = manifest(
            f"{name}-model-armor",
            api_version=gateway.GKE_NETWORKING_API_VERSION,
            kind=edge.TRAFFIC_EXTENSION,
            name=f"{args.name}-model-armor",
            namespace=args.namespace,
            spec={"targetRefs": [target], "extensionChains": [model_armor_chain(wanted, args.region)]},
            # A callout that may not be made refuses every request.
            opts=pulumi.ResourceOptions(parent=self, depends_on=[*grants, entry]),
        )
        self.before_routes.append(extension)


def backend_protection(
    security_policy: pulumi.Input[str] | None, iap_client: str | None, iap_secret: str | None
) -> dict[str, Any]:
    """What a GCPBackendPolicy's `spec.default` says about protection; empty when nothing is on."""
    default: dict[str, Any] = {}
    if security_policy is not None:
        default["securityPolicy"] = security_policy
    if iap_client is not None:
        default["iap"] = {"enabled": True, "clientID": iap_client, "oauth2ClientSecret": {"name": iap_secret}}
    return default


def security_rules(allowed: tuple[str, ...], per_minute: int | None) -> list[Any]:
    """The rules of a Cloud Armor policy: who may come, how often, and what happens to the rest.

    The first rule that matches decides, so the limit stands in the same rules as the permission.
    """
    permit: dict[str, Any] = {"action": "allow"}
    if per_minute is not None:
        permit = {
            "action": "throttle",
            "rate_limit_options": {
                "conform_action": "allow",
                "exceed_action": "deny(429)",
                "enforce_on_key": "IP",
                "rate_limit_threshold": {"count": per_minute, "interval_sec": 60},
            },
        }
    ranges = allowed or (edge.ANY_SOURCE,)
    groups = [ranges[start : start + edge.RANGES_PER_RULE] for start in range(0, len(ranges), edge.RANGES_PER_RULE)]
    rules = [{"priority": 1000 + number, **_match(group), **permit} for number, group in enumerate(groups)]
    rest = "deny(403)" if allowed else "allow"
    return [*rules, {"priority": edge.DEFAULT_RULE_PRIORITY, **_match((edge.ANY_SOURCE,)), "action": rest}]


def _match(ranges: tuple[str, ...]) -> dict[str, Any]:
    return {"match": {"versioned_expr": edge.SOURCE_RANGES_EXPRESSION, "config": {"src_ip_ranges": list(ranges)}}}


def model_armor_chain(args: ModelArmorArgs, region: str) -> dict[str, Any]:
    """The one chain of a GCPTrafficExtension: bodies of completions, and of their answers, to Model Armor.

    Matches part of the path, so that it holds before and after the route's rewrite and with whatever follows.
    """
    matcher = " || ".join(f'request.path.contains("{path}")' for path in args.paths)
    return {
        "name": "model-armor",
        "matchCondition": {"celExpressions": [{"celMatcher": matcher}]},
        "extensions": [
            {
                "name": "model-armor",
                "googleAPIServiceName": edge.model_armor_service(region),
                "timeout": f"{args.timeout_milliseconds}ms",
                "failOpen": args.fail_open,
                "supportedEvents": list(edge.TRAFFIC_EXTENSION_EVENTS),
                "metadata": {edge.MODEL_ARMOR_SETTINGS: edge.model_armor_settings(args.template)},
            }
        ],
    }
