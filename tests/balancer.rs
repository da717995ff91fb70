//! A plain TCP balancer, as one that costs nothing: it knows no HTTP, asks nobody for their health, and goes on to the
//! next server where one cannot be connected to. What it has begun with a server it ends with that server.

use std::io;
use std::net::Ipv4Addr;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use tokio::io::copy_bidirectional;
use tokio::net::{TcpListener, TcpStream};
use tokio::task::JoinHandle;
use tokio::time::timeout;

use crate::port;

/// How long a server may take to accept a connection. One that shuts its door lets newcomers knock in vain for a moment.
const PATIENCE: Duration = Duration::from_millis(250);

/// A running balancer. Dropping it closes it.
#[derive(Debug)]
pub struct Balancer {
    port: u16,
    connections: Arc<Vec<AtomicUsize>>,
    task: JoinHandle<()>,
}

impl Balancer {
    /// Opens a balancer in front of servers on these ports of loopback.
    ///
    /// # Panics
    /// When its port is taken.
    pub async fn open(servers: &[u16]) -> Self {
        let port = port::reserve();
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, port)).await.expect("a reserved port is free");
        let servers: Arc<[u16]> = servers.into();
        let connections: Arc<Vec<AtomicUsize>> = Arc::new(servers.iter().map(|_| AtomicUsize::new(0)).collect());
        let counts = Arc::clone(&connections);
        let task = tokio::spawn(async move {
            for turn in 0_usize.. {
                let Ok((client, _)) = listener.accept().await else { return };
                let (servers, counts) = (Arc::clone(&servers), Arc::clone(&counts));
                // A connection that breaks is for its two ends to mend.
                tokio::spawn(async move { carry(client, &servers, turn, &counts).await.ok() });
            }
        });
        Self { port, connections, task }
    }

    /// The URL of all servers together.
    #[must_use]
    pub fn url(&self) -> String {
        format!("http://127.0.0.1:{}", self.port)
    }

    /// How many connections each server was given.
    #[must_use]
    pub fn connections(&self) -> Vec<usize> {
        self.connections.iter().map(|count| count.load(Ordering::Relaxed)).collect()
    }
}

impl Drop for Balancer {
    fn drop(&mut self) {
        self.task.abort();
    }
}

async fn carry(mut client: TcpStream, servers: &[u16], turn: usize, counts: &[AtomicUsize]) -> io::Result<()> {
    client.set_nodelay(true)?;
    for next in 0..servers.len() {
        let chosen = (turn + next) % servers.len();
        let connected = timeout(PATIENCE, TcpStream::connect((Ipv4Addr::LOCALHOST, servers[chosen]))).await;
        if let Ok(Ok(mut server)) = connected {
            server.set_nodelay(true)?;
            counts[chosen].fetch_add(1, Ordering::Relaxed);
            copy_bidirectional(&mut client, &mut server).await?;
            return Ok(());
        }
    }
    Ok(())
}
