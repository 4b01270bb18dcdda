"""Settings of the Gateway, its protection, KServe and images: what is refused, in whole messages, and what is not."""

from __future__ import annotations

from typing import Any

import pytest

from components.loading import parse
from components.settings import Settings
from rules.product_images import ENDPOINT_PICKER
from tests.unit.changing import DELETE, changed, problem

CLIENT = "12345-abc.apps.googleusercontent.com"
IAP = {"clientId": CLIENT, "clientSecret": {"secret": "iap"}, "members": ["group:users@example.com"]}
HTTPS: list[tuple[str, Any]] = [
    ("gateway.allowPlainHttp", DELETE),
    ("gateway.tls", {"certificateManager": ["one"]}),
]

REFUSED: dict[str, tuple[list[tuple[str, Any]], str]] = {
    "TLS without a certificate": (
        [("gateway.allowPlainHttp", DELETE), ("gateway.tls", {})],
        (
            "platform.gateway.tls.certificateManager: not set: an HTTPS listener without a certificate is never programmed. "
            "Write certificates under one of: certificateManager, preSharedCertificates, secrets, privateAuthority."
        ),
    ),
    "certificates of two sources": (
        [
            ("gateway.allowPlainHttp", DELETE),
            ("gateway.tls", {"certificateManager": ["one"], "secrets": ["two"]}),
        ],
        (
            "platform.gateway.tls.secrets: ('two',): certificateManager is set as well, and GKE takes a listener's "
            "certificates from one place (GWCER105). Write either certificateManager or secrets."
        ),
    ),
    "plain HTTP beside a certificate": (
        [*HTTPS[1:]],
        (
            "platform.gateway.allowPlainHttp: True: the Gateway has a certificate, and plain HTTP beside it would serve the "
            "same models readable. Write false; tls.redirectHttp says what happens on port 80."
        ),
    ),
    "private certificate without names": (
        [("gateway.allowPlainHttp", DELETE), ("gateway.tls", {"privateAuthority": True})],
        (
            "platform.gateway.hostnames: not set: the cluster's authority issues a certificate for names. "
            "Write the Gateway's host names."
        ),
    ),
    "global access to the internet": (
        [("gateway.globalAccess", True)],
        (
            "platform.gateway.globalAccess: True: gke-l7-regional-external-managed answers the whole internet already; only "
            "an internal Gateway is bound to a region. Write false, or className: gke-l7-rilb."
        ),
    ),
    "host name with a port": (
        [("gateway.hostnames", ["models.example.com:443"])],
        (
            "platform.gateway.hostnames[0]: 'models.example.com:443': it has to be a host name with a dot, without port and "
            "path. Write models.example.com. It is"
        ),
    ),
    "sign-in over plain HTTP": (
        [("edge", {"iap": IAP})],
        (
            f"platform.edge.iap: '{CLIENT}': the Gateway speaks plain HTTP, where a sign-in cannot work and credentials would "
            "travel readable. Write gateway.tls with a certificate, or leave iap out."
        ),
    ),
    "an OAuth client that is none": (
        [*HTTPS, ("edge", {"iap": {**IAP, "clientId": "me"}})],
        "platform.edge.iap.clientId: 'me': it has to be the id of an OAuth client. Write one such as 123456-",
    ),
    "a sign-in that nobody passes": (
        [*HTTPS, ("edge", {"iap": {**IAP, "members": []}})],
        "platform.edge.iap.members: []: list should have at least 1 item, not 0. It is: Who may pass",
    ),
    "a sign-in that everybody passes": (
        [*HTTPS, ("edge", {"iap": {**IAP, "members": ["allAuthenticatedUsers"]}})],
        (
            "platform.edge.iap.members[0]: 'allAuthenticatedUsers': with it everybody passes, as without IAP. Write members by "
            "name, or leave iap out."
        ),
    ),
    "a member that is none": (
        [*HTTPS, ("edge", {"iap": {**IAP, "members": ["users@example.com"]}})],
        (
            "platform.edge.iap.members[0]: 'users@example.com': this is no member that IAP lets through. Write group:…, user:…, "
            "serviceAccount:…, domain:… or principalSet://iam.googleapis.com/…."
        ),
    ),
    "a member twice": (
        [*HTTPS, ("edge", {"iap": {**IAP, "members": ["user:a@example.com", "user:A@example.com"]}})],
        "platform.edge.iap.members: 'user:a@example.com, user:A@example.com': a member is listed twice. Write each member once.",
    ),
    "a sign-in for every host name": (
        [*HTTPS, ("edge", {"iap": IAP})],
        (
            "platform.gateway.hostnames: not set: edge.iap lets its members pass by host name, and without one they would pass "
            "every IAP of the project. Write the host names of the Gateway's certificate."
        ),
    ),
    "a sign-in for more host names than a condition takes": (
        [*HTTPS, ("gateway.hostnames", [f"m{number}.example.com" for number in range(14)]), ("edge", {"iap": IAP})],
        (
            "platform.gateway.hostnames: '14 names': edge.iap lets its members pass by host name, and an IAM condition has room "
            "for no more names. Write at most 13, or leave edge.iap out."
        ),
    ),
    "two Cloud Armor policies": (
        [("edge", {"securityPolicy": "ours", "cloudArmor": {"requestsPerMinute": 60}})],
        "platform.edge.securityPolicy: 'ours': cloudArmor makes a policy as well, and a backend has one. Write one of the two.",
    ),
    "Cloud Armor that does nothing": (
        [("edge", {"cloudArmor": {}})],
        (
            "platform.edge.cloudArmor.allowedCidrs: not set: a policy without a rule lets everything pass. "
            "Write ranges, or requestsPerMinute."
        ),
    ),
    "an allow list without ranges": (
        [("edge", {"cloudArmor": {"allowedCidrs": [], "requestsPerMinute": 60}})],
        (
            "platform.edge.cloudArmor.allowedCidrs: []: a list without ranges keeps nobody out: everybody may call the models. "
            "Write your clients' ranges, or no such line if everybody may come."
        ),
    ),
    "an allow list of the whole internet": (
        [("edge", {"cloudArmor": {"allowedCidrs": ["0.0.0.0/1", "128.0.0.0/1"]}})],
        (
            "platform.edge.cloudArmor.allowedCidrs: '0.0.0.0/1, 128.0.0.0/1': these ranges are the whole internet, so the list "
            "keeps nobody out. Write your clients' ranges only."
        ),
    ),
    "a class that is mistyped": (
        [("gateway.className", "gke-l7-regional-external")],
        (
            "platform.gateway.className: 'gke-l7-regional-external': there is no such GatewayClass: no controller takes the "
            "Gateway, and it never gets an address. Did you mean gke-l7-regional-external-managed?"
        ),
    ),
    "host bits in a range": (
        [("edge", {"cloudArmor": {"allowedCidrs": ["10.0.0.1/24"]}})],
        "platform.edge.cloudArmor.allowedCidrs[0]: '10.0.0.1/24': this is no IPv4 range (10.0.0.1/24 has host bits set)",
    ),
    "Model Armor that waits too long": (
        [("edge", {"modelArmor": {"template": "strict", "timeoutMilliseconds": 20000}})],
        "platform.edge.modelArmor.timeoutMilliseconds: 20000: this is out of bounds. Write 10000 or less",
    ),
    "old KServe": (
        [("kserve", {"version": "v0.18.1"})],
        (
            "platform.kserve.version: 'v0.18.1': before v0.19.0 KServe writes appProtocol https on every workload Service "
            "whatever vLLM speaks, and reverts patches: /health and /v1/models through the Gateway end in 'wrong version "
            "number'. Write v0.20.0."
        ),
    ),
    "any KServe": (
        [("kserve", {"version": "latest"})],
        "platform.kserve.version: 'latest': it is no exact version, so the chart changes under the stack",
    ),
    "endpoint picker of another release": (
        [("images", {"endpointPicker": "ghcr.io/llm-d/llm-d-router-endpoint-picker:v0.10.0"})],
        "platform.images.endpointPicker: 'ghcr.io/llm-d/llm-d-router-endpoint-picker:v0.10.0': KServe v0.20.0 writes flags",
    ),
    "floating endpoint picker": (
        [("images", {"endpointPicker": "ghcr.io/llm-d/llm-d-router-endpoint-picker:latest"})],
        "an image without a fixed tag changes under a running model",
    ),
    "a canary without a route": (
        [("kserve", {"managedRoutes": True}), ("models.0.canary", {"name": "next", "image": "vllm/vllm-tpu:v0.28.0"})],
        (
            "platform.models[0].canary: 'next': kserve.managedRoutes leaves the route to KServe, and nothing then shares "
            "requests between the two. Write kserve.managedRoutes: false, or no canary."
        ),
    ),
    "a mirror with a scheme": (
        [("images", {"mirror": "https://mirror.example.com"})],
        (
            "platform.images.mirror: 'https://mirror.example.com': it has to be a registry with a path, without https://. Write "
            "mirror.example.com. It is"
        ),
    ),
    "certificate arguments by hand": (
        [("models.0.extraArgs", ["--ssl-certfile=/tls/tls.crt"])],
        "kserve.backendTls: true, which switches everything that calls the server too",
    ),
}


