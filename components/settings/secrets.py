"""Which secrets of Secret Manager models use. No secret itself: those never enter settings or the stack's state."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Annotated, Any, Self, cast

from pydantic import AfterValidator, Field, model_validator
from pydantic.alias_generators import to_camel

from components.settings.base import DnsLabel, Section
from components.settings.checks import refuse
from rules import secrets


def check_secret_name(value: str) -> str:
    """The name of a secret in Secret Manager."""
    if secrets.SECRET_NAME.fullmatch(value) is None:
        reason = "this is no name of a secret in Secret Manager"
        refuse("", value, reason, "its name, such as hugging-face-token, or projects/P/secrets/NAME")
    return value


class ManagedSecret(Section):
    """A secret that stands in Secret Manager."""

    secret: Annotated[str, AfterValidator(check_secret_name)]
    """Its name in the stack's project, or projects/P/secrets/NAME in another one."""
    version: Annotated[str, Field(pattern=r"^(latest|[1-9][0-9]*)$")] = "latest"
    """Version of it: latest, or a number for one that never changes unasked."""


class PullSecret(ManagedSecret):
    """Credentials of a container registry: the secret's content is a Docker configuration (config.json)."""

    name: DnsLabel
    """Name of the Kubernetes Secret made from it, which pods refer to in imagePullSecrets."""


class Secrets(Section):
    """Secrets of Secret Manager that GKE writes to Kubernetes Secrets in the namespaces that use them."""

    hugging_face_token: ManagedSecret | None = None
    """Token that downloads gated models from Hugging Face."""
    image_pull: tuple[PullSecret, ...] = ()
    """Credentials of container registries that Artifact Registry's own grants do not cover. Every pod of the stack gets them,
    controllers in their own namespaces too."""

    @model_validator(mode="after")
    def _names_differ(self) -> Self:
        taken = {secrets.HUGGING_FACE}
        for index, entry in enumerate(self.image_pull):
            if entry.name in taken:
                refuse(f"imagePull[{index}].name", entry.name, "another Secret has this name", "a name of its own")
            taken.add(entry.name)
        return self

    @property
    def used(self) -> bool:
        """Whether anything has to be synchronised."""
        return self.hugging_face_token is not None or bool(self.image_pull)


def check_no_token(settings: Any) -> Any:
    """No text of the settings holds a token or a private key, wherever it stands; the error names the place, not the token."""
    for path, text in _texts(settings, ""):
        if beginning := secrets.token_in(text):
            reason = "this is a secret, and settings are in version control and in the stack's state: take it as known by others"
            instead = "nothing here; revoke it, put a new one into Secret Manager and name that under secrets"
            refuse(path, beginning, reason, instead)
    return settings


def _texts(value: Any, path: str) -> Iterator[tuple[str, str]]:
    if isinstance(value, str):
        yield path, value
    elif isinstance(value, Mapping):
        for key, item in cast(Mapping[Any, Any], value).items():
            name = str(key)
            if secrets.token_in(name):
                yield path, name
                continue
            name = to_camel(name) if name.islower() else name
            yield from _texts(item, f"{path}.{name}" if path else name)
    elif isinstance(value, list | tuple):
        for index, item in enumerate(cast(list[Any], value)):
            yield from _texts(item, f"{path}[{index}]")
