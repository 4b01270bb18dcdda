"""Protection at the edge: what is made, and that every backend behind the Gateway has it."""

from __future__ import annotations

import json
from typing import Any

from components.edge import security_rules
from rules import edge
from rules.backend import check_backend_policy
from tests.committed import committed
from tests.components.recording import Graph, build

POLICY = "gcp:compute/regionSecurityPolicy:RegionSecurityPolicy"
WEB_MEMBER = "gcp:iap/webIamMember:WebIamMember"
CLIENT = "12345-abc.apps.googleusercontent.com"
IAP = {"clientId": CLIENT, "clientSecret": {"secret": "iap-client"}, "members": ["group:users@example.com"]}


def production() -> dict[str, Any]:
    """The settings of prod, with host names."""
    settings: dict[str, Any] = committed("prod")
    settings["gateway"]["hostnames"] = ["models.example.com", "llm.example.com"]
    return settings


def protected(**wanted: Any) -> Graph:
    """Prod with these settings under `edge`."""
    return build({**production(), "edge": wanted}, stack="prod")


def defaults(graph: Graph) -> list[dict[str, Any]]:
    """`spec.default` of every GCPBackendPolicy."""
    found = [policy.inputs["spec"]["default"] for policy in graph.manifests_of("GCPBackendPolicy")]
    assert len(found) >= 2, "the pool's and the Service's"
    return found


def test_nothing_by_default() -> None:
    """Protection is a choice: without it no policy names any and nothing is made."""
    settings = production()
    settings.pop("edge", None)
    graph = build(settings, stack="prod")
    assert graph.of_type(POLICY) == []
    assert graph.manifests_of("GCPTrafficExtension") == []
    for default in defaults(graph):
        assert not {"securityPolicy", "iap"} & default.keys()


def test_security_policy_of_ones_own() -> None:
    """A policy that exists is named on every backend: one without it is the way around it."""
    graph = protected(securityPolicy="corporate")
    assert [default["securityPolicy"] for default in defaults(graph)] == ["corporate"] * len(defaults(graph))
    assert graph.of_type(POLICY) == []


def test_security_policy_made_here() -> None:
    """It lies in the Gateway's region, since a regional load balancer takes no global one, and every backend names it."""
    graph = protected(cloudArmor={"allowedCidrs": ["198.51.100.0/24"], "requestsPerMinute": 120})
    made = graph.one(POLICY).inputs
    assert (made["region"], made["type"]) == ("us-east5", "CLOUD_ARMOR")
    assert {default["securityPolicy"] for default in defaults(graph)} == {made["name"]}
    first, last = made["rules"]
    assert (first["action"], first["match"]["config"]["srcIpRanges"]) == ("throttle", ["198.51.100.0/24"])
    assert first["rateLimitOptions"]["rateLimitThreshold"] == {"count": 120, "intervalSec": 60}
    assert (last["action"], last["priority"]) == ("deny(403)", edge.DEFAULT_RULE_PRIORITY)


def test_a_limit_alone_lets_everybody_in() -> None:
    """Without an allow list the limit is for everybody, and the rule that every policy ends with permits."""
    first, last = security_rules((), 60)
    assert (first["action"], first["match"]["config"]["src_ip_ranges"]) == ("throttle", ["*"])
    assert last["action"] == "allow"


def test_many_ranges_are_several_rules() -> None:
    """A rule takes ten ranges; all of them are permitted, each once, before everybody else is refused."""
    ranges = tuple(f"10.{number}.0.0/16" for number in range(25))
    *permits, last = security_rules(ranges, None)
    groups = [rule["match"]["config"]["src_ip_ranges"] for rule in permits]
    assert [len(group) for group in groups] == [10, 10, 5]
    assert tuple(block for group in groups for block in group) == ranges
    priorities = [rule["priority"] for rule in permits]
    assert sorted(set(priorities)) == priorities
    assert {rule["action"] for rule in permits} == {"allow"}
    assert last["action"] == "deny(403)"


