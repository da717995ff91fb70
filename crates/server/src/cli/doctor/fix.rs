//! `--fix`: each remedy, asked for and carried out.

use std::io::{Write as _, stderr, stdin};

use call_core::port::Finding;

use super::accounts::Patient;
use super::report::{Mended, Report, change};

/// Carries out what is wished, one after the other, and says what became of each. A provider that refuses one may take
/// the next.
pub(super) async fn mend(patients: &[Patient], report: &Report, unasked: bool) -> anyhow::Result<Vec<Mended>> {
    let mut mended = Vec::new();
    for (patient, examined) in patients.iter().zip(&report.examined) {
        let findings = examined.findings.iter().flatten();
        for (finding, remedy) in findings.filter_map(|finding| finding.remedy.as_ref().map(|remedy| (finding, remedy)))
        {
            if !unasked && !is_wished(&examined.provider, finding)? {
                continue;
            }
            let refused = patient.account.mend(remedy).await.err().map(|error| error.to_string());
            mended.push(Mended {
                provider: examined.provider.clone(),
                place: finding.place.clone(),
                setting: finding.setting.clone(),
                change: change(remedy),
                refused,
            });
        }
    }
    Ok(mended)
}

fn is_wished(provider: &str, finding: &Finding) -> anyhow::Result<bool> {
    let Finding { place, setting, found, wanted, .. } = finding;
    let found = found.as_deref().unwrap_or("nothing");
    eprint!("{provider}, {place}: {setting} is {found}, should be {wanted}. Set it? [y/N] ");
    stderr().flush()?;
    let mut answer = String::new();
    stdin().read_line(&mut answer)?;
    Ok(matches!(answer.trim().to_lowercase().as_str(), "y" | "yes"))
}
