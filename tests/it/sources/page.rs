//! A tiny server of one page on loopback, with an ETag.

use std::io::{BufRead, BufReader, Write};
use std::net::TcpListener;
use std::path::Path;
use std::sync::{Arc, Mutex};

use super::{Lab, native};

/// What it serves and whom it answered.
#[derive(Default)]
struct Page {
    text: String,
    version: u32,
    statuses: Vec<u16>,
    headers: Vec<String>,
}

/// A page that can change.
pub struct Server {
    pub url: String,
    page: Arc<Mutex<Page>>,
}

impl Server {
    pub fn start(text: &str) -> Server {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let url = format!("http://{}/docs/tasks.md", listener.local_addr().unwrap());
        let page = Arc::new(Mutex::new(Page { text: text.into(), version: 1, ..Page::default() }));
        let shared = page.clone();
        // It ends with the test program; nothing waits for it.
        std::thread::spawn(move || {
            for stream in listener.incoming().flatten() {
                let mut head = Vec::new();
                for line in BufReader::new(&stream).lines().map_while(Result::ok).take_while(|l| !l.is_empty()) {
                    head.push(line.to_ascii_lowercase());
                }
                let mut page = shared.lock().unwrap();
                let etag = format!("\"v{}\"", page.version);
                let known = head.iter().any(|l| *l == format!("if-none-match: {etag}"));
                page.statuses.push(if known { 304 } else { 200 });
                page.headers.extend(head);
                let body = if known { String::new() } else { page.text.clone() };
                let status = if known { "304 Not Modified" } else { "200 OK" };
                let said = format!(
                    "HTTP/1.1 {status}\r\netag: {etag}\r\nconnection: close\r\ncontent-length: {}\r\n\r\n{body}",
                    body.len()
                );
                let _ = (&stream).write_all(said.as_bytes());
            }
        });
        Server { url, page }
    }

    pub fn change(&self, text: &str) {
        let mut page = self.page.lock().unwrap();
        page.text = text.into();
        page.version += 1;
    }

    pub fn statuses(&self) -> Vec<u16> {
        self.page.lock().unwrap().statuses.clone()
    }

    pub fn headers(&self) -> Vec<String> {
        self.page.lock().unwrap().headers.clone()
    }
}

#[test]
fn a_page_is_a_source_that_is_asked_politely_and_sent_no_token() {
    let mut lab = Lab::new();
    lab.world.set("GH_TOKEN", "ghp_page_canary");
    let server = Server::start(&native(&[("greet", "echo hi from $FAC_SOURCE_DIR")]));
    lab.run(&["source", "add", &server.url]).ok();
    assert_eq!(lab.names("tasks"), ["greet"]);
    let source = lab.source("tasks");
    assert_eq!((&source["kind"], &source["spec"]), (&"url".into(), &server.url.as_str().into()));
    assert_eq!(source["commit"].as_str().map(str::len), Some(40));

    lab.run(&["source", "trust", "tasks", "--yes"]).ok();
    let folder = lab.run(&["greet"]).ok().trim().trim_start_matches("hi from ").to_string();
    assert!(Path::new(&folder).join("tasks.md").is_file(), "{folder}");

    assert_eq!(lab.json(&["source", "update"])["updated"][0]["changes"], serde_json::json!([]));
    server.change(&native(&[("greet", "echo bye")]));
    let updated = lab.json(&["source", "update"]);
    assert_eq!(updated["updated"][0]["changes"], serde_json::json!([{"change": "changed", "name": "greet"}]));
    assert_eq!(lab.run(&["greet"]).code, 4);
    assert_eq!(server.statuses(), [200, 304, 200]);
    assert!(!server.headers().iter().any(|h| h.contains("canary") || h.starts_with("authorization")));

    // Content that was lost is asked for again, though the page has not changed.
    std::fs::remove_dir_all(lab.fac("cache/blobs")).unwrap();
    lab.run(&["source", "update"]).ok();
    assert_eq!(server.statuses(), [200, 304, 200, 200]);
}
