"""Advice for misspelt names, in the lints of a mapping file."""

from collections.abc import Iterable
from difflib import get_close_matches


def near(name: str, known: Iterable[str], otherwise: str) -> str:
    """The advice for a misspelt name: the most similar known name, else `otherwise`."""
    close = get_close_matches(name, list(known), n=1, cutoff=0.6)
    return f"did you mean `{close[0]}`?" if close else otherwise
