"""The component: alert policies, a dashboard, who is told, and what is read from models.

Owns the resources in Cloud Monitoring and the scraping of models and endpoint pickers. Does not own thresholds (settings)
nor conditions (`rules.alerting`). Queries name metrics that appear only once something runs, so their existence is not
checked when a policy is made. Cloud Monitoring draws the names of its resources: each has labels (`rules.ownership`) by which
`operations.recover` finds it again.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import pulumi

from components.google import AlertPolicy, Dashboard, NotificationChannel
from components.monitoring.dashboard import dashboard
from components.monitoring.scraping import Scraping
from components.props import props
from rules import alerting, ownership
from rules.alerting import Alert, Scope, Thresholds

EVALUATION_SECONDS = 30
AUTO_CLOSE_SECONDS = 1800
"""How long after the last sign of it an incident stays open; half an hour is Cloud Monitoring's least."""


@dataclass(frozen=True, kw_only=True)
class PlatformMonitoringArgs:
    """Arguments of PlatformMonitoring.

    Attributes:
        scope: What is watched.
        pods: Range of the cluster's pods, by which the log of health checks is told apart from other clusters'.
        thresholds: Where alerts begin.
        alert: Whether alert policies are made.
        further: Alerts on metrics of single services.
        models: Names of the models whose metrics are read.
        server_scheme: http, or https where the models' servers speak TLS.
        scrape_seconds: How often.
        dashboard: Whether a dashboard is made.
        channels: Existing notification channels.
        emails: Addresses for which one is made.
    """

    scope: Scope
    pods: pulumi.Input[str]
    thresholds: Thresholds
    alert: bool
    further: tuple[Alert, ...]
    models: tuple[str, ...]
    server_scheme: str
    scrape_seconds: int
    dashboard: bool
    channels: tuple[str, ...]
    emails: tuple[str, ...]


class PlatformMonitoring(pulumi.ComponentResource):
    """Whoever is on call is told before the users tell."""

    alerts: dict[str, AlertPolicy]

    def __init__(self, name: str, args: PlatformMonitoringArgs, opts: pulumi.ResourceOptions | None = None) -> None:
        super().__init__("platform:index:Monitoring", name, props(args), opts)
        child = pulumi.ResourceOptions(parent=self)
        owner = pulumi.get_project(), pulumi.get_stack()
        channels: list[pulumi.Input[str]] = [*args.channels]
        for address in args.emails:
            channel = NotificationChannel(
                f"{name}-{address}",
                type="email",
                display_name=f"{args.scope.cluster}: {address}",
                labels={"email_address": address},
                user_labels=ownership.user_labels(*owner, f"{name}-{address}"),
                opts=child,
            )
            channels.append(channel.id)
        self.alerts = {
            alert.name: AlertPolicy(
                f"{name}-{alert.name}",
                display_name=f"{args.scope.cluster}: {alert.title}",
                combiner="OR",
                severity=alert.severity,
                conditions=[condition(alert, args.pods)],
                documentation={"content": alert.advice, "mime_type": "text/markdown"},
                alert_strategy=strategy(alert),
                notification_channels=channels,
                user_labels=ownership.user_labels(*owner, f"{name}-{alert.name}"),
                opts=child,
            )
            for alert in ((*alerting.alerts(args.scope, args.thresholds), *args.further) if args.alert else ())
        }
        if args.dashboard:
            title, labels = f"Inference: {args.scope.cluster}", ownership.dashboard_labels(*owner, name)
            Dashboard(name, dashboard_json=dashboard(title, args.scope, labels), opts=child)
        self._scrape(name, args)
        self.register_outputs({"alerts": sorted(self.alerts)})

    def _scrape(self, name: str, args: PlatformMonitoringArgs) -> None:
        if not args.models:
            return
        scraping = Scraping(name, args.scope.namespace, args.scrape_seconds, self)
        scraping.reader()
        for model in args.models:
            scraping.servers(model, args.server_scheme)
            scraping.endpoint_picker(model)


def condition(alert: Alert, pods: pulumi.Input[str]) -> Any:
    """The alert as a condition of an alert policy, for a cluster whose pods have that range."""
    if alert.log_filter:
        wanted: pulumi.Input[str] = alert.log_filter
        if alert.of_endpoints:
            wanted = pulumi.Output.from_input(pods).apply(
                lambda known: f"{alert.log_filter} AND {alerting.endpoints_in(known)}"
            )
        return {"display_name": alert.title, "condition_matched_log": {"filter": wanted}}
    query = {
        "query": alert.query,
        "duration": f"{alert.minutes * 60}s",
        "evaluation_interval": f"{EVALUATION_SECONDS}s",
        "disable_metric_validation": True,
    }
    return {"display_name": alert.title, "condition_prometheus_query_language": query}


def strategy(alert: Alert) -> Any:
    """How often is notified, and when an incident ends by itself."""
    closing = {"auto_close": f"{AUTO_CLOSE_SECONDS}s"}
    if not alert.log_filter:
        return closing
    return {**closing, "notification_rate_limit": {"period": f"{alerting.LOG_RATE_LIMIT_SECONDS}s"}}
