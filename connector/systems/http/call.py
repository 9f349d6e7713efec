"""A call over HTTP: its entry in a mapping file, and its request."""

import re
from abc import abstractmethod
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from functools import cached_property, partial
from typing import Annotated, Any, Self
from urllib.parse import urlencode

from pydantic import AfterValidator, Field, model_validator

from connector.call import Call, Page, Paging
from connector.mapping.call_entry import CallEntry, Convention
from connector.mapping.entry import TEXT, AnyText, AnyValue, Compiled, Entry
from connector.mapping.expression import (
    EvaluationError,
    Scope,
    Text,
    Value,
    as_json,
    compile_value,
    formed,
)
from connector.mapping.json_filters import ENCODER
from connector.mapping.meter import Meter
from connector.mapping.omit import OMIT
from connector.mapping.session import SESSION, UNKNOWN_SESSION
from connector.mapping.text import BadValue, in_header, in_path, in_xml, text_of, texts_of
from connector.systems.http.pages import NextPage, Pages

METHODS = ("get", "post", "put", "patch", "delete")
BODIES = ("json", "form", "text", "xml")
MEDIA_TYPES = {
    "json": "application/json",
    "form": "application/x-www-form-urlencoded",
    "text": "text/plain; charset=utf-8",
    "xml": "application/xml; charset=utf-8",
}
_TOKEN = re.compile(r"[!#$%&'*+.^_`|~0-9A-Za-z-]+")
_FIXED_PATH = re.compile(r"[^#\x00-\x1f\x7f]*")  # httpx cuts at # and refuses the others
_FRAMING = ("connection", "content-length", "transfer-encoding")
# httpx refuses a URL of more than 65,536 characters; `base_url` and a key in the query need some.
_LONGEST_URL = 65_536 - 4_096
_LONGEST_HEADER = 65_536


@dataclass(frozen=True, slots=True)
class HttpCall(Call):
    """An HTTP request.

    `path` is percent-encoded; `query` is not. `body` is of the media type `content_type`; both are
    None if there is no body. `accept` are statuses that count as success besides 2xx.

    `late` makes the call again with the values of a session; None if the call reads none. Without
    them, the call has `***` in their places.
    """

    path: str = field(default="/", repr=False)
    query: tuple[tuple[str, str], ...] = field(default=(), repr=False)
    headers: Mapping[str, str] = field(default_factory=dict, repr=False)
    content_type: str | None = None
    body: bytes | None = field(default=None, repr=False)
    accept: frozenset[int] = frozenset()
    late: Callable[[Mapping[str, Any]], "HttpCall"] | None = field(
        default=None, repr=False, compare=False
    )

    def at(self, page: NextPage) -> "HttpCall":
        """The call for another page.

        Raises:
            EvaluationError: its path or its query is too long.
        """
        path, query = page.path or self.path, tuple[tuple[str, str], ...]()
        if page.path is None:
            query = tuple(pair for pair in self.query if pair[0] not in page.query)
            query += tuple((name, text) for name, texts in page.query.items() for text in texts)
        _check_length(path, query)
        if any(segment in (".", "..") for segment in path.partition("?")[0].split("/")):
            raise EvaluationError("a dotted path segment")
        late = self.late
        return replace(
            self, path=path, query=query, late=late and (lambda session: late(session).at(page))
        )

    @property
    def size(self) -> int:
        """See `Call`."""
        return len(self.path) + len(self.body or b"") + sum(len(text) for _, text in self.query)


def _path(raw: object) -> Value:
    if not isinstance(raw, str) or not raw.startswith("/"):
        raise ValueError("must be a path that starts with /")
    path = compile_value(raw, in_path)
    parts = path.parts if isinstance(path, Text) else (raw,)
    if not all(_FIXED_PATH.fullmatch(part) for part in parts if isinstance(part, str)):
        raise ValueError("must not have control characters or #: write %23 for #")
    return path


def _xml(raw: object) -> Value:
    if not isinstance(raw, str):
        raise ValueError("must be text")
    return compile_value(raw, in_xml)


def _header_name(name: str) -> str:
    """Check the name of a header (RFC 9110, 5.1); the connection sets the framing headers."""
    if not _TOKEN.fullmatch(name):
        raise ValueError("must be the name of a header")
    if name.lower() in _FRAMING:
        raise ValueError("must not be given: the connector sets it")
    return name


HeaderName = Annotated[str, AfterValidator(_header_name)]
PathText = Annotated[Value, Compiled(_path, TEXT)]
XmlText = Annotated[Value, Compiled(_xml, TEXT)]
AcceptedStatuses = Annotated[
    tuple[Annotated[int, Field(ge=200, le=599, strict=True)], ...],
    Field(description="Statuses that count as success besides 2xx."),
]
HeaderText = Annotated[Value, Compiled(lambda raw: compile_value(raw, in_header), TEXT)]


