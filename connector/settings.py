"""The function's own settings: what differs between deployments, read once at the start.

The settings that a mapping file names are in `connector.mapping.setting_values`.
"""

import re
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Annotated, Any, Literal, NamedTuple
from urllib.parse import parse_qs, unquote, urlsplit

from pydantic import (
    AfterValidator,
    BaseModel,
    BeforeValidator,
    ConfigDict,
    Field,
    PlainValidator,
    ValidationError,
    model_validator,
)
from pydantic_core import PydanticCustomError

API_TOKEN = "API_TOKEN"  # noqa: S105 - the name of a secret
"""Secret: the bearer token that NSPS must send, as in its handler. While the token is rotated, the
secret may hold several, separated by commas. From Secret Manager, the two newest enabled versions
are accepted. `connector.tokens` says which tokens can be used. There is no default: without a
token, anybody could provision subscribers."""

HASH_KEY = "HASH_KEY"
"""Secret: the key of the hashes that stand for subscribers in the log and in the ledger. With
`LEDGER_URL=memory:`, the default is derived from the API token. Other ledgers outlive a rotation of
the token, and with another key they would find no record, so they have no default."""


LEDGER_PASSWORD = "LEDGER_PASSWORD"  # noqa: S105 - the name of a secret
"""Secret: the password of the user in `LEDGER_URL=postgresql://...`. Without it, the file that
PGPASSFILE names is read, as `psql` does."""


class BadSettings(Exception):  # noqa: N818 - it names what is wrong
    """The function cannot start with these settings.

    Each of the `problems` is a line for a person: the variable, what is wrong, and what to do. No
    line repeats a value.
    """

    def __init__(self, problems: Iterable[str]) -> None:
        self.problems = tuple(problems)
        super().__init__("; ".join(self.problems))


class SqliteUrl(NamedTuple):
    """`sqlite:///FILE`: the ledger is in this file."""

    path: Path


class FirestoreUrl(NamedTuple):
    """`firestore:?project=P&database=D`: the ledger is in this database.

    Without `project` it is the function's own, without `database` the project's default database.
    """

    project: str | None
    database: str | None


class PostgresqlUrl(NamedTuple):
    """`postgresql://USER@HOST:PORT/DATABASE`: the ledger is in this database.

    `sslmode` is `verify-full`, `verify-ca`, `require` or `disable`, with the meaning that it has
    for `psql`. `authorities` is the PEM file of `sslrootcert`; None means those of the machine.
    """

    user: str
    host: str
    port: int
    database: str
    sslmode: str = "verify-full"
    authorities: str | None = None


LedgerUrl = Literal["memory:"] | SqliteUrl | FirestoreUrl | PostgresqlUrl

_GOOGLE_ID = re.compile(r"[A-Za-z0-9.:_-]{1,128}|\(default\)")  # of a project or a database
_FIRESTORE = re.compile(r"firestore:(?:\?([^&=]+=[^&=]+(?:&[^&=]+=[^&=]+)*))?")


def _ledger_url(text: str) -> LedgerUrl:
    if text == "memory:":
        return "memory:"
    if text == "sqlite:///:memory:":
        raise PydanticCustomError(
            "ledger_url", "sqlite:///:memory: is not a file: name a file, or write memory:"
        )
    if found := re.fullmatch("sqlite:///(.+)", text):
        return SqliteUrl(Path(found[1]))
    if found := _FIRESTORE.fullmatch(text):
        return _firestore_url(parse_qs(found[1] or "", keep_blank_values=True))
    if text.startswith(("postgresql://", "postgres://")):
        return _postgresql_url(text)
    raise PydanticCustomError(
        "ledger_url",
        "must be memory:, sqlite:///FILE, firestore:?project=P&database=D "
        "or postgresql://USER@HOST:PORT/DATABASE",
    )


_TLS_MODES = ("verify-full", "verify-ca", "require", "disable")


