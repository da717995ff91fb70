//! Another policy than the configured one, for `what-if`.

use call_core::Policy;
use figment::providers::{Format as _, Serialized, Toml};
use figment::value::{Dict, Value};
use figment::{Figment, Provider as _};
use serde::Deserialize;

use super::load::{keep_known, plain};
use super::{DEFAULTS, Problem, Problems};

#[derive(Deserialize)]
struct Table {
    policy: Policy,
}

/// The `[policy]` of a text; keys that it leaves out are those of `current`.
///
/// # Errors
/// What cannot work, by its key, as in the configuration.
pub(crate) fn other_policy(text: &str, current: &Policy) -> Result<Policy, Problems> {
    let written = Figment::from(Toml::string(text)).data();
    let written = written.map_err(|error| Problems(vec![Problem::new("the file", error.to_string())]))?;
    let known = Figment::from(Toml::string(DEFAULTS)).data().map(plain).unwrap_or_default();
    let mut problems = Vec::new();
    let written = keep_known(plain(written), &known, "", &mut problems);
    let Some(policy) = written.get("policy").and_then(Value::as_dict) else {
        problems.push(Problem::new("policy", "is missing: write the keys to change under [policy]"));
        return Err(Problems(problems));
    };
    let mut base = Value::serialize(current).ok().and_then(Value::into_dict).unwrap_or_default();
    if let (Some(Value::Dict(_, ours)), Some(Value::Dict(_, theirs))) = (base.get_mut("stale"), policy.get("stale"))
        && theirs.contains_key("close")
    {
        // A way to close is one choice; two of them do not mix.
        ours.remove("close");
    }
    let table = |policy: Dict| Serialized::defaults(Dict::from([("policy".to_owned(), Value::from(policy))]));
    let read = Figment::from(table(base)).merge(table(policy.clone())).extract::<Table>();
    let read = read.map_err(|error| Problem::new(error.path.join("."), error.kind.to_string()));
    let checked = read.and_then(|Table { policy }| match policy.check() {
        Ok(()) => Ok(policy),
        Err(error) => Err(Problem::new(format!("policy.{}", error.key), error.problem)),
    });
    match checked {
        Ok(policy) if problems.is_empty() => Ok(policy),
        Ok(_) => Err(Problems(problems)),
        Err(problem) => {
            problems.push(problem);
            Err(Problems(problems))
        }
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use call_core::StalePolicy;

    use super::*;

    #[test]
    fn what_is_left_out_stays_as_it_is() {
        let current = Policy {
            ring_limit: Duration::from_secs(77),
            stale: StalePolicy::complete_by_duration(),
            ..Policy::default()
        };
        let text =
            "[policy]\nlive_limit = '30m'\nstale.close = { as = 'failed', after = '20m' }\n[server]\nmax_body = 1";
        let other = other_policy(text, &current).unwrap();
        assert_eq!(other.ring_limit, current.ring_limit);
        assert_eq!(other.live_limit, Duration::from_secs(1800));
        assert_eq!(other.stale, StalePolicy::fail_after(Duration::from_secs(1200)));
        assert_eq!(other.stale.quiet, current.stale.quiet);
    }

    #[test]
    fn what_cannot_work_is_told_by_its_key() {
        for (text, key) in [
            ("live_limit = '30m'", "live_limit"),
            ("[server]\nmax_body = 1", "policy"),
            ("[policy]\nlive_limt = '30m'", "policy.live_limt"),
            ("[policy]\nlive_limit = 'long'", "policy.live_limit"),
            ("[policy]\nhangup_tries = 0", "policy.hangup_tries"),
            ("[policy", "the file"),
        ] {
            let Problems(problems) = other_policy(text, &Policy::default()).unwrap_err();
            assert!(problems.iter().any(|problem| problem.key == key), "{text}: {problems:?}");
        }
    }
}
