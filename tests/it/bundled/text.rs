//! commands/text.md and commands/encode.md

use super::{World, pipe, run};

#[test]
fn text_count() {
    let world = World::new();
    let want = "        2 lines\n        3 words\n       11 characters\n       13 bytes\n";
    assert_eq!(pipe(&world, &["text", "count"], "één twee\nx").ok(), want.replace("11", "10").replace("13", "12"));
    world.write("f", "één twee\nx\n");
    assert_eq!(run(&world, &["text", "count", "f"]).ok(), want);
    let nothing = pipe(&world, &["text", "count"], "").ok();
    assert!(nothing.starts_with("        0 lines\n        0 words\n"), "{nothing}");
}

#[test]
fn text_dedupe() {
    let world = World::new();
    assert_eq!(pipe(&world, &["text", "dedupe"], "b\na\nb\n\na\nc").ok(), "b\na\n\nc\n");
    assert_eq!(pipe(&world, &["text", "dedupe"], "").ok(), "");
}

#[test]
fn text_case() {
    let world = World::new();
    for (style, want) in [
        ("upper", "PARSE HTTPSERVER_NAME, JOE'S"),
        ("title", "Parse Httpserver_Name, Joe's"),
        ("snake", "parse_http_server_name_joe_s"),
        ("kebab", "parse-http-server-name-joe-s"),
        ("constant", "PARSE_HTTP_SERVER_NAME_JOE_S"),
        ("camel", "parseHttpServerNameJoeS"),
        ("pascal", "ParseHttpServerNameJoeS"),
        ("sentence", "Parse httpserver_name, joe's"),
    ] {
        assert_eq!(
            run(&world, &["text", "case", style, "parse", "HTTPServer_name,", "joe's"]).ok(),
            format!("{want}\n")
        );
    }
    assert_eq!(pipe(&world, &["text", "case", "upper"], "a\nß\n").ok(), "A\nSS\n");
    run(&world, &["text", "case", "sideways", "x"]).failed(2);
}

#[test]
fn text_slug() {
    let world = World::new();
    assert_eq!(
        run(&world, &["text", "slug", "Crème brûlée:", "it's 100% Æther!"]).ok(),
        "creme-brulee-its-100-aether\n"
    );
    assert_eq!(pipe(&world, &["text", "slug"], "One Two\n日本 語\n").ok(), "one-two\n日本-語\n");
}

#[test]
fn text_columns() {
    let world = World::new();
    assert_eq!(
        pipe(&world, &["text", "columns"], "a bb c\nlonger x\n日本 y\n").ok(),
        "a       bb  c\nlonger  x\n日本    y\n"
    );
    assert_eq!(pipe(&world, &["text", "columns", "--by", ","], "a b,c\n,d\n").ok(), "a b  c\n     d\n");
    assert_eq!(pipe(&world, &["text", "columns"], "").ok(), "");
}

#[test]
fn text_by_length() {
    let world = World::new();
    assert_eq!(pipe(&world, &["text", "by-length"], "ccc\na\n\nüü\nbb").ok(), "\na\nüü\nbb\nccc\n");
    assert_eq!(pipe(&world, &["text", "by-length", "-r"], "a\nbb\n").ok(), "bb\na\n");
}

#[test]
fn text_extract() {
    let world = World::new();
    let text = "See (https://a.example/x_(y)), https://a.example/z. Mail ada@example.org, ada@example.org; \
        10.0.0.1 or ::1 or 999.1.1.1; -3,5 and v2 and 1.25.";
    for (what, want) in [
        ("urls", "https://a.example/x_(y)\nhttps://a.example/z\n"),
        ("emails", "ada@example.org\n"),
        ("ips", "10.0.0.1\n::1\n"),
    ] {
        assert_eq!(pipe(&world, &["text", "extract", what], text).ok(), want, "{what}");
    }
    assert_eq!(pipe(&world, &["text", "extract", "numbers"], "-3,5 and v2 and 1.25. 7").ok(), "-3,5\n1.25\n7\n");
}

#[test]
fn text_words() {
    let shown = pipe(&World::new(), &["text", "words", "-n", "2"], "The cat. the dog, it's THE end: dog").ok();
    assert_eq!(shown, "      3  the\n      2  dog\n");
}

#[test]
fn encode() {
    let world = World::new();
    for (how, want) in [
        ("base64", "PMO8PiAmPz8/"),
        ("base64url", "PMO8PiAmPz8_"),
        ("url", "%3C%C3%BC%3E%20%26%3F%3F%3F"),
        ("hex", "3cc3bc3e20263f3f3f"),
        ("html", "&lt;ü&gt; &amp;???"),
        ("json", "\"<ü> &???\""),
    ] {
        assert_eq!(run(&world, &["encode", how, "<ü>", "&???"]).ok(), format!("{want}\n"));
    }
    assert_eq!(pipe(&world, &["encode", "hex"], [0, 255, 10]).ok(), "00ff0a\n");
}

#[test]
fn decode() {
    let world = World::new();
    for (how, text) in [
        ("base64", "PMO8PiAmPz8/"),
        ("base64", "PMO8PiAmPz8_"),
        ("url", "%3C%C3%BC%3E+%26%3F%3F%3F"),
        ("hex", "3c:c3:bc:3e 20263f3f3f"),
        ("html", "&lt;&uuml;&gt; &amp;???"),
        ("json", "\"<\\u00fc> &???\""),
    ] {
        assert_eq!(run(&world, &["decode", how, text]).ok(), "<ü> &???\n", "{how}");
    }
    let token = "eyJhbGciOiJIUzI1NiJ9.eyJzdWIiOiJhZGEiLCJleHAiOjE3MDAwMDAwMDB9.c2ln";
    let read = run(&world, &["decode", "jwt", token]);
    assert_eq!(read.stderr, "exp: 2023-11-14 22:13:20Z\n");
    assert!(read.stdout.contains("\"sub\": \"ada\""), "{}", read.stdout);
    assert!(run(&world, &["decode", "base64", "&&&"]).failed(6).starts_with("this is no base64: "));
}
