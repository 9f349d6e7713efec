"""The start of the function: which settings it needs, and its message if they are wrong."""

import asyncio
import contextlib
import json
import os
import pty
import re
from collections.abc import Callable
from datetime import datetime
from itertools import count
from pathlib import Path

import pytest

from connector.ledger.key_check import has_key
from connector.ledger.records import LedgerUnavailable
from connector.ledger.sealed import WrongKey, sealing_key, unseal
from connector.ledger.sqlite import SqliteLedger
from connector.pipeline import hash_key
from connector.settings import BadSettings
from connector.startup import start as begin
from tests.support import ROOT
from tests.support.answers import ACCEPTED
from tests.support.events import event, subscriber
from tests.support.function import Function, environment
from tests.support.scripted import Scripted, ScriptedServer

Start = Callable[..., Function]
WTL = (ROOT / "mappings" / "wtl-hlr-hss.yaml").read_text()
UPDATED = "name: a subscriber changed\n    on: SIM/Updated"
# By setting: wrong values, each with a part of the message. Each start tries one of each setting.
WRONG: dict[str, list[tuple[str | None, str]]] = {
    "API_TOKEN": [
        (None, "is required"),
        ("", "is required"),
        (" ", "is required"),
        (",", "none of them empty"),
        ("a,,b", "none of them empty"),
        ("a, ", "none of them empty"),
    ],
    "LOG_LEVEL": [("LOUD", "'DEBUG', 'INFO', 'WARNING' or 'ERROR'"), ("10", "'INFO'")],
    "LEDGER_URL": [("redis://host", "memory:"), ("memory", "memory:"), ("sqlite:", "sqlite:///")],
    "SECRETS": [("vault", "must be env"), ("ENV", "must be env")],
    "EVENT_BUDGET": [("soon", "valid number"), ("0", "greater than 0"), ("nan", "Input should be")],
    "MAX_BODY_BYTES": [("10MB", "valid integer"), ("0", "greater than 0")],
    "WTL_API_URL": [
        (None, "is required"),
        ("", "is required"),
        ("hlr.example/wtl", "must be a URL"),
        ("ftp://hlr.example", "must be a URL"),
        ("https://user:pass@hlr.example", "must be a URL"),
    ],
    "WTL_API_TOKEN": [(None, "is required"), ("", "is required")],
    "WTL_DEFAULT_CS_PROFILE": [("1 profile", "must match"), ("profil\u00e9", "must match")],
    "WTL_DEFAULT_EPS_PROFILE": [("profile,profile", "must match"), ("-x", "must match")],
    "WTL_HTTP_REQUESTS_TIMEOUT": [
        ("30s", "must be a number"),
        ("-1", "must be a number"),
        ("nan", "must be a number"),
    ],
    "WTL_IMSI_REGEXP": [("^(00101", "must be a regular expression")],
}
ROUNDS = [
    {name: values[number] for name, values in WRONG.items() if number < len(values)}
    for number in range(max(map(len, WRONG.values())))
]
Refused = Callable[..., list[str]]


class Terminal:
    """A pseudo-terminal; what is written to `descriptor` can be read from it."""

    def __init__(self) -> None:
        self._ours, self.descriptor = pty.openpty()

    def text(self) -> str:
        """All that was written; call it when the writing process has ended."""
        os.close(self.descriptor)
        found = b""
        with contextlib.suppress(OSError):  # Linux's way to say that nobody else has it open
            while read := os.read(self._ours, 65536):
                found += read
        os.close(self._ours)
        return found.decode()


