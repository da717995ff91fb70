//! `call-server call place|show|list|tell|hangup`

use std::process::ExitCode;

use anyhow::Context as _;
use call_core::CallId;
use clap::Subcommand;
use reqwest::Method;
use serde_json::{Map, Value, json};

use super::client::Server;
use super::table;

#[derive(Debug, clap::Args)]
pub(super) struct Args {
    #[command(subcommand)]
    what: What,
}

#[derive(Debug, Subcommand)]
enum What {
    /// Place a call
    Place(Place),
    /// Show one call
    Show {
        /// Its id
        call: CallId,
        #[command(flatten)]
        server: Server,
    },
    /// List calls, newest first
    List(List),
    /// Tell a live call what to do
    Tell {
        /// Its id
        call: CallId,
        /// What, as JSON: {"command": "speak", "operation": "a", "text": "Hello."}; all commands are in /v1/openapi.json
        command: String,
        #[command(flatten)]
        server: Server,
    },
    /// Hang up a call, or cancel it before it is answered
    Hangup {
        /// Its id
        call: CallId,
        /// Why, for its journal
        #[arg(long)]
        reason: Option<String>,
        #[command(flatten)]
        server: Server,
    },
}

#[derive(Debug, clap::Args)]
struct Place {
    /// Whom to ring: a number such as +15550100123, client:name or sip:user@host
    to: String,
    /// Who rings [default: the server's]
    #[arg(long)]
    from: Option<String>,
    /// Whom the call concerns; at most one open call for each
    #[arg(long)]
    subject: Option<String>,
    /// Say these words on answer, then hang up
    #[arg(long, value_name = "WORDS", conflicts_with_all = ["connect", "script"])]
    say: Option<String>,
    /// Connect the callee to this number or address on answer
    #[arg(long, value_name = "ADDRESS", conflicts_with = "script")]
    connect: Option<String>,
    /// What happens on answer, as JSON: {"do": "converse", "greeting": "Hello."}
    #[arg(long, value_name = "JSON")]
    script: Option<String>,
    /// How long it rings, such as 30s
    #[arg(long, value_name = "DURATION")]
    ring_for: Option<String>,
    /// Record the call
    #[arg(long)]
    record: bool,
    /// Tell people from answering machines
    #[arg(long)]
    detect_machine: bool,
    /// Makes the request safe to repeat: the same key is the same call
    #[arg(long, value_name = "KEY")]
    idempotency_key: Option<String>,
    #[command(flatten)]
    server: Server,
}

#[derive(Debug, clap::Args)]
struct List {
    /// Only these phases, separated by commas
    #[arg(long)]
    phase: Option<String>,
    /// Only calls that ended so
    #[arg(long)]
    disposition: Option<String>,
    /// Only calls about this subject
    #[arg(long)]
    subject: Option<String>,
    /// How many at most
    #[arg(long, default_value_t = 50)]
    limit: usize,
    /// Only calls older than this one
    #[arg(long, value_name = "CALL")]
    before: Option<CallId>,
    #[command(flatten)]
    server: Server,
}

/// Asks the server, and shows its answer.
pub(super) async fn run(args: Args) -> anyhow::Result<ExitCode> {
    match args.what {
        What::Place(args) => place(args).await?,
        What::Show { call, server } => {
            let id = call.to_string();
            show(&server, &server.ask(Method::GET, &["v1", "calls", &id], &[], None, None).await?);
        }
        What::List(args) => list(args).await?,
        What::Tell { call, command, server } => {
            let (id, body) = (call.to_string(), serde_json::from_str(&command).context("the command is not JSON")?);
            show(&server, &server.ask(Method::POST, &["v1", "calls", &id, "commands"], &[], Some(&body), None).await?);
        }
        What::Hangup { call, reason, server } => {
            let id = call.to_string();
            let body = json!({ "reason": reason });
            show(&server, &server.ask(Method::POST, &["v1", "calls", &id, "hangup"], &[], Some(&body), None).await?);
        }
    }
    Ok(ExitCode::SUCCESS)
}

async fn place(args: Place) -> anyhow::Result<()> {
    let script = match (args.say, args.connect, args.script) {
        (Some(text), ..) => Some(json!({ "do": "say", "text": text })),
        (None, Some(to), _) => Some(json!({ "do": "connect", "to": to })),
        (None, None, Some(json)) => Some(serde_json::from_str(&json).context("--script is not JSON")?),
        (None, None, None) => None,
    };
    let fields = [
        ("to", Some(json!(args.to))),
        ("from", args.from.map(Value::from)),
        ("subject", args.subject.map(Value::from)),
        ("script", script),
        ("ring_for", args.ring_for.map(Value::from)),
        ("record", Some(json!(args.record))),
        ("detect_machine", Some(json!(args.detect_machine))),
    ];
    let body: Map<_, _> = fields.into_iter().filter_map(|(key, value)| Some((key.to_owned(), value?))).collect();
    let (body, key) = (Value::Object(body), args.idempotency_key.as_deref());
    show(&args.server, &args.server.ask(Method::POST, &["v1", "calls"], &[], Some(&body), key).await?);
    Ok(())
}

async fn list(args: List) -> anyhow::Result<()> {
    let filters = [
        ("phase", args.phase),
        ("disposition", args.disposition),
        ("subject", args.subject),
        ("limit", Some(args.limit.to_string())),
        ("before", args.before.map(|id| id.to_string())),
    ];
    let query: Vec<_> = filters.into_iter().filter_map(|(key, value)| Some((key, value?))).collect();
    let page = args.server.ask(Method::GET, &["v1", "calls"], &query, None, None).await?;
    if args.server.json {
        say!("{page:#}");
        return Ok(());
    }
    table::calls(page["calls"].as_array().map_or(&[], Vec::as_slice));
    if let Some(next) = page["next"].as_str() {
        say!("more: --before {next}");
    }
    Ok(())
}

fn show(server: &Server, call: &Value) {
    if server.json {
        say!("{call:#}");
    } else {
        table::call(call);
    }
}
