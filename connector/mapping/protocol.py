"""The protocols that external systems speak, each in a room of its own: `connector/systems/NAME/`.

`PROTOCOLS` is the registry: one line for each protocol. A room is imported only when a mapping
file names its protocol, so that a deployment loads only the protocol that it uses. Terraform
deploys only that room, so code that looks at all protocols asks `installed`. docs/architecture.md
shows how to add a protocol.
"""

from abc import ABC, abstractmethod
from collections.abc import Callable, Mapping
from functools import cache
from importlib import import_module
from importlib.util import find_spec
from typing import Annotated, Any, ClassVar, Generic, NamedTuple, TypeVar

from pydantic import GetJsonSchemaHandler, ValidationInfo
from pydantic_core import CoreSchema, PydanticCustomError, core_schema

from connector.call import Call
from connector.mapping.between import IN_BLOCKS, OTHERS, Between, BlockUse
from connector.mapping.call_entry import CallEntry
from connector.mapping.entry import Entry
from connector.mapping.script import ExpectedCall, Script
from connector.mapping.system_entry import SystemEntry
from connector.system import Renewal, System

PROTOCOLS = {
    "http": "connector.systems.http.protocol",
    "ctrl": "connector.systems.ctrl.protocol",
    "sql": "connector.systems.sql.protocol",
    "line": "connector.systems.line.protocol",
    "soap": "connector.systems.soap.protocol",
    "ldap": "connector.systems.ldap.protocol",
    "smtp": "connector.systems.smtp.protocol",
}

SystemEntryOf = TypeVar("SystemEntryOf", bound=SystemEntry)
CallOf = TypeVar("CallOf", bound=Call)


class Preview(NamedTuple):
    """A request as it would be sent, for people to read: its credentials are hidden.

    `line` has the method and the target, e.g. `GET http://host/path`. `headers` and `body` are
    empty if the protocol has none.
    """

    line: str
    headers: tuple[tuple[str, str], ...] = ()
    body: str = ""


class Protocol(ABC, Generic[SystemEntryOf, CallOf]):
    """The interface of a protocol's room."""

    name: ClassVar[str]
    """The key under `system` in a mapping file."""
    methods: ClassVar[tuple[str, ...]]
    """The keys that make an entry of `calls` a call of this protocol."""
    system_entry: ClassVar[type[SystemEntry]]
    call_entry: ClassVar[type[CallEntry]]
    scripted_reply: ClassVar[type[Entry]]
    """An entry of `tests.replies`. Without keys it is the reply to what no reply is given for."""
    expected_call: ClassVar[type[ExpectedCall]]
    """An entry of `tests.calls`."""

    @abstractmethod
    def client(
        self, entry: SystemEntryOf, settings: Mapping[str, Any], renewal: Renewal | None = None
    ) -> System:
        """A client for the system; the caller opens it with `async with`.

        `settings` are the values by name; the client asks `renewal` for newer secrets.

        Raises:
            BadSettings: a value of the entry, computed with these settings, cannot be used.
        """

    @abstractmethod
    def scripted(self, entry: SystemEntryOf, settings: Mapping[str, Any], script: Script) -> System:
        """A client that gets its replies from the script instead of the network."""

    @abstractmethod
    def preview(self, call: CallOf, entry: SystemEntryOf, settings: Mapping[str, Any]) -> Preview:
        """The request that the client would send for a call; `settings` have `***` for secrets."""


AnyProtocol = Protocol[Any, Any]


@cache
def protocol(name: str) -> AnyProtocol:
    """The protocol of this name.

    Raises:
        KeyError: `PROTOCOLS` does not have the name.
    """
    found: AnyProtocol = import_module(PROTOCOLS[name]).PROTOCOL
    return found


def installed() -> tuple[str, ...]:
    """The names of the protocols whose rooms this deployment holds."""
    return tuple(name for name in PROTOCOLS if _is_installed(name))


def _is_installed(name: str) -> bool:
    return find_spec(PROTOCOLS[name].rpartition(".")[0]) is not None