class RequestEntry(Entry):
    """A request that is sent over HTTP; the base for HTTP itself and protocols on top of it."""

    @abstractmethod
    def request(
        self, scope: Scope, name: str = "", target: str = "", *, repeatable: bool = False
    ) -> HttpCall:
        """The request with all its expressions computed; the call's `name` is its id.

        Raises:
            EvaluationError: an expression fails; the text says why.
            ValueError: a value cannot be encoded for the request.
        """


class HttpRequestEntry(RequestEntry):
    """An HTTP request: one of the methods with its path, one of the bodies.

    It is the part that calls share with the requests of a login.
    """

    get: PathText | None = None
    post: PathText | None = None
    put: PathText | None = None
    patch: PathText | None = None
    delete: PathText | None = None
    query: dict[str, AnyValue] = {}
    headers: dict[HeaderName, HeaderText] = {}
    json_: AnyValue | None = Field(None, alias="json")
    form: dict[str, AnyValue] | None = None
    text: AnyText | None = None
    xml: XmlText | None = None
    accept: AcceptedStatuses = ()

    @model_validator(mode="after")
    def _one_method_one_body(self) -> Self:
        if sum(getattr(self, method) is not None for method in METHODS) != 1:
            raise ValueError(f"needs exactly one of {', '.join(METHODS)}")
        if sum(body is not None for body in self.bodies.values()) > 1:
            raise ValueError(f"has more than one of {', '.join(BODIES)}")
        return self

    @cached_property
    def method(self) -> str:
        """The key of the method, such as `get`."""
        return next(method for method in METHODS if getattr(self, method) is not None)

    @cached_property
    def address(self) -> Value:
        """The path; evaluating it encodes its data for a URL."""
        path: Value = getattr(self, self.method)
        return path

    @property
    def bodies(self) -> dict[str, Any]:
        """The values of `json`, `form`, `text` and `xml`; None for each key that is not given."""
        return {"json": self.json_, "form": self.form, "text": self.text, "xml": self.xml}

    @property
    def reads(self) -> bool:
        """True if the request changes nothing at the system."""
        return self.method == "get"

    def request(
        self, scope: Scope, name: str = "", target: str = "", *, repeatable: bool = False
    ) -> HttpCall:
        """See `RequestEntry`."""
        path = path_of(self.address, scope)
        query = form_pairs(self.query, scope) if self.query else ()
        _check_length(path, query)
        kind, body = self._sent
        return HttpCall(
            id=name,
            method=self.method.upper(),
            target=target,
            idempotent=repeatable,
            read_only=self.reads,
            path=path,
            query=query,
            headers=_headers(self.headers, scope),
            content_type=MEDIA_TYPES[kind] if kind else None,
            body=_body(kind, body, scope) if kind else None,
            accept=frozenset(self.accept),
        )

    @cached_property
    def _sent(self) -> tuple[str, Any]:
        """The kind and the value of the body; `""` and None if the call has no body."""
        return next((found for found in self.bodies.items() if found[1] is not None), ("", None))


class LateCallEntry(RequestEntry, CallEntry):
    """A call that can read the session; the base for HTTP itself and protocols on top of it."""

    def render(self, scope: Scope) -> HttpCall:
        """See `CallEntry`.

        A call that reads the session is computed twice: now, so that bad data of the event is found
        before anything is sent, and by the client, which knows the session
        (docs/decisions/0032-session-values.md).
        """
        if SESSION not in self.names_read or scope.defines(SESSION):
            return self.rendered(scope)
        try:
            early = self.rendered(scope.with_names({SESSION: UNKNOWN_SESSION}))
        except EvaluationError:  # such as `session.number | int`: `***` is not a number
            early = self.with_sources(frozenset((SESSION,))).rendered(scope)
        return replace(early, late=partial(self._late, scope))

    def _late(self, scope: Scope, session: Mapping[str, Any]) -> HttpCall:
        scope = scope.with_names({SESSION: session})
        scope.meter = Meter()  # the plan has paid for the event's data once
        return self.rendered(scope)

    def rendered(self, scope: Scope) -> HttpCall:
        """The call; `scope` also has the session, if there is one."""
        return self.request(scope, self.id or "", self.target, repeatable=self.repeatable)


