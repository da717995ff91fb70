//! What was read of an account, compared with what the server needs. Pure.

use call_core::port::{Finding, Numbers};
use serde_json::Value;

use super::{AccountResource, NumberResource, Route, Snapshot, set};
use crate::callback::Callback;

/// One finding for each setting that matters, the right ones too.
pub(super) fn findings(snapshot: &Snapshot, public_url: &str, numbers: &Numbers) -> Vec<Finding> {
    let mut found = account(&snapshot.account);
    found.extend(snapshot.key_works.map(key));
    found.extend(from(snapshot, numbers));
    for number in &snapshot.numbers {
        let (place, resource, route) = way(snapshot, number, public_url);
        if numbers.name(&number.phone_number) || leads_here(route, public_url) {
            found.extend(line(snapshot, number, public_url));
            found.extend(callbacks(&place, &resource, route, public_url));
        }
    }
    found
}

fn account(account: &AccountResource) -> Vec<Finding> {
    vec![
        Finding::compare("account", "status", set(&account.status), "active")
            .means("Twilio places and takes no calls until its support or billing has lifted this"),
        Finding::compare("account", "type", set(&account.kind), "Full")
            .means("a trial account calls verified numbers only, and speaks a notice first: upgrade it"),
    ]
}

fn key(works: bool) -> Finding {
    Finding::judge("account", "API key", Some(if works { "works" } else { "refused" }), "works", works)
        .means("every call is refused with 401, for calls are placed with this key: make a new one")
}

/// Whether calls may come from the configured number.
fn from(snapshot: &Snapshot, numbers: &Numbers) -> Option<Finding> {
    let from = numbers.from.as_deref().filter(|from| from.starts_with('+'))?;
    let place = format!("number {from}");
    let found = if snapshot.numbers.iter().any(|number| number.phone_number == from) {
        Some("in the account")
    } else {
        snapshot.verified.contains(from).then_some("a verified caller id")
    };
    let finding = Finding::judge(&place, "owner", found, "in the account", found.is_some())
        .means("calls come from this number, and Twilio refuses each of them: buy it, verify it, or set twilio.from");
    Some(finding)
}

/// Where calls to a number go: by its application if that leads here, else by its own settings.
fn way<'s>(snapshot: &'s Snapshot, number: &'s NumberResource, public_url: &str) -> (String, String, &'s Route) {
    let application = set(&number.voice_application_sid)
        .and_then(|sid| snapshot.applications.get_key_value(sid))
        .filter(|(_, route)| leads_here(route, public_url));
    match application {
        Some((sid, route)) => (format!("application {sid}"), format!("/Applications/{sid}.json"), route),
        None => {
            let place = format!("number {}", number.phone_number);
            (place, format!("/IncomingPhoneNumbers/{}.json", number.sid), &number.route)
        }
    }
}

fn leads_here(route: &Route, public_url: &str) -> bool {
    set(&route.voice_url).is_some_and(|url| address(url) == address(&Callback::InboundVoice.url(public_url)))
}

/// Whether calls to the number are handled by its own webhooks at all.
fn line(snapshot: &Snapshot, number: &NumberResource, public_url: &str) -> Vec<Finding> {
    let place = format!("number {}", number.phone_number);
    let resource = format!("/IncomingPhoneNumbers/{}.json", number.sid);
    let voice = number.capabilities.voice.unwrap_or(true);
    let capability = if voice { "voice" } else { "no voice" };
    let trunk = set(&number.trunk_sid);
    let application = set(&number.voice_application_sid);
    let ours = application.is_none_or(|sid| {
        snapshot.applications.get(sid).is_some_and(|application| leads_here(application, public_url))
    });
    vec![
        Finding::judge(&place, "capability", Some(capability), "voice", voice)
            .means("the number carries messages only: no call goes out from it or comes in"),
        Finding::judge(
            &place,
            "receive mode",
            set(&number.voice_receive_mode),
            "voice",
            set(&number.voice_receive_mode).is_none_or(|mode| mode == "voice"),
        )
        .means("whoever rings it hears a fax machine, and the server hears of no call")
        .remedy(&resource, [("VoiceReceiveMode", text("voice"))]),
        Finding::judge(&place, "SIP trunk", trunk, "none", trunk.is_none())
            .means("calls to it go to the trunk, and Twilio ignores its webhooks: the server hears of no call")
            .remedy(&resource, [("TrunkSid", text(""))]),
        Finding::judge(&place, "application", application, "none, or one that leads here", ours)
            .means("Twilio uses the application's webhooks in place of the number's: the server hears of no call")
            .remedy(&resource, [("VoiceApplicationSid", text(""))]),
    ]
}

