//! A reverse proxy that loses requests on demand: what happens between a provider and us when it is not the provider's
//! fault. With it in front, the server's public URL differs from the address that it listens on, as it does in life.

use std::io;
use std::sync::{Arc, Mutex, PoisonError};

use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};
use tokio::task::JoinHandle;

use crate::port;

/// A running gate. Dropping it closes it.
#[derive(Debug)]
pub struct Gate {
    port: u16,
    loses: Arc<Mutex<Vec<String>>>,
    task: JoinHandle<()>,
}

impl Gate {
    /// Opens a gate in front of `target`, a port on loopback.
    ///
    /// # Panics
    /// When its port is taken.
    pub async fn open(target: u16) -> Self {
        let port = port::reserve();
        let listener = TcpListener::bind(("127.0.0.1", port)).await.expect("a reserved port is free");
        let loses: Arc<Mutex<Vec<String>>> = Arc::default();
        let losing = Arc::clone(&loses);
        let task = tokio::spawn(async move {
            while let Ok((client, _)) = listener.accept().await {
                let losing = Arc::clone(&losing);
                // A connection that breaks is the provider's to complain about.
                tokio::spawn(async move { pass(client, target, &losing).await.ok() });
            }
        });
        Self { port, loses, task }
    }

    /// The public URL.
    #[must_use]
    pub fn url(&self) -> String {
        format!("http://127.0.0.1:{}", self.port)
    }

    /// From now on, requests whose path contains `part` go in and never arrive.
    pub fn lose(&self, part: &str) {
        self.loses.lock().unwrap_or_else(PoisonError::into_inner).push(part.to_owned());
    }
}

impl Drop for Gate {
    fn drop(&mut self) {
        self.task.abort();
    }
}

/// One request, one answer, one connection: so that each request can be looked at.
async fn pass(mut client: TcpStream, target: u16, losing: &Mutex<Vec<String>>) -> io::Result<()> {
    let mut request = Vec::new();
    let head = loop {
        if let Some(end) = request.windows(4).position(|window| window == b"\r\n\r\n") {
            break end + 4;
        }
        if client.read_buf(&mut request).await? == 0 {
            return Ok(());
        }
    };
    let text = String::from_utf8_lossy(&request[..head]).into_owned();
    let path = text.split(' ').nth(1).unwrap_or_default();
    if losing.lock().unwrap_or_else(PoisonError::into_inner).iter().any(|part| path.contains(part)) {
        return Ok(());
    }
    let length = text.lines().find_map(|line| {
        let (name, value) = line.split_once(':')?;
        name.eq_ignore_ascii_case("content-length").then(|| value.trim().parse::<usize>().ok())?
    });
    while request.len() < head + length.unwrap_or(0) {
        if client.read_buf(&mut request).await? == 0 {
            return Ok(());
        }
    }
    let mut server = TcpStream::connect(("127.0.0.1", target)).await?;
    server.write_all(text.trim_end().as_bytes()).await?;
    server.write_all(b"\r\nConnection: close\r\n\r\n").await?;
    server.write_all(&request[head..]).await?;
    tokio::io::copy(&mut server, &mut client).await?;
    client.shutdown().await
}