@pytest.fixture
def refused(tmp_path: Path) -> Refused:
    """Start a function at a terminal that must refuse to start; return the problems that it names.

    The log names them in its one line, the terminal below the first line of the message.
    """

    def begin(**variables: str | None) -> list[str]:
        env: dict[str, str | None] = {**environment("http://127.0.0.1:9"), **variables}
        given = {name: value for name, value in env.items() if value is not None}
        terminal = Terminal()
        function = Function(tmp_path / "log", given, stderr=terminal.descriptor)
        function.client.close()
        assert function.process.wait(30) not in (0, None)
        first, *lines = terminal.text().splitlines()
        assert first == "The connector cannot start:"
        (logged,) = function.lines()
        assert logged["severity"] == "CRITICAL"
        assert logged["message"] == "the connector cannot start"
        assert logged["problems"] == [line.strip() for line in lines]
        return [line.strip() for line in lines]

    return begin


@pytest.mark.parametrize("fault", ["API_TOKEN", "MAPPING_FILE"])
@pytest.mark.parametrize("google", [False, True])
def test_without_a_terminal_a_refused_start_writes_one_structured_line(
    tmp_path: Path, fault: str, google: bool
) -> None:
    """Cloud Logging makes an entry of every line of standard output and standard error."""
    env = environment("http://127.0.0.1:9", **{fault: ""})
    if fault == "MAPPING_FILE":
        (tmp_path / "bad.yaml").write_text(WTL.replace("summary:", "sumary:", 1))
        env[fault] = str(tmp_path / "bad.yaml")
    if google:
        env["LOG_EXECUTION_ID"] = "true"
    function = Function(tmp_path / "log", env)
    function.client.close()
    assert function.process.wait(30) == 1
    (text,) = function.output().splitlines()
    line = json.loads(text)
    assert datetime.fromisoformat(line.pop("time")).utcoffset() is not None
    problems = line.pop("problems")
    assert line == {"severity": "CRITICAL", "message": "the connector cannot start"}
    assert any(fault in problem or "bad.yaml:3:1: error" in problem for problem in problems)


@pytest.mark.parametrize("wrong", ROUNDS, ids=lambda wrong: f"{len(wrong)} settings")
def test_missing_and_wrong_settings_stop_the_start_and_all_are_listed(
    refused: Refused, wrong: dict[str, tuple[str | None, str]]
) -> None:
    lines = refused(**{name: value for name, (value, _) in wrong.items()})
    assert {line.partition(":")[0] for line in lines} == set(wrong)
    assert len(lines) == len(wrong)
    for line in lines:
        assert wrong[line.partition(":")[0]][1] in line


def test_a_timeout_of_zero_stops_the_start(refused: Refused) -> None:
    (line,) = refused(WTL_HTTP_REQUESTS_TIMEOUT="0")
    assert "above zero" in line


def test_no_message_repeats_a_value(refused: Refused) -> None:
    """Somebody may have put a token into the wrong variable."""
    secret = "hunter2,,"
    names = "API_TOKEN LOG_LEVEL LEDGER_URL SECRETS EVENT_BUDGET MAX_BODY_BYTES WTL_API_URL"
    names += " WTL_DEFAULT_CS_PROFILE WTL_DEFAULT_EPS_PROFILE WTL_HTTP_REQUESTS_TIMEOUT"
    lines = refused(**dict.fromkeys(names.split(), secret), WTL_IMSI_REGEXP="(hunter2")
    assert len(lines) == 11
    assert "hunter2" not in str(lines)
    assert environment("")["WTL_API_TOKEN"] not in str(lines)


def test_a_missing_mapping_file_stops_the_start(refused: Refused) -> None:
    (line,) = refused(MAPPING_FILE="mappings/none.yaml")
    assert line.startswith("mappings/none.yaml:1:1: error: cannot read")


