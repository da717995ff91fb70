//! What MongoDB says, in the words of the port.

use std::sync::Arc;

use call_core::port::StoreError;
use mongodb::error::{Error, ErrorKind, WriteFailure};

/// A store cannot be opened. No message shows a password.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum OpenError {
    /// The URL cannot be understood. It is not shown, for nobody knows which part of it is the password.
    #[error(
        "not a MongoDB URL: write mongodb://USER:PASSWORD@HOST:PORT/DATABASE, special characters in user and password \
         percent-encoded"
    )]
    Location,
    /// The URL does not say which database of the server is meant.
    #[error("the URL of {location} names no database: add one behind the host, such as /calls")]
    NoDatabase {
        /// The servers.
        location: String,
    },
    /// No server answers, or none that may be written.
    #[error("cannot reach {location}: check that it runs and may be reached from here")]
    Unreachable {
        /// What was to be opened.
        location: String,
        /// Why.
        #[source]
        source: Error,
    },
    /// The server knows who asks, and refuses: user, password, or rights.
    #[error(
        "{location} refuses this user: check the password and `authSource` in the URL, and that it may read and write \
         the database"
    )]
    Refused {
        /// What was to be opened.
        location: String,
        /// Why.
        #[source]
        source: Error,
    },
    /// The database was made by an older version, or by none.
    #[error("the database has format {found}, and this version needs format {known}: run `call-server migrate`")]
    Older {
        /// The database's format; 0 if it holds no calls.
        found: i64,
        /// The format that is needed.
        known: i64,
    },
    /// A later version of this program has changed the database's format.
    #[error(
        "the database has format {found}, and this version knows formats up to {known}: run the newer version of this \
         program"
    )]
    Newer {
        /// The database's format.
        found: i64,
        /// The latest format known here.
        known: i64,
    },
    /// An index is gone, for example after a dump was restored without its indexes: calls could be doubled.
    #[error("the index `{index}` of `{collection}` is missing: run `call-server migrate`")]
    Incomplete {
        /// Which collection.
        collection: &'static str,
        /// Which index.
        index: &'static str,
    },
    /// The server answers, but cannot do what a store needs.
    #[error("{location} answers, but cannot be used as a store")]
    Unusable {
        /// What was to be opened.
        location: String,
        /// Why.
        #[source]
        source: Error,
    },
}

/// Two documents of one collection may not have this in common.
const DUPLICATE_KEY: i32 = 11000;
/// Another write of the same document was under way; nothing was written.
const WRITE_CONFLICT: i32 = 112;

/// Somebody must change something before the same command can work: rights, a login, a command that this server does
/// not know or understand, a document beyond 16 MB.
const PERMANENT: [i32; 20] = [
    2,     // BadValue
    9,     // FailedToParse
    13,    // Unauthorized
    14,    // TypeMismatch
    18,    // AuthenticationFailed
    20,    // IllegalOperation
    26,    // NamespaceNotFound
    33,    // NotMatchOnUserOfRole: a user was removed while it was logged in
    40,    // ConflictingUpdateOperators
    59,    // CommandNotFound
    66,    // ImmutableField
    72,    // InvalidOptions
    73,    // InvalidNamespace
    121,   // DocumentValidationFailure: an operator has put a schema on the collection
    166,   // CommandNotSupportedOnView
    263,   // OperationNotSupportedInTransaction
    323,   // APIStrictError
    8000,  // AtlasError: login refused
    10334, // BSONObjectTooLarge
    17419, // the document would grow beyond 16 MB
];

/// The code of the server's refusal, if it was the server who refused.
fn code(error: &Error) -> Option<i32> {
    if let ErrorKind::Command(command) = &*error.kind {
        Some(command.code)
    } else if let ErrorKind::Write(WriteFailure::WriteError(write)) = &*error.kind {
        Some(write.code)
    } else {
        // A write concern that was not met is not among them: the write may well be there.
        None
    }
}

/// Whether a unique index stands against it.
pub(crate) fn is_duplicate(error: &Error) -> bool {
    code(error) == Some(DUPLICATE_KEY)
}

/// Whether it got into the way of another write, and nothing was written.
pub(crate) fn is_write_conflict(error: &Error) -> bool {
    code(error) == Some(WRITE_CONFLICT)
}

fn is_login(error: &Error) -> bool {
    matches!(&*error.kind, ErrorKind::Authentication { .. }) || matches!(code(error), Some(13 | 18 | 33 | 8000))
}

fn is_permanent(error: &Error) -> bool {
    let by_code = code(error).is_some_and(|code| PERMANENT.contains(&code));
    by_code
        || matches!(
            &*error.kind,
            ErrorKind::Authentication { .. }
                | ErrorKind::InvalidArgument { .. }
                | ErrorKind::InvalidTlsConfig { .. }
                | ErrorKind::IncompatibleServer { .. }
        )
}

