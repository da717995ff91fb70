//! The network as a process: `simulator --port 0 --seed 7 --speed 100 --faults demo`.

use std::{error::Error, io::Write, time::Duration};

use clap::{Parser, ValueEnum};
use simulator::{Config, Faults, Network, RetellConfig, Secret, TelnyxConfig};
use tracing_subscriber::EnvFilter;

/// A telephone network on loopback that speaks Twilio's, Telnyx's and Retell's HTTP and webhooks, with faults on demand.
#[derive(Debug, Parser)]
#[command(version)]
struct Options {
    /// Port on 127.0.0.1; 0 takes a free one.
    #[arg(long, default_value_t = 0)]
    port: u16,
    /// A second port for the control API, reachable even while the provider refuses connections.
    #[arg(long)]
    control_port: Option<u16>,
    /// Decides every person and every fault drawn by chance.
    #[arg(long, default_value_t = 1)]
    seed: u64,
    /// Phone seconds per second of the wall clock.
    #[arg(long, default_value_t = 1.0)]
    speed: f64,
    /// Faults by chance.
    #[arg(long, value_enum, default_value_t = FaultSet::None)]
    faults: FaultSet,
    /// Twilio account SID.
    #[arg(long, env = "TWILIO_ACCOUNT_SID")]
    account_sid: Option<String>,
    /// Twilio auth token; better given by environment than on the command line.
    #[arg(long, env = "TWILIO_AUTH_TOKEN", hide_env_values = true)]
    auth_token: Option<String>,
    /// Telnyx API key; better given by environment than on the command line.
    #[arg(long, env = "TELNYX_API_KEY", hide_env_values = true)]
    telnyx_api_key: Option<String>,
    /// Where the Telnyx application's webhooks go.
    #[arg(long, env = "TELNYX_WEBHOOK_URL")]
    telnyx_webhook_url: Option<String>,
    /// Retell API key; better given by environment than on the command line.
    #[arg(long, env = "RETELL_API_KEY", hide_env_values = true)]
    retell_api_key: Option<String>,
    /// Where Retell tells events of agents that have no address of their own.
    #[arg(long, env = "RETELL_WEBHOOK_URL")]
    retell_webhook_url: Option<String>,
    /// Seconds of the wall clock that a REST request struck by a time-out is held.
    #[arg(long, default_value_t = 30.0)]
    hold: f64,
    /// Phone seconds by which reads of calls lag behind the truth.
    #[arg(long, default_value_t = 0.0)]
    read_lag: f64,
    /// Calls that may leave the queue per phone second; unlimited by default.
    #[arg(long)]
    calls_per_second: Option<f64>,
}

#[derive(Debug, Clone, Copy, ValueEnum)]
enum FaultSet {
    None,
    Demo,
}

#[tokio::main]
async fn main() -> Result<(), Box<dyn Error>> {
    tracing_subscriber::fmt().with_env_filter(EnvFilter::from_default_env()).with_writer(std::io::stderr).init();
    let network = Network::start(Options::parse().config()).await?;
    println!("simulator listening on {}", network.base_url());
    // A pipe is not flushed by the line end, and whoever started us waits for this line.
    std::io::stdout().flush()?;
    stop_signal().await?;
    network.shutdown().await;
    Ok(())
}

impl Options {
    fn config(self) -> Config {
        let standard = Config::default();
        Config {
            port: self.port,
            control_port: self.control_port,
            seed: self.seed,
            speed: self.speed,
            faults: match self.faults {
                FaultSet::None => Faults::none(),
                FaultSet::Demo => Faults::demo(),
            },
            account_sid: self.account_sid.unwrap_or(standard.account_sid),
            auth_token: self.auth_token.map_or(standard.auth_token, Secret::new),
            telnyx: TelnyxConfig {
                api_key: self.telnyx_api_key.map_or(standard.telnyx.api_key, Secret::new),
                webhook_url: self.telnyx_webhook_url,
                ..TelnyxConfig::default()
            },
            retell: RetellConfig {
                api_key: self.retell_api_key.map_or(standard.retell.api_key, Secret::new),
                webhook_url: self.retell_webhook_url,
                ..RetellConfig::default()
            },
            hold: Duration::try_from_secs_f64(self.hold).unwrap_or(standard.hold),
            read_lag: self.read_lag,
            calls_per_second: self.calls_per_second,
            ..Config::default()
        }
    }
}

/// Returns on Ctrl-C, or on SIGTERM where there is such a thing.
async fn stop_signal() -> std::io::Result<()> {
    #[cfg(unix)]
    {
        use tokio::signal::unix::{SignalKind, signal};
        let mut terminate = signal(SignalKind::terminate())?;
        tokio::select! {
            interrupted = tokio::signal::ctrl_c() => interrupted,
            _ = terminate.recv() => Ok(()),
        }
    }
    #[cfg(not(unix))]
    tokio::signal::ctrl_c().await
}
