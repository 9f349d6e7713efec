"""An event without its personal data that is still JSON, and still an event.

Fields that are not personal stay as they were sent. Of a number the last four digits stay, and the
others become 0, so an IMSI is still one for the mapping file, and nobody's.
"""

import re
from collections.abc import Iterator
from typing import Any

from connector.event import Envelope
from connector.masking import mask, redact
from connector.portabilling import Part, parts_in

_NUMBER = re.compile(r"(\+?)([0-9]+)(@msisdn)?", re.I)
_LEAST = 8  # digits of a number that keeps its last four
_LONG = 999_999  # a larger number in an unknown field may be a subscriber's

Model = type[Part] | None


def masked(event: dict[str, Any]) -> dict[str, Any]:
    """The event as it was posted, with personal data masked; `connector dlq show` calls this."""
    known = tuple(_personal(event, Envelope))
    found: dict[str, Any] = _masked(event, Envelope, known)
    return found


def _personal(value: object, model: Model) -> Iterator[str]:
    """Yield the text of each personal field, at any depth."""
    if isinstance(value, list):
        for item in value:
            yield from _personal(item, model)
    elif isinstance(value, dict) and model:
        for name, item in value.items():
            if _is_personal(model, name):
                yield from _texts(item)
            else:
                yield from _personal(item, _part(model, name))


def _texts(value: object) -> Iterator[str]:
    if isinstance(value, dict | list):
        for item in value.values() if isinstance(value, dict) else value:
            yield from _texts(item)
    elif isinstance(value, str | int) and not isinstance(value, bool):
        yield str(value)


def _masked(value: Any, model: Model, known: tuple[str, ...]) -> Any:
    if isinstance(value, list):
        return [_masked(item, model, known) for item in value]
    if isinstance(value, dict):
        return {
            redact(name, known): _field(model, name, item, known) for name, item in value.items()
        }
    if isinstance(value, str):
        return redact(value, known)
    if isinstance(value, int | float) and not isinstance(value, bool) and abs(value) > _LONG:
        return int(value) % 10_000
    return value


def _field(model: Model, name: str, value: Any, known: tuple[str, ...]) -> Any:
    """A field of a part, or of an object that no model knows."""
    if model and _is_personal(model, name):
        return _hidden(value)
    part = _part(model, name)
    if part or isinstance(value, dict | list):
        return _masked(value, part, known)
    if isinstance(value, str) and _is_clear(model, name):
        return redact(value, known, clear=(value,))
    return value if _is_clear(model, name) else _masked(value, None, known)


def _hidden(value: Any) -> Any:
    """A personal value: text and numbers of any depth are masked."""
    if isinstance(value, dict | list):
        pairs = value.items() if isinstance(value, dict) else enumerate(value)
        hidden = {name: _hidden(item) for name, item in pairs}
        return hidden if isinstance(value, dict) else list(hidden.values())
    if isinstance(value, bool) or value is None:
        return value
    return _hidden_text(str(value))


def _hidden_text(text: str) -> str:
    found = _NUMBER.fullmatch(text.strip())
    if not found:
        return mask(text)
    plus, digits, ending = found.groups(default="")
    kept = digits[-4:] if len(digits) >= _LEAST else ""
    return f"{plus}{kept.rjust(len(digits), '0')}{ending}"


def _is_personal(model: type[Part], name: str) -> bool:
    field = model.model_fields.get(name)
    return field is not None and not field.repr


def _is_clear(model: Model, name: str) -> bool:
    """Whether a field is known not to be personal; PortaBilling's own numbers are not."""
    return name.startswith("i_") or (model is not None and name in model.model_fields)


def _part(model: Model, name: str) -> Model:
    field = model.model_fields.get(name) if model else None
    return next(parts_in(field.annotation), None) if field else None