def protocol_of(data: object) -> AnyProtocol | None:
    """The protocol that the data of a mapping file names under `system`.

    None if the data names no protocol or several, or if its room is not installed.
    """
    system = data.get("system") if isinstance(data, dict) else None
    if not isinstance(system, dict):
        return None
    named = [name for name in PROTOCOLS if system.get(name) is not None]
    return protocol(named[0]) if len(named) == 1 and _is_installed(named[0]) else None


class OfProtocol:
    """Makes pydantic validate an entry with the class of the protocol that the file names.

    `connector.mapping.schema.validate` passes the protocol as the validation's context. Without a
    protocol, validation fails at `system`, and entries that depend on it are not validated.
    """

    def __init__(
        self,
        kind: str,
        others: Mapping[str, type[Entry]] | None = None,
        *,
        many: bool = False,
    ) -> None:
        """`others` are the kinds of entries that no protocol defines, by the key of each.

        `many`: a list of the entries is valid, too.
        """
        self.kind = kind
        self.others = others or {}
        self.many = many

    def __get_pydantic_core_schema__(self, source: object, handler: object) -> CoreSchema:
        one = core_schema.with_info_plain_validator_function(self._validated)
        if not self.many:
            return one
        several = core_schema.tuple_variable_schema(one, min_length=1)
        return core_schema.with_info_wrap_validator_function(self._one_or_several, several)

    def __get_pydantic_json_schema__(
        self, schema: CoreSchema, handler: GetJsonSchemaHandler
    ) -> dict[str, Any]:
        kinds = [getattr(protocol(name), self.kind) for name in PROTOCOLS]
        kinds += self.others.values()
        one = {"anyOf": [handler(kind.__pydantic_core_schema__) for kind in kinds]}
        if not self.many:
            return one
        return {"anyOf": [*one["anyOf"], {"type": "array", "items": one, "minItems": 1}]}

    def _one_or_several(self, raw: Any, several: Callable[[Any], Any], info: ValidationInfo) -> Any:
        return several(raw) if isinstance(raw, list | tuple) else self._validated(raw, info)

    def _validated(self, raw: Any, info: ValidationInfo) -> Any:
        spoken: AnyProtocol | None = info.context
        if isinstance(raw, Entry):
            return raw
        if spoken is None and self.kind == "system_entry":
            names = ", ".join(f"`{name}`" for name in installed())
            raise ValueError(f"needs exactly one of {names}{_left_out(raw)}")
        if spoken is None:
            return raw
        other = next((key for key in self.others if isinstance(raw, dict) and key in raw), None)
        if other:
            return self.others[other].model_validate(raw, context=spoken)
        if self.kind == "call_entry" and isinstance(raw, dict):
            _check_methods(raw, spoken)
        kind: type[Entry] = getattr(spoken, self.kind)
        return kind.model_validate(raw, context=spoken)


def _left_out(system: object) -> str:
    """The end of the sentence if `system` names a protocol whose room is not installed."""
    named = (name for name in PROTOCOLS if isinstance(system, dict) and name in system)
    missing = next((name for name in named if not _is_installed(name)), None)
    return f"; the code of `{missing}` is not deployed here" if missing else ""


AnySystem = Annotated[SystemEntry, OfProtocol("system_entry")]
AnyCall = Annotated[CallEntry, OfProtocol("call_entry")]
AnyBlockEntry = Annotated[CallEntry | Between, OfProtocol("call_entry", IN_BLOCKS)]
AnyRuleEntry = Annotated[CallEntry | Between | BlockUse, OfProtocol("call_entry", OTHERS)]
AnyScriptedReply = Annotated[Any, OfProtocol("scripted_reply")]
AnyScriptedReplies = Annotated[Any, OfProtocol("scripted_reply", many=True)]
AnyExpectedCall = Annotated[Any, OfProtocol("expected_call")]


def _check_methods(call: dict[str, Any], spoken: AnyProtocol) -> None:
    """Refuse a call that belongs to another protocol than the system's."""
    if not call.keys().isdisjoint(spoken.methods):
        return
    for other in map(protocol, installed()):
        method = next((name for name in other.methods if name in call), None)
        if method:
            raise PydanticCustomError(
                "foreign_call",
                "`{method}` does not work with a system that speaks {spoken}",
                {"method": method, "spoken": spoken.name, "other": other.name},
            )