def _postgresql_url(text: str) -> PostgresqlUrl:
    found = urlsplit(text)
    try:
        port, options = found.port or 5432, parse_qs(found.query, strict_parsing=bool(found.query))
    except ValueError:
        raise _bad_postgresql_url() from None
    if found.password is not None:
        raise PydanticCustomError(
            "ledger_url",
            "postgresql: must not hold the password: put it into the secret LEDGER_PASSWORD",
        )
    if not options.keys() <= {"sslmode", "sslrootcert"} or any(
        len(v) > 1 for v in options.values()
    ):
        raise PydanticCustomError(
            "ledger_url",
            "postgresql: has the options sslmode and sslrootcert, each at most once",
        )
    mode = options.get("sslmode", ["verify-full"])[0]
    if mode not in _TLS_MODES:
        raise PydanticCustomError(
            "ledger_url", "the sslmode of postgresql: must be " + ", ".join(_TLS_MODES)
        )
    user, database = unquote(found.username or ""), unquote(found.path.removeprefix("/"))
    if not (user and found.hostname and database) or found.fragment:
        raise _bad_postgresql_url()
    authorities = options.get("sslrootcert", [None])[0]
    return PostgresqlUrl(user, found.hostname, port, database, mode, authorities)


def _bad_postgresql_url() -> PydanticCustomError:
    return PydanticCustomError(
        "ledger_url", "postgresql: must be written postgresql://USER@HOST:PORT/DATABASE?sslmode=M"
    )


def _firestore_url(options: dict[str, list[str]]) -> FirestoreUrl:
    if not options.keys() <= {"project", "database"} or any(len(v) > 1 for v in options.values()):
        raise PydanticCustomError(
            "ledger_url", "firestore: has the options project and database, each at most once"
        )
    found = {name: values[0].strip() for name, values in options.items()}
    if not all(_GOOGLE_ID.fullmatch(value) for value in found.values()):
        raise PydanticCustomError(
            "ledger_url", "the project and the database of firestore: must be ids of Google Cloud"
        )
    return FirestoreUrl(found.get("project"), found.get("database"))


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


class BlastRate(NamedTuple):
    """`500/h`: so many events in each period of so many seconds."""

    most: int
    seconds: float


_PERIODS = {"m": 60.0, "h": 3600.0, "d": 86400.0}


def _blast_rate(text: object) -> object:
    found = re.fullmatch("([1-9][0-9]{0,8})/([mhd])", text) if isinstance(text, str) else None
    if found:
        return BlastRate(int(found[1]), _PERIODS[found[2]])
    if text is None:
        return None
    raise PydanticCustomError("blast", "must be a number and a period (m, h or d), such as 500/h")


def _whole(text: object) -> object:
    """Refuse `2.0`, which pydantic reads as an integer and the Functions Framework does not."""
    if isinstance(text, str) and not text.isdecimal():
        raise PydanticCustomError("whole", "must be a whole number above 0, such as 2")
    return text


def _spelled(pattern: str, wanted: str) -> AfterValidator:
    """Check the spelling of a text; `wanted` says in an error what it must be."""

    def check(text: str) -> str:
        if not re.fullmatch(pattern, text):
            raise PydanticCustomError("spelling", "must be {wanted}", {"wanted": wanted})
        return text

    return AfterValidator(check)


Topic = Annotated[str, _spelled(r"projects/[^/\s]+/topics/[^/\s]+", "projects/P/topics/T")]
Email = Annotated[str, _spelled(r"[^@\s]+@[^@\s]+", "an e-mail address")]
WebUrl = Annotated[str, _spelled(r"https?://[^\s/?#@]+(/\S*)?", "a URL such as https://host/path")]


