"""The function's own settings: documentation, defaults, types and messages."""

import ast
import inspect
from itertools import pairwise
from pathlib import Path

import pytest
from pydantic import ValidationError

from connector import settings
from connector.settings import (
    BadSettings,
    FileSecrets,
    FirestoreUrl,
    GoogleSecrets,
    LedgerUrl,
    PostgresqlUrl,
    SecretsSource,
    Settings,
    SqliteUrl,
    read,
)

MARKER = "c0ffee-secret-marker"
EXAMPLE = FirestoreUrl("example.com:p", "(default)")
WRONG = {
    "LOG_LEVEL": MARKER,
    "LEDGER_URL": f"postgres://user:{MARKER}@host/",
    "SECRETS": f"vault:{MARKER}",
    "SECRETS_REFRESH": MARKER,
    "INGRESS": MARKER,
    "EVENT_BUDGET": MARKER,
    "MAX_BODY_BYTES": MARKER,
}


def problems(**environ: str) -> tuple[str, ...]:
    with pytest.raises(BadSettings) as caught:
        read(environ)
    assert str(caught.value) == "; ".join(caught.value.problems)
    return caught.value.problems


def test_every_setting_has_a_docstring_under_it() -> None:
    tree = ast.parse(inspect.getsource(settings))
    (body,) = [
        node.body
        for node in tree.body
        if isinstance(node, ast.ClassDef) and node.name == "Settings"
    ]
    described = {
        before.target.id
        for before, after in pairwise(body)
        if isinstance(before, ast.AnnAssign)
        and isinstance(before.target, ast.Name)
        and isinstance(after, ast.Expr)
        and isinstance(after.value, ast.Constant)
        and str(after.value.value).strip().endswith(".")
    }
    assert described == set(Settings.model_fields)


def test_every_setting_has_a_default() -> None:
    found = read({})
    assert found == Settings()
    assert Path("mappings/wtl-hlr-hss.yaml") == found.MAPPING_FILE
    assert (found.LOG_LEVEL, found.LEDGER_URL, found.SECRETS) == ("INFO", "memory:", "env")
    assert (found.INGRESS, found.EVENT_BUDGET, found.MAX_BODY_BYTES) == ("direct", 50, 10_000_000)


def test_settings_are_read_with_their_types() -> None:
    found = read(
        {
            "MAPPING_FILE": "/srv/mapping.yaml",
            "LOG_LEVEL": "DEBUG",
            "EVENT_BUDGET": "12.5",
            "MAX_BODY_BYTES": "1000",
            "SECRETS_REFRESH": "60",
            "PATH": "/bin",
        }
    )
    assert Path("/srv/mapping.yaml") == found.MAPPING_FILE
    assert found.LOG_LEVEL == "DEBUG"
    assert (found.EVENT_BUDGET, found.MAX_BODY_BYTES, found.SECRETS_REFRESH) == (12.5, 1000, 60)


@pytest.mark.parametrize("name", Settings.model_fields)
@pytest.mark.parametrize("empty", ["", "  "])
def test_an_empty_variable_counts_as_not_set(name: str, empty: str) -> None:
    assert read({name: empty}) == read({})


def test_blanks_around_a_value_are_removed() -> None:
    assert read({"LOG_LEVEL": " ERROR\n"}).LOG_LEVEL == "ERROR"


@pytest.mark.parametrize(
    ("url", "parsed"),
    [
        ("memory:", "memory:"),
        ("sqlite:///state.db", SqliteUrl(Path("state.db"))),
        ("sqlite:////srv/state.db", SqliteUrl(Path("/srv/state.db"))),
        ("sqlite:///a:b?c=d", SqliteUrl(Path("a:b?c=d"))),
        ("firestore:", FirestoreUrl(None, None)),
        ("firestore:?project=p", FirestoreUrl("p", None)),
        ("firestore:?database=d", FirestoreUrl(None, "d")),
        ("firestore:?project=p&database=d", FirestoreUrl("p", "d")),
        ("firestore:?database=d&project=p", FirestoreUrl("p", "d")),
        ("firestore:?project=example.com%3Ap&database=(default)", EXAMPLE),
        ("postgresql://u@db/nsps", PostgresqlUrl("u", "db", 5432, "nsps", "verify-full", None)),
        ("postgres://u@db:6432/n?sslmode=disable", PostgresqlUrl("u", "db", 6432, "n", "disable")),
        (
            "postgresql://a%40b@[::1]:5433/my%20db?sslmode=verify-ca&sslrootcert=/ca.pem",
            PostgresqlUrl("a@b", "::1", 5433, "my db", "verify-ca", "/ca.pem"),
        ),
    ],
)
def test_a_ledger_is_chosen_by_its_url(url: str, parsed: LedgerUrl) -> None:
    found = read({"LEDGER_URL": url}).LEDGER_URL
    assert type(found) is type(parsed)
    assert found == parsed


@pytest.mark.parametrize(
    "url",
    [
        "memory",
        "memory:x",
        "sqlite:",
        "sqlite:///",
        "sqlite://host/path",
        "firestore:p",
        "firestore:?",
        "firestore:?project",
        "firestore:?project=",
        "firestore:?project=p&",
        "redis://host",
        "x",
    ],
)
def test_an_unknown_ledger_url_is_refused(url: str) -> None:
    (told,) = problems(LEDGER_URL=url)
    assert told == (
        "LEDGER_URL: must be memory:, sqlite:///FILE, firestore:?project=P&database=D "
        "or postgresql://USER@HOST:PORT/DATABASE"
    )


