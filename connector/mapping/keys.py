"""The keys that an entry of a mapping file can have at a path, and where else a key belongs.

The models know it. Messages about unknown keys ask for it, and editors that complete keys.
"""

from collections.abc import Iterator, Mapping
from types import NoneType, UnionType
from typing import Annotated, Any, NamedTuple, Union, get_args, get_origin

from connector.mapping.document import Loc
from connector.mapping.entry import Entry
from connector.mapping.protocol import AnyProtocol, OfProtocol, protocol_of
from connector.mapping.schema import MappingFile

_DEEPEST = 8  # steps to the home of a key


class _Form(NamedTuple):
    """The type of a value, and what `Annotated` says besides."""

    kind: Any
    notes: tuple[Any, ...] = ()


def entry_at(data: object, loc: Loc) -> type[Entry] | None:
    """The model of the entry at a path; None if something else stands there.

    `data` is that of the whole file: it decides about the protocol.
    """
    spoken = protocol_of(data)
    form, value = _Form(MappingFile), data
    for step in loc:
        form = _inside(_resolved(form, value, spoken), step)
        value = _item(value, step)
    found = _resolved(form, value, spoken).kind
    return found if _is_entry(found) else None


def keys_of(entry: type[Entry]) -> tuple[str, ...]:
    """The keys that an entry can have."""
    return tuple(info.alias or name for name, info in entry.model_fields.items())


def homes(data: object, key: str) -> Iterator[str]:
    """Yield the places where a key can stand, the nearest to the top first: `system.http`."""
    spoken = protocol_of(data)
    waiting: list[tuple[tuple[str, ...], _Form]] = [((), _Form(MappingFile))]
    seen: set[Any] = set()
    while waiting:
        path, form = waiting.pop(0)
        kind = _resolved(form, None, spoken).kind
        if not _is_entry(kind):
            waiting += [(path, _Form(inner)) for inner in _inner(kind)]
            continue
        if kind in seen or len(path) > _DEEPEST:
            continue
        seen.add(kind)
        for name, info in kind.model_fields.items():
            here = info.alias or name
            if here == key and path:
                yield ".".join(path)
            waiting.append(((*path, here), _Form(info.annotation, tuple(info.metadata))))


def _resolved(form: _Form, value: object, spoken: AnyProtocol | None) -> _Form:
    """The form without `Annotated`, `None` and the choices that a value decides."""
    kind, notes = form
    while get_origin(kind) is Annotated:
        kind, *more = get_args(kind)
        notes = (*notes, *more)
    for note in notes:
        if isinstance(note, OfProtocol) and not isinstance(value, list | tuple):
            return _Form(_of_protocol(note, value, spoken))
        if hasattr(note, "model"):  # a kind of `auth`, which is imported only if it is used
            return _Form(note.model)
    if get_origin(kind) in (Union, UnionType):
        kinds = [one for one in get_args(kind) if one is not NoneType]
        entries = [one for one in kinds if _is_entry(one)]
        return _resolved(_Form((entries or kinds)[0]), value, spoken)
    return _Form(kind, notes)


def _of_protocol(note: OfProtocol, value: object, spoken: AnyProtocol | None) -> Any:
    for key, other in note.others.items():
        if isinstance(value, Mapping) and key in value:
            return other
    return getattr(spoken, note.kind, None)


def _inside(form: _Form, step: str | int) -> _Form:
    """The form of what an entry, a list or an object has at one step."""
    if _is_entry(form.kind):
        fields = form.kind.model_fields.items()
        named = (info for name, info in fields if (info.alias or name) == step)
        info = next(named, None)
        return _Form(info.annotation, tuple(info.metadata)) if info else _Form(None)
    if isinstance(step, int) and any(isinstance(note, OfProtocol) for note in form.notes):
        return form  # a list of what the protocol decides
    return _Form(next(iter(_inner(form.kind)), None))


def _inner(kind: Any) -> list[Any]:
    """The type of the items of a list or of the values of an object."""
    origin = get_origin(kind)
    while origin is Annotated:
        kind = get_args(kind)[0]
        origin = get_origin(kind)
    args = get_args(kind)
    if origin in (tuple, list):
        return [args[0]]
    return [args[1]] if origin is dict or origin is Mapping else []


def _item(value: Any, step: str | int) -> object:
    try:
        return value[step]
    except (LookupError, TypeError):
        return None


def _is_entry(kind: object) -> bool:
    return isinstance(kind, type) and issubclass(kind, Entry)
