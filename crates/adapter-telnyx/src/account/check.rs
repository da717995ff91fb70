//! What was read of an account, compared with what the server needs. Pure.

use call_core::port::{Finding, Numbers};
use serde_json::json;

use super::{ApplicationResource, NumberResource, Profile, Snapshot, set};
use crate::callback::Callback;

/// Telnyx repeats what was not answered in this time by default. A shorter patience makes doubles of a busy moment.
const LEAST_PATIENCE: u64 = 2;
/// Another server takes over what a dead one should have done within this time; a call must live as long.
const TAKEOVER: u64 = 10;

/// What the server needs.
pub(super) struct Ours<'a> {
    pub(super) connection_id: &'a str,
    pub(super) public_url: &'a str,
    pub(super) numbers: &'a Numbers,
}

/// One finding for each setting that matters, the right ones too.
pub(super) fn findings(snapshot: &Snapshot, ours: &Ours<'_>) -> Vec<Finding> {
    let place = format!("application {}", ours.connection_id);
    let exists = snapshot.application.is_some();
    let mut found = vec![
        Finding::judge(&place, "application", exists.then_some("in the account"), "in the account", exists).means(
            "calls are placed through it and come in through it: there is none, so Telnyx refuses each; set telnyx.connection_id",
        ),
    ];
    if let Some(application) = &snapshot.application {
        found.extend(webhooks(&place, application, ours));
        found.extend(limits(&place, application, ours));
        found.extend(outbound(&place, application, snapshot.profile.as_ref()));
    }
    found.extend(from(snapshot, ours));
    for number in &snapshot.numbers {
        if ours.numbers.name(&number.phone_number) || number.connection_id.as_deref() == Some(ours.connection_id) {
            found.extend(line(number, ours));
        }
    }
    found
}

fn webhooks(place: &str, application: &ApplicationResource, ours: &Ours<'_>) -> Vec<Finding> {
    let resource = format!("/call_control_applications/{}", ours.connection_id);
    let url = Callback::Application.url(ours.public_url);
    let failover = set(&application.webhook_event_failover_url);
    let patience = application.webhook_timeout_secs.map(seconds);
    vec![
        Finding::compare(place, "webhook URL", set(&application.webhook_event_url), &url)
            .means("calls to its numbers ring out unanswered, for the server never hears of them")
            .remedy(&resource, [("webhook_event_url", json!(url))]),
        // Telnyx's own default is 1.
        Finding::compare(place, "webhook API version", Some(set(&application.webhook_api_version).unwrap_or("1")), "2")
            .means("every event comes in an old shape, which the server refuses: calls stay open until it asks")
            .remedy(&resource, [("webhook_api_version", json!("2"))]),
        Finding::judge(place, "failover URL", failover, "none, or the webhook URL", failover.is_none_or(|f| f == url))
            .means("events that the server turns away for a moment go to the other URL, and are lost to it")
            .remedy(&resource, [("webhook_event_failover_url", json!(url))]),
        Finding::judge(
            place,
            "webhook timeout",
            patience.as_deref(),
            "none, or 2 s and more",
            application.webhook_timeout_secs.is_none_or(|patience| patience >= LEAST_PATIENCE),
        )
        .means("events that are answered in a busy moment come again and again")
        .remedy(&resource, [("webhook_timeout_secs", json!(5))]),
        Finding::compare(place, "call cost", Some(on(application.call_cost_in_webhooks)), "on")
            .means("what a call has cost is never known")
            .remedy(&resource, [("call_cost_in_webhooks", json!(true))]),
    ]
}

fn limits(place: &str, application: &ApplicationResource, ours: &Ours<'_>) -> Vec<Finding> {
    let resource = format!("/call_control_applications/{}", ours.connection_id);
    // Both by Telnyx's own defaults.
    let active = application.active.unwrap_or(true);
    let first = application.first_command_timeout_secs.unwrap_or(30);
    let first = application.first_command_timeout.unwrap_or(false).then_some(first);
    let is_long = first.is_none_or(|first| first >= TAKEOVER);
    vec![
        Finding::compare(place, "active", Some(yes(active)), "yes")
            .means("Telnyx places no call through it and takes none")
            .remedy(&resource, [("active", json!(true))]),
        Finding::judge(place, "first command timeout", first.map(seconds).as_deref(), "off, or 10 s and more", is_long)
            .means("a call whose server restarts just then is hung up by Telnyx before another server has taken over")
            .remedy(&resource, [("first_command_timeout", json!(false))]),
    ]
}

