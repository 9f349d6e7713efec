"""Values of an event that cannot be read as their type (contract 6.1).

Such a value does not make the event invalid, unless somebody reads it: the mapping, or the engine
where it needs the field. `tolerant` reads a document in spite of such values, and puts an
`Unreadable` in the place of each.
"""

import re
from collections.abc import Callable, Iterable, Iterator
from dataclasses import fields, is_dataclass
from typing import Any, NamedTuple, NoReturn, TypeVar

from pydantic import BaseModel, ValidationError

from connector.outcome import Detail, Outcome, Refusal

Way = tuple[str | int, ...]
Model = TypeVar("Model", bound=BaseModel)

_EXACT = 2**53  # from here on, a float leaves whole numbers out
_WHOLE = re.compile("0|-?[1-9][0-9]{0,99}")
_DECIMAL = re.compile(r"-?(0|[1-9][0-9]{0,14})(\.[0-9]{1,15})?")
_RULES = {
    "missing": "is required",
    "model_type": "must be an object",
    "dict_type": "must be an object",
    "list_type": "must be a list",
    "string_type": "must be text",
    "string_unicode": "must not have half of a surrogate pair in it",
    "string_too_short": "must not be empty",
    "string_pattern_mismatch": "must not be blank",
    "int_type": "must be a whole number",
    "float_type": "must be a number",
    "finite_number": "must be a finite number",
}


class _Wrong(NamedTuple):
    """Why a field cannot be read: path of the value, pydantic's name and text of the error."""

    value: Way
    kind: str
    message: str

    def detail(self) -> Detail:
        """The path and the rule."""
        return Detail(".".join(map(str, self.value)), _RULES.get(self.kind, self.message))


def is_decimal(text: str) -> bool:
    """Whether text is a plain number, written as JSON writes it."""
    return _DECIMAL.fullmatch(text.strip()) is not None


def _to_text(value: object) -> object:
    """A number as text, if its digits are those that were sent; any other value as it is.

    A float that is a whole number may have lost digits, such as an ICCID (`8.9e18`).
    """
    exact = isinstance(value, float) and abs(value) < _EXACT and not value.is_integer()
    whole = isinstance(value, int) and not isinstance(value, bool)
    return str(value) if exact or whole else value


def _to_whole(value: object) -> object:
    """Text as a whole number, if the number gives the same text (not `007`), or as null."""
    if isinstance(value, str):
        text = value.strip()
        if not text:
            return None
        return int(text) if _WHOLE.fullmatch(text) else value
    whole = isinstance(value, float) and abs(value) < _EXACT and value.is_integer()
    return int(value) if whole else value  # type: ignore[call-overload]  # a float


def _to_number(value: object) -> object:
    """Text that is a plain number as a number, or as null if it is blank."""
    if isinstance(value, str):
        if not value.strip():
            return None
        return float(value) if is_decimal(value) else value
    return value


# By pydantic's names of the errors.
_CONVERSIONS: dict[str, Callable[[object], object]] = {
    "string_type": _to_text,
    "int_type": _to_whole,
    "float_type": _to_number,
}


class Unreadable:
    """Stands in a field whose value cannot be read; whatever uses it refuses the event.

    `detail` names the field and the rule that its value breaks. `raw` is the value, which may be
    personal data: it serves to mask texts and is never shown.
    """

    __slots__ = ("detail", "raw")

    def __init__(self, detail: Detail, raw: object) -> None:
        self.detail = detail
        self.raw = raw

    def refuse(self, *_: object) -> NoReturn:
        """Refuse the event, because the field was read."""
        raise Refusal(Outcome.INVALID, details=(self.detail,))

    __bool__ = __str__ = __len__ = __iter__ = refuse
    __eq__ = __ne__ = __lt__ = __le__ = __gt__ = __ge__ = __contains__ = refuse
    __hash__ = object.__hash__

    def __repr__(self) -> str:
        return f"<unreadable {self.detail.field}>"


