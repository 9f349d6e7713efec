"""Records in a file or on standard input, in three forms.

- What the function writes: one JSON object a line.
- `gcloud logging read --format=json`: one JSON list of entries.
- Entries of Cloud Logging, one JSON object a line, as a sink writes them to a bucket.

The records are read one by one, so the memory does not grow with the file.
"""

import codecs
import json
from collections.abc import Iterator
from typing import BinaryIO

from pydantic_core import from_json

from connector_tools.records.record import LogRecord, Wanted, record_of

_CHUNK = 1 << 16  # bytes
_BOM = codecs.BOM_UTF8
DAMAGED = object()
"""Stands for a record that is not whole."""


class RecordStream:
    """The records of an open file.

    `skipped` counts what is not a record of a connector, `damaged` the objects that are not whole:
    the file was cut, or its disk was full.
    """

    def __init__(self, stream: BinaryIO) -> None:
        self._stream = stream
        self.skipped = self.damaged = 0

    def records(self, wanted: Wanted) -> Iterator[LogRecord]:
        """Yield the wanted records in the order of the file; it can be called once."""
        for document in self._documents():
            record = record_of(document)
            if document is DAMAGED:
                self.damaged += 1
            elif record is None:
                self.skipped += 1
            elif wanted.fits(record):
                yield record

    def _documents(self) -> Iterator[object]:
        """Yield each JSON value; in place of a line that is none, None or `DAMAGED`."""
        for line in self._stream:
            text = line.removeprefix(_BOM).strip()
            if text.startswith(b"[") and text[1:].lstrip()[:1] in (b"", b"{", b"]"):
                yield from _items(text[1:], self._stream)
                return
            if text:
                yield _read(text)
                break
        yield from (_read(line) for line in self._stream if not line.isspace())


def _read(line: bytes) -> object:
    try:
        return from_json(line)
    except ValueError:
        return DAMAGED if line.lstrip().startswith(b"{") else None


def _items(begin: bytes, rest: BinaryIO) -> Iterator[object]:
    """Yield the items of a JSON list whose `[` was read; `DAMAGED` at the end if the list is cut.

    An item that is not complete is tried again when twice as much is read, so the time is linear.
    """
    decode, decoder = (
        json.JSONDecoder().raw_decode,
        codecs.getincrementaldecoder("utf-8")("replace"),
    )
    text, enough, data = decoder.decode(begin), 0, b"["
    while data:
        data = rest.read(_CHUNK)
        text += decoder.decode(data, not data)
        if data and len(text) < enough:
            continue
        at = _skip(text, 0)
        while at < len(text) and text[at] != "]":
            try:
                item, end = decode(text, at)
            except ValueError:  # the rest of this item is still to come
                break
            except RecursionError:  # no record is so deep, and nobody knows where it ends
                yield DAMAGED
                return
            yield item
            at = _skip(text, end)
        text = text[at:]
        if text.startswith("]"):
            return
        enough = 2 * len(text)
    yield DAMAGED


def _skip(text: str, at: int) -> int:
    while at < len(text) and (text[at] == "," or text[at].isspace()):
        at += 1
    return at
