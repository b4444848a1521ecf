//! A sink on a free port and in a directory of its own that goes with it: the relay of whoever's tests send mail. It
//! must never be used where a mail should stay.

use std::net::SocketAddr;
use std::ops::Deref;
use std::path::PathBuf;

use anyhow::Context;
use tokio::net::TcpListener;
use uuid::Uuid;

use super::{Sink, serve_smtp};

/// A [`Sink`] that is served as long as the runtime runs, and whose mails go with it.
pub struct OwnSink {
    sink: Sink,
    pub dir: PathBuf,
    pub addr: SocketAddr,
}

impl OwnSink {
    /// # Errors
    /// There is no place for a directory, or no free port.
    pub async fn open() -> anyhow::Result<Self> {
        let dir = std::env::temp_dir().join(format!("world-mail-{}", Uuid::now_v7()));
        let sink = Sink::open(&dir)?;
        let listener = TcpListener::bind("127.0.0.1:0").await.context("no port is free")?;
        let addr = listener.local_addr().context("the port has no address")?;
        tokio::spawn(serve_smtp(listener, sink.clone()));
        Ok(Self { sink, dir, addr })
    }

    /// The address as rooms are told it.
    #[must_use]
    pub fn url(&self) -> String {
        format!("smtp://{}", self.addr)
    }
}

impl Deref for OwnSink {
    type Target = Sink;

    fn deref(&self) -> &Sink {
        &self.sink
    }
}

impl Drop for OwnSink {
    fn drop(&mut self) {
        // It lies among the machine's temporary files, which somebody clears anyway.
        let _ = std::fs::remove_dir_all(&self.dir);
    }
}
