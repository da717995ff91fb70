//! `call-server sweep`

use std::process::ExitCode;

use reqwest::Method;
use serde_json::Value;

use super::client::Server;

#[derive(Debug, clap::Args)]
pub(super) struct Args {
    /// Only tell what a sweep would do
    #[arg(long)]
    dry_run: bool,
    #[command(flatten)]
    server: Server,
}

/// Asks the server to sweep, and shows what came of it.
pub(super) async fn run(args: Args) -> anyhow::Result<ExitCode> {
    let query = [("dry_run", args.dry_run.to_string())];
    let report = args.server.ask(Method::POST, &["v1", "sweep"], &query, None, None).await?;
    if args.server.json {
        say!("{report:#}");
        return Ok(ExitCode::SUCCESS);
    }
    let calls = report["calls"].as_array().map_or(&[][..], Vec::as_slice);
    for call in calls {
        let text = |key: &str| call[key].as_str().unwrap_or_default();
        let asked = if call["asked"] == true { ", provider asked" } else { "" };
        let hung_up = if call["hung_up"] == true { ", hang-up asked for" } else { "" };
        let closed = call["closed"].as_str().map(|how| format!(", closed as {how}")).unwrap_or_default();
        say!("{}  {} -> {}{asked}{hung_up}{closed}", text("call"), text("before"), text("after"));
    }
    let verb = if args.dry_run { "would be looked at" } else { "looked at" };
    let count = |key: &str| report.get(key).and_then(Value::as_u64).unwrap_or_default();
    say!("{} due calls {verb}, {} parked signals adopted, {} expired", calls.len(), count("adopted"), count("expired"));
    Ok(ExitCode::SUCCESS)
}