def test_identity_aware_proxy_is_on_every_backend() -> None:
    """The client's secret comes from Secret Manager by GKE's sync: none of it is in the graph, and GKE has all it needs."""
    graph = protected(iap=IAP)
    for default in defaults(graph):
        assert default["iap"] == {"enabled": True, "clientID": CLIENT, "oauth2ClientSecret": {"name": edge.IAP_SECRET}}
        assert edge.check_iap(default["iap"]) == []
    assert "iap" in {service.name for service in graph.of_type("gcp:projects/service:Service")}
    (sync,) = graph.manifests_of("SecretSync")
    assert sync.object_key[1:] == (graph.manifests_of("GCPBackendPolicy")[0].object_key[1], edge.IAP_SECRET)
    for policy in graph.manifests_of("GCPBackendPolicy"):
        assert check_backend_policy(policy.inputs["spec"]) == []


def test_iap_is_turned_on_once_its_secret_is_written() -> None:
    """GKE leaves a policy unattached whose Secret is not there, and the backend answers everybody."""
    graph = protected(iap=IAP)
    (sync,) = graph.manifests_of("SecretSync")
    assert sync.inputs["metadata"]["annotations"]["pulumi.com/waitFor"] == "jsonpath={.status.lastSuccessfulSyncTime}"
    policies = graph.manifests_of("GCPBackendPolicy")
    assert len(policies) >= 2
    assert all(graph.waits_for(policy, sync) for policy in policies)


def test_members_pass_to_the_gateway_s_host_names_alone() -> None:
    """Without the role nobody passes; without the condition its members would pass every IAP of the project."""
    members = ["group:users@example.com", "serviceAccount:caller@p.iam.gserviceaccount.com"]
    graph = protected(iap={**IAP, "members": members})
    grants = [grant.inputs for grant in graph.of_type(WEB_MEMBER)]
    assert {grant["member"] for grant in grants} == set(members)
    assert {(grant["project"], grant["role"]) for grant in grants} == {
        ("tpu-inference-prod", "roles/iap.httpsResourceAccessor")
    }
    expression = 'request.host == "models.example.com" || request.host == "llm.example.com"'
    assert {grant["condition"]["expression"] for grant in grants} == {expression}
    api = graph.one("gcp:projects/service:Service", "iap")
    assert all(graph.waits_for(grant, api) for grant in graph.of_type(WEB_MEMBER))


def test_model_armor_judges_completions() -> None:
    """Bodies of requests and answers go to the template in the Gateway's region; without an answer nothing passes."""
    graph = protected(modelArmor={"template": "strict", "timeoutMilliseconds": 2500})
    (extension,) = graph.manifests_of("GCPTrafficExtension")
    spec = extension.inputs["spec"]
    (target,) = spec["targetRefs"]
    assert (target["kind"], target["name"]) == ("Gateway", graph.manifests_of("Gateway")[0].object_key[2])
    assert extension.object_key[1] == graph.manifests_of("Gateway")[0].object_key[1]
    (chain,) = spec["extensionChains"]
    (callout,) = chain["extensions"]
    assert callout["googleAPIServiceName"] == "modelarmor.us-east5.rep.googleapis.com"
    assert (callout["timeout"], callout["failOpen"]) == ("2500ms", False)
    (entry,) = json.loads(callout["metadata"]["model_armor_settings"])
    template = "projects/tpu-inference-prod/locations/us-east5/templates/strict"
    assert entry == {
        "model": "default",
        "user_prompt_template_id": template,
        "model_response_template_id": template,
    }
    (matcher,) = [each["celMatcher"] for each in chain["matchCondition"]["celExpressions"]]
    assert matcher == ('request.path.contains("/v1/completions") || request.path.contains("/v1/chat/completions")')
    assert edge.check_traffic_extension(spec, "us-east5") == []
    assert "modelarmor" in {service.name for service in graph.of_type("gcp:projects/service:Service")}


