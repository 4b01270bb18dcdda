"""SecretSync, as GKE's secret synchronisation answers it: the Kubernetes Secret it makes, or why it makes none.

Owns the decision. Secret Manager's secrets are made outside of this program and hold what must not be here, so each is taken to
exist with a made-up value that names its version, and `make up` says so (`sandbox.assumptions`). Whether the account may read it
is not asked: that is a grant in the stack, which the simulated cloud refuses where the fault `notFound` says that there is no
such secret.
"""

from __future__ import annotations

import base64
import json
from typing import Any

import yaml

from rules.secrets import DOCKER_TYPE, PROVIDER, SYNC_API_VERSION
from sandbox.node.conditions import condition, merged

Object = dict[str, Any]

_CREATED = "Secret created successfully."


class RefusedError(Exception):
    """The Secret cannot be made; the message says why."""


def secret(sync: Object, provider: Object | None, *, account: bool) -> Object:
    """The Secret of a SecretSync; `provider` is its SecretProviderClass, `account` whether its service account exists.

    Raises:
        RefusedError: Something it names is missing or not what it should be.
    """
    metadata, spec = sync["metadata"], sync["spec"]
    if not account:
        raise RefusedError(f'serviceaccount "{spec["serviceAccountName"]}" not found')
    if provider is None:
        raise RefusedError(f'SecretProviderClass "{spec["secretProviderClassName"]}" not found')
    if provider["spec"].get("provider") != PROVIDER:
        raise RefusedError(f"provider {provider['spec'].get('provider')!r} is not {PROVIDER!r}")
    sources = _sources(provider)
    wanted: Object = spec["secretObject"]
    data: dict[str, str] = {}
    for item in wanted["data"]:
        version = sources.get(item["sourcePath"])
        if version is None:
            raise RefusedError(f"sourcePath {item['sourcePath']!r} is no path of the SecretProviderClass")
        data[item["targetKey"]] = base64.b64encode(_value(version, wanted["type"]).encode()).decode()
    owner = {
        "apiVersion": SYNC_API_VERSION,
        "kind": sync["kind"],
        "name": metadata["name"],
        "uid": metadata["uid"],
        "controller": True,
    }
    return {
        "apiVersion": "v1",
        "kind": "Secret",
        "metadata": {
            "name": metadata["name"],
            "namespace": metadata["namespace"],
            "labels": {
                **(wanted.get("labels") or {}),
                "secrets-store.sync.x-k8s.io/secretsync": metadata["name"],
            },
            "annotations": wanted.get("annotations") or {},
            "ownerReferences": [owner],
        },
        "type": wanted["type"],
        "data": data,
    }


def status(sync: Object, refusal: str | None, now: str) -> Object:
    """The status of a SecretSync: why there is no Secret, or that it was written, and when it last had to be."""
    before: Object = sync.get("status") or {}
    held: list[Object] = before.get("conditions") or []
    conditions = merged(held, [_condition(sync, refusal)], now)
    written: str | None = before.get("lastSuccessfulSyncTime")
    if refusal is None and (written is None or conditions != held):
        written = now
    return {"conditions": conditions, **({} if written is None else {"lastSuccessfulSyncTime": written})}


def _condition(sync: Object, refusal: str | None) -> Object:
    generation = sync["metadata"].get("generation")
    if refusal is None:
        return condition("Create", "True", "CreateSucceeded", _CREATED, generation=generation)
    return condition("Create", "False", "ProviderError", refusal, generation=generation)


def _sources(provider: Object) -> dict[str, str]:
    try:
        entries: Any = yaml.safe_load((provider["spec"].get("parameters") or {}).get("secrets") or "[]")
        return {str(item.get("path") or item["fileName"]): str(item["resourceName"]) for item in entries}
    except (yaml.YAMLError, TypeError, KeyError, AttributeError) as error:
        raise RefusedError(f"parameters.secrets is no list of resourceName and path: {error}") from None


def _value(version: str, kind: str) -> str:
    return json.dumps({"auths": {}}) if kind == DOCKER_TYPE else f"sandbox value of {version}"
