"""What is registered of an object beside its properties."""

from __future__ import annotations

import importlib.util
from pathlib import Path

from components.kubernetes import SDK
from components.manifests import SECRET_OUTPUTS
from tests.committed import committed
from tests.components.recording import build


def test_tokens_are_encrypted_in_the_state() -> None:
    """The cluster fills the Secret with a token that never expires, and the provider returns it as an output. The SDK's class
    asks the engine to hide it whatever the provider says, and so does this.
    """
    graph = build({**committed("dev"), "monitoring": {"enabled": True}})
    (token,) = graph.manifests_of("Secret")
    assert token.inputs["type"] == "kubernetes.io/service-account-token"
    assert token.secret_outputs == {"data", "stringData"}
    hidden = {resource.urn for resource in graph.objects if resource.secret_outputs}
    assert hidden == {token.urn}, "what is hidden without need is missing from previews"


def test_the_sdk_hides_no_other_kind() -> None:
    """A release of the SDK that marks another kind must be followed here, where its classes are not used."""
    spec = importlib.util.find_spec(SDK)
    assert spec is not None
    assert spec.origin is not None
    folder = Path(spec.origin).parent
    marking = {
        str(path.relative_to(folder).with_suffix(""))
        for path in folder.rglob("*.py")
        if "additional_secret_outputs" in path.read_text("utf-8")
    }
    assert marking == {f"core/{version}/{kind}{form}" for version, kind in SECRET_OUTPUTS for form in ("", "Patch")}
    assert '["data", "stringData"]' in (folder / "core/v1/Secret.py").read_text("utf-8")
