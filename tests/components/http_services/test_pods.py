"""The pods of an HTTP service: probes, disks, confinement, secrets, how they end."""

from __future__ import annotations

import pytest

from rules import autoscaling, health, probes
from rules.server import Check, Server, check_agreement
from tests.components.http_services.graphs import example, named, pod, server, with_service
from tests.components.recording import Graph


@pytest.mark.parametrize(("name", "served"), [("inference", {"/ready", "/healthz"}), ("impetus", set[str]())])
def test_probes_health_check_and_metrics_come_from_one_declaration(graph: Graph, name: str, served: set[str]) -> None:
    """Probes on /readyz and /health, with a server on /ready and /healthz, kept scaled pods without traffic for days."""
    declared = next(service for service in example()["services"] if service["name"] == name)
    paths = declared["endpoints"]
    container = server(graph, name)
    asked = {kind: container[kind]["httpGet"] for kind in ("startupProbe", "readinessProbe", "livenessProbe")}
    assert asked["readinessProbe"]["path"] == paths["readiness"]
    assert asked["livenessProbe"]["path"] == paths["liveness"]
    assert asked["startupProbe"]["path"] == paths.get("startup", paths["readiness"])
    assert {probe["port"] for probe in asked.values()} == {declared["port"]}
    assert served <= {probe["path"] for probe in asked.values()}
    policy = named(graph, "HealthCheckPolicy", name).inputs["spec"]
    check = policy["default"]["config"]["httpHealthCheck"]
    assert policy["targetRef"] == {"group": "", "kind": "Service", "name": name}
    assert check == {
        "requestPath": paths["readiness"],
        "port": declared["port"],
        "portSpecification": health.FIXED_PORT,
    }
    known = Server(label="it", ports=frozenset({declared["port"]}), tls=False, paths=frozenset({paths["readiness"]}))
    assert check_agreement(Check(type="HTTP", path=check["requestPath"], port=check["port"]), known) == []
    (scraped,) = named(graph, "PodMonitoring", name).inputs["spec"]["endpoints"]
    assert (scraped["path"], scraped["port"]) == (paths["metrics"], container["ports"][0]["name"])


def test_the_reports_numbers(graph: Graph) -> None:
    """Probe numbers, resources and the disk are those that the reports ran with."""
    first, second = server(graph, "inference"), server(graph, "impetus")
    numbers = ("initialDelaySeconds", "periodSeconds", "timeoutSeconds", "failureThreshold")
    assert [first["startupProbe"][n] for n in numbers] == [10, 10, 5, 12]
    assert [first["readinessProbe"][n] for n in numbers] == [30, 10, 5, 3]
    assert [first["livenessProbe"][n] for n in numbers] == [60, 30, 5, 3]
    assert [second["startupProbe"][n] for n in numbers] == [10, 10, 5, 30]
    assert [second["readinessProbe"][n] for n in numbers] == [15, 5, 3, 3]
    assert [second["livenessProbe"][n] for n in numbers] == [30, 10, 5, 3]
    assert second["resources"]["requests"] == {"cpu": "1", "memory": "4Gi"}
    assert second["resources"]["limits"] == {"cpu": "4", "memory": "16Gi"}
    assert {entry["name"]: entry["value"] for entry in second["env"]}["IMPETUS_PORT"] == "8080"


def test_the_disk_goes_with_one_pod_and_recreate(graph: Graph) -> None:
    """A rolling update of a pod with a ReadWriteOnce disk waits for ever for the disk that the old pod holds."""
    claim = named(graph, "PersistentVolumeClaim", "impetus").inputs
    assert claim["spec"]["accessModes"] == ["ReadWriteOnce"]
    assert claim["spec"]["resources"] == {"requests": {"storage": "100Gi"}}
    assert claim["metadata"]["annotations"] == {"pulumi.com/skipAwait": "true"}, "it binds only after its pod is there"
    deployment = named(graph, "Deployment", "impetus").inputs["spec"]
    assert (deployment["replicas"], deployment["strategy"]) == (1, {"type": "Recreate"})
    assert pod(graph, "impetus")["volumes"] == [{"name": "models", "persistentVolumeClaim": {"claimName": "impetus"}}]
    assert server(graph, "impetus")["volumeMounts"] == [{"name": "models", "mountPath": "/models"}]
    assert pod(graph, "impetus")["securityContext"]["fsGroup"] == pod(graph, "impetus")["securityContext"]["runAsUser"]


def test_a_share_goes_with_many_pods() -> None:
    """Filestore can be written from every node: any number of pods, and a rolling update.

    GKE's own classes take the network called default, and the cluster has no driver for any unless it is switched on.
    """
    graph = with_service(volume={"accessMode": "ReadWriteMany", "size": "1Ti"})
    claim = named(graph, "PersistentVolumeClaim", "inference")
    (made,) = graph.manifests_of("StorageClass")
    assert claim.inputs["spec"]["accessModes"] == ["ReadWriteMany"]
    assert claim.inputs["spec"]["storageClassName"] == made.object_key[2] == "inference-inference-shared"
    assert graph.waits_for(claim, made)
    network = graph.one("gcp:compute/network:Network").inputs["name"]
    assert made.inputs["parameters"]["network"] == network
    cluster = graph.one("gcp:container/cluster:Cluster").inputs
    assert cluster["addonsConfig"]["gcpFilestoreCsiDriverConfig"] == {"enabled": True}
    assert "file" in {service.name for service in graph.of_type("gcp:projects/service:Service")}
    assert named(graph, "Deployment", "inference").inputs["spec"]["strategy"]["type"] == "RollingUpdate"


