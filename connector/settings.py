"""What differs between deployments, read once at start; nobody else reads the environment."""

import re
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Annotated, Any, Literal, NamedTuple
from urllib.parse import parse_qs

from pydantic import BaseModel, ConfigDict, Field, PlainValidator, ValidationError, model_validator
from pydantic_core import PydanticCustomError

API_TOKEN = "API_TOKEN"  # noqa: S105 - its name
"""Secret: the bearer token that NSPS must send (its handler's token); several, comma-separated,
while one is being rotated. In Secret Manager the two newest enabled versions are accepted. No
default: without it anybody could provision subscribers."""

HASH_KEY = "HASH_KEY"
"""Secret: the key of the hashes that stand for subscribers in the log and in the ledger. Default:
derived from the API token, for `memory:` only, since a ledger that outlives a rotation of the
token must not forget everybody."""


class BadSettings(Exception):  # noqa: N818 - it names what is at fault, for whoever prints it
    """Settings that a function cannot start with; `problems` name each variable and the mend."""

    def __init__(self, problems: Iterable[str]) -> None:
        self.problems = tuple(problems)
        super().__init__("; ".join(self.problems))


class SqliteUrl(NamedTuple):
    """`sqlite:///FILE`: the ledger is in this file."""

    path: Path


class FirestoreUrl(NamedTuple):
    """`firestore:?project=P&database=D`: the ledger is in this database; None is the default."""

    project: str | None
    database: str | None


LedgerUrl = Literal["memory:"] | SqliteUrl | FirestoreUrl

_FIRESTORE = re.compile(r"firestore:(?:\?([a-z]+=[^&=]+(?:&[a-z]+=[^&=]+)*))?")


def _ledger_url(text: str) -> LedgerUrl:
    if text == "memory:":
        return "memory:"
    if found := re.fullmatch("sqlite:///(.+)", text):
        return SqliteUrl(Path(found[1]))
    if found := _FIRESTORE.fullmatch(text):
        options = {name: values[0] for name, values in parse_qs(found[1] or "").items()}
        return FirestoreUrl(options.get("project"), options.get("database"))
    raise PydanticCustomError(
        "ledger_url", "must be memory:, sqlite:///FILE or firestore:?project=P&database=D"
    )


class FileSecrets(NamedTuple):
    """`file:DIR`: each secret is a file of its name in this directory."""

    directory: Path


class GoogleSecrets(NamedTuple):
    """`gcp:PREFIX`: each secret is in Google Secret Manager, under the prefix and its name."""

    prefix: str


SecretsSource = Literal["env"] | FileSecrets | GoogleSecrets


def _secrets_source(text: str) -> SecretsSource:
    if text == "env":
        return "env"
    if found := re.fullmatch("file:(.+)", text):
        return FileSecrets(Path(found[1]))
    if found := re.fullmatch("gcp(?::([A-Za-z0-9_-]*))?", text):
        return GoogleSecrets(found[1] or "")
    raise PydanticCustomError("secrets", "must be env, file:DIR, gcp or gcp:PREFIX")


class Settings(BaseModel):
    """The function's own settings; each field is the environment variable of that name."""

    model_config = ConfigDict(frozen=True, hide_input_in_errors=True, allow_inf_nan=False)

    MAPPING_FILE: Path = Path("mappings/wtl-hlr-hss.yaml")
    """The mapping file to serve, relative to the function's directory."""

    LOG_LEVEL: Literal["DEBUG", "INFO", "WARNING", "ERROR"] = "INFO"
    """The least severity that is logged. Settled events are INFO when accepted."""

    LEDGER_URL: Annotated[LedgerUrl, PlainValidator(_ledger_url)] = "memory:"
    """Where is noted what was applied. `memory:` is for one instance and forgets on restart,
    `sqlite:///path` (`sqlite:////path` if absolute) for one machine, `firestore:` with optional
    `?project=P&database=D` for any number of instances."""

    SECRETS: Annotated[SecretsSource, PlainValidator(_secrets_source)] = "env"
    """Where secrets come from: `env`, the environment; `file:DIR`, a file each, as containers
    have them; `gcp`, Google Secret Manager, and `gcp:PREFIX` if the secrets' names begin so."""

    SECRETS_REFRESH: Annotated[float, Field(gt=0)] = 300
    """Seconds between two readings of the secrets in the background; `env` is not read again."""

    INGRESS: Literal["direct", "publish"] = "direct"
    """What happens to an event that NSPS posts: `direct`, it is applied and NSPS gets the result;
    `publish`, it is put on PUBSUB_TOPIC and comes back to `/pubsub`."""

    PUBSUB_TOPIC: str | None = None
    """With `INGRESS=publish`: the topic, as `projects/P/topics/T`."""

    PUBSUB_DEAD_LETTER_TOPIC: str | None = None
    """Topic for messages that can never succeed, as `projects/P/topics/T`. Without it they are
    not acknowledged, and the subscription's own dead-letter policy gets them in the end."""

    PUBSUB_SERVICE_ACCOUNT: str | None = None
    """E-mail of the service account that signs the push requests to `/pubsub`; without it
    that path takes none."""

    PUBSUB_AUDIENCE: str | None = None
    """Audience of these requests' OIDC tokens, as the push subscription has it."""

    OIDC_CERTS_URL: str = "https://www.googleapis.com/oauth2/v1/certs"
    """Where the signer's public certificates are."""

    EVENT_BUDGET: Annotated[float, Field(gt=0, le=3600)] = 50
    """Seconds that one event may take, waiting and all calls included. Must be less than the
    function's own timeout (60 s by default), so that NSPS always gets an answer."""

    MAX_BODY_BYTES: Annotated[int, Field(gt=0)] = 10_000_000
    """Size above which an event is refused with 413; NSPS sends up to 1 MB."""

    GOOGLE_CLOUD_PROJECT: str | None = None
    """The project; makes log lines point to their trace. Default: asked of Google Cloud."""

    PUBSUB_EMULATOR_HOST: str | None = None
    """`host:port` of Google's Pub/Sub emulator, for trials and tests."""

    SECRET_MANAGER_EMULATOR_HOST: str | None = None
    """`host:port` of a server that speaks Secret Manager's protocol, for trials and tests."""

    @property
    def publishes(self) -> bool:
        """Whether the function puts messages on topics."""
        return self.INGRESS == "publish" or self.PUBSUB_DEAD_LETTER_TOPIC is not None

    @model_validator(mode="after")
    def _publish_somewhere(self) -> "Settings":
        if self.INGRESS == "publish" and not self.PUBSUB_TOPIC:
            raise PydanticCustomError("topic", "PUBSUB_TOPIC: is required with INGRESS=publish")
        if self.PUBSUB_SERVICE_ACCOUNT and not self.PUBSUB_AUDIENCE:
            raise PydanticCustomError(
                "audience", "PUBSUB_AUDIENCE: is required with PUBSUB_SERVICE_ACCOUNT"
            )
        return self


def read(environ: Mapping[str, str]) -> Settings:
    """Read the settings; an empty variable counts as not set.

    Raises:
        BadSettings: every variable that is missing or wrong, without its value.
    """
    given: dict[str, Any] = {
        name: environ[name].strip()
        for name in Settings.model_fields
        if environ.get(name, "").strip()
    }
    try:
        return Settings.model_validate(given)
    except ValidationError as error:
        raise BadSettings(_problem(dict(item)) for item in error.errors()) from None


def _problem(item: dict[str, Any]) -> str:
    if not item["loc"]:
        return str(item["msg"])
    return f"{item['loc'][0]}: {item['msg']}"
