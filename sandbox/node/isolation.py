"""Work on one object after another, each by itself: what one of them does wrong keeps none of the others waiting.

Owns what is caught, what is said of it, once for each new text, and whether an early attempt may help. An API server that does
not answer ends the whole round: it would not answer the next object either. Does not own when the next round is.
"""

from __future__ import annotations

import logging
from collections.abc import Callable, Generator
from contextlib import contextmanager
from typing import Any

from sandbox.kube.client import ApiError, NoMatchError, UnreachableError

Object = dict[str, Any]

_log = logging.getLogger(__name__)


class Isolation:
    """The rounds of one controller; `name` stands in the log. `say` is told as well, where somebody else reads along."""

    def __init__(self, name: str, say: Callable[[str], None] | None = None) -> None:
        self._name = name
        self._say = say
        self._told: dict[str, str] = {}
        self._again = False

    @contextmanager
    def of(self, obj: Object) -> Generator[None]:
        """Does the work on `obj`; its failure is logged, and the work after the block goes on.

        Raises:
            UnreachableError: the API server does not answer.
        """
        metadata = obj["metadata"]
        where = "/".join(part for part in (obj.get("kind"), metadata.get("namespace"), metadata["name"]) if part)
        try:
            yield
        except UnreachableError:
            raise
        except (ApiError, NoMatchError) as error:
            self._again |= isinstance(error, ApiError) and (error.status == 429 or error.status >= 500)
            self._tell(where, str(error))
        except Exception as error:  # noqa: BLE001 - one odd object must not freeze the others
            self._tell(where, repr(error), exc_info=True)
        else:
            self._told.pop(where, None)

    def asks_for_another_round(self) -> bool:
        """Whether something failed, since this was last asked, that is worth an early attempt."""
        again, self._again = self._again, False
        return again

    def _tell(self, where: str, text: str, *, exc_info: bool = False) -> None:
        if self._told.get(where) != text:
            self._told[where] = text
            _log.warning("%s: %s: %s; the others go on", self._name, where, text, exc_info=exc_info)
            if self._say is not None:
                self._say(f"{where}: {text}")