class HttpCallEntry(HttpRequestEntry, LateCallEntry):
    """One HTTP request: one of the methods with its path, one of the bodies."""

    protocol = "http"
    reply_fields = ("status", "headers", "json", "text", "items")
    reply_numbers = ("status",)
    convention = Convention(
        # A reply without a body shows nothing: from_json fails, and so does the event.
        found="reply.json if reply.json is not none else reply.text | from_json",
        # A text that is no JSON is that of a proxy in front of the system, or of a wrong path.
        absent="reply.status == 404 and (reply.json is not none or not reply.text)",
        exists="reply.status == 409",
        writing=("put", "patch", "delete"),
    )

    idempotent: bool | None = Field(
        None,
        description="True if sending the call twice has the same effect as sending it once; the "
        "default is true for GET, PUT and DELETE.",
    )
    read_only: bool = Field(
        False, description="True if the call only reads, although it is no GET: a search by POST."
    )
    once: bool = Field(
        False,
        description="True if the call must not be made twice, such as a message to a person. If "
        "its end is unknown, it counts as carried out.",
    )

    pages: Pages | None = Field(
        None, description="Read all pages of the reply, for a call that only reads."
    )

    @model_validator(mode="after")
    def _only_reads_pages(self) -> Self:
        if self.pages and not self.reads:
            raise ValueError("has `pages`, but only a call that reads comes in pages")
        return self

    @model_validator(mode="after")
    def _once_or_again(self) -> Self:
        given = {
            "idempotent": self.idempotent,
            "read_only": self.read_only,
            "confirm": self.confirm,
        }
        other = next((key for key, value in given.items() if value), None)
        if self.once and other:
            raise ValueError(f"has `once`, so the call cannot be made twice: remove `{other}`")
        return self

    @cached_property
    def repeatable(self) -> bool:
        """See `CallEntry`; by default true for idempotent methods (RFC 9110, 9.2.2)."""
        if self.idempotent is None:
            return self.reads or (self.method in ("put", "delete") and not self.once)
        return self.idempotent

    @property
    def reads(self) -> bool:
        """See `CallEntry`; a GET with `once` sends something."""
        return self.read_only or (self.method == "get" and not self.once)

    @property
    def at_most_once(self) -> bool:
        """See `CallEntry`."""
        return self.once

    @property
    def undeclared(self) -> bool:
        """See `CallEntry`."""
        unsafe = self.method in ("post", "patch") and not self.read_only
        return unsafe and self.idempotent is None and not self.once

    def rendered(self, scope: Scope) -> HttpCall:
        """See `LateCallEntry`."""
        call = super().rendered(scope)
        if self.once:
            call = replace(call, once=True)
        if self.pages is None:
            return call
        return replace(call, paging=Paging(self.pages.most, partial(_page, self.pages, scope)))


def _page(pages: Pages, scope: Scope, seen: Mapping[str, Any], call: Call) -> Page:
    """The page in a reply to a call."""
    scope = scope.with_names({"reply": seen})
    following = pages.following(scope)
    if following is None or not isinstance(call, HttpCall):
        return Page(pages.found(scope), None)
    return Page(pages.found(scope), call.at(following))


def path_of(value: Value, scope: Scope) -> str:
    """The path of a request.

    Raises:
        EvaluationError: it cannot be computed, or a segment of it has another meaning.
    """
    path = formed(value, scope, text_of)
    if any(segment in (".", "..") for segment in path.split("/")):
        raise EvaluationError("a dotted path segment")
    return path


def _body(kind: str, body: Any, scope: Scope) -> bytes:
    if kind == "json":
        return ENCODER.encode(as_json(body, scope)).encode()
    if kind == "form":
        return urlencode(form_pairs(body, scope)).encode()
    return formed(body, scope, text_of).encode()


def form_pairs(values: Mapping[str, Value], scope: Scope) -> tuple[tuple[str, str], ...]:
    """Names and values for a query or a form, one pair for each item of a list.

    Values that are None or `omit` are left out.
    """
    found = ((name, formed(value, scope, texts_of)) for name, value in values.items())
    return tuple((name, text) for name, texts in found for text in texts)


def _headers(values: Mapping[str, Value], scope: Scope) -> dict[str, str]:
    found = {name: formed(value, scope, _header) for name, value in values.items()}
    return {name: text for name, text in found.items() if text is not None}


def _header(value: object) -> str | None:
    if value is OMIT:
        return None
    text = in_header(text_of(value))
    if len(text) > _LONGEST_HEADER:
        raise BadValue(f"a header of more than {_LONGEST_HEADER:,} characters")
    return text


def _check_length(path: str, query: tuple[tuple[str, str], ...]) -> None:
    """Refuse an event that makes the URL longer than the connector can send."""
    least = len(path) + sum(len(name) + len(value) + 2 for name, value in query)
    if least * 12 <= _LONGEST_URL:  # a character takes 12 at most
        return
    if least > _LONGEST_URL or len(path) + len(urlencode(query)) > _LONGEST_URL:
        raise EvaluationError(f"path and query have more than {_LONGEST_URL:,} characters")
