"""How a call to the cloud can end, besides with the API's own refusal (`sandbox.cloud.errors`)."""

from __future__ import annotations

from sandbox.cloud.errors import CloudError


class CloudAwayError(Exception):
    """The daemon does not answer."""


class OperationFailedError(CloudError):
    """A request was taken, and what it asked for failed on the way."""

    def __str__(self) -> str:
        return self.message


class TimedOutError(OperationFailedError):
    """An operation took longer than the provider waits; it goes on in the cloud."""


class GivenUpError(Exception):
    """The engine asked to stop."""


class InterruptedRequestError(GivenUpError):
    """Trying again was given up before the cloud took the request."""

    def __init__(self, message: str, *, lost: bool) -> None:
        super().__init__(message)
        self.lost = lost
        """Whether a connection broke on the way: the cloud may have taken the request, and its answer went missing."""


class InterruptedWaitError(GivenUpError):
    """Waiting for an operation was given up; it goes on in the cloud, with the resource `resource_id`."""

    def __init__(self, message: str, resource_id: str) -> None:
        super().__init__(message)
        self.resource_id = resource_id


class UnreadError(Exception):
    """What was asked for is done, and the resource `resource_id` could not be read afterwards; `why` it could not."""

    def __init__(self, resource_id: str, why: Exception) -> None:
        super().__init__(str(why))
        self.resource_id = resource_id
        self.why = why
