"""Advice for misspelt names, in the lints of a mapping file."""

from collections.abc import Iterable
from difflib import get_close_matches


def closest(name: str, known: Iterable[str], likeness: float = 0.65) -> str | None:
    """The known name that is most similar to a misspelt one; None if none is similar.

    Upper and lower case, blanks, `-` and `_` do not count; a part of a longer name is similar.
    """
    names = list(known)
    plain = {_plain(one): one for one in reversed(names)}
    if found := plain.get(_plain(name)):
        return found
    if close := get_close_matches(name, names, n=1, cutoff=likeness):
        return close[0]
    parts = [one for one in names if len(name) > 2 and _plain(name) in one.split("_")]
    return parts[0] if len(parts) == 1 else None


def _plain(name: str) -> str:
    return name.strip().lower().replace("-", "_").replace(" ", "_")


def near(name: str, known: Iterable[str], otherwise: str) -> str:
    """The advice for a misspelt name: the most similar known name, else `otherwise`."""
    found = closest(name, known)
    return f"did you mean `{found}`?" if found else otherwise
