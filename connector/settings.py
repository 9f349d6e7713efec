"""What differs between deployments, read once at start; nobody else reads the environment."""

from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Annotated, Any, Literal

from pydantic import BaseModel, BeforeValidator, ConfigDict, Field, SecretStr, ValidationError


class BadSettings(Exception):  # noqa: N818 - it names what is at fault, for whoever prints it
    """Settings that a function cannot start with; `problems` name each variable and the mend."""

    def __init__(self, problems: Iterable[str]) -> None:
        self.problems = tuple(problems)
        super().__init__("; ".join(self.problems))


def _tokens(value: object) -> object:
    return [part.strip() for part in value.split(",")] if isinstance(value, str) else value


Token = Annotated[SecretStr, Field(min_length=1)]


class Settings(BaseModel):
    """The function's own settings; each field is the environment variable of that name."""

    model_config = ConfigDict(frozen=True, hide_input_in_errors=True)

    API_TOKEN: Annotated[tuple[Token, ...], BeforeValidator(_tokens), Field(min_length=1)]
    """Bearer token that NSPS must send (its handler's token); several, comma-separated, while
    one is being rotated. No default: without it anybody could provision subscribers."""

    MAPPING_FILE: Path = Path("mappings/wtl-hlr-hss.yaml")
    """The mapping file to serve, relative to the function's directory."""

    LOG_LEVEL: Literal["DEBUG", "INFO", "WARNING", "ERROR"] = "INFO"
    """The least severity that is logged. Settled events are INFO when accepted."""

    LOG_HASH_KEY: SecretStr | None = None
    """Key of the hash by which one subscriber's log lines are found without the clear IMSI.
    Default: derived from the first API token, so it changes when that does."""

    LEDGER_URL: Literal["memory:"] = "memory:"
    """Where is noted what was applied. `memory:` is for one instance and forgets on restart."""

    SECRETS: Literal["env"] = "env"
    """Where credentials come from: `env`, the environment."""

    EVENT_BUDGET: Annotated[float, Field(gt=0, le=3600)] = 50
    """Seconds that one event may take, waiting and all calls included. Must be less than the
    function's own timeout (60 s by default), so that NSPS always gets an answer."""

    MAX_BODY_BYTES: Annotated[int, Field(gt=0)] = 10_000_000
    """Size above which an event is refused with 413; NSPS sends up to 1 MB."""

    GOOGLE_CLOUD_PROJECT: str | None = None
    """Set by Google Cloud; makes log lines point to their trace."""


def read(environ: Mapping[str, str]) -> Settings:
    """Read the settings; an empty variable counts as not set.

    Raises:
        BadSettings: every variable that is missing or wrong, without its value.
    """
    given: dict[str, Any] = {
        name: environ[name] for name in Settings.model_fields if environ.get(name, "").strip()
    }
    try:
        return Settings.model_validate(given)
    except ValidationError as error:
        raise BadSettings(_problem(dict(item)) for item in error.errors()) from None


def _problem(item: dict[str, Any]) -> str:
    name = str(item["loc"][0])
    if item["type"] == "missing":
        return f"{name}: is required"
    if name == "API_TOKEN":
        return "API_TOKEN: must be one or several tokens, comma-separated, none of them empty"
    return f"{name}: {item['msg']}"