def test_model_armor_may_be_asked_before_it_is_attached() -> None:
    """Without these roles every callout fails, and a callout that fails closed refuses every request."""
    graph = protected(modelArmor={"template": "strict"})
    (extension,) = graph.manifests_of("GCPTrafficExtension")
    grants = [
        each for each in graph.of_type("gcp:projects/iAMMember:IAMMember") if "gcp-sa-dep" in str(each.inputs["member"])
    ]
    assert {grant.inputs["role"] for grant in grants} == set(edge.MODEL_ARMOR_ROLES)
    assert all(graph.waits_for(extension, grant) for grant in grants)


def test_the_agent_that_calls_out_exists_before_it_is_granted_anything() -> None:
    """A project that never had an extension has no such account, and IAM refuses roles for accounts that do not exist."""
    graph = protected(modelArmor={"template": "strict"})
    identity = graph.one("gcp:projects/serviceIdentity:ServiceIdentity", "extensions-agent")
    assert identity.inputs["service"] == "networkservices.googleapis.com"
    assert graph.waits_for(identity, graph.one("gcp:projects/service:Service", "networkservices"))
    grants = [each for each in graph.of_type("gcp:projects/iAMMember:IAMMember") if "sa-dep" in each.inputs["member"]]
    assert len(grants) == len(edge.MODEL_ARMOR_ROLES)
    assert all(graph.waits_for(grant, identity) for grant in grants)
    assert [each.name for each in protected().of_type("gcp:projects/serviceIdentity:ServiceIdentity")] == []


def test_the_policy_made_here_outlives_the_gateway() -> None:
    """Backend services refer to it until the Gateway is gone: deleted before, Google Cloud says it is in use."""
    graph = protected(cloudArmor={"requestsPerMinute": 120})
    assert graph.waits_for(graph.manifests_of("Gateway")[0], graph.one(POLICY))


def test_no_request_passes_before_the_guard() -> None:
    """Routes come after Model Armor and after their backends' policies: before, prompts would pass unjudged and unprotected."""
    settings = production()
    settings["edge"] = {"modelArmor": {"template": "strict"}, "iap": IAP}
    settings["services"] = [
        {
            "name": "plain",
            "image": "registry.example.com/plain:1.0",
            "endpoints": {"readiness": "/ready", "liveness": "/live", "serving": ["/predict"]},
        }
    ]
    graph = build(settings, stack="prod")
    routes = [each for each in graph.manifests_of("HTTPRoute") if each.name != "gateway-redirect"]
    assert len(routes) == 2
    for route in routes:
        for guard in (*graph.manifests_of("GCPTrafficExtension"), *graph.manifests_of("SecretSync")):
            assert graph.waits_for(route, guard), route.urn
        backends = {reference["name"] for rule in route.inputs["spec"]["rules"] for reference in rule["backendRefs"]}
        policies = [*graph.manifests_of("GCPBackendPolicy"), *graph.manifests_of("HealthCheckPolicy")]
        of_route = [each for each in policies if each.inputs["spec"]["targetRef"]["name"] in backends]
        assert len(of_route) == 2 * len(backends)
        assert all(graph.waits_for(route, each) for each in of_route), route.urn


def test_model_armor_matcher_fits_the_api() -> None:
    """A CEL matcher has 512 characters at most; managed routes judge KServe's further endpoints too."""
    settings = committed("prod")
    settings |= {"edge": {"modelArmor": {"template": "strict"}}, "kserve": {"managedRoutes": True}}
    graph = build(settings, stack="prod")
    (extension,) = graph.manifests_of("GCPTrafficExtension")
    (chain,) = extension.inputs["spec"]["extensionChains"]
    matcher = chain["matchCondition"]["celExpressions"][0]["celMatcher"]
    assert len(matcher) <= edge.CEL_MATCHER_LENGTH
    assert 'request.path.contains("/v1/responses")' in matcher
