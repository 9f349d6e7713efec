"""A call over LDAP: its entry in a mapping file, and its request."""

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Annotated, Literal

from pydantic import AfterValidator, Field, model_validator

from connector.call import Call
from connector.mapping.call_entry import CallEntry, Convention
from connector.mapping.entry import TEXT, Compiled
from connector.mapping.expression import (
    Constant,
    EvaluationError,
    Scope,
    SourceText,
    Text,
    Tree,
    Value,
    compile_value,
    formed,
)
from connector.mapping.text import BadValue, in_dn, text_of
from connector.systems.ldap.filters import ANYTHING, in_filter, parse
from connector.systems.ldap.names import check_attribute, check_name
from connector.systems.ldap.values import Attribute, attributes

METHODS = ("ldap_search", "ldap_add", "ldap_modify", "ldap_delete")
CHANGES = ("replace", "add", "delete")
"""The kinds of changes, in the order in which a call carries them out."""
_KEYS = {
    "ldap_search": {"scope", "filter", "texts", "lists", "limit"},
    "ldap_add": {"attributes"},
    "ldap_modify": {*CHANGES, "assert_"},
    "ldap_delete": {"assert_"},
}
_LONGEST = 100_000  # bytes; slapd takes 262,143 of an anonymous client
_ANY_DATA = "\ufffd"  # stands for data in the check of a text; no name of an attribute has it


@dataclass(frozen=True, slots=True)
class LdapCall(Call):
    """A request to an LDAP server; `dn` is relative to the `base` of the system.

    `texts` and `lists` are the attributes to read, `attributes` those of a new entry. `changes` are
    pairs of the kind and the attribute. `accept` are result codes that count as success.
    """

    dn: str = field(default="", repr=False)
    scope: str = "base"
    filter: str = field(default=ANYTHING, repr=False)
    texts: tuple[str, ...] = ()
    lists: tuple[str, ...] = ()
    limit: int = 0
    attributes: tuple[Attribute, ...] = field(default=(), repr=False)
    changes: tuple[tuple[str, Attribute], ...] = field(default=(), repr=False)
    assertion: str | None = field(default=None, repr=False)
    accept: frozenset[int] = frozenset()


def _placed(
    encode: Callable[[str], str], check: Callable[[str], object]
) -> Callable[[object], Value]:
    """A compiler of text whose data is encoded, and whose form is checked without the data."""

    def compiled(raw: object) -> Value:
        if not isinstance(raw, str) or raw.startswith("="):
            raise ValueError("must be text; data comes into it by {{ }}")
        value = compile_value(raw, encode)
        parts = value.parts if isinstance(value, Text) else (raw,)
        check("".join(part if isinstance(part, str) else _ANY_DATA for part in parts))
        return value

    return compiled


NameText = Annotated[Value, Compiled(_placed(in_dn, check_name), TEXT)]
FilterText = Annotated[Value, Compiled(_placed(in_filter, parse), TEXT)]
AttributeName = Annotated[str, AfterValidator(check_attribute)]


def _attributes(raw: object) -> Value:
    value = compile_value(raw)
    if isinstance(value, Constant) and not isinstance(value.value, dict):
        raise ValueError("must be an object of attributes, or an expression")
    names = value.keys if isinstance(value, Tree) else raw if isinstance(raw, dict) else ()
    for name in names or ():
        check_attribute(str(name))
    return value


Attributes = Annotated[Value, Compiled(_attributes, {"type": ["object", "string"]})]


