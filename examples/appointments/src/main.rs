//! Serves the functions: `APPOINTMENTS_TOKEN=… cargo run -p appointments`.

use std::env;
use std::error::Error;
use std::time::{SystemTime, UNIX_EPOCH};

use appointments::{Practice, router};
use jiff::Timestamp;
use jiff::civil::DateTime;
use jiff::tz::Offset;
use tokio::net::TcpListener;

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), Box<dyn Error>> {
    let token = env::var("APPOINTMENTS_TOKEN").map_err(|_| "set APPOINTMENTS_TOKEN: the server's functions.token")?;
    let listen = env::var("APPOINTMENTS_LISTEN").unwrap_or_else(|_| "127.0.0.1:4050".to_owned());
    let listener = TcpListener::bind(&listen).await?;
    println!("functions at http://{}/functions", listener.local_addr()?);
    axum::serve(listener, router(Practice::new(token, utc_now))).await?;
    Ok(())
}

/// A practice in UTC; a real one has a time zone.
fn utc_now() -> DateTime {
    let since = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
    let now = i64::try_from(since.as_secs()).ok().and_then(|seconds| Timestamp::from_second(seconds).ok());
    Offset::UTC.to_datetime(now.unwrap_or(Timestamp::UNIX_EPOCH))
}
