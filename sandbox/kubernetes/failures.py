"""Errors of an operation as the engine wants them: one message, and the state of a resource that was made but failed."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from functools import wraps
from typing import Any, NoReturn, TypeVar

import grpc
from google.protobuf import any_pb2
from pulumi.runtime.proto import provider_pb2, status_pb2

from sandbox.kube.errors import ApiError, KubeconfigError, NoMatchError
from sandbox.plugin.values import to_struct

from .applying import RefusedError
from .awaiting import NotReadyError
from .configuration import NoClusterError
from .helm import HelmError
from .tokens import UnsupportedTypeError

_Method = TypeVar("_Method", bound=Callable[..., Any])

_EXPECTED = (
    ApiError,
    HelmError,
    KubeconfigError,
    NoClusterError,
    NoMatchError,
    NotReadyError,
    RefusedError,
    UnsupportedTypeError,
)
"""Errors whose message is written for people."""


class InitFailedError(Exception):
    """A resource that is there, and belongs into the state, but did not become what was asked for."""

    def __init__(
        self, resource_id: str, state: Mapping[str, Any], reasons: Sequence[str], inputs: Mapping[str, Any]
    ) -> None:
        super().__init__("\n".join(reasons))
        self.resource_id = resource_id
        self.state = state
        self.reasons = reasons
        self.inputs = inputs


def answering(method: _Method) -> _Method:
    """Turns the exceptions of a method of the protocol into its errors; none reaches the log as a traceback."""

    @wraps(method)
    def answer(self: Any, request: Any, context: grpc.ServicerContext) -> Any:
        try:
            return method(self, request, context)
        except InitFailedError as error:
            _abort_with_state(context, error)
        except _EXPECTED as error:
            context.abort(grpc.StatusCode.UNKNOWN, str(error))
        except Exception as error:  # noqa: BLE001 - a defect of ours is still one clear line for the user
            frame = error.__traceback__
            while frame is not None and frame.tb_next is not None:
                frame = frame.tb_next
            where = f" ({frame.tb_frame.f_code.co_filename}:{frame.tb_lineno})" if frame else ""
            context.abort(grpc.StatusCode.INTERNAL, f"defect in the sandbox's kubernetes provider: {error!r}{where}")

    return answer  # type: ignore[return-value]


def _abort_with_state(context: grpc.ServicerContext, error: InitFailedError) -> NoReturn:
    detail = provider_pb2.ErrorResourceInitFailed(
        id=error.resource_id,
        properties=to_struct(error.state),
        reasons=list(error.reasons),
        inputs=to_struct(error.inputs),
    )
    packed = any_pb2.Any()
    packed.Pack(detail)
    code = grpc.StatusCode.UNKNOWN
    status = status_pb2.Status(code=code.value[0], message=str(error), details=[packed])
    context.set_trailing_metadata((("grpc-status-details-bin", status.SerializeToString()),))
    context.abort(code, str(error))
    raise AssertionError
