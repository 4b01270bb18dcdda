"""What is true of every resource of the program, in every committed stack, in previews and updates."""

from __future__ import annotations

import json
import re

import pytest

from components.loading import SettingsError
from operations.numbered import KINDS, mark_of
from operations.recover import provider_id
from sandbox.plugin.values import UNKNOWN, has_unknowns
from tests.committed import committed
from tests.components.recording import KEY, PROJECT, STACK_TYPE, Graph, build, build_config

COMPONENTS = {
    ("platform:index:ProjectServices", "services"),
    ("platform:index:Network", "network"),
    ("platform:index:Cluster", "cluster"),
    ("platform:index:TpuNodePool", "tpu-v6e-2x2"),
    ("platform:index:ModelNamespace", "namespace"),
    ("platform:index:Gateway", "gateway"),
    ("platform:index:CertificateAuthority", "authority"),
    ("platform:index:InferenceControllers", "controllers"),
    ("platform:index:TpuModel", "qwen2-5-3b"),
    ("platform:index:Monitoring", "monitoring"),
}
PROVIDERS = {("pulumi:providers:gcp", "google-cloud"), ("pulumi:providers:kubernetes", "cluster")}
ALERTS = (
    "no-healthy-backend",
    "latency",
    "errors",
    "health-status",
    "probe-failures",
    "cpu",
    "memory",
    "first-token",
    "kv-cache",
    "queue",
    "no-ready-server",
    "idle-tpus",
)
GOOGLE = {
    ("gcp:projects/service:Service", "cloudresourcemanager"),
    ("gcp:projects/service:Service", "compute"),
    ("gcp:projects/service:Service", "container"),
    ("gcp:projects/service:Service", "containersecurity"),
    ("gcp:projects/service:Service", "iam"),
    ("gcp:projects/service:Service", "networkservices"),
    ("gcp:compute/network:Network", "network"),
    ("gcp:compute/subnetwork:Subnetwork", "network-nodes"),
    ("gcp:compute/subnetwork:Subnetwork", "network-proxies"),
    ("gcp:compute/router:Router", "network"),
    ("gcp:compute/routerNat:RouterNat", "network"),
    ("gcp:compute/firewall:Firewall", "network-load-balancer"),
    ("gcp:compute/firewall:Firewall", "network-webhooks"),
    ("gcp:serviceaccount/account:Account", "cluster-nodes"),
    ("gcp:projects/iAMMember:IAMMember", "cluster-nodes"),
    ("gcp:container/cluster:Cluster", "cluster"),
    ("gcp:container/nodePool:NodePool", "cluster-system"),
    ("gcp:container/nodePool:NodePool", "tpu-v6e-2x2"),
    ("gcp:compute/address:Address", "gateway"),
    ("gcp:projects/service:Service", "monitoring"),
    ("gcp:monitoring/dashboard:Dashboard", "monitoring"),
}
KUBERNETES = {
    ("kubernetes:monitoring.googleapis.com/v1:PodMonitoring", "monitoring-qwen2-5-3b-servers"),
    ("kubernetes:monitoring.googleapis.com/v1:PodMonitoring", "monitoring-qwen2-5-3b-endpoint-picker"),
    ("kubernetes:core/v1:ServiceAccount", "monitoring-reader-account"),
    ("kubernetes:core/v1:Secret", "monitoring-reader-token"),
    ("kubernetes:rbac.authorization.k8s.io/v1:ClusterRole", "monitoring-reader-role"),
    ("kubernetes:rbac.authorization.k8s.io/v1:ClusterRoleBinding", "monitoring-reader-binding"),
    ("kubernetes:rbac.authorization.k8s.io/v1:Role", "monitoring-collector-role"),
    ("kubernetes:rbac.authorization.k8s.io/v1:RoleBinding", "monitoring-collector-binding"),
    ("kubernetes:core/v1:Namespace", "namespace"),
    *(
        ("kubernetes:networking.k8s.io/v1:NetworkPolicy", f"{controller}-{policy}")
        for controller in ("cert-manager", "lws-system", "kserve")
        for policy in ("default-deny", "allow-own-pods", "allow-webhooks")
    ),
    ("kubernetes:networking.k8s.io/v1:NetworkPolicy", "namespace-default-deny"),
    ("kubernetes:networking.k8s.io/v1:NetworkPolicy", "namespace-allow-own-pods"),
    ("kubernetes:networking.k8s.io/v1:NetworkPolicy", "namespace-allow-load-balancer"),
    ("kubernetes:networking.k8s.io/v1:NetworkPolicy", "namespace-allow-monitoring"),
    ("kubernetes:networking.k8s.io/v1:NetworkPolicy", "namespace-allow-egress"),
    ("kubernetes:core/v1:Namespace", "cert-manager"),
    ("kubernetes:core/v1:Namespace", "lws-system"),
    ("kubernetes:core/v1:Namespace", "kserve"),
    ("kubernetes:core/v1:ConfigMap", "inferenceservice-config"),
    ("kubernetes:cert-manager.io/v1:ClusterIssuer", "authority-self-signed"),
    ("kubernetes:cert-manager.io/v1:Certificate", "authority-root"),
    ("kubernetes:cert-manager.io/v1:ClusterIssuer", "authority"),
    ("kubernetes:helm.sh/v3:Release", "cert-manager"),
    ("kubernetes:helm.sh/v3:Release", "lws"),
    ("kubernetes:helm.sh/v3:Release", "kserve-llmisvc-crd"),
    ("kubernetes:helm.sh/v3:Release", "kserve-llmisvc-resources"),
    ("kubernetes:helm.sh/v3:Release", "kserve-runtime-configs"),
    ("kubernetes:gateway.networking.k8s.io/v1:Gateway", "gateway"),
    ("kubernetes:serving.kserve.io/v1alpha2:LLMInferenceService", "qwen2-5-3b"),
    ("kubernetes:gateway.networking.k8s.io/v1:HTTPRoute", "qwen2-5-3b-route"),
    ("kubernetes:networking.gke.io/v1:HealthCheckPolicy", "qwen2-5-3b-pool-health"),
    ("kubernetes:networking.gke.io/v1:HealthCheckPolicy", "qwen2-5-3b-service-health"),
    ("kubernetes:networking.gke.io/v1:GCPBackendPolicy", "qwen2-5-3b-pool-backend"),
    ("kubernetes:networking.gke.io/v1:GCPBackendPolicy", "qwen2-5-3b-service-backend"),
}