class Settings(BaseModel):
    """The function's own settings. Each field is the environment variable of the same name."""

    model_config = ConfigDict(frozen=True, hide_input_in_errors=True, allow_inf_nan=False)

    MAPPING_FILE: Path = Path("mappings/wtl-hlr-hss.yaml")
    """The mapping file to serve, relative to the function's directory."""

    SHADOW_MAPPING_FILE: Path | None = None
    """A mapping file that plans beside `MAPPING_FILE` on live events and sends nothing. The log
    says what it would do otherwise."""

    LOG_LEVEL: Literal["DEBUG", "INFO", "WARNING", "ERROR"] = "INFO"
    """The lowest severity that is logged. The record of an accepted event is INFO."""

    LEDGER_URL: Annotated[LedgerUrl, PlainValidator(_ledger_url)] = "memory:"
    """Where the ledger keeps what was applied. `memory:` is for one instance and is lost when it
    stops. `sqlite:///path` (`sqlite:////path` for an absolute path) is for one machine.
    `firestore:`, with or without `?project=P&database=D`, and `postgresql://USER@HOST:PORT/DATABASE`
    are for any number of instances."""

    KEEP_STATE: bool = False
    """Whether the ledger keeps the last event that was applied to each subject, encrypted with a
    key made of HASH_KEY. `connector audit` computes from it what the external system should hold.
    It needs a ledger that lasts."""

    BLAST_LIMIT: Annotated[BlastRate | None, BeforeValidator(_blast_rate)] = None
    """How many events in a period may take service away (release, remove or bar a subscriber), such
    as `500/h`; the period is `m`, `h` or `d`. More are answered 503 until a person allows them."""

    SECRETS: Annotated[SecretsSource, PlainValidator(_secrets_source)] = "env"
    """Where secrets are read from: `env` is the environment; `file:DIR` is a directory with a file
    for each secret, as containers have it; `gcp` is Google Secret Manager, and `gcp:PREFIX` the
    same with a prefix before each secret's name."""

    SECRETS_REFRESH: Annotated[float, Field(gt=0)] = 300
    """Seconds between two readings of the secrets in the background. `env` is read only once."""

    INGRESS: Literal["direct", "publish"] = "direct"
    """What the function does with an event that NSPS posts. `direct` applies it and answers with
    the result. `publish` puts it on PUBSUB_TOPIC, from which it comes back to `/pubsub`."""

    PUBSUB_TOPIC: Topic | None = None
    """The topic for `INGRESS=publish`, as `projects/P/topics/T`."""

    PUBSUB_DEAD_LETTER_TOPIC: Topic | None = None
    """The topic for messages that can never succeed, as `projects/P/topics/T`. Without it, such a
    message is not acknowledged, until the subscription's own dead-letter policy takes it."""

    PUBSUB_SERVICE_ACCOUNT: Email | None = None
    """The e-mail address of the service account that signs the push requests to `/pubsub`. Without
    it, `/pubsub` takes no push requests."""

    PUBSUB_AUDIENCE: str | None = None
    """The audience of the OIDC tokens of push requests, as the push subscription names it."""

    OIDC_CERTS_URL: WebUrl = "https://www.googleapis.com/oauth2/v1/certs"
    """The URL of the public certificates that verify the signature of push requests."""

    EVENT_BUDGET: Annotated[float, Field(gt=0, le=3600)] = 50
    """Seconds that one event may take, including all waiting and all calls. It must be less than
    the function's own timeout (60 s by default), so that NSPS always gets an answer."""

    MAX_BODY_BYTES: Annotated[int, Field(gt=0)] = 10_000_000
    """Bytes of the largest event that is read; a larger one is refused with 413. NSPS sends up to
    1 MB."""

    WORKERS: Annotated[int, Field(gt=0), BeforeValidator(_whole)] = 1
    """Worker processes that serve. The Functions Framework reads it. `LEDGER_URL=memory:` needs
    exactly one, because each worker would have a ledger of its own."""

    REPLICA: Annotated[int, Field(gt=0), BeforeValidator(_whole)] | None = None
    """The number of this replica among those that serve the same events, beginning with 1. A stack
    file of Docker Swarm sets it to `{{.Task.Slot}}`. The second one does not start if the ledger is
    in memory or in SQLite, because replicas on other machines would not see it."""

    SOURCE_HASH: Annotated[str, _spelled("[0-9A-Za-z._-]{1,64}", "up to 64 letters")] | None = None
    """The hash or version of the deployed source. Each line of the log and the answer to `/health`
    have it, so that an old revision that still serves is found. Terraform sets it."""

    K_SERVICE: str | None = None
    """The name of the service. Cloud Run sets it, so with it this is a deployment, where a short
    token is refused."""

    GOOGLE_CLOUD_PROJECT: str | None = None
    """The id of the Google Cloud project. With it, log lines point to their trace. Google's
    libraries find the project themselves if it is not set."""

    PUBSUB_EMULATOR_HOST: str | None = None
    """`host:port` of Google's Pub/Sub emulator; for trials and tests."""

    SECRET_MANAGER_EMULATOR_HOST: str | None = None
    """`host:port` of a server that speaks Secret Manager's protocol; for trials and tests."""

    @property
    def publishes(self) -> bool:
        """Whether the function publishes messages, and so needs a Pub/Sub client."""
        return self.INGRESS == "publish" or self.PUBSUB_DEAD_LETTER_TOPIC is not None

    @property
    def shares_ledger(self) -> bool:
        """Whether instances on several machines can share the ledger."""
        return isinstance(self.LEDGER_URL, FirestoreUrl | PostgresqlUrl)

    @model_validator(mode="after")
    def _fits_together(self) -> "Settings":
        if self.INGRESS == "publish" and not self.PUBSUB_TOPIC:
            raise PydanticCustomError("topic", "PUBSUB_TOPIC: is required with INGRESS=publish")
        if self.PUBSUB_SERVICE_ACCOUNT and not self.PUBSUB_AUDIENCE:
            raise PydanticCustomError(
                "audience", "PUBSUB_AUDIENCE: is required with PUBSUB_SERVICE_ACCOUNT"
            )
        if self.LEDGER_URL == "memory:" and self.KEEP_STATE:
            raise PydanticCustomError(
                "keep_state",
                "KEEP_STATE: needs a ledger that lasts: name one in LEDGER_URL (sqlite:///FILE, "
                "firestore:)",
            )
        if self.LEDGER_URL == "memory:" and self.WORKERS > 1:
            raise PydanticCustomError(
                "workers",
                "WORKERS: must be 1 with LEDGER_URL=memory:, or each event is applied once by "
                "each worker: name a ledger that workers share (sqlite:///FILE, firestore:, "
                "postgresql:)",
            )
        if self.REPLICA and self.REPLICA > 1 and not self.shares_ledger:
            raise PydanticCustomError(
                "replica",
                "REPLICA: must be 1 with a ledger in memory or in SQLite, or each event is applied "
                "once by each replica: run one replica, or name a ledger that replicas share "
                "(postgresql:, firestore:)",
            )
        return self


def read(environ: Mapping[str, str]) -> Settings:
    """Read the settings from the environment; an empty variable counts as not set.

    Raises:
        BadSettings: names all variables that are missing or wrong.
    """
    given: dict[str, Any] = {
        name: environ[name].strip()
        for name in Settings.model_fields
        if environ.get(name, "").strip()
    }
    problems = []
    for name in [name for name, value in given.items() if not _is_utf_8(value)]:
        problems.append(f"{name}: is not UTF-8 text")
        del given[name]
    try:
        settings = Settings.model_validate(given)
    except ValidationError as error:
        problems += [_problem(dict(item)) for item in error.errors()]
    if problems:
        raise BadSettings(problems)
    return settings


def _is_utf_8(text: str) -> bool:
    """False for the surrogates that stand for other bytes in an environment variable."""
    return text.encode(errors="replace").decode() == text


def _problem(item: dict[str, Any]) -> str:
    if not item["loc"]:
        return str(item["msg"])
    return f"{item['loc'][0]}: {item['msg']}"
