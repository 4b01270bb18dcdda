"""Images, and the registries they come from."""

from __future__ import annotations

import json
from typing import Any, Final

from tests.policies.cases.case import Cases, fail, good, missing, near, unknown
from tests.policies.cases.parts import PICKER, kserve, picker
from tests.policies.harness import UNKNOWN, Made, kubernetes
from tests.policies.objects import (
    controllers,
    deployment,
    llm,
    release,
    server,
    web,
)

DIGEST: Final = "sha256:" + "0" * 64


AT: Final = "us-docker.pkg.dev/p/mirror"


MIRROR: Final = {"allowedRegistries": [AT]}


SERVERS: Final = {"allowedRegistries": [AT, "docker.io/vllm"]}


PUBLIC: Final = {"allowedRegistries": ["docker.io/vllm", "ghcr.io/llm-d/llm-d-router-endpoint-picker"]}


PUBLIC_PICKER: Final = {"allowedRegistries": [AT, *PUBLIC["allowedRegistries"]]}


LWS_UNKNOWN: Final = release("lws", image=UNKNOWN)


def mirrored(**parts: Any) -> list[Made]:
    """cert-manager whose images come from a mirror, but for those parts."""
    own: dict[str, Any] = {
        name: {"image": {"repository": f"{AT}/{name}"}} for name in ("webhook", "cainjector", "startupapicheck")
    }
    own["acmesolver"] = {"image": {"repository": f"{AT}/acmesolver"}}
    return [release("cert-manager", image={"repository": f"{AT}/controller"}, **(own | parts))]


def storage(image: Any, *, whole: bool = False) -> Made:
    """KServe's ConfigMap with the image that loads weights."""
    content = image if whole else json.dumps({"image": image})
    return kubernetes("v1", "ConfigMap", "inferenceservice-config", "kserve", data={"storageInitializer": content})


def prefill(sidecar: str | None = None) -> Made:
    """A service with prefill servers whose sidecar comes from there, or from the preset."""
    pod: dict[str, Any] = {"containers": [server()]}
    beside = {"initContainers": [{"name": "llm-d-routing-sidecar", "image": sidecar}]} if sidecar else {}
    return llm(None, template={**pod, **beside}, prefill={"template": pod})


CASES: Final[Cases] = {
    "image-pinned": [
        fail("pinned", "the tag latest moves", deployment(web(image="vllm/vllm-tpu:latest"))),
        fail(
            "pinned",
            "the tag nightly moves",
            llm(None, template={"containers": [server(image="vllm/vllm-tpu:nightly")]}),
        ),
        fail("pinned", "its digest is none", deployment(web(image="vllm/vllm-tpu@sha256:12"))),
        fail(
            "pinned", "initContainers[0].image", deployment(initContainers=[{"name": "a", "image": "busybox:latest"}])
        ),
        fail(
            "registry registry",
            "docker.io/vllm/vllm-tpu is not under",
            llm(),
            config={"allowedRegistries": ["us-docker.pkg.dev/p/"]},
        ),
        fail(
            "registry",
            "not under",
            deployment(web(image="docker.io/vllm-evil/x:1")),
            config={"allowedRegistries": ["docker.io/vllm"]},
        ),
        fail("digest", "digests only", llm(), config={"requireDigest": True}),
        fail("pinned", "the tag latest moves", picker(f"{PICKER}:latest")),
        fail("registry", "llm-d-router-endpoint-picker is not under", llm({"scheduler": {}}), config=SERVERS),
        fail("registry", "llm-d-router-disagg-sidecar is not under", prefill(), config=PUBLIC),
        fail(
            "pinned",
            "spec.model.uri is 'r.example.com/weights'",
            llm(None, model={"uri": "oci://r.example.com/weights"}),
        ),
        fail("registry", "r.example.com/w is not", llm(None, model={"uri": "oci://r.example.com/w:1"}), config=PUBLIC),
        fail(
            "registry",
            "docker.io/kserve/storage-initializer is not under",
            storage("kserve/storage-initializer:v1"),
            config=MIRROR,
        ),
        fail("pinned", "the tag latest moves", storage(f"{AT}/kserve/storage-initializer:latest")),
        fail(" ".join(["registry"] * 5), "values.image.repository", release("cert-manager"), config=MIRROR),
        fail("registry", "values.webhook.image.repository", *mirrored(webhook={}), config=MIRROR),
        fail("registry", "quay.io/jetstack/cert-manager-cainjector is not", *mirrored(cainjector={}), config=MIRROR),
        fail("registry", "registry.k8s.io/lws/lws is not under", release("lws"), config=MIRROR),
        fail("pinned", "the tag main moves", release("lws", image={"manager": {"tag": "main"}})),
        fail("registry", "values.kserve.storage.image", kserve(controller={"image": f"{AT}/c"}), config=MIRROR),
        missing("pinned", "without a tag it means latest", deployment(web(image="localhost:5000/vllm"))),
        missing("", "", llm(None, template={})),
        unknown("undecided", "image is '(unknown)'", deployment(web(image=UNKNOWN))),
        unknown("undecided", "which build runs", picker(UNKNOWN)),
        unknown("undecided", "which build loads weights", storage(UNKNOWN, whole=True)),
        fail("undecided", "where LeaderWorkerSet's controller comes from", LWS_UNKNOWN, config=MIRROR),
        good(*mirrored(), release("other"), release("cert-manager", imageRegistry=AT), config=MIRROR),
        good(LWS_UNKNOWN, *controllers(), storage("kserve/storage-initializer:v0.20.0")),
        near(prefill(f"{AT}/sidecar:v1"), config=PUBLIC_PICKER),
        near(release("lws", image={"manager": {"tag": "v0.8.0"}}), config={"requireDigest": True}),
        good(llm(), deployment()),
        good(deployment(web(image=f"registry.example.com:5000/a/b@{DIGEST}")), config={"requireDigest": True}),
        near(deployment(web(image="vllm/vllm-tpu:nightly-20260820-abcdef0"))),
        near(deployment(web(image=f"vllm/vllm-tpu:latest@{DIGEST}"))),
        near(deployment(web(image="vllm/vllm-tpu:v1")), config={"allowedRegistries": ["docker.io/vllm"]}),
    ],
}
