"""Who may call what an external Gateway leads to."""

from __future__ import annotations

from typing import Any, Final

from tests.policies.cases.case import Cases, fail, good, missing, near, unknown
from tests.policies.cases.edge import iap
from tests.policies.cases.listeners import REDIRECT
from tests.policies.harness import UNKNOWN, Made
from tests.policies.objects import (
    GLOBAL,
    WORKLOAD,
    backend,
    deployment,
    gateway,
    llm,
    pool_ref,
    route,
    selector,
    server,
    service,
    service_ref,
    spoiled,
)

LAST: Final = 2147483647
SECRET: Final = {"name": "VLLM_API_KEY", "valueFrom": {"secretKeyRef": {"name": "keys", "key": "vllm"}}}
ON_V1: Final = {"matches": [{"path": {"type": "PathPrefix", "value": "/v1"}}]}
API: Final = {"group": "", "kind": "Service", "name": "api"}


def rule(action: Any, *ranges: Any, priority: Any = LAST, **more: Any) -> dict[str, Any]:
    """A rule of a security policy; for everybody unless ranges are given."""
    config = {"srcIpRanges": list(ranges or ("*",))}
    return {
        "action": action,
        "priority": priority,
        "match": {"versionedExpr": "SRC_IPS_V1", "config": config},
        **more,
    }


def by_expression(action: Any, expression: Any, priority: int = 10) -> dict[str, Any]:
    """A rule with an expression."""
    return {"action": action, "priority": priority, "match": {"expr": {"expression": expression}}}


CLIENTS: Final = rule("allow", "198.51.100.0/24", priority=1000)


def armor(*rules: Any, name: Any = "edge", scope: str = "Region") -> Made:
    """A security policy with these rules; without any, it leaves them to Google."""
    kind = f"{scope}SecurityPolicy"
    token = f"gcp:compute/{kind[0].lower()}{kind[1:]}:{kind}"
    return Made(token, "edge", {"name": name, **({"rules": list(rules)} if rules else {})})


def unread() -> Made:
    """A security policy with rules that nobody knows."""
    return Made(armor().token, "edge", {"name": "edge", "rules": UNKNOWN})


def own_rule(written: dict[str, Any], of: Any = "edge") -> Made:
    """A rule that is a resource of its own."""
    token = "gcp:compute/regionSecurityPolicyRule:RegionSecurityPolicyRule"
    return Made(token, f"rule-{written['priority']}", {"securityPolicy": of, **written})


def attached(name: Any = "edge", *others: Made, to: Any = None) -> tuple[Made, ...]:
    """An external Gateway with a route to the pool, and a security policy of that name on it."""
    return gateway(), route(), backend(to, securityPolicy=name), *others


def limited(policy: Made) -> Made:
    """A GCPBackendPolicy with a security policy beside what else it says."""
    return Made(policy.token, policy.name, spoiled(policy.props, {"spec__default__securityPolicy": "edge"}))


def keyed(rewritten: Any = None, parent: Any = None, **changes: Any) -> tuple[Made, ...]:
    """A route of /v1, or of what is rewritten to another path, to servers with `changes`."""
    filters = [{"type": "URLRewrite", "urlRewrite": {"path": {"replacePrefixMatch": rewritten}}}]
    rules: dict[str, Any] = {**ON_V1, **({} if rewritten is None else {"filters": filters})}
    container = server(**changes)
    template = {"nodeSelector": selector("2x2"), "containers": [container]}
    return gateway(), route(rule=rules, parent=parent), llm(template=template)


