"""Cloud Logging over its own protocol: filters, pages, refusals, logins."""

import re
import socket

import pytest

from connector_tools.records.cloud import EMULATOR, CloudRecords
from connector_tools.records.record import CannotRead, Wanted
from tests.support.cloud_logging import CloudLoggingServer
from tests.support.night_log import as_entry
from tests.tools.records.lines import at, line

ENTRIES = [
    as_entry(
        line(
            second,
            event_id=f"e{second}",
            subject_hash=[f"h{second}", "both"],
            account_hash=[f"a{second}"],
        )
    )
    for second in range(50)
]
OTHERS = [
    as_entry(line(60, "circuit open", circuit="open")),
    as_entry(line(61, event_id="x", connector="other")),
    {"timestamp": "2026-11-29T22:00:30Z", "textPayload": "plain text"},
]


def read(server: CloudLoggingServer, wanted: Wanted) -> list[str]:
    source = CloudRecords("p", {EMULATOR: server.address}, pauses=(0, 0))
    return [one.text("event_id") or one.message for one in source.records(wanted)]


@pytest.mark.parametrize(
    "wanted",
    [
        Wanted(),
        Wanted(since=at(10), until=at(12)),
        Wanted(messages=("event settled", "event queued")),
        Wanted(connector="c"),
        Wanted(hashes=frozenset({"h3", "a5"})),
        Wanted(hashes=frozenset({"h3"}), event_id="e7", connector="c", since=at(1)),
        Wanted(event_id='"quoted" \\ id'),
    ],
)
def test_the_filter_selects_what_the_command_wants(wanted: Wanted) -> None:
    """The server applies the filter; what it leaves out would be lost."""
    with CloudLoggingServer([*ENTRIES, *OTHERS], page_size=7) as server:
        plain = CloudRecords("p", {EMULATOR: server.address}).records(Wanted())
        expected = [one.text("event_id") or one.message for one in plain if wanted.fits(one)]
        assert read(server, wanted) == expected
        asked = [request for request in server.requests if request["filter"]]
        assert len(asked) <= (len(expected) + 1) // 7 + 1, "the server leaves out the others"


def test_all_pages_are_read_in_the_order_of_time() -> None:
    with CloudLoggingServer(ENTRIES, page_size=7) as server:
        assert read(server, Wanted()) == [f"e{second}" for second in range(50)]
        assert len(server.requests) == 8


def test_entries_that_are_no_records_are_counted() -> None:
    with CloudLoggingServer(OTHERS) as server:
        source = CloudRecords("p", {EMULATOR: server.address})
        assert len(list(source.records(Wanted()))) == 2
        assert source.skipped == 1


def test_a_busy_server_is_asked_again() -> None:
    with CloudLoggingServer(ENTRIES) as server:
        server.replies = [429, 503]
        assert len(read(server, Wanted())) == 50


def test_a_server_that_stays_busy_is_told() -> None:
    with CloudLoggingServer(ENTRIES) as server:
        server.replies = [429, 429, 429]
        with pytest.raises(CannotRead, match="HTTP 429, said 429: try again later"):
            read(server, Wanted())
        assert len(server.requests) == 3


@pytest.mark.parametrize(
    ("status", "mend"),
    [
        (401, "auth application-default login"),
        (403, "HTTP 403, said 403: .*roles/logging.viewer"),
        (400, "HTTP 400, said 400: .*--project"),
    ],
)
def test_a_refusal_says_what_to_do(status: int, mend: str) -> None:
    with CloudLoggingServer(ENTRIES) as server:
        server.replies = [200, status]
        server.page_size = 10
        with pytest.raises(CannotRead, match=mend):
            read(server, Wanted())


def test_a_project_that_does_not_exist_is_told() -> None:
    with CloudLoggingServer([]) as server, pytest.raises(CannotRead, match="no such project"):
        list(CloudRecords("other", {EMULATOR: server.address}).records(Wanted()))


def test_a_project_s_id_is_checked_before_it_is_sent() -> None:
    with pytest.raises(CannotRead, match="is not the id of a project"):
        CloudRecords("projects/p", {})


def test_a_server_that_is_not_there_is_told_in_a_line() -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
    with pytest.raises(CannotRead, match="cannot be reached") as raised:
        list(CloudRecords("p", {EMULATOR: f"127.0.0.1:{port}"}).records(Wanted()))
    assert not re.search("[\r\n]", str(raised.value))


def test_a_missing_login_is_told(monkeypatch: pytest.MonkeyPatch, tmp_path: object) -> None:
    monkeypatch.setenv("CLOUDSDK_CONFIG", str(tmp_path))
    monkeypatch.setenv("NO_GCE_CHECK", "true")
    monkeypatch.delenv("GOOGLE_APPLICATION_CREDENTIALS", raising=False)
    with pytest.raises(CannotRead, match="gcloud auth application-default login"):
        CloudRecords("p", {})
