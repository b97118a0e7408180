//! commands/network.md, on the loopback device only

use std::io::{BufRead, BufReader, Read, Write};
use std::net::{TcpListener, TcpStream, UdpSocket};
use std::process::Stdio;

use super::{World, run};

#[test]
fn net_me() {
    let shown = run(&World::new(), &["net", "me"]).ok();
    let lines: Vec<&str> = shown.lines().collect();
    assert!(lines[0].starts_with("name         "), "{shown}");
    assert!(lines.len() > 1 && lines[1..].iter().all(|l| l.contains('.') || l.contains(':')), "{shown}");
}

#[test]
fn net_ports() {
    let world = World::new();
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let port = listener.local_addr().unwrap().port().to_string();
    let shown = run(&world, &["net", "ports", &port]).ok();
    let own = format!("({})", std::process::id());
    assert!(shown.starts_with(&format!("{port:>5}  127.0.0.1 ")) && shown.trim_end().ends_with(&own), "{shown}");
    assert!(run(&world, &["net", "who", &port]).ok().contains(&own), "by its other name");
    drop(listener);
    assert_eq!(run(&world, &["net", "ports", &port]).failed(1), format!("nothing listens on tcp port {port}\n"));
    let datagrams = UdpSocket::bind("127.0.0.1:0").unwrap();
    let port = datagrams.local_addr().unwrap().port().to_string();
    assert!(run(&world, &["net", "ports", "--udp", &port]).ok().contains(&own));
}

#[test]
fn net_dns() {
    let world = World::new();
    assert!(run(&world, &["net", "dns", "localhost"]).ok().lines().any(|l| l == "127.0.0.1" || l == "::1"));
    assert!(run(&world, &["net", "dns", "no..name"]).failed(3).starts_with("no..name was not found: "));
}

#[test]
fn net_timing() {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let port = listener.local_addr().unwrap().port();
    let server = std::thread::spawn(move || {
        let (mut stream, _) = listener.accept().unwrap();
        let mut line = String::new();
        BufReader::new(stream.try_clone().unwrap()).read_line(&mut line).unwrap();
        stream.write_all(b"HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nhello").unwrap();
        line
    });
    let world = World::new();
    let shown = run(&world, &["net", "timing", &format!("http://127.0.0.1:{port}/a b?c=1")]).ok();
    assert!(shown.starts_with("status       200 OK\nsize         5 bytes\nname "), "{shown}");
    assert_eq!(server.join().unwrap(), "GET /a%20b?c=1 HTTP/1.1\r\n");
    let names: Vec<&str> = shown.lines().skip(2).map(|l| l[..12].trim_end()).collect();
    assert_eq!(names, ["name", "connect", "first byte", "body", "total"]);
    let gone = run(&world, &["net", "timing", &format!("http://127.0.0.1:{port}/")]);
    assert!(gone.failed(5).starts_with("127.0.0.1 did not answer: "));
    run(&world, &["net", "timing", "ftp://x"]).failed(2);
}

#[test]
fn net_serve() {
    let world = World::new();
    world.write("site/index.html", "hello");
    let mut command = world.command(&["run", "net", "serve", "site", "--port", "0", "--requests", "1"]);
    let mut child = command.stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::null()).spawn().unwrap();
    let mut said = String::new();
    BufReader::new(child.stdout.take().unwrap()).read_line(&mut said).unwrap();
    let address = said.trim_end().rsplit("http://").next().unwrap().trim_end_matches('/').to_string();
    let mut stream = TcpStream::connect(&address).unwrap_or_else(|e| panic!("{said}: {e}"));
    stream.write_all(b"GET /index.html HTTP/1.0\r\n\r\n").unwrap();
    let mut answer = String::new();
    stream.read_to_string(&mut answer).unwrap();
    assert!(answer.starts_with("HTTP/1.0 200 OK\r\n") && answer.ends_with("\r\n\r\nhello"), "{answer}");
    assert_eq!(child.wait().unwrap().code(), Some(0));
}

#[test]
fn net_wait() {
    let world = World::new();
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let port = listener.local_addr().unwrap().port().to_string();
    let said = run(&world, &["net", "wait", "127.0.0.1", &port]).ok();
    assert_eq!(said, format!("127.0.0.1:{port} answers\n"));
    drop(listener);
    let late = run(&world, &["net", "wait", "127.0.0.1", &port, "--seconds", "0.1"]);
    assert!(late.failed(124).starts_with(&format!("127.0.0.1:{port} did not answer within 0.1 s")));
}
