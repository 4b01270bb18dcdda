"""What a text has to look like, in words, and what somebody probably meant who wrote it differently.

Owns a phrase and an example for each pattern of the settings, for errors; a test compares with the JSON schema, so that none is
missing. Does not own the patterns: the settings' types do.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from decimal import Decimal, InvalidOperation
from typing import Final

from components.settings.capacity import RESERVATION
from rules.edge import IAP_CLIENT_ID

Fix = Callable[[str], Iterator[str]]


@dataclass(frozen=True)
class Phrase:
    """What a pattern asks for."""

    what: str
    """As it follows `it has to be`."""
    example: str
    fixes: tuple[Fix, ...] = ()
    """What makes other texts fit; the first that does is proposed."""


def _dashes(text: str) -> Iterator[str]:
    yield re.sub(r"[^a-z0-9]+", "-", text.lower()).strip("-")


def _underscores(text: str) -> Iterator[str]:
    yield re.sub(r"[^A-Za-z0-9_]+", "_", text).strip("_")
    yield re.sub(r"[^a-z0-9_]+", "_", text.lower()).strip("_")


def _case(text: str) -> Iterator[str]:
    yield text.strip().upper()
    yield text.strip().lower()


def _region(text: str) -> Iterator[str]:
    yield text.strip().lower()
    yield re.sub(r"-[a-z0-9]+$", "", text.strip().lower())


def _size(text: str) -> Iterator[str]:
    match = re.fullmatch(r"(\d+(?:\.\d+)?) ?([kmgt])i?b?", text.strip(), re.IGNORECASE)
    if match is None:
        return
    number, unit = Decimal(match[1]), match[2].upper()
    yield f"{number.normalize():f}{unit}i"
    if unit != "K" and number:
        yield f"{(number * 1024).normalize():f}{'KMGT'['KMGT'.index(unit) - 1]}i"


def _cpu(text: str) -> Iterator[str]:
    try:
        number = Decimal(text.strip())
    except InvalidOperation:
        return
    if number.is_finite() and 0 < number < 1_000_000:
        yield f"{(number * 1000).normalize():f}m"


def _host(text: str) -> Iterator[str]:
    bare = re.sub(r"^[a-z]+://", "", text.strip().lower())
    yield bare.rstrip("/")
    yield re.split(r"[:/]", bare)[0].rstrip(".")


def _clock(text: str) -> Iterator[str]:
    yield f"0{text.strip()}"


_LABEL: Final = Phrase("lower-case letters, digits and dashes, a letter first and no dash last", "my-name", (_dashes,))
_GOOGLE_NAME: Final = Phrase("at most 63 lower-case letters, digits and dashes, a letter first", "my-name", (_dashes,))
_PROJECT: Final = Phrase("6 to 30 lower-case letters, digits and dashes, a letter first", "my-project", (_dashes,))
_METRIC: Final = Phrase("a Prometheus name: letters, digits, _ and :", "requests_in_flight", (_underscores,))

PHRASES: Final[Mapping[str, Phrase]] = {
    r"^[a-z]([-a-z0-9]*[a-z0-9])?$": _LABEL,
    r"^[a-z]([-a-z0-9_]{0,61}[a-z0-9])?$": _GOOGLE_NAME,
    r"^[a-z]([-a-z0-9]{0,61}[a-z0-9])?$": _GOOGLE_NAME,
    r"^[a-z][-a-z0-9]{4,28}[a-z0-9]$": _PROJECT,
    r"^[a-z]+-[a-z]+[0-9]+$": Phrase("a region of Google Cloud", "us-east5", (_region,)),
    r"^[A-Za-z0-9][A-Za-z0-9._-]*$": Phrase("letters, digits, dots, dashes and underscores", "my-adapter"),
    r"^[1-9][0-9]*m?$": Phrase("a whole number, or thousandths with an m", "500m", (_cpu,)),
    r"^[1-9][0-9]*(Mi|Gi|Ti)$": Phrase("a whole number with Mi, Gi or Ti", "4Gi", (_size,)),
    r"^[1-9][0-9]*(Gi|Ti)$": Phrase("a whole number with Gi or Ti", "100Gi", (_size,)),
    RESERVATION: Phrase("the name of a reservation, or projects/PROJECT/reservations/NAME", "my-reservation"),
    "^(RAPID|REGULAR|STABLE|EXTENDED)$": Phrase("RAPID, REGULAR, STABLE or EXTENDED", "REGULAR", (_case,)),
    r"^gke-security-groups@[^@\s]+$": Phrase(
        "the group of that one name in your domain", "gke-security-groups@example.com"
    ),
    r"^projects/[^/]+/topics/[^/]+$": Phrase("the full name of a Pub/Sub topic", "projects/my-project/topics/upgrades"),
    r"^projects/[^/]+/locations/[^/]+/repositories/[^/]+$": Phrase(
        "the full name of a repository in Artifact Registry",
        "projects/my-project/locations/us-east5/repositories/serving",
    ),
    r"^[a-zA-Z_:][a-zA-Z0-9_:]*$": _METRIC,
    r"^[A-Za-z0-9._-]+(/[A-Za-z0-9._-]+)*$": Phrase(
        "a path without a slash at its beginning and end", "models/qwen", (lambda text: iter((text.strip("/ "),)),)
    ),
    r"^projects/[-a-z0-9:.]+/locations/[-a-z0-9]+/keyRings/[-\w]+/cryptoKeys/[-\w]+$": Phrase(
        "the full name of a Cloud KMS key", "projects/my-project/locations/us-east5/keyRings/my-ring/cryptoKeys/my-key"
    ),
    r"^([a-z0-9]([-a-z0-9]{0,61}[a-z0-9])?\.)+[a-z][-a-z0-9]{0,61}[a-z0-9]$": Phrase(
        "a host name with a dot, without port and path", "models.example.com", (_host,)
    ),
    r"^[A-Za-z_][A-Za-z0-9_]*$": Phrase(
        "letters, digits and underscores, no digit first", "LOG_LEVEL", (_underscores,)
    ),
    IAP_CLIENT_ID: Phrase("the id of an OAuth client", "123456-abc123.apps.googleusercontent.com"),
    r"^[a-z0-9][a-z0-9.-]*(:[0-9]+)?(/[a-z0-9._-]+)*$": Phrase(
        "a registry with a path, without https://", "us-east5-docker.pkg.dev/my-project/mirror", (_host,)
    ),
    r"^[a-z0-9][a-z0-9.-]*(:[0-9]+)?$": Phrase("the host of a registry", "ghcr.io", (_host,)),
    r"^([01][0-9]|2[0-3]):[0-5][0-9]$": Phrase("a time of day", '"02:00"', (_clock,)),
    r"^(latest|[1-9][0-9]*)$": Phrase("latest, or the number of a version in quotes", '"3"', (_case,)),
    r"^\S+$": Phrase("a name without spaces", "Qwen/Qwen2.5-3B-Instruct"),
    r"^[a-zA-Z0-9_-]{1,63}$": Phrase("at most 63 letters, digits, dashes and underscores", "strict", (_dashes,)),
    r"^projects/[-a-z0-9:.]+/notificationChannels/[0-9]+$": Phrase(
        "the full name of a notification channel", "projects/my-project/notificationChannels/1234567890"
    ),
    r"^[^@\s]+@[^@\s]+\.[^@\s]+$": Phrase("an e-mail address", "on-call@example.com"),
    r"^[a-z0-9]([-a-z0-9.]*[a-z0-9])?$": Phrase("lower-case letters, digits, dashes and dots", "my-name", (_dashes,)),
    r"^[-._a-zA-Z0-9]+$": Phrase("letters, digits, dots, dashes and underscores", "password"),
    r"^[a-z0-9_]+$": Phrase("lower-case letters, digits and underscores", "hermes", (_underscores,)),
    r"^/\S+$": Phrase("an absolute path without spaces", "/mnt/models/chat_template.jinja"),
    r"^[a-z][a-z0-9_-]{0,62}$": Phrase(
        "at most 63 lower-case letters, digits, dashes and underscores, a letter first", "team", (_dashes,)
    ),
    r"^[a-z0-9_-]{0,63}$": Phrase(
        "at most 63 lower-case letters, digits, dashes and underscores", "inference", (_dashes,)
    ),
}
"""By the pattern as a type has it."""


def corrected(pattern: str, written: str, longest: int | None = None) -> str | None:
    """What was probably meant by a text that does not fit the pattern; None where that is not clear."""
    for fix in PHRASES[pattern].fixes if pattern in PHRASES else ():
        for candidate in fix(written[:200]):
            if candidate and re.search(pattern, candidate) and (longest is None or len(candidate) <= longest):
                return candidate
    return None
