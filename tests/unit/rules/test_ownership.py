"""Labels of what Cloud Monitoring numbers: within the API's limits, and nobody else's."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from rules import ownership

NAMES = st.tuples(st.text(max_size=90), st.text(max_size=90), st.text(max_size=300))


@given(NAMES)
def test_labels_are_what_the_api_takes(names: tuple[str, str, str]) -> None:
    """Whatever the names: a refused label is a refused alert policy."""
    for labels in (ownership.user_labels(*names), ownership.dashboard_labels(*names)):
        for key, value in labels.items():
            assert ownership.KEY.fullmatch(key)
            assert ownership.VALUE.fullmatch(value)
            assert max(len(key), len(value)) <= ownership.LONGEST


@given(NAMES, NAMES)
def test_no_two_resources_share_labels(one: tuple[str, str, str], other: tuple[str, str, str]) -> None:
    """Nor where a name is cut, or where the names together read the same."""
    if one != other:
        assert ownership.user_labels(*one) != ownership.user_labels(*other)
        assert ownership.dashboard_labels(*one) != ownership.dashboard_labels(*other)


def test_names_that_read_alike() -> None:
    """Dashes between names are no separators, and large letters are not the small ones."""
    alike = [("a-b", "c", "d"), ("a", "b-c", "d"), ("A-b", "c", "d"), ("a_b", "c", "d")]
    assert len({ownership.mark_in(ownership.user_labels(*names)) for names in alike}) == 4
    assert len({ownership.user_labels(*names)[ownership.STACK] for names in alike}) == 4


@given(NAMES)
def test_marks_are_read_back(names: tuple[str, str, str]) -> None:
    """From either form it is the same, among other labels too."""
    mark = ownership.mark_in({"team": "a", **ownership.user_labels(*names)})
    assert mark == ownership.mark_in({"team": "", **ownership.dashboard_labels(*names)})
    assert mark


def test_labels_of_others() -> None:
    """Nothing is read into what does not say it."""
    for labels in (None, "x", {}, {"team": "a"}, {"pulumi_resources": "a"}, {ownership.RESOURCE: ""}):
        assert ownership.mark_in(labels) is None


def test_labels_can_be_read() -> None:
    """Notifications show them, and people search dashboards by them."""
    labels = ownership.user_labels("gke-tpu-inference", "dev", "monitoring-on-call@example.com")
    assert labels[ownership.STACK].startswith("gke-tpu-inference-dev-")
    assert labels[ownership.RESOURCE].startswith("monitoring-on-call-example-com-")