HTTPS = {
    ("gcp:compute/regionSslPolicy:RegionSslPolicy", "gateway"),
    ("kubernetes:networking.gke.io/v1:GCPGatewayPolicy", "gateway-policy"),
    ("kubernetes:gateway.networking.k8s.io/v1:HTTPRoute", "gateway-redirect"),
}
"""What a certificate brings along; dev has none."""
SEVERAL = {("kubernetes:policy/v1:PodDisruptionBudget", "qwen2-5-3b-disruption")}
"""What several servers bring along; dev has one."""
CALLED = {
    ("gcp:monitoring/notificationChannel:NotificationChannel", "monitoring-inference-on-call@example.com"),
    *(("gcp:monitoring/alertPolicy:AlertPolicy", f"monitoring-{alert}") for alert in ALERTS),
}
"""What somebody on call brings along; dev has nobody."""
EDGE = ("platform:index:EdgeProtection", "edge")
GUARDED = {EDGE, ("gcp:compute/regionSecurityPolicy:RegionSecurityPolicy", "edge")}
"""What a Cloud Armor policy of the stack's own brings along; dev has none."""


def test_the_whole_graph(graph: Graph) -> None:
    """A stack with one pool and one model is these resources and no others, whatever its sizes."""
    registered = {(resource.type, resource.name) for resource in graph if resource.type != STACK_TYPE}
    encrypts = graph.manifests_of("Gateway")[0].inputs["spec"]["listeners"][0]["protocol"] == "HTTPS"
    several = graph.manifests_of("LLMInferenceService")[0].inputs["spec"]["replicas"] > 1
    called = graph.of_type("gcp:monitoring/alertPolicy:AlertPolicy")
    guarded = any("securityPolicy" in p.inputs["spec"]["default"] for p in graph.manifests_of("GCPBackendPolicy"))
    further = (HTTPS if encrypts else set()) | (SEVERAL if several else set()) | (CALLED if called else set())
    further |= GUARDED if guarded else set()
    assert registered == COMPONENTS | PROVIDERS | GOOGLE | KUBERNETES | further
    assert len(registered) == len(graph.resources) - 1