@pytest.mark.parametrize(("changes", "text"), REFUSED.values(), ids=list(REFUSED))
def test_refused(changes: list[tuple[str, Any]], text: str) -> None:
    """One line: field, value, reason, remedy."""
    assert text in problem(*changes)


def loaded(*changes: tuple[str, Any]) -> Settings:
    """The settings of dev with these changes."""
    return parse(changed(*changes), stack="dev", project="p")


@pytest.mark.parametrize(
    ("image", "mirrored"),
    [
        ("vllm/vllm-tpu:v0.27.0", "mirror.example.com/all/vllm/vllm-tpu:v0.27.0"),
        ("python:3.11", "mirror.example.com/all/python:3.11"),
        ("quay.io/jetstack/x", "quay.example.com/jetstack/x"),
        ("localhost:5000/x:1", "mirror.example.com/all/x:1"),
        (f"ghcr.io/a/b@sha256:{'a' * 64}", f"mirror.example.com/all/a/b@sha256:{'a' * 64}"),
    ],
)
def test_mirrored_images(image: str, mirrored: str) -> None:
    """The registry is replaced and the path kept; Docker Hub is what an image without a registry means."""
    images = loaded(
        ("images", {"mirror": "mirror.example.com/all", "registries": {"quay.io": "quay.example.com"}})
    ).images
    assert images.at(image) == mirrored


def test_images_without_a_mirror() -> None:
    """Nothing is rewritten, not even to a longer name of the same image."""
    assert loaded().images.at("vllm/vllm-tpu:v0.27.0") == "vllm/vllm-tpu:v0.27.0"
    assert loaded().images.at(ENDPOINT_PICKER) == ENDPOINT_PICKER


def test_endpoint_picker_by_digest() -> None:
    """A digest says nothing about the release; whoever pins by it knows."""
    image = f"ghcr.io/llm-d/llm-d-router-endpoint-picker@sha256:{'a' * 64}"
    assert loaded(("images", {"endpointPicker": image})).images.endpoint_picker == image


def test_safe_defaults() -> None:
    """What nobody chose is the stronger choice: port 80 redirects, old TLS is refused, Model Armor fails closed."""
    settings = loaded(*HTTPS, ("edge", {"modelArmor": {"template": "strict"}}))
    assert settings.gateway.tls is not None
    assert (settings.gateway.tls.redirect_http, settings.gateway.tls.minimum_version) == (True, "TLS_1_2")
    assert settings.edge.model_armor is not None
    assert settings.edge.model_armor.fail_open is False
    assert settings.gateway.section == "https"