/// Whether calls may go out.
fn outbound(place: &str, application: &ApplicationResource, profile: Option<&Profile>) -> Vec<Finding> {
    let named = application.outbound.as_ref().and_then(|outbound| set(&outbound.outbound_voice_profile_id));
    let mut found = vec![
        Finding::judge(place, "outbound voice profile", named, "one that exists", profile.is_some())
            .means("Telnyx refuses every call that is placed; choose a profile for the application in its portal"),
    ];
    if let Some(profile) = profile {
        let place = format!("outbound voice profile {}", profile.id);
        let resource = format!("/outbound_voice_profiles/{}", profile.id);
        found.push(
            Finding::compare(&place, "enabled", Some(yes(profile.enabled.unwrap_or(true))), "yes")
                .means("Telnyx refuses every call that is placed")
                .remedy(&resource, [("enabled", json!(true))]),
        );
    }
    found
}

/// Whether calls may come from the configured number.
fn from(snapshot: &Snapshot, ours: &Ours<'_>) -> Option<Finding> {
    let from = ours.numbers.from.as_deref().filter(|from| from.starts_with('+'))?;
    let owned = snapshot.numbers.iter().any(|number| number.phone_number == from);
    let finding =
        Finding::judge(&format!("number {from}"), "owner", owned.then_some("in the account"), "in the account", owned)
            .means("calls come from this number, and Telnyx or a carrier refuses them: buy it, or set telnyx.from");
    Some(finding)
}

fn line(number: &NumberResource, ours: &Ours<'_>) -> Vec<Finding> {
    let place = format!("number {}", number.phone_number);
    let resource = format!("/phone_numbers/{}", number.id);
    let forwarding = &number.forwarding;
    // Without a kind it has no effect; `on-failure` takes only calls that we could not.
    let is_forwarded =
        forwarding.call_forwarding_enabled.unwrap_or(true) && forwarding.forwarding_type.as_deref() == Some("always");
    let target = set(&forwarding.forwards_to).filter(|_| is_forwarded);
    vec![
        Finding::compare(&place, "status", set(&number.status), "active")
            .means("the number is not (or no longer) in service: no call comes in, and none goes out from it"),
        Finding::compare(&place, "application", set(&number.connection_id), ours.connection_id)
            .means("calls to it go elsewhere or are refused, and the server hears of none")
            .remedy(&resource, [("connection_id", json!(ours.connection_id))]),
        Finding::judge(&place, "forwarding", target, "none", target.is_none())
            .means("every call to it is forwarded, and the server hears of none")
            .remedy(&format!("{resource}/voice"), [("call_forwarding", json!({"call_forwarding_enabled": false}))]),
    ]
}

fn seconds(count: u64) -> String {
    format!("{count} s")
}

const fn yes(is: bool) -> &'static str {
    if is { "yes" } else { "no" }
}

fn on(is: Option<bool>) -> &'static str {
    if is.unwrap_or(false) { "on" } else { "off" }
}

#[cfg(test)]
mod tests {
    use super::*;
    use call_core::port::FindingState;
    use serde_json::Value;

    const US: &str = "https://calls.example.com";
    const APPLICATION: &str = "2481632640128256512";
    const NUMBER: &str = "+12025550100";

    fn application() -> Value {
        json!({
            "id": APPLICATION,
            "application_name": "calls",
            "active": true,
            "webhook_event_url": Callback::Application.url(US),
            "webhook_event_failover_url": null,
            "webhook_api_version": "2",
            "webhook_timeout_secs": null,
            "first_command_timeout": false,
            "first_command_timeout_secs": 30,
            "call_cost_in_webhooks": true,
            "outbound": {"channel_limit": 10, "outbound_voice_profile_id": "77"},
        })
    }

    fn number() -> Value {
        json!({"id": "88", "phone_number": NUMBER, "status": "active", "connection_id": APPLICATION})
    }

