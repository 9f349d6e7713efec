"""Answers from a file, and what is wrong with answers, in sentences."""

from typing import Any

import yaml
from pydantic import ValidationError
from pydantic_core import ErrorDetails

from connector_tools.starter.answers import KINDS, Answers


class BadAnswers(Exception):  # noqa: N818 - says what they are
    """The answers cannot be used; the text says which, and what to write."""


def read(text: bytes) -> dict[str, Any]:
    """The answers in a file, in YAML or JSON, not yet checked.

    Raises:
        BadAnswers: the file has none.
    """
    try:
        found = yaml.safe_load(text.decode("utf-8-sig"))
    except UnicodeDecodeError:
        raise BadAnswers("it is not text in UTF-8") from None
    except (yaml.YAMLError, ValueError, RecursionError) as error:
        mark = getattr(error, "problem_mark", None)
        where = f" in line {mark.line + 1}" if mark else ""
        raise BadAnswers(f"it is neither YAML nor JSON{where}") from None
    if not isinstance(found, dict):
        known = ", ".join(Answers.model_fields)
        raise BadAnswers(f"it must have keys and values; the keys are {known}")
    return found


def checked(given: dict[str, Any]) -> Answers:
    """The answers, checked.

    Raises:
        BadAnswers: names each that is wrong.
    """
    try:
        return Answers.model_validate(given)
    except ValidationError as error:
        found = error.errors(include_url=False, include_input=False)
        raise BadAnswers("; ".join(dict.fromkeys(map(_sentence, found)))) from None


def _sentence(error: ErrorDetails) -> str:
    place = ".".join(str(one) for one in error["loc"] if one not in KINDS) or "the answers"
    context = error.get("ctx", {})
    match error["type"]:
        case "extra_forbidden":
            return f"{place}: unknown key, remove it"
        case "missing":
            return f"{place}: is missing, add it"
        case "union_tag_invalid" | "union_tag_not_found":
            return f"{place}: must be one of {', '.join(KINDS)}"
        case "string_pattern_mismatch":
            return (
                f"{place}: {_FORMS.get(place.rsplit('.', 1)[-1], 'has a form that is not allowed')}"
            )
        case "literal_error":
            return f"{place}: must be {context['expected']}"
    return f"{place}: {error['msg'].removeprefix('Value error, ')}"


_FORMS = {
    "name": "must have only lower-case letters, digits and -, and begin with a letter",
    "url": "must be an address that begins with http:// or https://",
    "path": "must begin with / and have no blanks",
    "error_field": "must be the name of a field, such as error or status.message",
    "summary": "must be one line",
    "scope": "must be words with one blank between them",
}
