"""What an error of a database means. README.md of this room has the same table.

PostgreSQL has a SQLSTATE for each error. MariaDB uses few of them, so its own numbers count first.
"""

from typing import Any, NamedTuple

from connector.outcome import Outcome
from connector.system import End, Reply
from connector.systems.causes import reason_of
from connector.systems.sql.connection import Refused, Result


class Meaning(NamedTuple):
    """The outcome of an error, and its words for people."""

    outcome: Outcome
    words: str

    @property
    def ends_transaction(self) -> bool:
        """True if the whole transaction is given up, so that the event comes again."""
        return self.outcome is Outcome.UNAVAILABLE


MEANINGS = {
    "unique": Meaning(Outcome.FAILED, "another row has this value already"),
    "foreign_key": Meaning(Outcome.FAILED, "the row needs, or is needed by, another row"),
    "not_null": Meaning(Outcome.REJECTED, "a value is missing"),
    "check": Meaning(Outcome.REJECTED, "a rule of the table refuses the row"),
    "data": Meaning(Outcome.REJECTED, "a value does not fit its column"),
    "credentials": Meaning(Outcome.FAILED, "refused the connector's credentials"),
    "permission": Meaning(Outcome.FAILED, "the connector's user lacks a permission"),
    "statement": Meaning(Outcome.FAILED, "the statement does not fit the database"),
    "deadlock": Meaning(Outcome.UNAVAILABLE, "the transaction met another one"),
    "locked": Meaning(Outcome.UNAVAILABLE, "the row is locked"),
    "slow": Meaning(Outcome.UNAVAILABLE, "the statement took too long"),
    "busy": Meaning(Outcome.UNAVAILABLE, "too many connections"),
    "stopping": Meaning(Outcome.UNAVAILABLE, "the database is starting or stopping"),
    "read_only": Meaning(Outcome.UNAVAILABLE, "the database is read-only"),
    "full": Meaning(Outcome.UNAVAILABLE, "the database has no room or memory left"),
    "changed": Meaning(Outcome.UNAVAILABLE, "a table was altered"),
    "other": Meaning(Outcome.FAILED, "the statement failed"),
}
"""The kinds of errors, as `reply.error` names them."""

SQLSTATES = {
    "23505": "unique",
    "23503": "foreign_key",
    "23502": "not_null",
    "23514": "check",
    "23P01": "unique",
    "23": "check",
    "22": "data",
    "21": "data",
    "21S": "statement",
    "28": "credentials",
    "42501": "permission",
    "42": "statement",
    "3D": "statement",
    "3F": "statement",
    "40": "deadlock",
    "55P03": "locked",
    "57014": "slow",
    "53300": "busy",
    "08004": "busy",
    "57P": "stopping",
    "57": "stopping",
    "08": "stopping",
    "70100": "slow",
    "25006": "read_only",
    "25P03": "stopping",
    "53": "full",
    "54": "data",
    "58030": "full",
}
"""The kind of an error by its SQLSTATE, or by the beginning of it; the longest that fits counts."""

NUMBERS = {
    1062: "unique",
    1586: "unique",
    1451: "foreign_key",
    1452: "foreign_key",
    1216: "foreign_key",
    1217: "foreign_key",
    1048: "not_null",
    1364: "not_null",
    4025: "check",
    1264: "data",
    1265: "data",
    1292: "data",
    1366: "data",
    1406: "data",
    1045: "credentials",
    1698: "credentials",
    1044: "permission",
    1142: "permission",
    1143: "permission",
    1227: "permission",
    1370: "permission",
    1205: "locked",
    1213: "deadlock",
    1020: "deadlock",
    1040: "busy",
    1203: "busy",
    1226: "busy",
    1053: "stopping",
    1927: "stopping",
    1317: "slow",
    1969: "slow",
    1290: "read_only",
    1792: "read_only",
    1836: "read_only",
    1021: "full",
    1026: "full",
    1037: "full",
    1038: "full",
    1041: "full",
    1114: "full",
    3: "full",
    1412: "changed",
}
"""The kind of an error of MariaDB by its number."""


_WAITED = ("slow", "locked")  # the statement has waited already: sending it again does not help
Fields = dict[str, Any]


def kind_of(refused: Refused) -> str:
    """The kind of an error, a key of `MEANINGS`."""
    if refused.kind or refused.code in NUMBERS:
        return refused.kind or NUMBERS[refused.code]
    sqlstate = refused.sqlstate
    prefixes = (sqlstate[:length] for length in range(len(sqlstate), 1, -1))
    return next((SQLSTATES[prefix] for prefix in prefixes if prefix in SQLSTATES), "other")


def reply_to(refused: Refused) -> Reply:
    """The reply for an error of the database, before the mapping judges it.

    It has no values: messages of databases quote rows.
    """
    kind = kind_of(refused)
    outcome, words = MEANINGS[kind]
    number = f", error {refused.code}" if refused.code else ""
    at = f" ({refused.constraint})" if refused.constraint else ""
    cause = f"SQLSTATE {refused.sqlstate}{number}: {refused.words or words}{at}"
    reason = f"{_said(kind, words)}{at}"
    return Reply(
        outcome,
        reason,
        cause,
        end=End.PENDING if kind in _WAITED else End.ANSWERED,
        refused=kind == "credentials",
        seen=seen(error=kind, sqlstate=refused.sqlstate, constraint=refused.constraint),
    )


def seen(result: Result | None = None, verb: str | None = None, **error: str | None) -> Fields:
    """The fields of a reply, as expressions read them."""
    rows, count = result or ([], None)
    row = rows[0] if rows else None
    no_error = dict.fromkeys(("error", "sqlstate", "constraint"))
    return {"rows": rows, "row": row, "count": count, "verb": verb, **no_error, **error}


def _said(kind: str, words: str) -> str:
    if kind == "credentials":
        return "API Core refused the connector's credentials: check the secret that it uses"
    return reason_of(words)


def unavailable(cause: str, end: End) -> Reply:
    """The reply that stands for one that did not come."""
    return Reply(Outcome.UNAVAILABLE, reason_of(cause), cause, end=end)
