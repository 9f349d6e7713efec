"""A Pub/Sub message with an event in it, as a push subscription or a CloudEvent brings it."""

import base64
import binascii
from typing import Annotated, Any, NamedTuple

from pydantic import BaseModel, ConfigDict, Field, ValidationError
from pydantic_core import from_json

from connector.outcome import Detail, Outcome, Refusal


class Message(NamedTuple):
    """An event's bytes with the message's id and attributes."""

    data: bytes
    message_id: str
    attributes: dict[str, str]


class _Inner(BaseModel):
    model_config = ConfigDict(hide_input_in_errors=True)

    data: str = ""
    attributes: dict[str, str] = {}
    message_id: Annotated[str, Field(alias="messageId")] = ""


class _Envelope(BaseModel):
    model_config = ConfigDict(hide_input_in_errors=True)

    message: _Inner


def unwrap(body: bytes) -> Message:
    """The message of a push request's body.

    Raises:
        Refusal: invalid; it is none.
    """
    try:
        return of_data(from_json(body, allow_inf_nan=False))
    except ValueError:
        raise _invalid() from None


def of_data(data: Any) -> Message:
    """The message of a CloudEvent's data, or of a push request's JSON, which has the same shape.

    Raises:
        Refusal: invalid; it is none.
    """
    try:
        inner = _Envelope.model_validate(data).message
        return Message(
            base64.b64decode(inner.data, validate=True), inner.message_id, inner.attributes
        )
    except (ValidationError, binascii.Error, UnicodeEncodeError):
        raise _invalid() from None


def _invalid() -> Refusal:
    rule = "must be a Pub/Sub message with base64 data"
    return Refusal(Outcome.INVALID, details=(Detail("message", rule),))
