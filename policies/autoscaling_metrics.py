"""Does each custom metric of an autoscaler exist once its target runs?

Part of `autoscaler-target`: joins metrics with what scrapes or offers them in the stack. A metric of some other adapter is
somebody else's and not judged.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final, cast

from policies.framework import Report
from policies.pods import PodTemplate
from policies.reading import Field
from policies.resources import Name, Resource
from rules import autoscaling as rules
from rules.monitoring import POD_MONITORING

CLUSTER_POD_MONITORING: Final = "ClusterPodMonitoring"
METRIC_KINDS: Final = (POD_MONITORING, CLUSTER_POD_MONITORING, rules.AUTOSCALING_METRIC)
_QUESTION: Final = "whether the autoscaler's metric exists"


def judge_metrics(
    autoscalers: list[Resource],
    targets: Mapping[tuple[str, Name, Name], PodTemplate],
    resources: list[Resource],
    report: Report,
) -> None:
    """Judges the Pods and External metrics of each autoscaler."""
    scrapers = [r for r in resources if r.kind == POD_MONITORING]
    everywhere = any(r.kind == CLUSTER_POD_MONITORING for r in resources)
    offers = [r for r in resources if r.kind == rules.AUTOSCALING_METRIC]
    for autoscaler in autoscalers:
        ref = autoscaler.at("spec", "scaleTargetRef")
        kind, name = ref.at("kind").get(str), ref.at("name").get(str)
        template = targets.get((kind, autoscaler.namespace, name)) if kind and name else None
        for metric in autoscaler.at("spec", "metrics").items():
            for source in ("pods", "external"):
                field = metric.at(source, "metric", "name").of(str)
                if field.unknown:
                    report.undecided(field, _QUESTION, autoscaler)
                text = field.get(str)
                if text is None:
                    continue
                report.findings(rules.check_metric_name(text, field.path), autoscaler)
                if text.startswith(f"{rules.NATIVE_PREFIX}|"):
                    _judge_native(field, autoscaler, offers, report)
                elif source == "pods" and template is not None and not everywhere:
                    _judge_scraped(field, autoscaler, template, scrapers, report)


def _judge_scraped(
    field: Field, autoscaler: Resource, template: PodTemplate, scrapers: list[Resource], report: Report
) -> None:
    labels = _texts(template.labels)
    hidden: Field | None = None
    for scraper in scrapers:
        if scraper.namespace != autoscaler.namespace:
            continue
        selector = scraper.at("spec", "selector")
        unknown = next(iter(selector.unknowns()), None)
        if unknown is not None or not selector.at("matchExpressions").missing:
            hidden = unknown or selector.at("matchExpressions")
        elif _texts(selector.at("matchLabels")).items() <= labels.items():
            return
    if hidden is None or not hidden.unknown:
        # Expressions are not evaluated: a scraper that has some may be the right one.
        report.findings(
            rules.check_scraped(str(field.value), field.path, scraped=hidden is not None),
            autoscaler,
        )
    elif str(field.value).startswith(f"{rules.ADAPTER_PREFIX}|"):
        report.undecided(hidden, _QUESTION, autoscaler)


def _judge_native(field: Field, autoscaler: Resource, offers: list[Resource], report: Report) -> None:
    offered: dict[str, frozenset[str]] = {}
    for offer in offers:
        if offer.namespace != autoscaler.namespace or not isinstance(offer.name, str):
            continue
        unknown = next(iter(offer.at("spec", "metrics").unknowns()), None)
        if unknown is not None:
            report.undecided(unknown, _QUESTION, offer)
            return
        offered[offer.name] = frozenset(_gauges(offer))
    report.findings(rules.check_native(str(field.value), field.path, offered), autoscaler)


def _gauges(offer: Resource) -> list[str]:
    found: list[str] = []
    for metric in offer.at("spec", "metrics").items():
        found.append(metric.at("promql", "name").get(str) or "")
        for container in metric.at("pod", "containers").items():
            found += [gauge.at("gauge", "name").get(str) or "" for gauge in container.at("metrics").items()]
    return [name for name in found if name]


def _texts(field: Field) -> dict[str, str]:
    if not isinstance(field.value, dict):
        return {}
    return {k: v for k, v in cast("dict[str, object]", field.value).items() if isinstance(v, str)}
