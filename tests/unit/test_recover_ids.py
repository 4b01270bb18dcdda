"""Under which id a cloud keeps what was cut off while it was being created."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import pytest

from operations import recover


@pytest.mark.parametrize(
    ("kind", "inputs", "identifier"),
    [
        ("gcp:projects/service:Service", {"service": "compute.googleapis.com"}, "acme/compute.googleapis.com"),
        ("gcp:compute/network:Network", {"name": "n"}, "projects/acme/global/networks/n"),
        (
            "gcp:compute/subnetwork:Subnetwork",
            {"name": "n", "region": "us-east5"},
            "projects/acme/regions/us-east5/subnetworks/n",
        ),
        ("gcp:compute/router:Router", {"name": "n", "region": "us-east5"}, "projects/acme/regions/us-east5/routers/n"),
        ("gcp:compute/routerNat:RouterNat", {"name": "n", "region": "us-east5", "router": "r"}, "acme/us-east5/r/n"),
        ("gcp:compute/firewall:Firewall", {"name": "n"}, "projects/acme/global/firewalls/n"),
        (
            "gcp:compute/address:Address",
            {"name": "n", "region": "us-east5"},
            "projects/acme/regions/us-east5/addresses/n",
        ),
        (
            "gcp:compute/regionSecurityPolicy:RegionSecurityPolicy",
            {"name": "n", "region": "us-east5"},
            "projects/acme/regions/us-east5/securityPolicies/n",
        ),
        (
            "gcp:compute/regionSslPolicy:RegionSslPolicy",
            {"name": "n", "region": "us-east5"},
            "projects/acme/regions/us-east5/sslPolicies/n",
        ),
        (
            "gcp:compute/resourcePolicy:ResourcePolicy",
            {"name": "n", "region": "us-east5"},
            "projects/acme/regions/us-east5/resourcePolicies/n",
        ),
        (
            "gcp:projects/serviceIdentity:ServiceIdentity",
            {"service": "container.googleapis.com"},
            "projects/acme/services/container.googleapis.com",
        ),
        (
            "gcp:kms/cryptoKeyIAMMember:CryptoKeyIAMMember",
            {
                "cryptoKeyId": "projects/k/locations/l/keyRings/r/cryptoKeys/c",
                "role": "roles/r",
                "member": "user:a@b.c",
            },
            "projects/k/locations/l/keyRings/r/cryptoKeys/c roles/r user:a@b.c",
        ),
        (
            "gcp:secretmanager/secretIamMember:SecretIamMember",
            {"secretId": "token", "role": "roles/r", "member": "user:a@b.c"},
            "projects/acme/secrets/token roles/r user:a@b.c",
        ),
        (
            "gcp:artifactregistry/repositoryIamMember:RepositoryIamMember",
            {"repository": "images", "location": "us-east5", "role": "roles/r", "member": "user:a@b.c"},
            "projects/acme/locations/us-east5/repositories/images roles/r user:a@b.c",
        ),
        (
            "gcp:serviceaccount/account:Account",
            {"accountId": "nodes"},
            "projects/acme/serviceAccounts/nodes@acme.iam.gserviceaccount.com",
        ),
        (
            "gcp:projects/iAMMember:IAMMember",
            {"role": "roles/viewer", "member": "serviceAccount:nodes@acme.iam.gserviceaccount.com"},
            "acme roles/viewer serviceAccount:nodes@acme.iam.gserviceaccount.com",
        ),
        (
            "gcp:container/cluster:Cluster",
            {"name": "c", "location": "us-east5-b"},
            "projects/acme/locations/us-east5-b/clusters/c",
        ),
        (
            "gcp:container/nodePool:NodePool",
            {"name": "p", "cluster": "projects/acme/locations/us-east5/clusters/c"},
            "projects/acme/locations/us-east5/clusters/c/nodePools/p",
        ),
        ("kubernetes:helm.sh/v3:Release", {"name": "lws", "namespace": "lws-system"}, "lws-system/lws"),
        ("kubernetes:core/v1:Namespace", {"metadata": {"name": "inference"}}, "inference"),
        (
            "kubernetes:gateway.networking.k8s.io/v1:HTTPRoute",
            {"metadata": {"name": "qwen", "namespace": "inference"}},
            "inference/qwen",
        ),
    ],
)
def test_id(kind: str, inputs: Mapping[str, Any], identifier: str) -> None:
    """The import format of each type; a wrong one makes a refresh forget a cluster that exists."""
    assert recover.provider_id(kind, inputs, "acme") == identifier


def test_own_project_goes_before_the_providers() -> None:
    """A resource may be in another project than its provider names."""
    identifier = recover.provider_id("gcp:compute/network:Network", {"name": "n", "project": "other"}, "acme")
    assert identifier == "projects/other/global/networks/n"


@pytest.mark.parametrize(
    ("kind", "inputs"),
    [
        ("gcp:compute/network:Network", {"name": "n"}),
        ("gcp:compute/router:Router", {"project": "acme", "name": "n"}),
        ("gcp:storage/bucket:Bucket", {"project": "acme", "name": "n"}),
        ("kubernetes:core/v1:Namespace", {"metadata": {"generateName": "n-"}}),
        ("kubernetes:core/v1:Namespace", {}),
        ("kubernetes:helm.sh/v3:Release", {"name": "lws"}),
        ("random:index/randomId:RandomId", {}),
    ],
)
def test_id_that_cannot_be_told(kind: str, inputs: Mapping[str, Any]) -> None:
    """Without the parts of an id there is none; half an id would find something else."""
    assert recover.provider_id(kind, inputs, None) is None


def test_every_known_type_has_a_case() -> None:
    """A type that is added to the table is added to the tests above."""
    marker = next(mark for mark in test_id.pytestmark if mark.name == "parametrize")  # type: ignore[attr-defined]
    assert set(recover.IDS) <= {case[0] for case in marker.args[1]}
