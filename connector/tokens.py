"""The rules for the function's own secrets: the tokens of NSPS, and the key of the hashes.

`connector.startup` applies them at the start, and to each new value that is read later.
"""

import re
from collections.abc import Iterable, Iterator
from logging import INFO, WARNING

from connector.settings import API_TOKEN, HASH_KEY

_SHORTEST = 16  # characters; a token of 16 hexadecimal digits has 64 bits
_LONG_RANDOM = "use a long random text, such as the output of `openssl rand -hex 32`"


def split(values: Iterable[str]) -> tuple[str, ...]:
    """The bearer tokens in the values of `API_TOKEN`: each value is a list with commas."""
    return tuple(token.strip(" \t\r\n") for value in values for token in value.split(","))


def token_problems(tokens: tuple[str, ...], *, deployed: bool) -> Iterator[str]:
    """Yield what is wrong with the tokens, without repeating one.

    `deployed` is true where strangers can reach the function: there a short token is refused.
    """
    if not tokens:
        yield f"{API_TOKEN}: is required"
    elif not all(tokens):
        yield f"{API_TOKEN}: must be one or several tokens, none of them empty"
    if any("\ufeff" in token for token in tokens):
        yield f"{API_TOKEN}: has a byte order mark (BOM): save it as UTF-8 without one"
    elif not all(re.fullmatch(r"[\x21-\x7e]*", token) for token in tokens):
        yield (
            f"{API_TOKEN}: has a character that a bearer token cannot have: use only ASCII "
            "letters, digits and punctuation, without blanks and line breaks"
        )
    if deployed and any(map(_is_short, tokens)):
        yield f"{API_TOKEN}: a token has less than {_SHORTEST} characters: {_LONG_RANDOM}"


def key_problems(key: str | None, *, required: bool) -> Iterator[str]:
    """Yield what is wrong with the key of the hashes; `required`: for a ledger that is kept."""
    if required and not key:
        yield f"{HASH_KEY}: is required with a ledger that outlives the process"
    if key and "\ufeff" in key:
        yield f"{HASH_KEY}: has a byte order mark (BOM): save it as UTF-8 without one"
    elif key and not key.isprintable():
        yield f"{HASH_KEY}: has a control character or is not UTF-8 text: write one line of text"


def notices(tokens: tuple[str, ...], key: str | None) -> Iterator[tuple[int, str]]:
    """Yield what is allowed but should be known: the level for the log, and a sentence.

    The function logs it when it starts.
    """
    if any(map(_is_short, tokens)):
        yield (
            WARNING,
            f"{API_TOKEN}: a token has less than {_SHORTEST} characters, which a deployment "
            f"refuses: {_LONG_RANDOM}",
        )
    if key is None:
        yield (
            INFO,
            f"{HASH_KEY}: is not set, so the key of the hashes is derived from {API_TOKEN}: a new "
            f"token changes every subject_hash; set {HASH_KEY} to keep them",
        )
    elif _is_short(key):
        yield (
            WARNING,
            f"{HASH_KEY}: has less than {_SHORTEST} characters, so the IMSI of a hash can be "
            f"found by trying keys; for a new ledger, {_LONG_RANDOM}",
        )


def _is_short(text: str) -> bool:
    return 0 < len(text) < _SHORTEST
