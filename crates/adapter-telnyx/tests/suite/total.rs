//! Whatever text comes in, it is ours or it is not.

use adapter_telnyx::{Callback, ClientState};
use proptest::prelude::*;

proptest! {
    #[test]
    fn any_client_state_is_ours_or_not(text in ".{0,80}") {
        if let Some(state) = ClientState::decode(&text) {
            prop_assert_eq!(ClientState::decode(&state.encode()), Some(state));
        }
    }

    #[test]
    fn any_path_is_read_or_not(path in ".{0,80}") {
        if let Some(callback) = Callback::parse(&path) {
            let (made, came) = (callback.path(), path.split(['?', '#']).next().unwrap());
            prop_assert_eq!(made.trim_start_matches('/'), came.trim_start_matches('/'));
        }
    }
}