def test_every_resource_belongs_to_a_component(graph: Graph) -> None:
    """Only components and the Google Cloud provider stand at the top of the stack: a preview is read by its parts."""
    stack = graph.one(STACK_TYPE)
    at_the_top = {(resource.type, resource.name) for resource in graph if resource.parent == stack.urn}
    assert at_the_top - {EDGE} == COMPONENTS | {("pulumi:providers:gcp", "google-cloud")}
    for resource in graph:
        if resource.custom and resource.type != "pulumi:providers:gcp":
            assert graph.by_urn(resource.parent).type.startswith("platform:index:"), resource.urn


def test_no_resource_uses_a_default_provider(graph: Graph) -> None:
    """A default provider acts on whatever project or cluster the machine happens to be logged in to."""
    google, cluster = graph.one("pulumi:providers:gcp"), graph.one("pulumi:providers:kubernetes")
    assert {resource.provider for resource in graph.google} == {google.urn}
    assert {resource.provider for resource in graph.objects} == {cluster.urn}


def test_google_cloud_provider_names_its_project(dev: Graph, prod: Graph) -> None:
    """Project, region and zone come from the settings, so that no environment variable can redirect a stack."""
    for graph, project in ((dev, "tpu-inference-dev"), (prod, "tpu-inference-prod")):
        inputs = graph.one("pulumi:providers:gcp").inputs
        assert (inputs["project"], inputs["region"], inputs["zone"]) == (project, "us-east5", "us-east5-b")


def test_every_object_has_a_type_that_the_provider_takes(graph: Graph) -> None:
    """The Kubernetes provider refuses types without group and version (gvkFromURN), such as kubernetes:v1:Namespace."""
    for resource in graph.manifests:
        group, _, version = resource.type.split(":")[1].rpartition("/")
        assert group, resource.urn
        assert resource.inputs["apiVersion"] == (version if group == "core" else f"{group}/{version}")


def test_every_object_has_a_name_of_its_own(graph: Graph) -> None:
    """An object without metadata.name gets a new random one after each interrupted update: it then exists twice."""
    for resource in graph.manifests:
        assert resource.inputs["metadata"].get("name"), resource.urn
    keys = [resource.object_key for resource in graph.manifests]
    assert len(keys) == len(set(keys)), "two resources declare the same object"


def test_every_google_resource_has_a_name_of_its_own(graph: Graph) -> None:
    """Pulumi's random suffixes would hide from `operations.recover` what an update that was cut off had made."""
    named = {"accountId", "name", "service", "role", "displayName", "dashboardJson"}
    for resource in graph.google:
        assert named & resource.inputs.keys(), resource.urn


def test_every_resource_can_be_recovered(dev: Graph) -> None:
    """The id of each resource follows from its inputs, so that a create that was cut off is found, not repeated.

    Cloud Monitoring alone draws numbers for names: what it made is found by its labels.
    """
    for resource in (*dev.google, *dev.objects):
        found = provider_id(resource.type, resource.inputs, "tpu-inference-dev")
        if resource.type.startswith("gcp:monitoring/"):
            assert found is None, resource.urn
            assert resource.type in KINDS
            assert mark_of(resource.type, resource.inputs), resource.urn
            continue
        assert found, resource.urn
        assert "None" not in found, f"{resource.urn}: {found}"


def test_nothing_is_adopted_or_kept(graph: Graph) -> None:
    """The program makes and removes all it declares; adoption is a one-time command, not a state of the program."""
    for resource in graph:
        assert not resource.import_id, resource.urn
        assert not resource.retain_on_delete, resource.urn


def test_only_the_cluster_hides_a_difference(graph: Graph) -> None:
    """Each ignored property is a change that no preview shows: the removed default pool, and the size that a pool began with."""
    grows = {pool.name for pool in graph.of_type("gcp:container/nodePool:NodePool") if "autoscaling" in pool.inputs}
    ignored = {resource.name: resource.ignore_changes for resource in graph if resource.ignore_changes}
    assert ignored == {"cluster": ("nodeConfig",), **dict.fromkeys(grows, ("initialNodeCount",))}


