"""The names under which an event's records are found: of its SIMs and of its account.

The log has them as hashes (`subject_hash`, `account_hash`). So `connector history` finds an event
by what an operator knows of a subscriber, also if the event ended before its plan was made.
"""

from collections.abc import Iterator
from typing import Any, NamedTuple

from connector.event import Event
from connector.json_text import read_json

_ACCOUNT = "i_account"


class Names(NamedTuple):
    """`sims` are names such as `imsi:001010000000001`, `account` are those of the account.

    An account has up to three names: `i_account:12` for its number at PortaBilling,
    `account:420700000001` for its id, without a leading `+` and without `@msisdn`, and
    `msisdn:420700000001` for its phone number, if the id is another.
    """

    sims: tuple[str, ...] = ()
    account: tuple[str, ...] = ()


def names_of(event: Event) -> Names:
    """The names in an event that was read; fields that cannot be read have none."""
    sims = [getattr(sim, "imsi", None) for sim in (event.sim, event.prev_sim)]
    account = event.account
    number, identifier = getattr(account, "msisdn", None), getattr(account, "id", None)
    return _names(sims, event.i_account, identifier, number)


def names_in(body: bytes) -> Names:
    """The names in the body of an event that cannot be read as a whole, if there are any."""
    try:
        document = read_json(body)
    except ValueError:
        return Names()
    data = _part(document, "pb_data")
    account, variables = _part(data, "account_info"), _part(_part(document, "data"), "variables")
    sims = [_part(data, part).get("imsi") for part in ("sim_info", "prev_sim_info")]
    return _names(sims, variables.get(_ACCOUNT, account.get(_ACCOUNT)), account.get("id"))


def names_typed(text: str) -> tuple[str, ...]:
    """The names that a person can mean who types a text: an IMSI, a number, an id of an account.

    A text with its kind, such as `imsi:001010000000001`, means just that. `connector history` asks.
    """
    text = text.strip()
    if ":" in text:
        return (text,)
    return tuple(f"{kind}:{_plain(text)}" for kind in ("imsi", _ACCOUNT, "account", "msisdn"))


def _names(sims: list[Any], i_account: Any, identifier: Any, number: Any = None) -> Names:
    imsis = dict.fromkeys(f"imsi:{imsi}" for imsi in _texts(sims))
    account = [f"{_ACCOUNT}:{text}" for text in _texts([i_account])]
    ids = [_plain(text) for text in _texts([identifier])]
    account += [f"account:{text}" for text in ids]
    account += [f"msisdn:{text}" for text in map(_plain, _texts([number])) if text not in ids]
    return Names(tuple(imsis), tuple(account))


def _plain(identifier: str) -> str:
    return identifier.strip().removeprefix("+").partition("@")[0]


def _texts(values: list[Any]) -> Iterator[str]:
    for value in values:
        if isinstance(value, str | int) and not isinstance(value, bool) and str(value).strip():
            yield str(value).strip()


def _part(document: Any, name: str) -> dict[str, Any]:
    found = document.get(name) if isinstance(document, dict) else None
    return found if isinstance(found, dict) else {}
