"""The statements of the PostgreSQL ledger; each is a transaction of its own.

`connector.ledger.postgresql` runs them, and says what the columns mean.
"""

SWEPT = 500
"""Rows that one search for expired rows deletes at most."""

# `$1` is by how many seconds the tests' clock is ahead of the server's; it is 0 otherwise.
_NOW = "at AS MATERIALIZED (SELECT clock_timestamp() + make_interval(secs => $1) AS now)"
READ = f"""
WITH {_NOW}
SELECT id, version, settled, snapshot, owner, leased_for,
       extract(epoch FROM leased_until - now)::float8 AS remaining
FROM nsps_names, at WHERE id = ANY ($2)
"""  # noqa: S608 - our own words
# Rows are locked in the order of $4, which is the same for all events.
LEASE = f"""
WITH {_NOW}
INSERT INTO nsps_names AS n
    (id, version, leased_until, leased_for, settled, snapshot, expires)
SELECT id, $2, now + make_interval(secs => $3), leased_for, FALSE, snapshot,
       now + make_interval(secs => $3) + INTERVAL '100 days'
FROM at, unnest($4::bytea[], $5::text[], $6::text[]) AS wanted (id, leased_for, snapshot)
ON CONFLICT (id) DO UPDATE SET
    version = CASE WHEN n.version = ANY ($7) THEN excluded.version END,
    leased_until = excluded.leased_until,
    leased_for = excluded.leased_for,
    snapshot = coalesce(excluded.snapshot, n.snapshot),
    expires = excluded.expires
"""  # noqa: S608 - our own words
# $2 are the ids, $3 the version of the claim, $4 the version after it. The statement may be
# repeated if its answer is lost. It changes all rows, or none.
_MINE = f"""
WITH {_NOW},
locked AS MATERIALIZED (SELECT version FROM nsps_names WHERE id = ANY ($2) ORDER BY id FOR UPDATE),
mine AS MATERIALIZED (
    SELECT count(*) = cardinality($2::bytea[]) AS held FROM locked WHERE version IN ($3, $4)
)
"""  # noqa: S608 - our own words
# $8 are the ids of the subjects whose state $10 is kept; $9 says which of them leave.
SETTLE = f"""
{_MINE},
keeping AS (
    INSERT INTO nsps_kept (id, state, expires)
    SELECT id, $10, CASE WHEN leaves THEN now + INTERVAL '100 days' END
    FROM at, mine, unnest($8::bytea[], $9::boolean[]) AS subject (id, leaves) WHERE held
    ON CONFLICT (id) DO UPDATE SET state = excluded.state, expires = excluded.expires
)
UPDATE nsps_names AS n SET
    version = $4, leased_until = NULL, leased_for = NULL, settled = said.settled,
    snapshot = said.snapshot, owner = said.owner, expires = now + INTERVAL '100 days'
FROM at, mine,
    unnest($2, $5::boolean[], $6::text[], $7::text[]) AS said (id, settled, snapshot, owner)
WHERE n.id = said.id AND held
RETURNING n.id
"""  # noqa: S608 - our own words
# A row without a record is of no use when its lease is over.
RELEASE = f"""
{_MINE}
UPDATE nsps_names AS n SET
    version = $4, leased_for = NULL, snapshot = coalesce(said.snapshot, n.snapshot),
    leased_until = CASE WHEN $6 > 0 THEN least(leased_until, now + make_interval(secs => $6)) END,
    expires = CASE WHEN $6 > 0 OR n.settled OR n.owner IS NOT NULL
                        OR coalesce(said.snapshot, n.snapshot) IS NOT NULL
                   THEN now + INTERVAL '100 days' ELSE now END
FROM at, mine, unnest($2, $5::text[]) AS said (id, snapshot)
WHERE n.id = said.id AND held
"""  # noqa: S608 - our own words
KEPT = f"""
WITH {_NOW}
SELECT id, state, extract(epoch FROM leased_until - now)::float8 AS remaining
FROM nsps_kept LEFT JOIN nsps_names USING (id), at
WHERE id > $2 ORDER BY id LIMIT $3
"""  # noqa: S608 - our own words
NOTE = "SELECT text FROM nsps_notes WHERE name = $1"
WRITE_NOTE = """
INSERT INTO nsps_notes VALUES ($1, $2) ON CONFLICT (name) DO UPDATE SET text = excluded.text
"""
FIRST_NOTE = """
INSERT INTO nsps_notes AS n VALUES ($1, $2)
ON CONFLICT (name) DO UPDATE SET text = n.text RETURNING text
"""
COUNT = f"""
WITH {_NOW}
INSERT INTO nsps_counters AS c (name, period, value)
SELECT $2, floor(extract(epoch FROM now) / $4::float8), $3 FROM at
ON CONFLICT (name) DO UPDATE SET
    value = CASE WHEN c.period = excluded.period THEN c.value ELSE 0 END + excluded.value,
    period = excluded.period
RETURNING value
"""  # noqa: S608 - our own words
SWEEP = f"""
WITH {_NOW}
DELETE FROM nsps_names WHERE id IN (
    SELECT id FROM nsps_names, at WHERE expires < now
    ORDER BY expires LIMIT {SWEPT} FOR UPDATE OF nsps_names SKIP LOCKED
) RETURNING 1
"""  # noqa: S608 - our own words
SWEEP_KEPT = f"""
WITH {_NOW}
DELETE FROM nsps_kept WHERE id IN (
    SELECT id FROM nsps_kept, at WHERE expires < now
    LIMIT {SWEPT} FOR UPDATE OF nsps_kept SKIP LOCKED
)
"""  # noqa: S608 - our own words
