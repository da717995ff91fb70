//! Sockets that can be cut: what an HTTP handler cannot do by itself is hang up on its client without an answer.

use std::{
    io,
    net::{Ipv4Addr, SocketAddr},
    pin::Pin,
    sync::Arc,
    task::{Context, Poll},
    time::Duration,
};

use axum::{
    extract::connect_info::Connected,
    serve::{IncomingStream, Listener},
};
use tokio::{
    io::{AsyncRead, AsyncWrite, ReadBuf},
    net::{TcpListener, TcpStream},
};
use tokio_util::sync::{CancellationToken, WaitForCancellationFutureOwned};

use crate::outage::Outage;

/// A listener that closes its port while the provider refuses connections, and opens it again afterwards.
pub(crate) struct Exchange {
    address: SocketAddr,
    socket: Option<TcpListener>,
    outage: Arc<Outage>,
    /// Cuts every connection accepted since the port was opened.
    lines: CancellationToken,
}

impl Exchange {
    pub(crate) async fn open(port: u16, outage: Arc<Outage>) -> io::Result<Self> {
        let socket = TcpListener::bind((Ipv4Addr::LOCALHOST, port)).await?;
        Ok(Self { address: socket.local_addr()?, socket: Some(socket), outage, lines: CancellationToken::new() })
    }

    pub(crate) fn address(&self) -> SocketAddr {
        self.address
    }

    fn close(&mut self) {
        self.socket = None;
        std::mem::replace(&mut self.lines, CancellationToken::new()).cancel();
    }
}

impl Drop for Exchange {
    fn drop(&mut self) {
        self.lines.cancel();
    }
}

/// How long to wait before trying again what the system refused for the moment.
const BREATH: Duration = Duration::from_millis(5);

impl Listener for Exchange {
    type Io = Wire;
    type Addr = SocketAddr;

    async fn accept(&mut self) -> (Wire, SocketAddr) {
        loop {
            let Some(socket) = &self.socket else {
                self.outage.over().await;
                match TcpListener::bind(self.address).await {
                    Ok(socket) => self.socket = Some(socket),
                    Err(error) => {
                        tracing::warn!(%error, address = %self.address, "cannot open the port again yet");
                        tokio::time::sleep(BREATH).await;
                    }
                }
                continue;
            };
            tokio::select! {
                biased;
                () = self.outage.refusing() => self.close(),
                accepted = socket.accept() => match accepted {
                    Ok((stream, peer)) => {
                        // Answers are one small packet each: waiting for more to send would only cost time.
                        let _ = stream.set_nodelay(true);
                        return (Wire::new(stream, self.lines.child_token()), peer);
                    }
                    Err(error) => {
                        tracing::warn!(%error, "cannot accept a connection");
                        tokio::time::sleep(BREATH).await;
                    }
                },
            }
        }
    }

    fn local_addr(&self) -> io::Result<SocketAddr> {
        Ok(self.address)
    }
}

/// One connection.
pub(crate) struct Wire {
    stream: TcpStream,
    cut: CancellationToken,
    cutting: Pin<Box<WaitForCancellationFutureOwned>>,
}

impl Wire {
    fn new(stream: TcpStream, cut: CancellationToken) -> Self {
        let cutting = Box::pin(cut.clone().cancelled_owned());
        Self { stream, cut, cutting }
    }
}

fn cut_off() -> io::Error {
    io::ErrorKind::ConnectionReset.into()
}

impl AsyncRead for Wire {
    fn poll_read(mut self: Pin<&mut Self>, cx: &mut Context<'_>, buf: &mut ReadBuf<'_>) -> Poll<io::Result<()>> {
        if self.cutting.as_mut().poll(cx).is_ready() {
            return Poll::Ready(Err(cut_off()));
        }
        Pin::new(&mut self.stream).poll_read(cx, buf)
    }
}

impl AsyncWrite for Wire {
    fn poll_write(mut self: Pin<&mut Self>, cx: &mut Context<'_>, buf: &[u8]) -> Poll<io::Result<usize>> {
        if self.cut.is_cancelled() {
            return Poll::Ready(Err(cut_off()));
        }
        Pin::new(&mut self.stream).poll_write(cx, buf)
    }

    fn poll_flush(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_flush(cx)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_shutdown(cx)
    }
}

/// A handler's grip on the connection that its request came by.
#[derive(Debug, Clone)]
pub(crate) struct Line {
    cut: CancellationToken,
}

impl Line {
    /// Drops the connection; whatever the handler answers afterwards is not sent.
    pub(crate) fn cut(&self) {
        self.cut.cancel();
    }
}

impl Connected<IncomingStream<'_, Exchange>> for Line {
    fn connect_info(stream: IncomingStream<'_, Exchange>) -> Self {
        Self { cut: stream.io().cut.clone() }
    }
}
