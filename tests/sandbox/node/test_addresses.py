"""The file from which other processes learn where pods are."""

from __future__ import annotations

import json
from pathlib import Path

from sandbox.node.addresses import AddressBook, Addresses, PodAddress, file_of, read

SERVING = PodAddress(pod_ip="10.64.0.2", ports={8000: 40001}, ready=True, containers_ready=True)
LEAVING = PodAddress(pod_ip="10.64.0.3", ports={8000: 40002}, terminating=True)


def test_form_of_the_file(tmp_path: Path) -> None:
    """Processes in other languages read it too."""
    AddressBook(file_of(tmp_path)).write({"n/p": SERVING})
    assert json.loads((tmp_path / "run" / "addresses.json").read_text()) == {
        "n/p": {
            "podIP": "10.64.0.2",
            "ports": {"8000": 40001},
            "ready": True,
            "containersReady": True,
            "terminating": False,
        }
    }
    assert read(file_of(tmp_path)) == {"n/p": SERVING}


def test_reader_follows_the_writer(tmp_path: Path) -> None:
    """Each change is seen at the next question, and what is equal is not written again."""
    book, reader = AddressBook(file_of(tmp_path)), Addresses(file_of(tmp_path))
    assert reader.pods() == {}
    book.write({"n/a": SERVING})
    assert reader.pod("n", "a") == SERVING
    inode = file_of(tmp_path).stat().st_ino
    book.write({"n/a": SERVING})
    assert file_of(tmp_path).stat().st_ino == inode
    book.write({"n/a": SERVING, "n/b": LEAVING})
    assert reader.local("10.64.0.3", 8000) == ("127.0.0.1", 40002)
    assert reader.local("10.64.0.3", 9) is None
    assert reader.local("10.64.0.9", 8000) is None
    book.remove()
    assert reader.pods() == {}
    book.write({"n/b": LEAVING})
    assert reader.pod("n", "b") == LEAVING


def test_an_address_that_was_given_again_leads_to_the_living_pod(tmp_path: Path) -> None:
    """A pod that is going away does not hide its successor."""
    book = AddressBook(file_of(tmp_path))
    book.write({"n/a": LEAVING, "n/b": PodAddress(pod_ip="10.64.0.3", ports={8000: 40003})})
    assert Addresses(file_of(tmp_path)).local("10.64.0.3", 8000) == ("127.0.0.1", 40003)
