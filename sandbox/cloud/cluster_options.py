"""What GKE checks of a cluster's options: maintenance, encryption, logging, secret synchronisation.

Sources: GKE's API reference and guides to each, read 2026-11; the message about maintenance is the API's own.
"""

from __future__ import annotations

import re
from datetime import datetime, timedelta
from typing import Any, cast

from rules import encryption, maintenance
from sandbox.cloud import names
from sandbox.cloud.errors import bad_request
from sandbox.cloud.kind import Properties
from sandbox.cloud.settings import block, flag, text


def check(wanted: Properties, location: str) -> None:
    """Refuses what GKE refuses.

    Raises:
        CloudError: 400.
    """
    _check_maintenance(block(wanted, "maintenancePolicy"))
    key = text(wanted, "databaseEncryption", "keyName")
    region = names.region_of(location)
    if text(wanted, "databaseEncryption", "state") == encryption.ENCRYPTED:
        match = encryption.KEY_NAME.fullmatch(key)
        if match is None or match["location"] != region:
            raise bad_request(
                f'Cloud KMS key "{key}" is not usable: the key must be in the same location as the cluster ({region}).'
            )
    for name in ("loggingConfig", "monitoringConfig"):
        chosen = cast(list[str], block(wanted, name).get("enableComponents") or [])
        if chosen and "SYSTEM_COMPONENTS" not in chosen:
            raise bad_request(f"{name}: SYSTEM_COMPONENTS must be enabled along with any other component.")
    if flag(block(wanted, "secretSyncConfig"), "enabled") and not text(
        wanted, "workloadIdentityConfig", "workloadPool"
    ):
        raise bad_request("Secret synchronization requires Workload Identity Federation for GKE to be enabled.")


def completed(wanted: Properties, endpoint: str) -> Properties:
    """The control plane's ways in, once it answers at `endpoint`."""
    ways = block(wanted, "controlPlaneEndpointsConfig")
    by_name = flag(block(ways, "dnsEndpointConfig"), "allowExternalTraffic")
    dns = {"allowExternalTraffic": by_name, "endpoint": endpoint}
    return {"controlPlaneEndpointsConfig": {"dnsEndpointConfig": dns, "ipEndpointsConfig": {"enabled": True}}}


def _check_maintenance(policy: Properties) -> None:
    window = block(policy, "recurringWindow")
    if window:
        start, end = _moment(window.get("startTime")), _moment(window.get("endTime"))
        hours = int((end - start).total_seconds() // 3600)
        days = _weekdays(str(window.get("recurrence") or ""))
        short = hours < maintenance.LEAST_HOURS_AT_A_TIME
        if days and (short or maintenance.check_window(days, hours)):
            raise bad_request(
                "error validating maintenance policy: maintenance policy would go longer than 32d without 48h maintenance "
                "availability of >=4h contiguous duration"
            )
    for exclusion in cast(list[dict[str, Any]], policy.get("maintenanceExclusions") or []):
        begin, until = _moment(exclusion.get("startTime")), _moment(exclusion.get("endTime"))
        complete = str(block(exclusion, "exclusionOptions").get("scope") or maintenance.NO_UPGRADES)
        if complete == maintenance.NO_UPGRADES and until - begin > timedelta(
            days=maintenance.MOST_DAYS_WITHOUT_UPGRADES
        ):
            raise bad_request(
                f'error validating maintenance policy: exclusion "{exclusion.get("exclusionName")}" with scope NO_UPGRADES '
                f"must not be longer than {maintenance.MOST_DAYS_WITHOUT_UPGRADES} days"
            )


def _moment(value: object) -> datetime:
    try:
        moment = datetime.fromisoformat(str(value))
    except ValueError:
        raise bad_request(f'Invalid time "{value}". Write RFC 3339, such as 2026-01-03T02:00:00Z.') from None
    if moment.tzinfo is None:
        raise bad_request(
            f'Invalid time "{value}": it names no time zone. Write RFC 3339, such as 2026-01-03T02:00:00Z.'
        )
    return moment


def _weekdays(recurrence: str) -> list[str]:
    """The days of a weekly or daily rule; empty for rules that are not counted here."""
    if recurrence == "FREQ=DAILY":
        return list(maintenance.DAYS)
    match = re.fullmatch(r"FREQ=WEEKLY;BYDAY=([A-Z,]+)", recurrence)
    return [day for day in match[1].split(",") if day in maintenance.DAYS] if match else []