/// The webhooks of a number or an application.
fn callbacks(place: &str, resource: &str, route: &Route, public_url: &str) -> Vec<Finding> {
    let voice = Callback::InboundVoice.url(public_url);
    let status = Callback::InboundStatus.url(public_url);
    let url = |setting: &str, found: &Option<String>, wanted: &str| {
        let found = set(found);
        let is_right = found.is_some_and(|url| address(url) == address(wanted));
        Finding::judge(place, setting, found.map(address), address(wanted), is_right)
    };
    let method = |setting: &str, found: &Option<String>| {
        // Twilio's own default.
        Finding::compare(place, setting, Some(set(found).unwrap_or("POST")), "POST")
    };
    let mut found = vec![
        url("voice URL", &route.voice_url, &voice)
            .means("whoever rings the number gets somebody else's answer or an error, and the server hears of no call")
            .remedy(resource, [("VoiceUrl", text(&voice)), ("VoiceMethod", text("POST"))]),
        method("voice method", &route.voice_method)
            .means("callers' numbers travel in URLs, which proxies log, and Twilio may repeat an old answer from its cache")
            .remedy(resource, [("VoiceMethod", text("POST"))]),
        url("fallback URL", &route.voice_fallback_url, &voice)
            .means("when one answer of ours fails, the caller hears an error, or whatever is at the other URL, and is lost")
            .remedy(resource, [("VoiceFallbackUrl", text(&voice)), ("VoiceFallbackMethod", text("POST"))]),
        url("status callback", &route.status_callback, &status)
            .means("nobody tells the server that a caller has hung up: calls stay open until it asks, minutes later")
            .remedy(resource, [("StatusCallback", text(&status)), ("StatusCallbackMethod", text("POST"))]),
        method("status method", &route.status_callback_method)
            .means("callers' numbers travel in URLs, which proxies log")
            .remedy(resource, [("StatusCallbackMethod", text("POST"))]),
    ];
    let retried = [
        ("voice URL retries", "VoiceUrl", &route.voice_url, &voice),
        ("status callback retries", "StatusCallback", &route.status_callback, &status),
    ];
    for (setting, field, url, wanted) in retried {
        // Of a URL that is not ours, this is the least of the troubles.
        let Some(url) = set(url).filter(|url| address(url) == address(wanted)) else { continue };
        let finding = Finding::judge(place, setting, overrides(url), "#rc=…&rp=…", overrides(url).is_some())
            .means("a message that a restart or a busy store turns away is not sent again")
            .remedy(resource, [(field, text(wanted))]);
        found.push(finding);
    }
    found
}

/// A URL without its fragment, which is for Twilio and never reaches us.
fn address(url: &str) -> &str {
    url.split('#').next().unwrap_or_default()
}

/// The fragment of a URL, if it asks for repetitions of what failed.
fn overrides(url: &str) -> Option<&str> {
    let (_, fragment) = url.split_once('#')?;
    let mut keys = fragment.split('&').filter_map(|pair| pair.split_once('='));
    let asks = keys.any(|(key, value)| key == "rc" && value.parse().is_ok_and(|count: u8| count > 0));
    (asks && fragment.contains("rp=")).then_some(fragment)
}

fn text(value: &str) -> Value {
    Value::from(value)
}

#[cfg(test)]
mod tests {
    use super::*;
    use call_core::port::FindingState;
    use serde_json::json;

    const US: &str = "https://calls.example.com";
    const NUMBER: &str = "+12025550100";

    fn right() -> Value {
        let voice = Callback::InboundVoice.url(US);
        json!({
            "sid": "PN00000000000000000000000000000001",
            "phone_number": NUMBER,
            "capabilities": {"voice": true, "sms": false},
            "voice_receive_mode": "voice",
            "voice_application_sid": "",
            "trunk_sid": null,
            "voice_url": voice,
            "voice_method": "POST",
            "voice_fallback_url": voice,
            "status_callback": Callback::InboundStatus.url(US),
            "status_callback_method": "POST",
        })
    }

    fn snapshot(number: Value) -> Snapshot {
        let account = AccountResource { status: Some("active".to_owned()), kind: Some("Full".to_owned()) };
        Snapshot { account, numbers: vec![serde_json::from_value(number).unwrap()], ..Snapshot::default() }
    }