@pytest.mark.parametrize(
    ("old", "new", "lint", "told"),
    [
        ("summary:", "sumary:", "unknown-key", "did you mean `summary`?"),
        ("    on: SIM/Updated", "\ton: SIM/Updated", "yaml", "not YAML"),
        ("{{ sim.imsi }}", "{{ sim.imis }}", "unknown-field", "did you mean `imsi`?"),
        ("when: not sim or", "when: not sin or", "unknown-name", "did you mean `sim`?"),
        ("timeout: =settings.timeout", "timeout: =settings.time", "unknown-field", "`timeout`"),
        ("='serviceGranted' if", "='serviceGranted if", "value", "`values.status`"),
        (UPDATED, UPDATED.replace("Updated", "Created"), "unreachable-rule", "never reached"),
    ],
)
def test_an_error_in_the_mapping_stops_the_start_and_has_its_place(
    refused: Refused, tmp_path: Path, *, old: str, new: str, lint: str, told: str
) -> None:
    assert old in WTL
    file = tmp_path / "mapping.yaml"
    file.write_text(WTL.replace(old, new, 1))
    number = WTL[: WTL.index(old)].count("\n") + 1
    lines = refused(MAPPING_FILE=str(file))
    assert all(re.match(re.escape(str(file)) + r":\d+:\d+: error: ", line) for line in lines)
    (found,) = (line for line in lines if f":{number}:" in line)
    assert told in found
    assert found.endswith(f"[{lint}]")


def test_a_ledger_file_that_is_no_database_stops_the_start(
    refused: Refused, tmp_path: Path
) -> None:
    """tests/ledger/test_sqlite_file.py has the other files that cannot work."""
    (tmp_path / "ledger").write_text("something else")
    lines = refused(LEDGER_URL=f"sqlite:///{tmp_path}/ledger", HASH_KEY="key")
    assert lines == [
        f"LEDGER_URL: {tmp_path}/ledger is not a SQLite database: name another file, or move this "
        "one away"
    ]


@pytest.mark.parametrize(
    ("variables", "told"),
    [
        ({"WORKERS": "2"}, "WORKERS: must be 1 with LEDGER_URL=memory:"),
        ({"WORKERS": "0"}, "WORKERS: Input should be greater than 0"),
        *(
            ({"WORKERS": value}, "WORKERS: must be a whole number above 0")
            for value in ("two", "2.0", "1e1", "-1")
        ),
        ({"PUBSUB_TOPIC": "projects/p/topics/\udcff"}, "PUBSUB_TOPIC: is not UTF-8 text"),
        ({"OIDC_CERTS_URL": "https://\udcff"}, "OIDC_CERTS_URL: is not UTF-8 text"),
        ({"LEDGER_URL": f"sqlite:////{'x' * 300}", "HASH_KEY": "k"}, "File name too long: name"),
        ({"LEDGER_URL": f"sqlite:////{'x' * 300}/y", "HASH_KEY": "k"}, "File name too long: name"),
        ({"SECRETS": f"file:/{'x' * 300}"}, "cannot be read: File name too long"),
        ({"LEDGER_URL": "sqlite:///ledger"}, "HASH_KEY: is required"),
        ({"LEDGER_URL": "firestore:?projekt=p"}, "has the options project and database"),
        ({"SECRETS": "file:/no/such/directory"}, "there is no directory /no/such/directory"),
        ({"API_TOKEN": "\ufefftoken-of-nsps"}, "API_TOKEN: has a byte order mark"),
        ({"API_TOKEN": "good-token, to ken"}, "API_TOKEN: has a character that a bearer token"),
        ({"API_TOKEN": "short", "K_SERVICE": "hlr"}, "API_TOKEN: a token has less than 16"),
        ({"API_TOKEN": "a-long-enough-token,old", "K_SERVICE": "x"}, "a token has less than 16"),
        ({"HASH_KEY": "a\tkey"}, "HASH_KEY: has a control character"),
        ({"HASH_KEY": "\ufeffkey"}, "HASH_KEY: has a byte order mark"),
        ({"HASH_KEY": "\udcff"}, "HASH_KEY: has a control character or is not UTF-8"),
        ({"WTL_API_TOKEN": "to\nken"}, "WTL_API_TOKEN: must not have control characters"),
        ({"WTL_API_TOKEN": "\ufefftoken"}, "or a byte order mark (BOM): write one line of UTF-8"),
        ({"WTL_API_TOKEN": "t\xf6ken"}, "system.http.auth: the bearer token is missing or has"),
    ],
    ids=lambda given: repr(given)[:60],
)
def test_what_cannot_serve_does_not_start(variables: dict[str, str], told: str) -> None:
    with pytest.raises(BadSettings) as refused:
        begin({**environment("http://127.0.0.1:9"), **variables})
    (problem,) = refused.value.problems
    assert told in problem
    secrets = {"API_TOKEN", "HASH_KEY", "WTL_API_TOKEN"} & variables.keys()
    assert not [name for name in secrets if variables[name] in problem]


