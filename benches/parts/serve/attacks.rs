//! What others meet while somebody does to a server what they should not: how long their requests take then, beside how
//! long they take when nobody does.

use std::net::SocketAddr;
use std::sync::Arc;
use std::time::{Duration, Instant};

use flate2::Compression;
use flate2::write::GzEncoder;
use futures_util::SinkExt;
use serde_json::json;
use std::io::Write as _;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio::task::JoinSet;
use tokio_tungstenite::tungstenite::Message;

use super::client;
use super::events::socket;
use crate::measure::percentile;

/// How long others are watched under each.
const LASTS: Duration = Duration::from_secs(6);
/// Who asks properly meanwhile, at once; a little at a time, so that they measure the server and not their own crowd.
const OTHERS: usize = 4;

/// An attack: it goes on until it is dropped.
type Attack = JoinSet<()>;

/// Measures and prints.
pub async fn attacks(address: SocketAddr, key: &str) {
    println!("  others' GET /api/v1/sessions?limit=20 while somebody attacks   ({OTHERS} connections)");
    let calm = others(address, key, "nobody does", None).await;
    let key = Arc::<str>::from(key);
    type Begin<'a> = Box<dyn Fn() -> Attack + 'a>;
    let all: [(&str, Begin<'_>); 6] = [
        ("500 send a header byte by byte", Box::new(|| slow_headers(address))),
        ("200 follow all events and do not read", Box::new(|| slow_readers(address, &key))),
        ("4 send JSON 500,000 deep", Box::new(|| posts(address, &key, deep()))),
        ("4 send a gigabyte, packed into one megabyte", Box::new(|| posts(address, &key, bomb()))),
        ("4 sockets send frames of 16 MiB", Box::new(|| huge_frames(address, &key))),
        ("1 socket subscribes 100,000 times", Box::new(|| subscriptions(address, &key))),
    ];
    for (name, begin) in &all {
        let attack = begin();
        tokio::time::sleep(Duration::from_millis(500)).await;
        others(address, &key, name, Some(calm)).await;
        drop(attack);
    }
}

async fn others(address: SocketAddr, key: &str, name: &str, calm: Option<f64>) -> f64 {
    let request = client::request("GET", "/api/v1/sessions?limit=20", key, None);
    let until = Instant::now() + LASTS;
    let mut tasks = JoinSet::new();
    for _ in 0..OTHERS {
        let request = request.clone();
        tasks.spawn(async move {
            let mut client = client::Client::open(address).await.unwrap();
            let mut took = Vec::new();
            while Instant::now() < until {
                let begun = Instant::now();
                assert_eq!(client.ask(&request).await.expect("an answer").status, 200);
                took.push(begun.elapsed().as_secs_f64() * 1e3);
                tokio::time::sleep(Duration::from_millis(5)).await;
            }
            took
        });
    }
    let took: Vec<f64> = tasks.join_all().await.into_iter().flatten().collect();
    let p99 = percentile(&took, 0.99);
    let times = calm.map_or(String::new(), |calm| format!("   {:.1} times (aim 2)", p99 / calm));
    println!("  {name:<44} p50 {:>7.2}  p99 {p99:>7.2} ms{times}", percentile(&took, 0.5));
    p99
}

fn slow_headers(address: SocketAddr) -> Attack {
    many(500, move || async move {
        let mut stream = TcpStream::connect(address).await.ok()?;
        for byte in
            b"GET /livez HTTP/1.1\r\nhost: 127.0.0.1\r\nx-slow: ".iter().chain(std::iter::repeat_n(&b'x', 1 << 20))
        {
            stream.write_all(&[*byte]).await.ok()?;
            tokio::time::sleep(Duration::from_millis(200)).await;
        }
        Some(())
    })
}

fn slow_readers(address: SocketAddr, key: &str) -> Attack {
    let request = client::request("GET", "/api/v1/events/stream?after=1", key, None);
    many(200, move || {
        let request = request.clone();
        async move {
            let mut stream = TcpStream::connect(address).await.ok()?;
            stream.write_all(request.as_bytes()).await.ok()?;
            let mut one = [0];
            while stream.read(&mut one).await.ok()? > 0 {
                tokio::time::sleep(Duration::from_secs(1)).await;
            }
            Some(())
        }
    })
}

fn posts(address: SocketAddr, key: &str, (headers, body): (String, Vec<u8>)) -> Attack {
    let head = format!(
        "POST /api/v1/processor/ask HTTP/1.1\r\nhost: 127.0.0.1\r\nauthorization: Bearer {key}\r\ncontent-type: application/json\r\n{headers}content-length: {}\r\n\r\n",
        body.len()
    );
    let all = Arc::new([head.as_bytes(), &body].concat());
    many(4, move || {
        let all = all.clone();
        async move {
            let mut stream = TcpStream::connect(address).await.ok()?;
            stream.write_all(&all).await.ok()?;
            let mut answer = [0; 4096];
            (stream.read(&mut answer).await.ok()? > 0).then_some(())
        }
    })
}

fn deep() -> (String, Vec<u8>) {
    (String::new(), [&[b'['; 500_000][..], &[b']'; 500_000]].concat())
}

fn bomb() -> (String, Vec<u8>) {
    let mut packed = GzEncoder::new(Vec::new(), Compression::best());
    let zeros = vec![b' '; 1 << 20];
    (0..1024).for_each(|_| packed.write_all(&zeros).unwrap());
    ("content-encoding: gzip\r\n".to_string(), packed.finish().unwrap())
}

fn huge_frames(address: SocketAddr, key: &Arc<str>) -> Attack {
    let key = key.clone();
    many(4, move || {
        let key = key.clone();
        async move {
            let mut socket = socket(address, &key).await?;
            while socket.send(Message::text("x".repeat(16 << 20))).await.is_ok() {}
            Some(())
        }
    })
}

fn subscriptions(address: SocketAddr, key: &Arc<str>) -> Attack {
    let key = key.clone();
    many(1, move || {
        let key = key.clone();
        async move {
            let mut socket = socket(address, &key).await?;
            for n in 0..100_000 {
                let asked = json!({"id": n, "type": "subscribe", "events": ["*"]});
                socket.send(Message::text(asked.to_string())).await.ok()?;
            }
            Some(())
        }
    })
}

/// So many at once, each again and again.
fn many<F, A>(count: usize, attack: F) -> Attack
where
    F: Fn() -> A + Clone + Send + 'static,
    A: Future<Output = Option<()>> + Send + 'static,
{
    let mut all = JoinSet::new();
    for _ in 0..count {
        let attack = attack.clone();
        all.spawn(async move {
            loop {
                if attack().await.is_none() {
                    // Turned away: not at once again, or the attacker measures itself.
                    tokio::time::sleep(Duration::from_millis(20)).await;
                }
            }
        });
    }
    all
}