@pytest.mark.parametrize(
    ("url", "told"),
    [
        ("postgresql://db/nsps", "must be written postgresql://USER@HOST:PORT/DATABASE"),
        ("postgresql://u@/nsps", "must be written"),
        ("postgresql://u@db", "must be written"),
        ("postgresql://u@db/", "must be written"),
        ("postgresql://u@db:x/nsps", "must be written"),
        ("postgresql://u@db:99999/nsps", "must be written"),
        ("postgresql://u@db/nsps?sslmode", "must be written"),
        ("postgresql://u@db/nsps#x", "must be written"),
        ("postgresql://u:s3cret@db/nsps", "put it into the secret LEDGER_PASSWORD"),
        ("postgresql://u:@db/nsps", "put it into the secret LEDGER_PASSWORD"),
        ("postgresql://u@db/nsps?password=s3cret", "has the options sslmode and sslrootcert"),
        ("postgresql://u@db/nsps?sslmode=require&sslmode=disable", "each at most once"),
        ("postgresql://u@db/nsps?sslmode=prefer", "must be verify-full, verify-ca, require"),
    ],
)
def test_a_wrong_url_of_postgresql_is_refused_without_its_values(url: str, told: str) -> None:
    (found,) = problems(LEDGER_URL=url)
    assert found.startswith("LEDGER_URL: ")
    assert told in found
    assert "s3cret" not in found


@pytest.mark.parametrize(
    ("url", "shared"),
    [
        ("memory:", False),
        ("sqlite:///state.db", False),
        ("firestore:", True),
        ("postgresql://u@db/nsps", True),
    ],
)
def test_a_second_replica_needs_a_ledger_that_replicas_share(url: str, shared: bool) -> None:
    assert read({"LEDGER_URL": url, "REPLICA": "1"}).shares_ledger == shared
    if shared:
        assert read({"LEDGER_URL": url, "REPLICA": "2"}).REPLICA == 2
    else:
        (told,) = problems(LEDGER_URL=url, REPLICA="2")
        assert told.startswith("REPLICA: must be 1 with a ledger in memory or in SQLite")


@pytest.mark.parametrize(
    ("source", "parsed"),
    [
        ("env", "env"),
        ("file:/run/secrets", FileSecrets(Path("/run/secrets"))),
        ("file:secrets:here", FileSecrets(Path("secrets:here"))),
        ("gcp", GoogleSecrets("")),
        ("gcp:", GoogleSecrets("")),
        ("gcp:hlr-", GoogleSecrets("hlr-")),
    ],
)
def test_secrets_are_read_from_where_the_setting_says(source: str, parsed: SecretsSource) -> None:
    found = read({"SECRETS": source}).SECRETS
    assert type(found) is type(parsed)
    assert found == parsed


@pytest.mark.parametrize("source", ["env:", "file", "file:", "gcp:a/b", "ENV", "vault"])
def test_an_unknown_source_of_secrets_is_refused(source: str) -> None:
    assert problems(SECRETS=source) == ("SECRETS: must be env, file:DIR, gcp or gcp:PREFIX",)


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("EVENT_BUDGET", "0"),
        ("EVENT_BUDGET", "-1"),
        ("EVENT_BUDGET", "3601"),
        ("EVENT_BUDGET", "nan"),
        ("EVENT_BUDGET", "inf"),
        ("MAX_BODY_BYTES", "0"),
        ("MAX_BODY_BYTES", "1.5"),
        ("MAX_BODY_BYTES", "10 MB"),
        ("SECRETS_REFRESH", "0"),
        ("SECRETS_REFRESH", "nan"),
        ("SECRETS_REFRESH", "inf"),
        ("LOG_LEVEL", "info"),
        ("INGRESS", "both"),
    ],
)
def test_a_value_out_of_its_bounds_is_refused(name: str, value: str) -> None:
    (told,) = problems(**{name: value})
    assert told.startswith(f"{name}: ")


def test_one_message_names_all_variables_that_are_wrong() -> None:
    assert {told.partition(":")[0] for told in problems(**WRONG)} == set(WRONG)


def test_no_message_repeats_a_value() -> None:
    assert MARKER not in "".join(problems(**WRONG))


def test_publishing_needs_a_topic() -> None:
    told = "PUBSUB_TOPIC: is required with INGRESS=publish"
    assert problems(INGRESS="publish") == (told,)
    assert read({"INGRESS": "publish", "PUBSUB_TOPIC": "projects/p/topics/t"}).publishes


def test_a_push_subscription_needs_an_audience() -> None:
    account = "push@project.iam.gserviceaccount.com"
    told = "PUBSUB_AUDIENCE: is required with PUBSUB_SERVICE_ACCOUNT"
    assert problems(PUBSUB_SERVICE_ACCOUNT=account) == (told,)
    both = {"PUBSUB_SERVICE_ACCOUNT": account, "PUBSUB_AUDIENCE": "https://function"}
    assert read(both).PUBSUB_AUDIENCE == "https://function"


def test_a_function_with_a_dead_letter_topic_publishes() -> None:
    assert read({"PUBSUB_DEAD_LETTER_TOPIC": "projects/p/topics/d"}).publishes
    assert not read({}).publishes


def test_settings_do_not_change_after_they_are_read() -> None:
    found = read({})
    with pytest.raises(ValidationError, match="frozen"):
        found.LOG_LEVEL = "DEBUG"  # type: ignore[misc]
