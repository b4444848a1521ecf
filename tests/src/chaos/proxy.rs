//! A TCP link between a process and a server that can be frozen, so that bytes neither pass nor fail, cut, and led to
//! another server. It must
//! never look into what passes.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::tcp::{OwnedReadHalf, OwnedWriteHalf};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::watch;

/// Whatever connects to its port reaches the target.
pub struct Proxy {
    pub port: u16,
    state: watch::Sender<State>,
    cut: Arc<AtomicU64>,
}

#[derive(Debug, Clone, Copy)]
struct State {
    target: u16,
    is_frozen: bool,
    cuts: u64,
}

impl Proxy {
    /// A link to this port of the machine.
    ///
    /// # Errors
    /// No port is free.
    pub async fn open(target: u16) -> std::io::Result<Self> {
        let listener = TcpListener::bind(("127.0.0.1", 0)).await?;
        let port = listener.local_addr()?.port();
        let (state, watched) = watch::channel(State { target, is_frozen: false, cuts: 0 });
        let cut = Arc::new(AtomicU64::new(0));
        let counter = Arc::clone(&cut);
        tokio::spawn(async move {
            while let Ok((near, _)) = listener.accept().await {
                tokio::spawn(link(near, watched.clone(), Arc::clone(&counter)));
            }
        });
        Ok(Self { port, state, cut })
    }

    /// From now on nothing passes, and nobody is told.
    pub fn freeze(&self) {
        self.state.send_modify(|state| state.is_frozen = true);
    }

    /// Ends every connection and lets new ones pass.
    pub fn cut(&self) {
        self.state.send_modify(|state| *state = State { is_frozen: false, cuts: state.cuts + 1, ..*state });
    }

    /// From now on this port of the machine is the target; what leads to the old one ends.
    pub fn lead_to(&self, target: u16) {
        self.state.send_modify(|state| *state = State { target, is_frozen: false, cuts: state.cuts + 1 });
    }

    /// Whether the target takes connections.
    pub async fn reaches(&self) -> bool {
        let target = self.state.borrow().target;
        TcpStream::connect(("127.0.0.1", target)).await.is_ok()
    }

    /// Connections that were cut.
    pub fn connections_cut(&self) -> u64 {
        self.cut.load(Ordering::Relaxed)
    }
}

async fn link(near: TcpStream, state: watch::Receiver<State>, cut: Arc<AtomicU64>) {
    let State { target, cuts: born, .. } = *state.borrow();
    let Ok(far) = TcpStream::connect(("127.0.0.1", target)).await else { return };
    let ((near_in, near_out), (far_in, far_out)) = (near.into_split(), far.into_split());
    let mut watched = state.clone();
    tokio::select! {
        () = pump(near_in, far_out, state.clone()) => {}
        () = pump(far_in, near_out, state) => {}
        _ = watched.wait_for(|state| state.cuts != born) => { cut.fetch_add(1, Ordering::Relaxed); }
    }
}

async fn pump(mut from: OwnedReadHalf, mut to: OwnedWriteHalf, mut state: watch::Receiver<State>) {
    let mut buffer = vec![0; 32 * 1024];
    while let Ok(count @ 1..) = from.read(&mut buffer).await {
        if state.wait_for(|state| !state.is_frozen).await.is_err()
            || to.write_all(&buffer[..count]).await.is_err()
        {
            return;
        }
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;

    #[tokio::test]
    async fn a_link_passes_bytes_holds_them_while_frozen_and_ends_when_cut() {
        let server = TcpListener::bind(("127.0.0.1", 0)).await.unwrap();
        let proxy = Proxy::open(server.local_addr().unwrap().port()).await.unwrap();
        let mut near = TcpStream::connect(("127.0.0.1", proxy.port)).await.unwrap();
        let (mut far, _) = server.accept().await.unwrap();
        let mut got = [0; 2];
        near.write_all(b"ab").await.unwrap();
        far.read_exact(&mut got).await.unwrap();
        assert_eq!(&got, b"ab");

        proxy.freeze();
        near.write_all(b"cd").await.unwrap();
        // Long enough for bytes that pass; that they do not pass cannot be waited for.
        assert!(tokio::time::timeout(Duration::from_millis(100), far.read_exact(&mut got)).await.is_err());

        proxy.cut();
        assert!(!matches!(near.read(&mut got).await, Ok(1..)), "the connection has ended");
        assert_eq!(proxy.connections_cut(), 1);
        let mut next = TcpStream::connect(("127.0.0.1", proxy.port)).await.unwrap();
        let _far = server.accept().await.unwrap();

        let other = TcpListener::bind(("127.0.0.1", 0)).await.unwrap();
        proxy.lead_to(other.local_addr().unwrap().port());
        assert!(!matches!(next.read(&mut got).await, Ok(1..)), "what led to the old server has ended");
        let _near = TcpStream::connect(("127.0.0.1", proxy.port)).await.unwrap();
        other.accept().await.unwrap();
    }
}
