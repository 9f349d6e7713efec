"""The questions of `connector new` on a terminal, and the short forms of answers."""

import re
from typing import Any

import typer

from connector_tools.starter import words
from connector_tools.starter.answers import KINDS, Answers
from connector_tools.starter.answers_file import BadAnswers, checked
from connector_tools.terminal import say, stop

_REQUEST = re.compile(r"(?P<method>[A-Za-z]+)\s+(?P<path>/\S*)")
_FIELDS: dict[str, Any] = Answers.model_fields["save"].default.fields
_METHODS = ("put", "patch", "post", "delete")
_MORE: dict[str, dict[str, str]] = {
    "api_key": {
        "place": "Is the key in the header or in the query?",
        "name": "Name of this header or parameter",
    },
    "oauth2": {"url": "Address of the token endpoint", "scope": "Scopes (empty: none)"},
    "login": {
        "path": "Path of the login request",
        "user_field": "Its field with the user",
        "password_field": "Its field with the password",
        "token": "Field of its reply with the token",
    },
}
"""What is asked about a kind of login."""


class BadReply(Exception):  # noqa: N818 - says what it is
    """A short form cannot be read; the text says how to write it."""


def request(text: str) -> dict[str, Any] | None:
    """The request of `PUT /subscribers/{imsi}`; None of an empty text and of `none`.

    Raises:
        BadReply: it has another form.
    """
    if text.strip().lower() in ("", "none"):
        return None
    found = _REQUEST.fullmatch(text.strip())
    if not found or found["method"].lower() not in _METHODS:
        raise BadReply(
            f"`{text}` is no request: write a method and a path, PUT /subscribers/{{imsi}}"
        )
    method = found["method"].lower()
    given: dict[str, Any] = {"method": method, "path": found["path"]}
    return given if method == "delete" else given | {"fields": dict(_FIELDS)}


def fields(text: str) -> dict[str, str]:
    """The fields of `msisdn=number, active=served`: a word for each.

    Raises:
        BadReply: one has another form.
    """
    found = {}
    for one in text.split(","):
        name, _, word = (part.strip() for part in one.partition("="))
        if not name or not word or words.problem(f"={word}"):
            allowed = ", ".join(words.WORDS)
            raise BadReply(
                f"`{one.strip()}` is no field: write FIELD=WORD, with one of the words {allowed}, "
                "settings.NAME, `served ? on : off`"
            )
        found[name] = f"={word}"
    return found


def settings(texts: list[str]) -> dict[str, str | None]:
    """The settings of `FIELD` or `FIELD=DEFAULT`.

    Raises:
        BadReply: one has no name.
    """
    found: dict[str, str | None] = {}
    for text in texts:
        name, equals, default = text.strip().partition("=")
        if not name:
            raise BadReply(f"`{text}` has no name: write FIELD or FIELD=DEFAULT")
        found[name] = default if equals else None
    return found


def ask(found: dict[str, Any], known: set[str]) -> dict[str, Any]:
    """The answers, with those that a person at the terminal gives; `known` ones are not asked."""
    _refuse(found)
    try:
        return _ask(found, known)
    except typer.Abort:
        stop("the questions were broken off: nothing was written")


def _ask(found: dict[str, Any], known: set[str]) -> dict[str, Any]:
    default = checked(found)
    if "url" not in known:
        found = _put(found, "url", "An address of the system", default.url)
    if "auth" not in known:
        found = _ask_auth(found, default)
    if "save" not in known and "save" not in found:
        found = _ask_request(found, "save", "Request that stores a subscriber", default.save)
    if checked(found).save.fields == _FIELDS:
        found = _ask_fields(found)
    if "remove" not in known and "remove" not in found:
        text = "Request that removes one (none: it is stored without service)"
        found = _ask_request(found, "remove", text, default.remove)
    if "rate" not in known:
        found = _put(found, "rate", "Requests a second that it allows (empty: any)", "")
    if "error_field" not in known:
        text = "Field of a successful reply that only failures have (empty: none)"
        found = _put(found, "error_field", text, "")
    return found if "settings" in known else _ask_settings(found)


def _ask_auth(found: dict[str, Any], default: Answers) -> dict[str, Any]:
    kind = typer.prompt(f"Login ({', '.join(KINDS)})", default.auth.kind)
    while kind not in KINDS:
        say(f"must be one of {', '.join(KINDS)}", "yellow")
        kind = typer.prompt("Login", default.auth.kind)
    same = default.auth.kind == kind
    auth = default.auth.model_dump() if same else {"kind": kind}
    found = found | {"auth": auth}
    for name, text in _MORE.get(kind, {}).items():
        shown = getattr(checked(found).auth, name) or ""
        found = _put(found, f"auth.{name}", text, shown)
    return found


def _ask_request(found: dict[str, Any], key: str, text: str, default: Any) -> dict[str, Any]:
    shown = f"{default.method.upper()} {default.path}"
    while True:
        try:
            tried = found | {key: request(typer.prompt(text, shown))}
            checked(tried)
        except (BadReply, BadAnswers) as bad:
            say(str(bad), "yellow")
        else:
            return tried


def _ask_fields(found: dict[str, Any]) -> dict[str, Any]:
    save = checked(found).save.model_dump()
    shown = ", ".join(f"{name}{word}" for name, word in _FIELDS.items())
    while True:
        try:
            given = fields(typer.prompt("Fields of its JSON body, and what each gets", shown))
            tried = found | {"save": save | {"fields": given}}
            checked(tried)
        except (BadReply, BadAnswers) as bad:
            say(str(bad), "yellow")
        else:
            return tried


def _ask_settings(found: dict[str, Any]) -> dict[str, Any]:
    text = "Fields that differ between deployments, such as profile=gold (empty: none)"
    while True:
        try:
            given = typer.prompt(text, "", show_default=False)
            tried = found | {"settings": settings([one for one in given.split(",") if one.strip()])}
            checked(tried)
        except (BadReply, BadAnswers) as bad:
            say(str(bad), "yellow")
        else:
            return tried


def _put(found: dict[str, Any], key: str, text: str, default: Any) -> dict[str, Any]:
    """Ask until the answer can be used; `auth.name` is a key of the login."""
    while True:
        given = typer.prompt(text, default, show_default=default != "") or None
        outer, _, inner = key.partition(".")
        value = {**found[outer], inner: given} if inner else given
        tried = found | {outer: value}
        try:
            checked(tried)
        except BadAnswers as bad:
            say(str(bad), "yellow")
        else:
            return tried


def _refuse(found: dict[str, Any]) -> None:
    try:
        checked(found)
    except BadAnswers as bad:
        stop(str(bad))