/// A failure of the driver or the server in the words of the port. What is not known to be permanent may pass.
pub(crate) fn failed(error: Error) -> StoreError {
    if matches!(&*error.kind, ErrorKind::Bson(_) | ErrorKind::InvalidResponse { .. }) {
        unreadable(error)
    } else if is_permanent(&error) {
        StoreError::Broken(Arc::new(error))
    } else {
        StoreError::Unavailable(Arc::new(error))
    }
}

/// The same while the store is opened.
pub(crate) fn open(location: &str, source: Error) -> OpenError {
    let location = location.to_owned();
    if is_login(&source) {
        OpenError::Refused { location, source }
    } else if is_permanent(&source) || is_duplicate(&source) || matches!(&*source.kind, ErrorKind::Bson(_)) {
        OpenError::Unusable { location, source }
    } else {
        OpenError::Unreachable { location, source }
    }
}

/// It may work later.
pub(crate) fn unavailable(error: impl std::error::Error + Send + Sync + 'static) -> StoreError {
    StoreError::Unavailable(Arc::new(error))
}

/// An operator must act first.
pub(crate) fn broken(error: impl std::error::Error + Send + Sync + 'static) -> StoreError {
    StoreError::Broken(Arc::new(error))
}

/// What is stored is not what this version writes.
pub(crate) fn unreadable(error: impl std::fmt::Display) -> StoreError {
    StoreError::Unreadable(error.to_string())
}

/// Why a request did not even reach the server, or its answer not us.
#[derive(Debug, thiserror::Error)]
pub(crate) enum Refused {
    #[error("the store is closed")]
    Closed,
    #[error("the store was opened for reading only")]
    ReadOnly,
    #[error("other writers of the same document were faster every time")]
    Contended,
    #[error("the counter of the mailbox is gone from the collection `meta`: restore it above every id in `mailbox`")]
    NoCounter,
    #[error("more signals at once than one document can hold")]
    TooMany,
}

#[cfg(test)]
mod tests {
    use mongodb::bson::{Document, deserialize_from_document, doc};
    use mongodb::error::{CommandError, WriteConcernError, WriteError};

    use super::*;

    fn refusal(code: i32) -> Document {
        doc! { "code": code, "codeName": "Name", "errmsg": "words that no decision rests on" }
    }

    fn command(code: i32) -> Error {
        ErrorKind::Command(deserialize_from_document::<CommandError>(refusal(code)).unwrap()).into()
    }

    fn write(code: i32) -> Error {
        let write = deserialize_from_document::<WriteError>(refusal(code)).unwrap();
        ErrorKind::Write(WriteFailure::WriteError(write)).into()
    }

    fn concern(code: i32) -> Error {
        let concern = deserialize_from_document::<WriteConcernError>(refusal(code)).unwrap();
        ErrorKind::Write(WriteFailure::WriteConcernError(concern)).into()
    }

    #[test]
    fn races_are_told_by_their_codes() {
        for error in [command(11000), write(11000)] {
            assert!(is_duplicate(&error) && !is_write_conflict(&error));
        }
        for error in [command(112), write(112)] {
            assert!(is_write_conflict(&error) && !is_duplicate(&error));
            assert!(failed(error).is_transient());
        }
    }

    #[test]
    fn what_an_operator_must_mend_is_not_transient() {
        for code in PERMANENT {
            for error in [command(code), write(code)] {
                let error = failed(error);
                assert!(matches!(error, StoreError::Broken(_)) && !error.is_transient(), "{code}");
            }
        }
        for code in [13, 18, 8000] {
            assert!(matches!(open("x", command(code)), OpenError::Refused { .. }), "{code}");
        }
    }

    /// Elections, shut-downs, time-outs, full queues: none of these is shown by a server of one member.
    #[test]
    fn what_passes_by_itself_is_transient() {
        let passing = [6, 7, 24, 50, 89, 91, 189, 202, 262, 462, 9001, 10107, 11600, 11602, 13435, 13436];
        for code in passing {
            let error = failed(command(code));
            assert!(matches!(error, StoreError::Unavailable(_)) && error.is_transient(), "{code}");
            assert!(matches!(open("x", command(code)), OpenError::Unreachable { .. }), "{code}");
        }
        let io = Error::from(std::io::Error::from(std::io::ErrorKind::ConnectionReset));
        assert!(failed(io).is_transient());
    }

    /// Written, but not on enough members in time: the port's word for "perhaps". Never a refusal, whatever its code.
    #[test]
    fn a_write_that_was_not_confirmed_may_be_there() {
        for code in [64, 100, 91, 11000, 13] {
            assert!(!is_duplicate(&concern(code)));
            assert!(matches!(failed(concern(code)), StoreError::Unavailable(_)), "{code}");
        }
    }

    #[test]
    fn what_cannot_be_read_is_no_outage() {
        let strange = deserialize_from_document::<WriteError>(doc! { "code": "x" }).unwrap_err();
        assert!(matches!(failed(strange.into()), StoreError::Unreadable(_)));
    }
}