def test_first_preview_shows_every_object_in_full(first_preview: Graph) -> None:
    """Policies judge what a preview knows: nothing in an object of ours may wait for Google Cloud."""
    for resource in first_preview.objects:
        assert not has_unknowns(dict(resource.inputs)), f"{resource.urn}: {json.dumps(resource.inputs)}"


def test_first_preview_knows_all_but_what_google_makes(first_preview: Graph) -> None:
    """In Google Cloud's resources only ids and the e-mail of the nodes' account are unknown before they exist."""
    unknown = {
        (resource.type.rsplit(":", 1)[1], name)
        for resource in first_preview.google
        for name, value in resource.inputs.items()
        if has_unknowns(value)
    }
    assert unknown <= {
        ("Subnetwork", "network"),
        ("Router", "network"),
        ("Firewall", "network"),
        ("IAMMember", "member"),
        ("Cluster", "network"),
        ("Cluster", "subnetwork"),
        ("Cluster", "nodeConfig"),
        ("NodePool", "cluster"),
        ("NodePool", "nodeConfig"),
        ("Address", "subnetwork"),
        ("AlertPolicy", "notificationChannels"),
    }
    for pool in first_preview.of_type("gcp:container/nodePool:NodePool"):
        config = {name: value for name, value in pool.inputs["nodeConfig"].items() if has_unknowns(value)}
        assert config == {"serviceAccount": UNKNOWN}


def test_components_show_their_arguments(graph: Graph) -> None:
    """A component's arguments are in the state and in front of policies only if they are handed to the engine."""
    for kind, name in COMPONENTS:
        assert graph.one(kind, name).inputs, f"{kind} {name}"


def test_outputs_after_an_update(dev: Graph, prod: Graph) -> None:
    """The outputs say where the models are; the scheme is the listener's."""
    assert set(dev.outputs) == {"cluster", "gatewayAddress", "models", "services", "kubeconfig"}
    assert dev.outputs["cluster"] == "inference-dev"
    assert dev.outputs["gatewayAddress"] == "203.0.113.10"
    assert dev.outputs["models"] == {"qwen2-5-3b": "http://203.0.113.10/inference/qwen2-5-3b"}
    assert prod.outputs["models"] == {"qwen2-5-3b": "https://203.0.113.10/inference/qwen2-5-3b"}


def test_outputs_in_a_first_preview(first_preview: Graph) -> None:
    """What needs the cluster or the address is unknown, never a text about an unknown."""
    assert first_preview.outputs["gatewayAddress"] == UNKNOWN
    assert first_preview.outputs["kubeconfig"] == UNKNOWN
    assert first_preview.outputs["models"] == {"qwen2-5-3b": UNKNOWN}
    assert re.fullmatch("inference-(dev|prod)", first_preview.outputs["cluster"])


def test_runs_do_not_see_each_other() -> None:
    """A second run in the same process is the same graph, whatever ran before it."""
    first = build(committed("dev"))
    build(committed("prod"), stack="prod", preview=True)
    assert build(committed("dev")) == first


@pytest.mark.parametrize("preview", [False, True])
def test_refused_settings_create_nothing(*, preview: bool) -> None:
    """Settings are judged before the first resource; the engine shows the message and no traceback (a RunError)."""
    settings = committed("dev")
    settings["zone"] = "us-east5-a1"
    with pytest.raises(SettingsError, match=r"^1 setting in Pulumi\.dev\.yaml cannot be used; nothing was created\.\n"):
        build(settings, preview=preview)


def test_stack_without_settings() -> None:
    """A new stack has no block of settings yet; the message says where to take one from."""
    message = (
        f"Pulumi.new.yaml has no {KEY}. Write it below `config:`, as in Pulumi.dev.yaml, with the settings that "
        "docs/settings.md lists; nothing was created."
    )
    with pytest.raises(SettingsError) as raised:
        build_config({}, "none", stack="new")
    assert str(raised.value) == message


def test_settings_that_are_no_block() -> None:
    """`pulumi config set platform x` makes a text of the whole block."""
    with pytest.raises(SettingsError) as raised:
        build_config({KEY: "tpu-inference-dev"}, "none", stack="new")
    assert str(raised.value) == (
        f"{PROJECT}:platform in Pulumi.new.yaml is 'tpu-inference-dev'; it must be a block of settings. Write them below it, "
        "each on a line of its own, as docs/settings.md lists them."
    )
