//! `fac voice models` against a server on this machine.

use std::sync::Arc;

use sha2::{Digest, Sha256};

use super::server::{Reply, Server};
use super::world;
use crate::support::world::World;

/// A model without weights, as the library's own tests have them.
pub fn empty_model() -> Vec<u8> {
    let mut out = Vec::new();
    let mut put = |number: u32| out.extend(number.to_le_bytes());
    [0x6767_6d6c, 51_864, 1_500, 64, 1, 1, 448, 64, 1, 1, 80, 1, 80, 201].into_iter().for_each(&mut put);
    (0..80 * 201).for_each(|_| put(0));
    put(50_257);
    for token in 0..50_257u32 {
        let text = if token == 220 { " ".to_string() } else { format!("t{token}") };
        out.extend((text.len() as u32).to_le_bytes());
        out.extend(text.as_bytes());
    }
    out
}

fn sum(bytes: &[u8]) -> String {
    Sha256::digest(bytes).iter().map(|byte| format!("{byte:02x}")).collect()
}

/// Answers ranges, the first request broken off in the middle when `breaks`.
fn store_of_models(model: Vec<u8>, said: String, breaks: bool) -> Server {
    let model = Arc::new(model);
    Server::new(move |asked, count| {
        if asked.head.target != "/m/ggml-own.bin" {
            return Reply::of(404, "text/plain", "no");
        }
        let from: usize = asked
            .head
            .header("range")
            .filter(|_| asked.head.header("if-range") == Some("\"v1\""))
            .and_then(|range| range.strip_prefix("bytes=")?.strip_suffix('-')?.parse().ok())
            .unwrap_or(0);
        let mut reply = Reply::of(if from > 0 { 206 } else { 200 }, "application/octet-stream", model[from..].to_vec());
        reply = reply.with("ETag", "\"v1\"").with("X-Linked-Etag", &format!("\"{said}\""));
        reply.only = (breaks && count == 1).then_some(100_000);
        reply
    })
}

fn set(world: &mut World, server: &Server) {
    world.run(&["config", "set", "voice.models_url", &format!("{}/m/", server.url)]).ok();
    world.set("FAC_TEST_EMPTY_MODEL", "1");
}

fn files(world: &World) -> Vec<String> {
    let folder = world.fac().join("data/models");
    let mut names: Vec<String> = std::fs::read_dir(folder)
        .map(|all| all.map(|entry| entry.unwrap().file_name().into_string().unwrap()).collect())
        .unwrap_or_default();
    names.sort();
    names
}

#[test]
fn a_download_that_broke_off_goes_on_and_ends_in_one_whole_file() {
    let model = empty_model();
    let server = store_of_models(model.clone(), sum(&model), true);
    let mut world = world();
    set(&mut world, &server);
    world.run(&["voice", "models", "pull", "own"]).failed(5);
    assert_eq!(files(&world), ["ggml-own.bin.part", "ggml-own.bin.part.etag"]);
    let said = world.run(&["voice", "models", "pull", "own"]);
    assert_eq!(said.code, 0, "{}", said.stderr);
    assert_eq!(server.asked()[1].head.header("range"), Some("bytes=100000-"));
    assert_eq!(files(&world), ["ggml-own.bin"]);
    let path = world.run(&["voice", "models", "path"]).ok();
    assert_eq!(std::fs::read(path.trim()).unwrap(), model);
    let list = world.run(&["voice", "models", "ls"]).ok();
    assert!(list.lines().any(|line| line.starts_with("own ") && line.ends_with("used")), "{list}");
    let again = world.run(&["voice", "models", "pull", "own"]);
    assert_eq!(again.stderr, "own is here already; --again fetches it anew\n");
    assert_eq!(server.asked().len(), 2);
    world.run(&["voice", "models", "rm", "own"]).ok();
    assert_eq!(files(&world), [""; 0]);
    world.run(&["voice", "models", "rm", "own"]).failed(3);
}

#[test]
fn what_is_not_what_it_should_be_takes_no_place() {
    let model = empty_model();
    let server = store_of_models(model.clone(), sum(b"other"), false);
    let mut world = world();
    set(&mut world, &server);
    let said = world.run(&["voice", "models", "pull", "own"]).failed(6);
    let wanted = format!("error: what came for own has the checksum {}, not {}\n", sum(&model), sum(b"other"));
    assert!(said.starts_with(&wanted), "{said}");
    assert_eq!(files(&world), ["ggml-own.bin.part.etag"]);
    let said = world.run(&["voice", "models", "pull", "base"]).failed(3);
    assert!(said.starts_with("error: the server has no ggml-base.bin\n"), "{said}");
    let cut = model[..1000].to_vec();
    let server = store_of_models(cut.clone(), sum(&cut), false);
    set(&mut world, &server);
    let said = world.run(&["voice", "models", "pull", "own"]).failed(6);
    assert!(said.contains("is broken: it ends after 1000 bytes, in the middle of something"), "{said}");
    for (name, url) in [("../x", ""), ("own", "http://192.0.2.1/")] {
        if !url.is_empty() {
            world.run(&["config", "set", "voice.models_url", url]).ok();
        }
        let code = if url.is_empty() { 2 } else { 6 };
        world.run(&["voice", "models", "pull", name]).failed(code);
    }
}

#[test]
fn the_models_that_are_known_are_listed() {
    let world = world();
    insta::assert_snapshot!("models_known", world.run(&["voice", "models", "ls"]).ok());
    let said = world.run(&["voice", "models", "path"]).failed(5);
    assert!(said.starts_with("error: there is no Whisper model on this machine\n"), "{said}");
}
