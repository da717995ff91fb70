//! What was found, as people and programs read it.

use call_core::port::{AccountError, Finding, FindingState, Remedy};
use serde::Serialize;
use serde_json::{Value, json};

/// Everything that was found and done.
pub(super) struct Report {
    pub(super) examined: Vec<Examined>,
    pub(super) mended: Vec<Mended>,
}

/// One account.
pub(super) struct Examined {
    pub(super) provider: String,
    pub(super) findings: Result<Vec<Finding>, AccountError>,
}

/// One change that was tried.
#[derive(Serialize)]
pub(super) struct Mended {
    pub(super) provider: String,
    pub(super) place: String,
    pub(super) setting: String,
    pub(super) change: String,
    /// Why not, if it was not made.
    pub(super) refused: Option<String>,
}

impl Report {
    /// Whether all was read, and all is right.
    pub(super) fn is_clean(&self) -> bool {
        self.examined.iter().all(|examined| matches!(&examined.findings, Ok(all) if all.iter().all(Finding::is_right)))
    }

    pub(super) fn print(&self, as_json: bool) -> anyhow::Result<()> {
        if as_json {
            say!("{}", serde_json::to_string_pretty(&self.json())?);
        } else {
            self.table();
        }
        Ok(())
    }

    fn json(&self) -> Value {
        let providers: Vec<Value> = self
            .examined
            .iter()
            .map(|examined| match &examined.findings {
                Ok(findings) => json!({ "provider": examined.provider, "findings": findings }),
                Err(error) => json!({ "provider": examined.provider, "error": error.to_string() }),
            })
            .collect();
        json!({ "clean": self.is_clean(), "accounts": providers, "mended": self.mended })
    }

    fn table(&self) {
        for mended in &self.mended {
            let Mended { provider, place, setting, change, refused } = mended;
            match refused {
                None => say!("set: {provider}, {place}, {setting}: {change}"),
                Some(why) => say!("NOT SET: {provider}, {place}, {setting}: {why}"),
            }
        }
        for examined in &self.examined {
            say!("");
            match &examined.findings {
                Ok(findings) => table(&examined.provider, findings),
                Err(error) => say!("{}: could not be examined; {error}", examined.provider),
            }
        }
        say!("");
        self.sum_up();
    }

    fn sum_up(&self) {
        let all = || self.examined.iter().flat_map(|examined| examined.findings.iter().flatten());
        let count = |state| all().filter(|finding| finding.state == state).count();
        let (right, missing, wrong) =
            (count(FindingState::Right), count(FindingState::Missing), count(FindingState::Wrong));
        let unread = self.examined.iter().filter(|examined| examined.findings.is_err()).count();
        say!("{right} settings are right, {missing} missing, {wrong} wrong");
        match all().filter(|finding| finding.remedy.is_some()).count() {
            0 => {}
            mendable => say!("`call-server doctor --fix` can set {mendable} of them"),
        }
        if unread > 0 {
            say!("{unread} of {} accounts could not be examined", self.examined.len());
        }
        if self.examined.is_empty() {
            say!("no provider is configured");
        }
    }
}

/// One line a setting, and below one that is not right what it means and what to do.
fn table(provider: &str, findings: &[Finding]) {
    let widest = |text: fn(&Finding) -> &str| findings.iter().map(|finding| text(finding).chars().count()).max();
    let place = widest(|finding| &finding.place).unwrap_or_default();
    let setting = widest(|finding| &finding.setting).unwrap_or_default();
    say!("{}", provider.to_uppercase());
    for finding in findings {
        let state = if finding.is_right() { "right".to_owned() } else { finding.state.as_str().to_uppercase() };
        let found = finding.found.as_deref().unwrap_or("-");
        say!("  {state:7}  {:place$}  {:setting$}  {found}", finding.place, finding.setting);
        if finding.is_right() {
            continue;
        }
        say!("           should be: {}", finding.wanted);
        say!("           for calls: {}", finding.means);
        match &finding.remedy {
            Some(remedy) => say!("           --fix sets: {}", change(remedy)),
            None => say!("           --fix sets: nothing; this is for you to settle with the provider"),
        }
    }
}

/// A remedy in one line.
pub(super) fn change(remedy: &Remedy) -> String {
    let fields = remedy.fields.iter().map(|(name, value)| format!("{name} = {value}"));
    format!("{} of {}", fields.collect::<Vec<_>>().join(", "), remedy.resource)
}
