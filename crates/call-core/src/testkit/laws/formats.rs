//! What was written once is read for ever.
