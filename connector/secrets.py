"""Where credentials come from."""

from collections.abc import Callable, Mapping

Secrets = Callable[[str], str | None]


def from_environment(environ: Mapping[str, str]) -> Secrets:
    """Secrets that are environment variables (`SECRETS=env`); None for one that is not set."""
    return lambda name: environ.get(name, "").strip() or None
