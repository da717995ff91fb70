//! What vacuum does beside running servers.

use crate::{count, execute, fresh, raw};

const FILL: &str = "
INSERT INTO outbox (call, version, place, kind, effect, since, visible)
    SELECT gen_random_uuid(), 1, 0, 'publish', '{}', 0, 0 FROM generate_series(1, 10000);
INSERT INTO mailbox (provider, leg, signal, since, until)
    SELECT 'acme', n::text, '{}', 0, 0 FROM generate_series(1, 10000) AS n";

const SIZE: &str = "SELECT pg_relation_size('outbox') + pg_relation_size('mailbox')";

/// To give them back, vacuum locks everybody out, for as long as it takes.
#[tokio::test]
async fn the_outbox_and_the_mailbox_keep_their_empty_pages() {
    let database = fresh();
    let mut connection = raw(database.url()).await;
    execute(&mut connection, FILL).await;
    let full = count(&mut connection, SIZE).await;
    execute(&mut connection, "DELETE FROM outbox; DELETE FROM mailbox").await;
    execute(&mut connection, "VACUUM outbox, mailbox").await;
    assert_eq!(count(&mut connection, SIZE).await, full);
}
