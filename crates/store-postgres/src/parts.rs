//! The parts of the statement that commits. A `?` is a parameter.
//!
//! Every part sees the database as it was when the statement began, so order is made by who reads from whom: what
//! refuses (`taken`), then the UPDATE that compares versions (`moved`), then who has won (`ok`), and only from there all
//! that is inserted and deleted. A step that lost leaves no row.
//!
//! Rows are found one by one, by index, which `LATERAL` and `OFFSET 0` say to the planner: a plan is kept for long, and
//! one made while a table looked nearly empty would otherwise read all of it. Found rows are changed by their place
//! (`ctid`). Whoever changed one meanwhile has given it another place, another version or another attempt; then it is not
//! changed here.

/// Names that are wanted, and who has them.
pub(crate) const LEGS: &str = "leg (n, id, provider, leg, lock, call) AS MATERIALIZED (
    SELECT l.n, l.id, l.provider, l.leg, l.lock, has.call
    FROM unnest(?::int4[], ?::uuid[], ?::text[], ?::text[], ?::int8[]) AS l (n, id, provider, leg, lock)
    LEFT JOIN LATERAL (
        SELECT legs.call FROM legs WHERE legs.provider = l.provider AND legs.leg = l.leg OFFSET 0) AS has ON true)";
pub(crate) const KEYS: &str = "key (n, id, key, digest, call) AS MATERIALIZED (
    SELECT k.n, k.id, k.key, k.digest, has.call
    FROM unnest(?::int4[], ?::uuid[], ?::text[], ?::text[]) AS k (n, id, key, digest)
    LEFT JOIN LATERAL (SELECT keys.call FROM keys WHERE keys.key = k.key OFFSET 0) AS has ON true)";
pub(crate) const BIRTHS: &str =
    "birth (n, id, version, phase, disposition, subject, deadline, born, state, birth) AS MATERIALIZED (
    SELECT * FROM unnest(?::int4[], ?::uuid[], ?::int8[], ?::text[], ?::text[], ?::text[], ?::int8[], ?::int8[],
        ?::text[], ?::text[]))";

/// Refusals by name, and who is refused by none.
pub(crate) const TAKEN_BY_BIRTH: &str = "SELECT b.n, b.id, 0, has.id FROM birth AS b
    CROSS JOIN LATERAL (SELECT calls.id FROM calls WHERE calls.id = b.id OFFSET 0) AS has";
pub(crate) const TAKEN_BY_KEY: &str = "SELECT n, id, 1, call FROM key WHERE call IS NOT NULL";
pub(crate) const TAKEN_BY_LEG: &str = "SELECT n, id, 2, call FROM leg WHERE call <> id";
pub(crate) const TAKEN_BY_SUBJECT: &str = "SELECT b.n, b.id, 3, has.id FROM birth AS b
    CROSS JOIN LATERAL (
        SELECT calls.id FROM calls
        WHERE calls.subject = b.subject AND calls.disposition IS NULL AND calls.subject IS NOT NULL OFFSET 0) AS has";
pub(crate) const ALLOWED: &str = "allowed AS MATERIALIZED (
    SELECT '{(,)}'::int4multirange - coalesce(range_agg(int4range(n, n, '[]')), '{}') AS n FROM taken)";

/// The lock keeps the call from being forgotten meanwhile.
pub(crate) const IDLE: &str = "idle AS MATERIALIZED (
    SELECT i.n FROM unnest(?::int4[], ?::uuid[]) AS i (n, id)
    CROSS JOIN LATERAL (SELECT FROM calls WHERE calls.id = i.id OFFSET 0 FOR KEY SHARE OF calls) AS has)";
pub(crate) const MOVED: &str = "moved AS (
    UPDATE calls SET version = s.version, phase = s.phase, disposition = s.disposition, deadline = s.deadline,
        state = s.state::json
    FROM (
        SELECT s.*, has.place
        FROM unnest(?::int4[], ?::uuid[], ?::int8[], ?::int8[], ?::text[], ?::text[], ?::int8[], ?::text[])
            AS s (n, id, base, version, phase, disposition, deadline, state)
        CROSS JOIN LATERAL (SELECT calls.ctid AS place FROM calls WHERE calls.id = s.id OFFSET 0) AS has
        WHERE s.n <@ (SELECT n FROM allowed) OFFSET 0) AS s
    WHERE calls.ctid = s.place AND calls.version = s.base
    RETURNING s.n)";