    fn snapshot(application: &Value, number: &Value) -> Snapshot {
        Snapshot {
            application: serde_json::from_value(application.clone()).unwrap(),
            profile: Some(Profile { id: "77".to_owned(), enabled: Some(true) }),
            numbers: vec![serde_json::from_value(number.clone()).unwrap()],
        }
    }

    fn compare(snapshot: &Snapshot) -> Vec<Finding> {
        let numbers = Numbers { from: Some(NUMBER.to_owned()), ..Numbers::default() };
        findings(snapshot, &Ours { connection_id: APPLICATION, public_url: US, numbers: &numbers })
    }

    fn troubles(snapshot: &Snapshot) -> Vec<(String, FindingState)> {
        let all = compare(snapshot).into_iter();
        all.filter(|finding| !finding.is_right()).map(|finding| (finding.setting, finding.state)).collect()
    }

    #[test]
    fn a_right_account_has_only_right_findings() {
        let all = compare(&snapshot(&application(), &number()));
        assert!(all.iter().all(|finding| finding.is_right() && !finding.means.is_empty()), "{all:#?}");
        assert_eq!(all.len(), 14);
    }

    #[test]
    fn each_setting_is_compared_by_itself() {
        use FindingState::{Missing, Wrong};
        for (field, value, setting, state) in [
            ("webhook_event_url", json!(""), "webhook URL", Missing),
            ("webhook_event_url", json!("https://old.example.net/"), "webhook URL", Wrong),
            ("webhook_api_version", json!("1"), "webhook API version", Wrong),
            ("webhook_api_version", json!(null), "webhook API version", Wrong),
            ("webhook_event_failover_url", json!("https://old.example.net/"), "failover URL", Wrong),
            ("webhook_timeout_secs", json!(1), "webhook timeout", Wrong),
            ("call_cost_in_webhooks", json!(false), "call cost", Wrong),
            ("active", json!(false), "active", Wrong),
            ("outbound", json!({}), "outbound voice profile", Missing),
        ] {
            let mut application = application();
            application[field] = value.clone();
            let mut snapshot = snapshot(&application, &number());
            if field == "outbound" {
                snapshot.profile = None;
            }
            assert_eq!(troubles(&snapshot), [(setting.to_owned(), state)], "{field} {value}");
        }
        for (field, value, setting, state) in [
            ("status", json!("ported-out"), "status", Wrong),
            ("connection_id", json!(null), "application", Missing),
            ("connection_id", json!("13"), "application", Wrong),
            ("phone_number", json!("+12025550199"), "owner", Missing),
        ] {
            let mut number = number();
            number[field] = value.clone();
            assert_eq!(troubles(&snapshot(&application(), &number)), [(setting.to_owned(), state)], "{field} {value}");
        }
    }

    #[test]
    fn what_is_switched_off_does_no_harm() {
        let mut application = application();
        application["first_command_timeout_secs"] = json!(3);
        assert_eq!(troubles(&snapshot(&application, &number())), []);
        application["first_command_timeout"] = json!(true);
        assert_eq!(troubles(&snapshot(&application, &number()))[0].0, "first command timeout");

        let mut forwarded = snapshot(&super::tests::application(), &number());
        forwarded.numbers[0].forwarding.forwards_to = Some("+12025550123".to_owned());
        for (kind, count) in [(None, 0), (Some("on-failure"), 0), (Some("always"), 1)] {
            forwarded.numbers[0].forwarding.forwarding_type = kind.map(str::to_owned);
            assert_eq!(troubles(&forwarded).len(), count, "{kind:?}");
        }
        forwarded.numbers[0].forwarding.call_forwarding_enabled = Some(false);
        assert_eq!(troubles(&forwarded), []);
    }

    #[test]
    fn without_the_application_that_is_all_there_is_to_say_of_it() {
        let gone = Snapshot { application: None, profile: None, ..snapshot(&application(), &number()) };
        assert_eq!(troubles(&gone), [("application".to_owned(), FindingState::Missing)]);
        let mut disabled = snapshot(&application(), &number());
        disabled.profile = Some(Profile { id: "77".to_owned(), enabled: Some(false) });
        assert_eq!(troubles(&disabled), [("enabled".to_owned(), FindingState::Wrong)]);
    }
}
