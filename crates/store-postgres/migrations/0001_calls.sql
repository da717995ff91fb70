-- Times are milliseconds since 1970 (UTC); JSON is kept as it was written (`json`: it is read back whole, and `jsonb`
-- would be built anew with each step). The views at the end are for people.
--
-- No foreign keys: one statement stores a call with all that belongs to it, and `forget_calls` removes it so; a look-up
-- per row would only find what was put there a moment ago.

-- What changes with every step, and the columns that are searched.
--
-- Nearly every step moves the deadline, which is indexed: such an update is not HOT, it adds an entry to each index that
-- holds the row. Hence few indexes here, each partial but the key; what never changes is in `births`. Dead entries are
-- cleared by vacuum, which therefore comes early and does not dawdle.
CREATE TABLE calls (
    id uuid PRIMARY KEY,
    version bigint NOT NULL,
    phase text NOT NULL,
    disposition text, -- NULL while the call is open
    subject text COLLATE "C",
    deadline bigint, -- NULL once the call has ended
    born bigint NOT NULL,
    state json NOT NULL
) WITH (
    fillfactor = 80,
    autovacuum_vacuum_scale_factor = 0.02,
    autovacuum_analyze_scale_factor = 0.05,
    autovacuum_vacuum_cost_delay = 0
);

-- One open call per subject.
CREATE UNIQUE INDEX calls_open_subject ON calls (subject) WHERE disposition IS NULL AND subject IS NOT NULL;
-- Everything that is due, whatever the size of the table.
CREATE INDEX calls_deadline ON calls (deadline, id) WHERE deadline IS NOT NULL;
-- Open calls by age. Not `disposition IS NULL`: a search for a subject must not take this index for its own.
CREATE INDEX calls_open ON calls (born, id) WHERE phase <> 'ended';
CREATE INDEX calls_ended ON calls (disposition, id) WHERE disposition IS NOT NULL;

-- What never changes is not written again with every step.
CREATE TABLE births (
    call uuid PRIMARY KEY,
    subject text COLLATE "C",
    birth json NOT NULL
);

CREATE INDEX births_subject ON births (subject, call) WHERE subject IS NOT NULL;

CREATE TABLE legs (
    provider text COLLATE "C" NOT NULL,
    leg text COLLATE "C" NOT NULL,
    call uuid NOT NULL,
    PRIMARY KEY (provider, leg)
);

CREATE INDEX legs_call ON legs (call);

CREATE TABLE keys (
    key text COLLATE "C" PRIMARY KEY,
    call uuid NOT NULL,
    digest text NOT NULL
);

CREATE INDEX keys_call ON keys (call);

CREATE TABLE journal (
    call uuid NOT NULL,
    version bigint NOT NULL,
    seq bigint GENERATED ALWAYS AS IDENTITY,
    at bigint NOT NULL,
    ignored text, -- why it changed nothing; NULL if it was applied
    entry json NOT NULL,
    PRIMARY KEY (call, version, seq)
);

-- Rows live for seconds: inserted, claimed, deleted.
CREATE TABLE outbox (
    call uuid NOT NULL,
    version bigint NOT NULL,
    place integer NOT NULL, -- among the effects of that version
    kind text NOT NULL,
    effect json NOT NULL,
    since bigint NOT NULL,
    visible bigint NOT NULL, -- when it can be claimed
    attempt integer NOT NULL DEFAULT 0,
    deferrals integer NOT NULL DEFAULT 0,
    claimed boolean NOT NULL DEFAULT false, -- whether the latest attempt is not settled
    PRIMARY KEY (call, version, place)
) WITH (autovacuum_vacuum_scale_factor = 0.02, autovacuum_vacuum_threshold = 500, autovacuum_vacuum_cost_delay = 0);

-- Two lanes: news for subscribers, and acts at a provider.
CREATE INDEX outbox_news ON outbox (visible, call, version, place) WHERE kind = 'publish';
CREATE INDEX outbox_acts ON outbox (visible, call, version, place) WHERE kind <> 'publish';