    fn ours() -> Numbers {
        Numbers { from: Some(NUMBER.to_owned()), ..Numbers::default() }
    }

    fn troubles(snapshot: &Snapshot) -> Vec<(String, FindingState)> {
        let all = findings(snapshot, US, &ours()).into_iter();
        all.filter(|finding| !finding.is_right()).map(|finding| (finding.setting, finding.state)).collect()
    }

    #[test]
    fn a_right_number_has_only_right_findings() {
        let all = findings(&snapshot(right()), US, &ours());
        assert!(all.iter().all(Finding::is_right), "{all:#?}");
        assert!(all.len() >= 13 && all.iter().all(|finding| finding.remedy.is_none() && !finding.means.is_empty()));
    }

    #[test]
    fn each_setting_is_compared_by_itself() {
        use FindingState::{Missing, Wrong};
        let elsewhere = || json!("https://old.example.net/hooks/twilio/voice#rc=3&rp=all");
        for (field, value, setting, state) in [
            ("voice_url", json!(""), "voice URL", Missing),
            ("voice_url", elsewhere(), "voice URL", Wrong),
            ("voice_url", json!(format!("{US}/hooks/twilio/voice")), "voice URL retries", Missing),
            ("voice_url", json!(format!("{US}/hooks/twilio/voice#rc=0&rp=all")), "voice URL retries", Missing),
            ("voice_method", json!("GET"), "voice method", Wrong),
            ("voice_fallback_url", json!(null), "fallback URL", Missing),
            ("voice_fallback_url", elsewhere(), "fallback URL", Wrong),
            ("status_callback", json!(""), "status callback", Missing),
            ("status_callback_method", json!("GET"), "status method", Wrong),
            ("trunk_sid", json!("TK00000000000000000000000000000001"), "SIP trunk", Wrong),
            ("voice_application_sid", json!("AP00000000000000000000000000000001"), "application", Wrong),
            ("voice_receive_mode", json!("fax"), "receive mode", Wrong),
            ("capabilities", json!({"voice": false}), "capability", Wrong),
            ("phone_number", json!("+12025550199"), "owner", Missing),
        ] {
            let mut number = right();
            number[field] = value.clone();
            assert_eq!(troubles(&snapshot(number)), [(setting.to_owned(), state)], "{field} {value}");
        }
    }

    #[test]
    fn an_application_that_leads_here_is_examined_in_place_of_the_number() {
        let mut number = right();
        number["voice_application_sid"] = json!("AP00000000000000000000000000000001");
        number["voice_url"] = json!("https://old.example.net/");
        let mut snapshot = snapshot(number);
        let mut application: Route = serde_json::from_value(right()).unwrap();
        application.status_callback_method = Some("GET".to_owned());
        snapshot.applications.insert("AP00000000000000000000000000000001".to_owned(), application);
        let all = findings(&snapshot, US, &ours());
        let wrong: Vec<&Finding> = all.iter().filter(|finding| !finding.is_right()).collect();
        assert_eq!((wrong.len(), wrong[0].setting.as_str()), (1, "status method"));
        assert_eq!(wrong[0].place, "application AP00000000000000000000000000000001");
        assert_eq!(wrong[0].remedy.as_ref().unwrap().resource, "/Applications/AP00000000000000000000000000000001.json");
    }

    #[test]
    fn numbers_of_others_are_left_alone() {
        let mut other = right();
        other["phone_number"] = json!("+12025550199");
        other["voice_url"] = json!("https://else.example.net/");
        other["voice_method"] = json!("GET");
        let mut snapshot = snapshot(right());
        snapshot.numbers.push(serde_json::from_value(other).unwrap());
        assert_eq!(troubles(&snapshot), []);
        snapshot.account.status = Some("suspended".to_owned());
        snapshot.key_works = Some(false);
        let found: Vec<String> = troubles(&snapshot).into_iter().map(|(setting, _)| setting).collect();
        assert_eq!(found, ["status", "API key"]);
    }

    #[test]
    fn a_verified_caller_id_may_be_shown() {
        let numbers = Numbers { from: Some("+12025550177".to_owned()), ..Numbers::default() };
        let mut snapshot = snapshot(right());
        assert!(findings(&snapshot, US, &numbers).iter().any(|finding| finding.state == FindingState::Missing));
        snapshot.verified.insert("+12025550177".to_owned());
        assert!(findings(&snapshot, US, &numbers).iter().all(Finding::is_right));
    }
}
