"""From settings to how images are pulled: credentials of registries in every namespace, and a word where nodes cannot pull.

Owns no resource. Where images come from is `Images.at` of the settings.
"""

from __future__ import annotations

import pulumi

from components.secrets import PullSecretsArgs, SyncedSecretArgs
from components.services import ProjectServices
from components.settings import Settings
from rules import image, secrets


def pulled(settings: Settings) -> list[SyncedSecretArgs]:
    """The credentials of container registries as they are written to a namespace."""
    return [
        SyncedSecretArgs(
            name=each.name,
            version=secrets.version_name(settings.project, each.secret, each.version),
            key=secrets.DOCKER_KEY,
            type=secrets.DOCKER_TYPE,
        )
        for each in settings.secrets.image_pull
    ]


def pull_secrets(settings: Settings, apis: ProjectServices) -> PullSecretsArgs | None:
    """Those of controllers, which have namespaces of their own; None where the settings name none."""
    if not settings.secrets.image_pull or apis.project_number is None:
        return None
    return PullSecretsArgs(project=settings.project, project_number=apis.project_number, secrets=pulled(settings))


def warn_about_mirrors(settings: Settings) -> None:
    """Says which mirrors in Artifact Registry the nodes have no right on, and nobody gives credentials for."""
    if settings.secrets.image_pull:
        return
    mirrors = {f"images.registries.{host}": place for host, place in settings.images.registries.items()}
    if settings.images.mirror is not None:
        mirrors["images.mirror"] = settings.images.mirror
    for field, place in mirrors.items():
        repository = image.artifact_repository(place)
        if repository is not None and repository not in settings.cluster.artifact_repositories:
            pulumi.log.warn(
                f"{field}: {place}: the nodes' account has no right on this repository of Artifact Registry, so unless everybody "
                f"may read it, all pods stay in ImagePullBackOff. Write {repository} under cluster.artifactRepositories."
            )