class LdapCallEntry(CallEntry):
    """One request to an LDAP server: search, add, modify or delete."""

    protocol = "ldap"
    reply_fields = ("code", "name", "message", "entry", "entries")
    reply_numbers = ("code",)
    convention = Convention(
        # Several entries do not show one resource: from_json fails, and so does the event.
        found="reply.entry if reply.entry is not none else reply.name | from_json",
        absent="reply.code == 32 or reply.entries == []",
        exists="reply.code == 68",
        writing=("ldap_add", "ldap_modify", "ldap_delete"),
    )

    ldap_search: NameText | None = Field(None, description="Entry at which the search begins.")
    ldap_add: NameText | None = Field(None, description="Entry to add.")
    ldap_modify: NameText | None = Field(None, description="Entry to change.")
    ldap_delete: NameText | None = Field(None, description="Entry to delete.")
    scope: Literal["base", "one", "subtree"] = Field(
        "base", description="`base`: the entry itself; `one`: those directly below it; `subtree`."
    )
    filter: FilterText = Field(
        default_factory=lambda: Constant(ANYTHING), description="Which entries are found."
    )
    texts: tuple[AttributeName, ...] = Field(
        (), description="Attributes with one value, which are read as text."
    )
    lists: tuple[AttributeName, ...] = Field(
        (), description="Attributes with any number of values, which are read as lists."
    )
    limit: Annotated[int, Field(ge=1, le=1000, strict=True)] = Field(
        100, description="Entries that a search may find; more are a failure."
    )
    attributes: Attributes | None = Field(None, description="Attributes of the new entry.")
    replace: Attributes | None = Field(
        None, description="The new values of attributes; none or [] removes the attribute."
    )
    add: Attributes | None = Field(None, description="Values to add to attributes.")
    delete: Attributes | None = Field(None, description="Values to delete from attributes.")
    assert_: FilterText | None = Field(
        None, alias="assert", description="Do it only if the entry fits this filter (RFC 4528)."
    )
    accept: tuple[Annotated[int, Field(ge=1, strict=True)], ...] = Field(
        (), description="Result codes that count as success besides 0."
    )
    idempotent: bool | None = Field(
        None,
        description="True if sending the call twice has the same effect as sending it once; the "
        "default is true for a search, a delete, and a modify that only replaces.",
    )

    @model_validator(mode="after")
    def _one_method(self) -> "LdapCallEntry":
        if sum(getattr(self, method) is not None for method in METHODS) != 1:
            raise ValueError(f"needs exactly one of {', '.join(METHODS)}")
        foreign = set().union(*_KEYS.values()) - _KEYS[self.method]
        for name in sorted(foreign & self.model_fields_set):
            raise ValueError(f"`{name.rstrip('_')}` does not work with `{self.method}`")
        if self.method == "ldap_add" and self.attributes is None:
            raise ValueError("needs `attributes` with `ldap_add`")
        if self.method == "ldap_modify" and not self._kinds:
            raise ValueError(f"needs one of {', '.join(CHANGES)} with `ldap_modify`")
        if self.method != "ldap_search" and self.address == Constant(""):
            raise ValueError("needs the name of an entry")
        return self

    @property
    def method(self) -> str:
        """The key of the method, such as `ldap_add`."""
        return next(method for method in METHODS if getattr(self, method) is not None)

    @property
    def address(self) -> Value:
        """The name of the entry, relative to the `base`; evaluating it encodes its data."""
        name: Value = getattr(self, self.method)
        return name

    @property
    def repeatable(self) -> bool:
        """See `CallEntry`; a second change of single values, or with `assert`, would be refused."""
        if self.idempotent is not None:
            return self.idempotent
        if self.method == "ldap_add" or self.assert_ is not None:
            return False
        return self._kinds in ((), ("replace",))

    @property
    def reads(self) -> bool:
        """See `CallEntry`."""
        return self.ldap_search is not None

    @property
    def _kinds(self) -> tuple[str, ...]:
        return tuple(kind for kind in CHANGES if getattr(self, kind) is not None)

    def render(self, scope: Scope) -> LdapCall:
        """See `CallEntry`."""
        call = LdapCall(
            id=self.id or "",
            method=self.method.removeprefix("ldap_").upper(),
            target=self.target,
            idempotent=self.repeatable,
            read_only=self.reads,
            dn=formed(self.address, scope, text_of),
            scope=self.scope,
            filter=formed(self.filter, scope, _filter),
            texts=self.texts,
            lists=self.lists,
            limit=self.limit,
            attributes=attributes(self.attributes, scope, empty=False) if self.attributes else (),
            changes=self._changes(scope),
            assertion=formed(self.assert_, scope, _filter) if self.assert_ else None,
            accept=frozenset(self.accept),
        )
        if _length(call) > _LONGEST:
            raise EvaluationError(f"name, filters and values have more than {_LONGEST:,} bytes")
        return call

    def _changes(self, scope: Scope) -> tuple[tuple[str, Attribute], ...]:
        """The changes; a `delete` without values would delete the attribute, so it is left out."""
        return tuple(
            (kind, attribute)
            for kind in self._kinds
            for attribute in attributes(getattr(self, kind), scope, empty=kind == "replace")
        )


def _filter(value: object) -> str:
    """Check the filter with its data; a text that shows an unknown value is no filter yet."""
    text = text_of(value)
    if not isinstance(value, SourceText):
        try:
            parse(text)
        except ValueError as error:
            raise BadValue(str(error)) from None
    return text


def _length(call: LdapCall) -> int:
    """About how many bytes the request has."""
    texts = (call.dn, call.filter, call.assertion or "")
    held = (*call.attributes, *(attribute for _, attribute in call.changes))
    return sum(len(text.encode()) for text in texts) + sum(
        len(name) + sum(map(len, values)) for name, values in held
    )