def tolerant(
    model: type[Model], document: Any, needed: Iterable[Way]
) -> tuple[Model, tuple[Unreadable, ...]]:
    """Read a document as `model`, with an `Unreadable` in each field that cannot be read.

    The second part of the result are these fields. Text and numbers are converted into each other
    where that loses nothing. `document` is changed by both.

    Raises:
        Refusal: invalid; a field of `needed` is missing or cannot be read.
    """
    cut: dict[Way, Unreadable] = {}
    converted: set[Way] = set()
    while True:
        try:
            read = model.model_validate(document)
            break
        except ValidationError as error:
            wrong = _wrong(error)
        fatal = [wrong[way].detail() for way in ((), *needed) if way in wrong]
        if fatal:
            raise Refusal(Outcome.INVALID, details=tuple(fatal))
        _mend(document, wrong, converted, cut)
    for way, marker in cut.items():
        _put(read, way, marker)
    return read, tuple(cut.values())


def refuse_unreadable(value: object) -> None:
    """Refuse the event if there is an unreadable field in a value, at any depth.

    Called for what is sent: a whole part in a JSON body has all of its fields in it.

    Raises:
        Refusal: invalid; names the first such field.
    """
    if isinstance(value, Unreadable):
        value.refuse()
    elif isinstance(value, BaseModel):
        refuse_unreadable(value.__dict__)
    elif is_dataclass(value):
        refuse_unreadable([getattr(value, field.name) for field in fields(value)])
    elif isinstance(value, dict | list | tuple):
        for item in value.values() if isinstance(value, dict) else value:
            refuse_unreadable(item)


def texts(raw: object) -> Iterator[str]:
    """Yield each text and number in a raw value as text, to mask them elsewhere."""
    if isinstance(raw, dict | list):
        for item in raw.values() if isinstance(raw, dict) else raw:
            yield from texts(item)
    elif isinstance(raw, float) and raw.is_integer():
        yield from (str(raw), str(int(raw)))
    elif isinstance(raw, str | int | float) and not isinstance(raw, bool):
        yield str(raw)


def _wrong(error: ValidationError) -> dict[Way, _Wrong]:
    """The fields that cannot be read, by their paths.

    An item of a list that cannot be read makes the whole list unreadable: nobody could say how many
    items there are, or which is the first.
    """
    wrong: dict[Way, _Wrong] = {}
    for item in error.errors(include_input=False, include_url=False, include_context=False):
        found = way = item["loc"]
        while way and isinstance(way[-1], int):
            way = way[:-1]
        if way not in wrong:
            wrong[way] = _Wrong(found, item["type"], item["msg"])
    return wrong


def _mend(
    document: Any, wrong: dict[Way, _Wrong], converted: set[Way], cut: dict[Way, Unreadable]
) -> None:
    """Convert the fields that cannot be read, or take them out of the document.

    Each field is converted once; if that did not help, it is cut. Outer fields come first, and what
    is inside of one that was cut is gone with it.
    """
    lengths: set[int] = set()  # of the paths of fields that were cut
    for way in sorted(wrong, key=len):
        if any(way[:length] in cut for length in lengths if length < len(way)):
            continue
        place, name, found = _object(document, way), way[-1], wrong[way]
        conversion = _CONVERSIONS.get(found.kind)
        if conversion and way not in converted:
            converted.add(way)
            new = conversion(place[name])
            if new is not place[name]:
                place[name] = new
                continue
        cut[way] = Unreadable(found.detail(), place.pop(name))
        lengths.add(len(way))


def _object(document: Any, way: Way) -> Any:
    """The object with the field at the end of the way.

    The way does not name the item of a list of one access policy.
    """
    for step in way:
        place = document[0] if isinstance(document, list) and isinstance(step, str) else document
        document = place[step]
    return place


def _put(model: BaseModel, way: Way, marker: Unreadable) -> None:
    """Put the marker of a field into a model that was read without this field."""
    place: Any = model
    for step in way[:-1]:
        place = place[step] if isinstance(step, int) else place.__dict__[step]
    name = str(way[-1])
    place.__dict__[name] = marker  # the models are frozen, but nobody else has this one yet
    place.__pydantic_fields_set__.add(name)
