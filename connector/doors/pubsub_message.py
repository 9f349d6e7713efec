"""The format of a Pub/Sub message that carries an event; pubsub.py is the door for it."""

import base64
import binascii
from typing import Annotated, Any, NamedTuple

from pydantic import BaseModel, ConfigDict, Field, ValidationError
from pydantic_core import from_json

from connector.outcome import Detail, Outcome, Refusal


class Message(NamedTuple):
    """An event's body (`data`, decoded), with the id and the attributes of its message."""

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
    """Read the message in the body of a push request; the HTTP door calls this.

    Raises:
        Refusal: invalid; the body is not a Pub/Sub message in JSON.
    """
    try:
        return of_data(from_json(body, allow_inf_nan=False))
    except ValueError:
        raise _invalid() from None


def of_data(data: Any) -> Message:
    """Read the message in the data of a CloudEvent, or in a push request's JSON: both look alike.

    Raises:
        Refusal: invalid; the data is not a Pub/Sub message.
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