def test_a_class_of_ones_own_is_named() -> None:
    """Whoever runs the storage knows its classes; nothing is made beside them."""
    graph = with_service(volume={"accessMode": "ReadWriteMany", "storageClass": "team-nfs"})
    assert named(graph, "PersistentVolumeClaim", "inference").inputs["spec"]["storageClassName"] == "team-nfs"
    assert graph.manifests_of("StorageClass") == []


def test_a_server_ends_after_its_last_answer(graph: Graph) -> None:
    """It serves on while the load balancer learns of its end, then as long as that drains it."""
    backend = named(graph, "GCPBackendPolicy", "inference").inputs["spec"]["default"]
    draining = backend["connectionDraining"]["drainingTimeoutSec"]
    wait = server(graph, "inference")["lifecycle"]["preStop"]["sleep"]["seconds"]
    assert wait == autoscaling.PRE_STOP_SECONDS
    assert pod(graph, "inference")["terminationGracePeriodSeconds"] >= wait + draining
    assert backend["timeoutSec"] == 300
    assert backend["logging"] == {"enabled": True}


def test_rollouts_wait_for_the_load_balancer(graph: Graph) -> None:
    """Ready for the kubelet is not healthy for the load balancer; the old pods stay until it is both."""
    gates = pod(graph, "inference")["readinessGates"]
    assert gates == [{"conditionType": probes.NEG_READINESS_GATE}]
    strategy = named(graph, "Deployment", "inference").inputs["spec"]["strategy"]["rollingUpdate"]
    assert strategy == {"maxSurge": 1, "maxUnavailable": 0}
    assert "readinessGates" not in pod(with_service(loadBalancerReadiness=False), "inference")


def test_pods_are_confined_and_have_no_token(graph: Graph) -> None:
    """Whoever takes over a server can ask the API server for nothing."""
    for name in ("inference", "impetus"):
        assert named(graph, "ServiceAccount", name).inputs["automountServiceAccountToken"] is False
        assert pod(graph, name)["automountServiceAccountToken"] is False
        assert pod(graph, name)["serviceAccountName"] == name
        assert pod(graph, name)["securityContext"]["runAsNonRoot"] is True
        assert server(graph, name)["securityContext"]["capabilities"] == {"drop": ["ALL"]}
    assert graph.one("kubernetes:core/v1:Namespace", "namespace").inputs["metadata"]["labels"][
        "pod-security.kubernetes.io/enforce"
    ] == ("restricted")


def test_pods_are_spread_and_drained_one_at_a_time(graph: Graph) -> None:
    """Two pods on one node are one pod when the node goes."""
    keys = [entry["topologyKey"] for entry in pod(graph, "inference")["topologySpreadConstraints"]]
    assert keys == ["topology.kubernetes.io/zone", "kubernetes.io/hostname"]
    budget = named(graph, "PodDisruptionBudget", "inference").inputs["spec"]
    assert budget["maxUnavailable"] == 1
    assert budget["selector"] == named(graph, "Deployment", "inference").inputs["spec"]["selector"]
    assert [r.object_key[2] for r in graph.manifests_of("PodDisruptionBudget")] == ["inference"], "one pod has none"


def test_secrets_come_by_reference() -> None:
    """The value is in a Secret; the program knows its name alone. The order is fixed: another one would roll the pods."""
    secret = {"DB_PASSWORD": {"secret": "db", "key": "password"}, "API_KEY": {"secret": "api", "key": "key"}}
    container = server(with_service(secretEnvironment=secret, environment={"B": "2", "A": "1"}), "inference")
    assert container["env"] == [
        {"name": "A", "value": "1"},
        {"name": "B", "value": "2"},
        {"name": "API_KEY", "valueFrom": {"secretKeyRef": {"name": "api", "key": "key"}}},
        {"name": "DB_PASSWORD", "valueFrom": {"secretKeyRef": {"name": "db", "key": "password"}}},
    ]


def test_command_arguments_and_user() -> None:
    """What the image does is replaced only where it is asked for."""
    graph = with_service(command=["python"], args=["-m", "api"], userId=4711, environment=None)
    container = server(graph, "inference")
    assert (container["command"], container["args"]) == (["python"], ["-m", "api"])
    assert "env" not in container
    assert pod(graph, "inference")["securityContext"]["runAsUser"] == 4711
    plain = server(with_service(), "inference")
    assert "command" not in plain
    assert "args" not in plain


def test_a_fixed_number_of_pods() -> None:
    """Without an autoscaler the Deployment says how many; one pod has no budget, for none could be drained."""
    graph = with_service(autoscaling=None, replicas=3)
    assert named(graph, "Deployment", "inference").inputs["spec"]["replicas"] == 3
    assert graph.manifests_of("HorizontalPodAutoscaler") == []
    assert graph.manifests_of("PodDisruptionBudget")
    assert with_service(autoscaling=None, replicas=1).manifests_of("PodDisruptionBudget") == []