/// Who has won. `idle` is the first to be asked: a row that this statement has changed already can no longer be locked.
pub(crate) const WON_BY_IDLE: &str = "SELECT n FROM idle";
pub(crate) const WON_BY_MOVE: &str = "SELECT n FROM moved";
pub(crate) const WON_BY_BIRTH: &str = "SELECT n FROM birth WHERE n <@ (SELECT n FROM allowed)";
pub(crate) const OK: &str = "ok AS MATERIALIZED (SELECT range_agg(int4range(n, n, '[]')) AS n FROM won)";

/// What the winners store. A race for a name that was free when the statement began fails the statement.
pub(crate) const BORN: &str = "born AS (
    INSERT INTO calls (id, version, phase, disposition, subject, deadline, born, state)
    SELECT id, version, phase, disposition, subject, deadline, born, state::json
    FROM birth WHERE n <@ (SELECT n FROM ok)),
kept AS (
    INSERT INTO births (call, subject, birth)
    SELECT id, subject, birth::json FROM birth WHERE n <@ (SELECT n FROM ok))";
/// Parking takes the same lock. The channel is `hearing::CHANNEL`.
pub(crate) const BOUND: &str = "binding AS MATERIALIZED (
    SELECT provider, leg, id, pg_advisory_xact_lock(lock) AS locked, pg_notify('call_bound', lock::text) AS told
    FROM leg WHERE call IS NULL AND n <@ (SELECT n FROM ok)),
bound AS (INSERT INTO legs (provider, leg, call) SELECT provider, leg, id FROM binding)";
pub(crate) const KEYED: &str = "keyed AS (
    INSERT INTO keys (key, call, digest) SELECT key, id, digest FROM key WHERE n <@ (SELECT n FROM ok))";
pub(crate) const NOTED: &str = "noted AS (
    INSERT INTO journal (call, version, at, ignored, entry)
    SELECT j.call, j.version, j.at, j.ignored, j.entry::json
    FROM unnest(?::int4[], ?::uuid[], ?::int8[], ?::int8[], ?::text[], ?::text[])
        AS j (n, call, version, at, ignored, entry)
    WHERE j.n <@ (SELECT n FROM ok))";
pub(crate) const ASKED: &str = "asked AS (
    INSERT INTO outbox (call, version, place, kind, effect, since, visible)
    SELECT e.call, e.version, e.place, e.kind, e.effect::json, e.since, e.since
    FROM unnest(?::int4[], ?::uuid[], ?::int8[], ?::int4[], ?::text[], ?::text[], ?::int8[])
        AS e (n, call, version, place, kind, effect, since)
    WHERE e.n <@ (SELECT n FROM ok))";
pub(crate) const ADOPTED: &str = "adopted AS (
    DELETE FROM mailbox USING (
        SELECT has.place FROM unnest(?::int4[], ?::int8[]) AS a (n, id)
        CROSS JOIN LATERAL (SELECT mailbox.ctid AS place FROM mailbox WHERE mailbox.id = a.id OFFSET 0) AS has
        WHERE a.n <@ (SELECT n FROM ok) OFFSET 0) AS a
    WHERE mailbox.ctid = a.place)";

/// Ends of claims, and claims held on to. Those that no step brings along have no number.
macro_rules! settled {
    ($name:literal, $change:literal) => {
        concat!(
            $name,
            " AS (",
            $change,
            " (
        SELECT s.attempt, s.until, has.place
        FROM unnest(?::int4[], ?::uuid[], ?::int8[], ?::int4[], ?::int4[], ?::int8[])
            AS s (n, call, version, place, attempt, until)
        CROSS JOIN LATERAL (
            SELECT o.ctid AS place FROM outbox AS o
            WHERE o.call = s.call AND o.version = s.version AND o.place = s.place OFFSET 0) AS has
        WHERE s.n IS NULL OR s.n <@ (SELECT n FROM ok) OFFSET 0) AS s
    WHERE outbox.ctid = s.place AND outbox.attempt = s.attempt AND outbox.claimed)"
        )
    };
}
pub(crate) const DONE: &str = settled!("done", "DELETE FROM outbox USING");
pub(crate) const LATER: &str =
    settled!("later", "UPDATE outbox SET visible = s.until, deferrals = deferrals + 1, claimed = false FROM");
pub(crate) const HELD: &str = settled!("held", "UPDATE outbox SET visible = s.until FROM");

/// What is told: who has won, and who is refused at which version.
pub(crate) const TELL: &str = "
SELECT n, NULL::int4, NULL::uuid, NULL::int8 FROM won
UNION ALL SELECT t.n, t.why, t.call, (SELECT calls.version FROM calls WHERE calls.id = t.id) FROM taken AS t";
