"""Whether `connector check` warns of a statement in a rule that replays are applied to."""

from pathlib import Path

import pytest

from connector.mapping.load import check_text
from connector.systems.sql.repetition import repeats_harmlessly

HARMLESS = [
    "delete from t where k = :k",
    "replace into t (k, v) values (:k, :v)",
    "update t set v = :v, w = 'w + v' where v <> 1 and k = :k",
    'UPDATE s.t AS a SET "v" = coalesce(:v, b.w), (x, y) = (1, :y) FROM b WHERE a.k = :k',
    "insert into t (k, v) values (:k, :v) on conflict (k) do nothing",
    "insert into t (k, v) values (:k, :v) on conflict (k) do update set v = excluded.v",
    "insert into t (k, v) values (:k, :v) on duplicate key update v = values(v)",
    "insert into t (k, v) values (:k, :v) as new on duplicate key update v = new.v",
    "insert ignore into t (k) values (:k)",
    "insert into t (k) select :k where not exists (select 1 from t where k = :k)",
]
HARMFUL = [
    "insert into t (k, v) values (:k, :v)",
    "insert into t (k) values ('on conflict do nothing') -- on conflict do nothing",
    "insert into t (k, n) values (:k, 1) on conflict (k) do update set n = t.n + excluded.n",
    "insert into t (k, n) values (:k, 1) on duplicate key update n = n + values(n)",
    "update t set n = n + 1 where k = :k",
    'update t set v = :v, n = (select max("N") + 1 from t) where k = :k',
    "update t set a = b, b = a",
    "update t set v = :v limit 1",
    "delete from t limit 1",
    "merge into t using u on t.k = u.k when matched then update set n = 1",
    "call add_credit(:k)",
    "with d as (delete from t returning k) insert into u select k from d",
]


@pytest.mark.parametrize("text", HARMLESS)
def test_a_statement_that_sets_a_state_is_repeated_harmlessly(text: str) -> None:
    assert repeats_harmlessly(text)


@pytest.mark.parametrize("text", HARMFUL)
def test_a_statement_that_adds_something_is_not(text: str) -> None:
    assert not repeats_harmlessly(text)


MAPPING = """\
name: panel
summary: A panel with a database.
system:
  sql: {driver: postgresql, host: db, database: d, user: u, password: p}
rules:
  - name: a SIM changed
    on: SIM/Updated
    calls: [{sql: "%s"%s}]
"""


@pytest.mark.parametrize(
    ("text", "more", "warned"),
    [
        ("select v from t", "", False),
        (HARMLESS[0].replace(":k", "1"), "", False),
        ("insert into t (k) values (1)", "", True),
        ("insert into t (k) values (1)", ", accept: [unique]", False),
        ("update t set n = n + 1", ", accept: [unique]", True),
    ],
)
def test_only_a_statement_that_may_do_harm_is_warned_of(text: str, more: str, warned: bool) -> None:
    _, lints = check_text(MAPPING % (text, more), Path("panel.yaml"))
    assert ("repeated-call" in [lint.name for lint in lints]) is warned, lints
