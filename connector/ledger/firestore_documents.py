"""Reads and writes many documents of a Firestore database in one request.

Google's client keeps the connection, the credentials, the routing and the errors. But its wrapper
objects around messages take more time than everything else about an event's documents. So this
module turns plain data into the messages of the protocol, and back, without the wrappers
(docs/decisions/0012-firestore-messages.md).

Import this module only if it is used, and only after the server has forked: gRPC does not survive
a fork.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

from google.cloud.firestore import AsyncClient
from google.cloud.firestore_v1.types import (
    BatchGetDocumentsRequest,
    BatchGetDocumentsResponse,
    CommitRequest,
    CommitResponse,
    RunQueryRequest,
    RunQueryResponse,
)
from google.protobuf.timestamp_pb2 import Timestamp

Plain = str | bytes | datetime | list[float] | None
Fields = Mapping[str, Plain]
Version = Timestamp  # when a document was last changed, to the nanosecond
Write = dict[str, Any]

# The types of the messages inside the wrappers.
_Read: Any = type(BatchGetDocumentsRequest.pb(BatchGetDocumentsRequest()))
_Commit: Any = type(CommitRequest.pb(CommitRequest()))
_Query: Any = type(RunQueryRequest.pb(RunQueryRequest()))


@dataclass(frozen=True, slots=True)
class StoredDocument:
    """A document as it was at the time `read` of Firestore's clock.

    A document that does not exist has no fields, and its version is None.
    """

    fields: dict[str, Any]
    version: Version | None
    read: datetime


class Database:
    """A Firestore database. A document is named by its path in it, such as `nsps_events/abc`.

    The constructor blocks: Google's client may ask the metadata server for the project and the
    credentials. `timeout` is in seconds, for one request. The methods raise
    `google.api_core.exceptions.GoogleAPICallError`.
    """

    def __init__(self, project: str | None, name: str | None, timeout: float) -> None:
        client = self._client = AsyncClient(project=project, database=name)
        self._options = {"metadata": client._rpc_metadata, "retry": None, "timeout": timeout}
        self._name = client._database_string
        self._root = f"{self._name}/documents/"

    async def read(self, paths: Iterable[str]) -> dict[str, StoredDocument]:
        """Read documents, in one request; the answer has each path, also of missing documents."""
        names = [self._root + path for path in paths]
        request = BatchGetDocumentsRequest.wrap(_Read(database=self._name, documents=names))
        found = {}
        async for part in await self._api.batch_get_documents(request=request, **self._options):
            answer = BatchGetDocumentsResponse.pb(part)
            read = answer.read_time.ToDatetime(UTC)
            if answer.WhichOneof("result") == "missing":
                found[answer.missing.removeprefix(self._root)] = StoredDocument({}, None, read)
            else:
                name, there = answer.found.name.removeprefix(self._root), answer.found
                fields = {name: _plain(value) for name, value in there.fields.items()}
                found[name] = StoredDocument(fields, there.update_time, read)
        return found

    async def read_after(self, collection: str, after: str, most: int) -> dict[str, dict[str, Any]]:
        """The fields of a collection's first documents whose id is greater than `after`, by id.

        They are in the order of their ids. An empty text is less than all ids.
        """
        query: dict[str, Any] = {
            "from_": [{"collection_id": collection}],
            "order_by": [{"field": {"field_path": "__name__"}, "direction": "ASCENDING"}],
            "limit": {"value": most},
        }
        folder = f"{self._root}{collection}/"
        if after:
            start = {"values": [{"reference_value": folder + after}], "before": False}
            query["start_at"] = start
        parent = self._root.removesuffix("/")
        request = RunQueryRequest.wrap(_Query(parent=parent, structured_query=query))
        found = {}
        async for part in await self._api.run_query(request=request, **self._options):
            answer = RunQueryResponse.pb(part)
            if answer.HasField("document"):
                fields = {name: _plain(value) for name, value in answer.document.fields.items()}
                found[answer.document.name.removeprefix(folder)] = fields
        return found

    async def add(self, path: str, field: str, more: int, expires: datetime) -> int:
        """Add to a number of a document, which is made if there is none; return the new number."""
        transform = {"field_path": field, "increment": {"integer_value": more}}
        write = {
            "update": {"name": self._root + path, "fields": {"expires": _value(expires)}},
            "update_mask": {"field_paths": ["expires"]},
            "update_transforms": [transform],
        }
        request = CommitRequest.wrap(_Commit(database=self._name, writes=[write]))
        answer = CommitResponse.pb(await self._api.commit(request=request, **self._options))
        return int(answer.write_results[0].transform_results[0].integer_value)

    async def commit(self, writes: Iterable[Write]) -> list[Version]:
        """Carry out all writes or none, in one request; return the new version for each write."""
        request = CommitRequest.wrap(_Commit(database=self._name, writes=writes))
        answer = await self._api.commit(request=request, **self._options)
        return [result.update_time for result in CommitResponse.pb(answer).write_results]

    def put(self, path: str, fields: Fields, version: Version | None) -> Write:
        """A write of these fields, for `commit`; fields that are not named stay as they are.

        It fails unless the document has this version; with None, unless it does not exist.
        """
        values = {name: _value(value) for name, value in fields.items()}
        return {
            "update": {"name": self._root + path, "fields": values},
            "update_mask": {"field_paths": list(fields)},
            "current_document": {"exists": False} if version is None else {"update_time": version},
        }

    def replace(self, path: str, fields: Fields) -> Write:
        """A write of these fields, for `commit`, whatever the document holds."""
        values = {name: _value(value) for name, value in fields.items()}
        return {"update": {"name": self._root + path, "fields": values}}

    def delete(self, path: str, version: Version) -> Write:
        """A deletion, for `commit`. It fails unless the document has this version."""
        return {"delete": self._root + path, "current_document": {"update_time": version}}

    async def close(self) -> None:
        """Close the connection, which the client's own `close` leaves open."""
        await self._api.transport.close()

    @property
    def _api(self) -> Any:
        return self._client._firestore_api


def _value(plain: Plain) -> dict[str, Any]:
    match plain:
        case None:
            return {"null_value": 0}
        case str():
            return {"string_value": plain}
        case bytes():
            return {"bytes_value": plain}
        case datetime():
            return {"timestamp_value": plain}
        case _:
            return {"array_value": {"values": [{"double_value": number} for number in plain]}}


def _plain(value: Any) -> Any:
    match value.WhichOneof("value_type"):
        case "null_value":
            return None
        case "timestamp_value":
            return value.timestamp_value.ToDatetime(UTC)
        case "array_value":
            return [_plain(item) for item in value.array_value.values]
        case kind:
            return getattr(value, kind)