CREATE TABLE mailbox (
    id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    provider text COLLATE "C" NOT NULL,
    leg text COLLATE "C" NOT NULL,
    signal json NOT NULL,
    since bigint NOT NULL,
    until bigint NOT NULL
);

CREATE INDEX mailbox_leg ON mailbox (provider, leg);
CREATE INDEX mailbox_until ON mailbox (until);

-- Keeps signals, or names the call that their leg is bound to. A commit that binds a leg takes the same lock. The look is
-- a statement of its own, begun after the lock was had: what was bound meanwhile shows.
CREATE FUNCTION park_signals(
    of_provider text, of_leg text, of_lock bigint, signals text[], since bigint, until bigint
) RETURNS uuid LANGUAGE plpgsql AS $$
DECLARE
    bound uuid;
BEGIN
    PERFORM pg_advisory_xact_lock(of_lock);
    SELECT legs.call INTO bound FROM legs WHERE legs.provider = of_provider AND legs.leg = of_leg;
    IF bound IS NULL THEN
        INSERT INTO mailbox (provider, leg, signal, since, until)
            SELECT of_provider, of_leg, s.signal::json, park_signals.since, park_signals.until
            FROM unnest(signals) WITH ORDINALITY AS s (signal, place) ORDER BY s.place;
    END IF;
    RETURN bound;
END $$;

-- Removes ended calls, the oldest first, each whole. They are locked first, and looked at again in a statement begun
-- after that: whatever a commit made of them before the lock shows then, and no commit comes after it.
CREATE FUNCTION forget_calls(before uuid, most bigint) RETURNS bigint LANGUAGE plpgsql AS $$
DECLARE
    old uuid[];
    gone uuid[];
BEGIN
    old := ARRAY(
        SELECT id FROM calls
        WHERE id < before AND disposition IS NOT NULL AND NOT EXISTS (SELECT FROM outbox WHERE outbox.call = calls.id)
        ORDER BY id LIMIT most FOR UPDATE OF calls
    );
    WITH removed AS (
        DELETE FROM calls
        WHERE id = ANY (old) AND NOT EXISTS (SELECT FROM outbox WHERE outbox.call = calls.id) RETURNING id
    )
    SELECT array_agg(id) INTO gone FROM removed;
    DELETE FROM births WHERE call = ANY (gone);
    DELETE FROM legs WHERE call = ANY (gone);
    DELETE FROM keys WHERE call = ANY (gone);
    DELETE FROM journal WHERE call = ANY (gone);
    RETURN coalesce(cardinality(gone), 0);
END $$;

-- JSON may hold the character NUL, which text cannot: such a document is shown by the views without its details.
CREATE VIEW calls_view AS
SELECT
    c.id,
    c.phase,
    c.disposition,
    c.subject,
    CASE WHEN b.birth::text NOT LIKE '%\\u0000%' THEN b.birth #>> '{plan,from}' END AS "from",
    CASE WHEN b.birth::text NOT LIKE '%\\u0000%' THEN b.birth #>> '{plan,to}' END AS "to",
    to_timestamp(c.born / 1000.0) AS born,
    to_timestamp(c.deadline / 1000.0) AS deadline,
    c.version,
    (SELECT string_agg(l.provider || ':' || l.leg, ' ' ORDER BY l.leg) FROM legs AS l WHERE l.call = c.id) AS legs,
    (SELECT string_agg(o.kind, ' ' ORDER BY o.version, o.place) FROM outbox AS o WHERE o.call = c.id) AS outbox
FROM calls AS c JOIN births AS b ON b.call = c.id;

CREATE VIEW journal_view AS
SELECT
    call,
    version,
    to_timestamp(at / 1000.0) AS at,
    coalesce('ignored: ' || ignored, 'applied') AS answer,
    CASE WHEN entry::text NOT LIKE '%\\u0000%' THEN entry -> 'input' ELSE entry END AS input
FROM journal ORDER BY call, version, ignored IS NULL, seq;
