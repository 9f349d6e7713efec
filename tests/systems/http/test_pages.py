"""A look-up reads all pages of a reply, and fails rather than cut them."""

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from connector.ledger.memory import MemoryLedger
from connector.outcome import Outcome, Result
from connector.pipeline import Pipeline
from connector.systems.http.client import HttpSystem
from connector.systems.http.entry import HttpSystemEntry
from tests.plan.test_blocks import BODY
from tests.support.mapping_files import HEAD, checked, mapping, with_call
from tests.support.scripted import Received, Scripted, ScriptedServer

RULE = """
rules:
  - name: a SIM was replaced
    on: SIM/Replaced
    calls:
      - {id: found, get: /cards, query: {size: 2, page: 0}, pages: %s}
      - {put: /last, json: {items: =found.items, status: =found.status}}
"""
BY_QUERY = "{items: =reply.json.items, next: {page: =reply.json.next}, most: 3}"
BY_PATH = "{items: =reply.json.items, next: =reply.json.next, most: 3}"


@pytest.fixture
def server() -> Iterator[ScriptedServer]:
    with ScriptedServer() as found:
        yield found


async def handled(folder: Path, pages: str, server: ScriptedServer) -> Result:
    entry = HttpSystemEntry.model_validate({"http": {"base_url": server.url}})
    async with HttpSystem(entry, {}) as system:
        pipeline = Pipeline(mapping(folder, RULE % pages), {}, MemoryLedger(), system)
        return await pipeline.handle(BODY)


def paged(count: int, following: Callable[[int], object]) -> Callable[[Received], Scripted]:
    """A system with so many pages; `following` is what a reply says about the next one."""

    def reply_to(request: Received) -> Scripted:
        if request.method == "PUT":
            return Scripted()
        number = int(request.path.rpartition("page=")[2])
        after = following(number + 1) if number + 1 < count else None
        return Scripted(json={"items": [number], "next": after})

    return reply_to


def sent(server: ScriptedServer) -> list[str]:
    return [request.path for request in server.requests]


async def test_pages_by_query_are_joined(tmp_path: Path, server: ScriptedServer) -> None:
    server.default = paged(3, lambda number: number)
    assert (await handled(tmp_path, BY_QUERY, server)).outcome is Outcome.APPLIED
    assert sent(server) == [*(f"/cards?size=2&page={n}" for n in range(3)), "/last"]
    assert server.requests[-1].json == {"items": [0, 1, 2], "status": 200}


async def test_pages_by_path_are_joined(tmp_path: Path, server: ScriptedServer) -> None:
    server.default = paged(2, lambda number: f"/other?a=%20&page={number}")
    assert (await handled(tmp_path, BY_PATH, server)).outcome is Outcome.APPLIED
    assert sent(server) == ["/cards?size=2&page=0", "/other?a=%20&page=1", "/last"]


@pytest.mark.parametrize("pages", [BY_QUERY, BY_PATH], ids=["query", "path"])
async def test_more_pages_than_most_are_a_failure(
    tmp_path: Path, server: ScriptedServer, pages: str
) -> None:
    by_path = pages == BY_PATH
    server.default = paged(9, lambda number: f"/cards?page={number}" if by_path else number)
    result = await handled(tmp_path, pages, server)
    assert (result.outcome, result.reason) == (Outcome.FAILED, "the look-up has more than 3 pages")
    assert "/last" not in sent(server)


async def test_more_items_than_are_read_are_a_failure(
    tmp_path: Path, server: ScriptedServer
) -> None:
    server.default = Scripted(json={"items": [0] * 6_000, "next": 1})
    result = await handled(tmp_path, BY_QUERY, server)
    assert (result.outcome, result.reason) == (
        Outcome.FAILED,
        "the look-up has more than 10,000 items",
    )


@pytest.mark.parametrize(
    "following",
    [
        "http://other.test/cards",
        "//other.test/cards",
        "cards",
        "/cards#2",
        "/cards/../admin",
        "/a b\r\nX: 1",
        "/ü",
        ["/a"],
        "/" + "a" * 70_000,
    ],
    ids=["host", "slashes", "relative", "fragment", "dots", "lines", "letter", "list", "long"],
)
async def test_a_next_page_that_is_not_a_path_of_the_system_is_a_failure(
    tmp_path: Path, server: ScriptedServer, following: Any
) -> None:
    server.default = Scripted(json={"items": [], "next": following})
    result = await handled(tmp_path, BY_PATH, server)
    assert result.outcome is Outcome.FAILED
    assert len(server.requests) == 1


@pytest.mark.parametrize("document", [None, {}, {"items": {"a": 1}}, {"items": "abc"}])
async def test_a_reply_without_a_list_is_a_failure(
    tmp_path: Path, server: ScriptedServer, document: Any
) -> None:
    server.default = Scripted(json=document)
    assert (await handled(tmp_path, BY_QUERY, server)).outcome is Outcome.FAILED


async def test_a_page_that_cannot_be_read_ends_the_event_with_its_outcome(
    tmp_path: Path, server: ScriptedServer
) -> None:
    server.script(Scripted(json={"items": [1], "next": 1}))
    server.default = Scripted(429)
    assert (await handled(tmp_path, BY_QUERY, server)).outcome is Outcome.THROTTLED


def test_a_call_that_writes_has_no_pages(tmp_path: Path) -> None:
    lints = checked(tmp_path, HEAD + with_call(f"{{put: /a, pages: {BY_QUERY}}}"))
    assert [one.name for one in lints] == ["value"]
    assert "only a call that reads" in lints[0].reason
