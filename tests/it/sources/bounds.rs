//! What is taken from outside has bounds: in bytes, in time, and in where a connection may lead.

use std::io::{BufRead, BufReader, Read, Write};
use std::net::TcpListener;
use std::sync::mpsc;

use super::*;
use crate::support::github::Failure;

#[test]
fn too_much_is_not_downloaded_at_all() {
    let lab = Lab::new();
    let repo = lab.kit("ada/kit", &[("a", "echo 1")]);
    let noise = "x".repeat(600_000);
    repo.commit(&[("data/one.bin", &noise), ("data/two.bin", &noise)], "Data");
    lab.run(&["config", "set", "sources.max_total_mb", "1"]).ok();
    lab.hub().take_log();
    let out = lab.run(&["source", "add", "github:ada/kit"]);
    assert!(out.stderr.contains("only definitions were taken: 3 files, 2 MB are too much"), "{out:?}");
    assert_eq!(lab.names("kit"), ["a"]);
    let asked = lab.hub().take_log();
    assert_eq!(asked.iter().filter(|line| line.contains("/git/blobs/")).count(), 1, "{asked:?}");
}

#[test]
fn too_many_definitions_are_refused_before_anything_is_downloaded() {
    let lab = Lab::new();
    let repo = lab.kit("ada/kit", &[("a", "echo 1")]);
    let text = format!("# Notes\n\n{}", "word ".repeat(120_000));
    repo.commit(&[("one.md", &text), ("two.md", &text)], "Text");
    lab.run(&["config", "set", "sources.max_total_mb", "1"]).ok();
    lab.hub().take_log();
    let error = lab.error(4, &["source", "add", "github:ada/kit"]);
    assert_eq!(error["message"], "ada/kit holds 3 definitions of 2 MB together, which is too much");
    assert!(lab.hub().take_log().iter().all(|line| !line.contains("/git/blobs/")));
}

#[test]
fn an_answer_that_only_drips_is_given_up() {
    let lab = Lab::new();
    lab.kit("ada/kit", &[("a", "echo 1")]);
    lab.run(&["config", "set", "sources.timeout_s", "1"]).ok();
    lab.hub().fail_always("/git/trees/", Failure::Drip);
    let error = lab.error(5, &["source", "add", "github:ada/kit"]);
    assert!(error["message"].as_str().unwrap().starts_with("github.com sent only"), "{error}");
    assert_eq!(error["kind"], "unreachable");
}

/// A proxy that answers every request itself and tells its first line.
fn proxy() -> (String, mpsc::Receiver<String>) {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = format!("http://{}", listener.local_addr().unwrap());
    let (tell, told) = mpsc::channel();
    std::thread::spawn(move || {
        for stream in listener.incoming().flatten() {
            let mut lines = BufReader::new(stream);
            let mut first = String::new();
            let _ = lines.read_line(&mut first);
            let mut line = String::new();
            while lines.read_line(&mut line).is_ok_and(|n| n > 2) {
                line.clear();
            }
            let _ = tell.send(first.trim().to_string());
            let mut stream = lines.into_inner();
            let _ = stream.write_all(b"HTTP/1.1 502 Bad Gateway\r\ncontent-length: 0\r\nconnection: close\r\n\r\n");
            let _ = stream.read(&mut [0; 16]);
        }
    });
    (address, told)
}

#[test]
fn the_proxy_of_the_settings_is_asked_for_all_but_this_machine() {
    let mut lab = Lab::new();
    let (address, told) = proxy();
    lab.run(&["config", "set", "network.proxy", &address]).ok();
    lab.kit("ada/kit", &[("a", "echo 1")]);
    lab.run(&["source", "add", "github:ada/kit"]).ok();
    assert!(told.try_recv().is_err(), "loopback goes there directly");
    lab.world.set("GITHUB_API_URL", "https://api.github.invalid");
    assert_eq!(lab.error(5, &["source", "add", "github:ada/other"])["kind"], "unreachable");
    assert_eq!(told.try_recv().unwrap(), "CONNECT api.github.invalid:443 HTTP/1.1");
}