@pytest.mark.parametrize(
    ("variables", "told"),
    [
        ({"HTTP_PROXY": "ftp://x", "WORKERS": "2"}, "HTTP_PROXY must be a URL"),
        ({"PUBSUB_DEAD_LETTER_TOPIC": "projects/p/topics/t"}, "Pub/Sub needs credentials"),
    ],
    ids=["two workers", "a client of Google"],
)
def test_a_start_that_fails_in_the_worker_looks_like_any_other(
    tmp_path: Path, variables: dict[str, str], told: str
) -> None:
    ledger = {"LEDGER_URL": f"sqlite:///{tmp_path}/ledger", "HASH_KEY": "a-long-enough-key"}
    google = {"GOOGLE_APPLICATION_CREDENTIALS": "missing.json", "GOOGLE_CLOUD_PROJECT": "p"}
    env = {**environment("http://127.0.0.1:9"), **ledger, **google, **variables}
    function = Function(tmp_path / "log", env)
    function.client.close()
    assert function.process.wait(30) == 1
    lines = function.lines()  # of each worker that came to it
    assert 1 <= len(lines) <= int(variables.get("WORKERS", "1"))
    for line in lines:
        assert (line["severity"], line["message"]) == ("CRITICAL", "the connector cannot start")
        assert told in line["cause"]


def test_a_ledger_that_was_written_with_another_key_stops_the_start(tmp_path: Path) -> None:
    env = environment("http://127.0.0.1:9", LEDGER_URL=f"sqlite:///{tmp_path}/ledger")
    for key in ("the-key-of-the-ledger", "the-key-of-the-ledger"):
        with Function(tmp_path / "log", {**env, "HASH_KEY": key}):
            pass
    function = Function(tmp_path / "log", {**env, "HASH_KEY": "another-key-of-a-ledger"})
    function.client.close()
    assert function.process.wait(30) == 1
    (line,) = function.lines(message="the connector cannot start")
    assert "HASH_KEY: the ledger was written with another key" in line["cause"]


