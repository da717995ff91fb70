-- Times are milliseconds since 1970 (UTC); ids are UUIDs in text, so that they sort by birth and can be pasted.
-- The views at the end are for people.
--
-- No foreign keys: one writer stores a call with all that belongs to it in one transaction, and nothing is deleted, so
-- a look-up per row would only find what was put there a moment ago.

-- What changes with every step, and the columns that are searched.
CREATE TABLE calls (
    id TEXT NOT NULL PRIMARY KEY,
    version INTEGER NOT NULL,
    phase TEXT NOT NULL,
    disposition TEXT, -- NULL while the call is open
    subject TEXT,
    deadline INTEGER, -- NULL once the call has ended
    born INTEGER NOT NULL,
    state TEXT NOT NULL
) STRICT;

-- One open call per subject.
CREATE UNIQUE INDEX calls_open_subject ON calls (subject) WHERE disposition IS NULL AND subject IS NOT NULL;
-- Everything that is due, whatever the size of the table.
CREATE INDEX calls_deadline ON calls (deadline, id) WHERE deadline IS NOT NULL;
CREATE INDEX calls_open ON calls (born, id, phase) WHERE disposition IS NULL;
CREATE INDEX calls_subject ON calls (subject, id) WHERE subject IS NOT NULL;
CREATE INDEX calls_ended ON calls (disposition, id) WHERE disposition IS NOT NULL;

-- What never changes is not written again with every step.
CREATE TABLE births (
    call TEXT NOT NULL PRIMARY KEY,
    birth TEXT NOT NULL
) STRICT;

CREATE TABLE legs (
    provider TEXT NOT NULL,
    leg TEXT NOT NULL,
    call TEXT NOT NULL,
    PRIMARY KEY (provider, leg)
) STRICT, WITHOUT ROWID;

CREATE TABLE keys (
    key TEXT NOT NULL PRIMARY KEY,
    call TEXT NOT NULL,
    digest TEXT NOT NULL
) STRICT, WITHOUT ROWID;

CREATE TABLE journal (
    seq INTEGER PRIMARY KEY,
    call TEXT NOT NULL,
    version INTEGER NOT NULL,
    at INTEGER NOT NULL,
    ignored TEXT, -- why it changed nothing; NULL if it was applied
    entry TEXT NOT NULL
) STRICT;

CREATE INDEX journal_call ON journal (call, version);

CREATE TABLE outbox (
    call TEXT NOT NULL,
    version INTEGER NOT NULL,
    place INTEGER NOT NULL, -- among the effects of that version
    kind TEXT NOT NULL,
    effect TEXT NOT NULL,
    since INTEGER NOT NULL,
    visible INTEGER NOT NULL, -- when it can be claimed
    attempt INTEGER NOT NULL DEFAULT 0,
    deferrals INTEGER NOT NULL DEFAULT 0,
    claimed INTEGER NOT NULL DEFAULT 0, -- whether the latest attempt is not settled
    PRIMARY KEY (call, version, place)
) STRICT, WITHOUT ROWID;

-- Two lanes: news for subscribers, and acts at a provider.
CREATE INDEX outbox_news ON outbox (visible) WHERE kind = 'publish';
CREATE INDEX outbox_acts ON outbox (visible) WHERE kind <> 'publish';
CREATE INDEX outbox_since ON outbox (since);

-- AUTOINCREMENT: whoever read a signal names it by its id, so an id is never used again.
CREATE TABLE mailbox (
    id INTEGER PRIMARY KEY AUTOINCREMENT,
    provider TEXT NOT NULL,
    leg TEXT NOT NULL,
    signal TEXT NOT NULL,
    since INTEGER NOT NULL,
    until INTEGER NOT NULL
) STRICT;

CREATE INDEX mailbox_leg ON mailbox (provider, leg);
CREATE INDEX mailbox_until ON mailbox (until);

CREATE VIEW calls_view AS
SELECT
    c.id,
    c.phase,
    c.disposition,
    c.subject,
    b.birth ->> '$.plan.from' AS "from",
    b.birth ->> '$.plan.to' AS "to",
    strftime('%Y-%m-%d %H:%M:%f', c.born / 1000.0, 'unixepoch') AS born,
    strftime('%Y-%m-%d %H:%M:%f', c.deadline / 1000.0, 'unixepoch') AS deadline,
    c.version,
    (SELECT group_concat(l.value ->> '$.leg.provider' || ':' || (l.value ->> '$.leg.id'), ' ')
     FROM json_each(c.state, '$.legs') AS l) AS legs,
    (SELECT group_concat(o.kind, ' ') FROM outbox AS o WHERE o.call = c.id) AS outbox
FROM calls AS c JOIN births AS b ON b.call = c.id;

CREATE VIEW journal_view AS
SELECT
    call,
    version,
    strftime('%Y-%m-%d %H:%M:%f', at / 1000.0, 'unixepoch') AS at,
    coalesce('ignored: ' || ignored, 'applied') AS answer,
    entry ->> '$.input' AS input
FROM journal ORDER BY call, version, ignored IS NULL, seq;
