//! What orchestrators and scrapers ask: does the process live, can its rooms work, what have they done.

use std::io::{Read as _, Write as _};
use std::net::{TcpListener, TcpStream};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use shell::telemetry::Metric;
use tests::TestHouse;
use tests::client::Client;
use tests::orders::{order, product};

#[tokio::test]
async fn a_process_tells_that_it_lives_whether_it_can_work_and_what_it_has_done() {
    let mut house = TestHouse::new("http").await;
    house.set("OMS_HTTP_ADDR", "127.0.0.1:0");
    let database = Gate::before(house.setting("OMS_DATABASE_URL"));
    let broker = Gate::before(house.setting("OMS_AMQP_URL"));
    let (direct_database, direct_broker) =
        (house.setting("OMS_DATABASE_URL").to_owned(), house.setting("OMS_AMQP_URL").to_owned());
    house.set("OMS_DATABASE_URL", &database.url);
    house.set("OMS_AMQP_URL", &broker.url);
    house.start_rooms("rooms", "all").await;
    house.set("OMS_DATABASE_URL", &direct_database);
    house.set("OMS_AMQP_URL", &direct_broker);
    house.define(&[product("19XE")], &[("19XE", 5)]).await;
    let mut store = Client::open(&house, "web-store").await;
    let id = store.send("order.submit.v1", order("WEB-1", 1, &[("19XE", 1)])).await;
    let answer = store.answer_to(&id).await;
    house.until_fact(answer["order"].as_str().expect("a number"), "authorized", 1).await;

    assert_eq!(house.get("rooms", "/livez").await, (200, "alive\n".to_owned()));
    assert_eq!(house.get("rooms", "/readyz").await, (200, "ready\n".to_owned()));
    let (_, text) = house.get("rooms", "/metrics").await;
    for metric in Metric::ALL.iter().filter(|metric| !metric.combinations(&messages::Room::ALL).is_empty()) {
        assert!(
            text.lines().any(|line| line.starts_with(metric.name())),
            "{} is not told:\n{text}",
            metric.name()
        );
        assert!(text.contains(&format!("# HELP {} ", metric.name())), "{} is not explained", metric.name());
    }
    let metrics = house.metrics("rooms").await;
    for room in messages::Room::ALL {
        assert_eq!(metrics[&format!("oms_room_up{{room=\"{room}\"}}")], 1.0);
    }

    for (gate, said) in [(&broker, "the broker at "), (&database, "the database does not answer")] {
        gate.close();
        let text = until_status(&house, 503).await;
        assert!(text.contains(said), "{text}");
        assert_eq!(
            house.get("rooms", "/livez").await.0,
            200,
            "a process whose broker is away must not be killed for it"
        );
        gate.open();
        until_status(&house, 200).await;
    }
    let id = store.send("order.submit.v1", order("WEB-2", 2, &[("19XE", 1)])).await;
    let answer = store.answer_to(&id).await;
    house.until_fact(answer["order"].as_str().expect("a number"), "authorized", 1).await;
}

async fn until_status(house: &TestHouse, wanted: u16) -> String {
    let begun = std::time::Instant::now();
    loop {
        let (status, text) = house.get("rooms", "/readyz").await;
        if status == wanted {
            return text;
        }
        assert!(begun.elapsed().as_secs() < 60, "/readyz stays {status}: {text}");
        tokio::time::sleep(Duration::from_millis(100)).await;
    }
}

/// A door before a server, which can be closed: what went through is cut off, and nobody comes in.
struct Gate {
    url: String,
    is_open: Arc<AtomicBool>,
}

impl Gate {
    fn before(url: &str) -> Self {
        let (scheme, rest) = url.split_once("://").expect("a URL");
        let (login, place) = rest.rsplit_once('@').expect("a login");
        let (server, path) = place.split_once('/').expect("a path");
        let listener = TcpListener::bind("127.0.0.1:0").expect("a free port");
        let url = format!("{scheme}://{login}@{}/{path}", listener.local_addr().expect("an address"));
        let is_open = Arc::new(AtomicBool::new(true));
        let (server, state) = (server.to_owned(), Arc::clone(&is_open));
        std::thread::spawn(move || {
            for caller in listener.incoming().flatten() {
                if let Some(server) =
                    state.load(Ordering::SeqCst).then(|| TcpStream::connect(&server).ok()).flatten()
                {
                    pass(&caller, &server, &state);
                    pass(&server, &caller, &state);
                }
            }
        });
        Self { url, is_open }
    }

    fn close(&self) {
        self.is_open.store(false, Ordering::SeqCst);
    }

    fn open(&self) {
        self.is_open.store(true, Ordering::SeqCst);
    }
}

/// Passes bytes on in a thread of its own until the door closes.
fn pass(from: &TcpStream, to: &TcpStream, is_open: &Arc<AtomicBool>) {
    let (mut from, mut to, is_open) =
        (from.try_clone().expect("a socket"), to.try_clone().expect("a socket"), Arc::clone(is_open));
    from.set_read_timeout(Some(Duration::from_millis(50))).expect("a time-out");
    std::thread::spawn(move || {
        let mut bytes = [0; 16_384];
        while is_open.load(Ordering::SeqCst) {
            match from.read(&mut bytes) {
                Ok(0) => break,
                Ok(count) => {
                    if to.write_all(&bytes[..count]).is_err() {
                        break;
                    }
                }
                Err(error)
                    if matches!(
                        error.kind(),
                        std::io::ErrorKind::WouldBlock | std::io::ErrorKind::TimedOut
                    ) => {}
                Err(_) => break,
            }
        }
        // The other side may be closed already.
        let _ = from.shutdown(std::net::Shutdown::Both);
        let _ = to.shutdown(std::net::Shutdown::Both);
    });
}