CASES: Final[Cases] = {
    "public-anonymous": [
        fail("anonymous", "Gateway gateways/inference answers the whole internet", gateway(), route(), backend()),
        fail(
            "anonymous",
            "is 'Service models/qwen-kserve-workload-svc'",
            gateway(GLOBAL),
            route(pool_ref(), service_ref()),
            backend(securityPolicy="clients"),
        ),
        fail("anonymous", "nothing decides", gateway(), route(), backend(namespace="other", securityPolicy="clients")),
        fail("anonymous", "nothing decides", gateway(), route(), backend(WORKLOAD, securityPolicy="clients")),
        fail("anonymous", "nothing decides", gateway(), route(), iap(enabled=False)),
        fail("anonymous", "nothing decides", gateway(), route(), backend(securityPolicy="")),
        fail("anonymous", "Service models/api", gateway(), route(API), service(), deployment()),
        fail(
            "anonymous",
            "Gateway gateways/inference and Gateway gateways/second answer the whole internet",
            *(gateway(), gateway(name="second")),
            route(parent=[{"name": name, "namespace": "gateways"} for name in ("inference", "second")]),
        ),
        fail("everybody", "rules[1].action is 'allow'", *attached("edge", armor(CLIENTS, rule("allow")))),
        fail("everybody", "rules[0].action is 'throttle'", *attached("edge", armor(rule("throttle")))),
        fail(
            "everybody",
            "InferencePool models/qwen-inference-pool, Service models/qwen-kserve-workload-svc",
            *(gateway(), route(pool_ref(), service_ref()), armor(rule("allow"), scope="")),
            *(backend(securityPolicy="edge"), backend(WORKLOAD, "service", securityPolicy="edge")),
        ),
        fail("everybody", "rules is missing", *attached("edge", armor(CLIENTS))),
        fail("everybody", "rules is missing", *attached("edge", armor(CLIENTS, rule("deny(403)", preview=True)))),
        fail(
            "everybody",
            "'allow'",
            *attached("edge", armor(rule("allow", "0.0.0.0/1", "128.0.0.0/1", priority=5), rule("deny(403)"))),
        ),
        fail(
            "everybody",
            "rules[0].action",
            *attached("edge", armor(by_expression("allow", "true"), rule("deny(403)"))),
        ),
        fail("everybody", "action is 'allow'", *attached("edge", armor(), own_rule(rule("allow")), own_rule(CLIENTS))),
        fail("anonymous", "ask for a key under /v1 only", *keyed("/", env=[SECRET])),
        fail("anonymous", "nothing decides", *keyed(env=[{"name": "VLLM_API_KEY", "value": ""}])),
        fail("anonymous", "nothing decides", *keyed(env=[{"name": "API_KEY", "value": "x"}])),
        missing("anonymous", "spec.rules[0].backendRefs[0] is 'InferencePool", gateway(), route()),
        missing("everybody", "rules is missing", *attached("edge", armor())),
        missing("anonymous", "models/qwen-kserve-workload-svc", gateway(), llm(), route(service_ref())),
        missing("", "", route(), gateway(None)),
        unknown("undecided", "gatewayClassName is '(unknown)'", gateway(UNKNOWN), route()),
        unknown("undecided", "who may call InferencePool models/qwen-inference-pool", *attached(UNKNOWN)),
        unknown("undecided", "securityPolicy is '(unknown)'", *attached(UNKNOWN, armor(rule("allow")))),
        unknown("undecided", "name is '(unknown)'", *attached("edge", armor(rule("allow"), name=UNKNOWN))),
        unknown("undecided", "rules[1].action", *attached("edge", armor(CLIENTS, rule(UNKNOWN)))),
        unknown(
            "undecided",
            "srcIpRanges[0]",
            *attached("edge", armor(rule("allow", UNKNOWN, priority=1), rule("deny(403)"))),
        ),
        unknown("undecided", "rules[0].preview", *attached("edge", armor(rule("deny(403)", preview=UNKNOWN)))),
        unknown("undecided", "rules[0].priority", *attached("edge", armor(rule("deny(403)", priority=UNKNOWN)))),
        unknown("undecided", "rules is '(unknown)'", *attached("edge", unread())),
        unknown("undecided", "spec.default.iap.enabled", gateway(), route(), iap(enabled=UNKNOWN)),
        unknown(
            "undecided",
            "targetRef.name",
            *(gateway(), route(API)),
            backend({**API, "name": UNKNOWN}, securityPolicy="clients"),
        ),
        unknown(
            "undecided", "parentRefs[0].name", gateway(), route(parent=[{"name": UNKNOWN, "namespace": "gateways"}])
        ),
        unknown("undecided", "backendRefs[0].name", gateway(), route(pool_ref(UNKNOWN))),
        unknown("undecided", "args", *keyed(args=UNKNOWN)),
        unknown("undecided", "replacePrefixMatch", *keyed(UNKNOWN, env=[SECRET])),
        unknown("", "", gateway("gke-l7-rilb"), route(pool_ref(UNKNOWN))),
        unknown("", "", *attached(UNKNOWN, armor(CLIENTS, rule("deny(403)")))),
        good(gateway(), route(), iap()),
        good(*attached("of-another-team")),
        good(*attached("edge", armor(CLIENTS, rule("deny(403)")))),
        good(*attached("edge", armor(rule("throttle", "198.51.100.0/24", priority=1), rule("deny(404)")))),
        good(*attached("edge", armor(), own_rule(rule("deny(403)")), own_rule(CLIENTS))),
        good(*keyed(env=[SECRET])),
        good(*keyed("/v1", env=[SECRET])),
        good(*keyed(args=["--served-model-name=qwen", "--api-key", "$(KEY)"])),
        good(gateway("gke-l7-rilb"), route()),
        near(gateway(), route(rule={**REDIRECT, "backendRefs": []})),
        near(gateway("istio"), route()),
        near(route()),
        near(gateway(), route(parent=[{"name": "elsewhere", "namespace": "gateways"}])),
        near(gateway(), gateway("gke-l7-rilb", "inside"), route(parent=[{"name": "inside", "namespace": "gateways"}])),
        near(*attached("edge", armor(rule("deny(403)", priority=1), rule("allow")))),
        near(
            *attached(
                "edge", armor(by_expression("deny(403)", "evaluatePreconfiguredWaf('x')"), CLIENTS, rule("deny(403)"))
            )
        ),
        near(*attached("edge", armor(rule("allow", preview=True, priority=1), rule("deny(403)")))),
        near(
            *attached("edge", armor(rule("allow", "198.51.100.0/24", "2001:db8::/32", priority=1), rule("deny(403)")))
        ),
        near(*attached("edge", armor(rule("allow"), name="unused"))),
        near(*keyed("/health", env=[SECRET])),
        near(gateway(), route(), limited(iap()), armor(rule("throttle"))),
    ],
}