async def test_a_key_that_cannot_be_checked_at_the_start_is_checked_before_the_first_event(
    tmp_path: Path, system: ScriptedServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = tmp_path / "ledger"
    env = environment(system.url, LEDGER_URL=f"sqlite:///{path}", HASH_KEY="the-key-of-the-start")
    other = SqliteLedger(path, hash_key("another-key-of-a-ledger"))
    assert await has_key(other, hash_key("another-key-of-a-ledger"))
    await other.close()
    startup = await asyncio.to_thread(begin, env)
    first_note, tries = SqliteLedger.first_note, count()

    async def away(ledger: SqliteLedger, name: str, text: str) -> str:
        if not next(tries):
            raise LedgerUnavailable
        return await first_note(ledger, name, text)

    monkeypatch.setattr(SqliteLedger, "first_note", away)
    async with startup.serve() as pipeline:
        result = await pipeline.handle(json.dumps(event()).encode())
    assert "HASH_KEY" in (result.cause or "")
    assert system.requests == []


async def test_a_ledger_with_keep_state_holds_the_last_event_encrypted(
    tmp_path: Path, system: ScriptedServer
) -> None:
    key, path = "the-key-of-the-ledger", tmp_path / "ledger"
    url = f"sqlite:///{path}"
    env = environment(system.url, LEDGER_URL=url, HASH_KEY=key, KEEP_STATE="true")
    posted = event(imsi=subscriber(1))
    with Function(tmp_path / "log", env) as function:
        assert function.post(posted).status_code == 202
    ledger = SqliteLedger(path, hash_key(key))
    (kept,) = await ledger.kept("", 10)
    await ledger.close()
    assert json.loads(unseal(sealing_key(key), kept.state)) == posted
    with pytest.raises(WrongKey):
        unseal(sealing_key("another"), kept.state)
    assert subscriber(1).encode() not in path.read_bytes()


@pytest.mark.parametrize("source", ["", "0123456789abcdef"])
def test_health_and_every_line_name_the_source(tmp_path: Path, source: str) -> None:
    env = environment("http://127.0.0.1:9", SOURCE_HASH=source)
    with Function(tmp_path / "log", env) as function:
        answer = function.client.get("/health").json()
    assert answer == ({"source": source} if source else {})
    assert {line.get("source", "") for line in function.lines()} == {source}


@pytest.mark.parametrize(
    ("variables", "warned"),
    [
        ({"API_TOKEN": "a-long-enough-token", "HASH_KEY": "a-long-enough-key"}, []),
        ({"API_TOKEN": "short", "HASH_KEY": "a-long-enough-key"}, ["API_TOKEN: a token has less"]),
        ({"API_TOKEN": "a-long-enough-token"}, ["HASH_KEY: is not set, so the key of the hashes"]),
        (
            {"API_TOKEN": "a-long-enough-token", "K_SERVICE": "hlr"},
            ["HASH_KEY: is not set, so the key of the hashes"],
        ),
        ({"API_TOKEN": "a-long-enough-token", "HASH_KEY": "key"}, ["HASH_KEY: has less than 16"]),
    ],
    ids=repr,
)
async def test_a_start_warns_of_weak_secrets(
    variables: dict[str, str], warned: list[str], caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level("INFO", "connector")
    startup = await asyncio.to_thread(begin, {**environment("http://127.0.0.1:9"), **variables})
    async with startup.serve():
        pass
    assert len(caplog.messages) == len(warned)
    assert all(message.startswith(it) for message, it in zip(caplog.messages, warned, strict=True))


async def test_a_rotated_secret_that_cannot_be_used_keeps_the_last_good_value(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    def write(name: str, value: bytes) -> None:
        (tmp_path / name).write_bytes(value)

    write("API_TOKEN", b"a-long-enough-token\n")
    write("HASH_KEY", b"a-long-enough-key")
    write("WTL_API_TOKEN", b"token-of-the-hlr\r\n")
    env = {**environment("http://127.0.0.1:9"), "SECRETS": f"file:{tmp_path}", "K_SERVICE": "hlr"}
    startup = await asyncio.to_thread(begin, env)
    async with startup.serve():
        for value in (
            b"short",
            b"next-long-enough-token,",
            b"\xef\xbb\xbfnext-long-enough",
            b"",
            b"\xff",
        ):
            write("API_TOKEN", value)
            write("WTL_API_TOKEN", "t\xf6ken".encode())
            for _ in range(2):
                await startup.secrets.load()
            assert startup.tokens == ("a-long-enough-token",)
            assert startup.values["api_token"] == "token-of-the-hlr"
        write("API_TOKEN", b"next-long-enough-token")
        await startup.secrets.load()
        assert startup.tokens == ("next-long-enough-token",)
    told = [
        (record.__dict__["fields"]["secret"], record.__dict__["fields"]["cause"])
        for record in caplog.records
    ]
    assert [name for name, _ in told].count("WTL_API_TOKEN") == 1
    assert [cause for name, cause in told if name == "API_TOKEN"] == [
        "API_TOKEN: a token has less than 16 characters: use a long random text, such as the "
        "output of `openssl rand -hex 32`",
        "API_TOKEN: must be one or several tokens, none of them empty",
        "API_TOKEN: has a byte order mark (BOM): save it as UTF-8 without one",
        "API_TOKEN is missing or empty",
        "file API_TOKEN is not UTF-8 text: save it as UTF-8",
    ]


def test_one_message_lists_problems_of_settings_and_mapping(
    refused: Refused, tmp_path: Path
) -> None:
    file = tmp_path / "mapping.yaml"
    file.write_text(WTL.replace("summary:", "sumary:", 1))
    lines = refused(MAPPING_FILE=str(file), API_TOKEN=None)
    assert any(line.startswith("API_TOKEN: ") for line in lines)
    assert any(f"{file}:3:1: error:" in line for line in lines)


def test_a_function_starts_with_only_the_required_settings(
    start: Start, system: ScriptedServer
) -> None:
    """Empty variables count as not set; some deployments leave them."""
    optional = "LOG_LEVEL LEDGER_URL SECRETS MAPPING_FILE EVENT_BUDGET HASH_KEY"
    optional += " WTL_DEFAULT_CS_PROFILE WTL_HTTP_REQUESTS_TIMEOUT WTL_IMSI_REGEXP"
    function = start(**dict.fromkeys(optional.split(), ""))
    bare = event(remove=("pb_data.access_policy_info",))
    assert function.post(bare).json() == ACCEPTED
    body = system.requests[0].json
    assert (body["cs_profile"], body["eps_profile"]) == ("default", "default")


def test_several_tokens_are_accepted(start: Start) -> None:
    function = start(API_TOKEN="first, second ,third")
    answers = [
        function.post(event(), token=token).status_code
        for token in ("first", "second", "third", "fourth", "first, second ,third")
    ]
    assert answers == [202, 202, 202, 401, 401]


def test_the_variables_of_the_reference_connector_work(
    start: Start, system: ScriptedServer
) -> None:
    function = start(
        WTL_API_URL=f"{system.url}/wtl/hlr/v1/",
        WTL_API_TOKEN="a token",
        WTL_DEFAULT_CS_PROFILE="cs-basic",
        WTL_DEFAULT_EPS_PROFILE="eps-basic",
        WTL_HTTP_REQUESTS_TIMEOUT="0.5",
        WTL_IMSI_REGEXP="^00101|^00102",
    )
    assert function.post(event(remove=("pb_data.access_policy_info",))).json() == ACCEPTED
    (request,) = system.requests
    assert request.path == "/wtl/hlr/v1/prov"
    assert request.headers["authorization"] == "Bearer a token"
    assert (request.json["cs_profile"], request.json["eps_profile"]) == ("cs-basic", "eps-basic")

    out_of_range = function.post(event(imsi="262010000000001"))
    assert out_of_range.json() == {"message": "Event ignored: IMSI is out of the configured range"}
    assert len(system.requests) == 1

    system.default = Scripted(delay=2)
    assert function.post(event()).status_code == 503


def test_another_mapping_file_is_served(
    start: Start, system: ScriptedServer, tmp_path: Path
) -> None:
    file = tmp_path / "notes.yaml"
    file.write_text("""
name: notes
summary: Notes every event.
settings:
  url: {env: NOTES_URL, type: url}
system:
  http: {base_url: =settings.url, reply: any}
rules:
  - name: any customer
    on: Customer/New
    calls:
      - post: "/notes/{{ event.event_id }}"
        idempotent: true
        json: {type: =event.event_type, customer: =variables.i_customer}
""")
    function = start(MAPPING_FILE=str(file), NOTES_URL=system.url)
    variables = {"i_customer": 5}
    note = {"event_id": "a/b c", "data": {"event_type": "Customer/New", "variables": variables}}
    assert function.post(note).json() == ACCEPTED
    (request,) = system.requests
    assert (request.method, request.path) == ("POST", "/notes/a%2Fb%20c")
    assert request.json == {"type": "Customer/New", "customer": 5}
    assert function.record(message="event settled")["connector"] == "notes"
