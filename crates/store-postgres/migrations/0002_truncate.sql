-- Vacuum gives the empty pages at a table's end back to the operating system, under a lock that keeps out everybody else.
-- The outbox is nothing but empty pages whenever nothing waits; its pages are needed again in a moment, and while they were
-- given back, commits were measured to stand still for up to 0.6 s. So they stay.
ALTER TABLE outbox SET (vacuum_truncate = false);
ALTER TABLE mailbox SET (vacuum_truncate = false);
