//! One file at an address.

use super::*;

#[test]
fn a_page_is_fetched_once_and_then_asked_about() {
    let standin = Standin::start();
    // The archive port serves any bytes; the file below is answered by planned redirects and errors only.
    let address = |path: &str| page::parse(&format!("{}/{path}", standin.codeload_url)).unwrap().unwrap();
    let known = page::Validators::default();
    standin.fail_next("/a.md", Failure::Redirect(302, "/b.md".into()));
    standin.fail_next(
        "/b.md",
        Failure::Status(200, "the page", vec![("etag", "\"1\"".into()), ("last-modified", "yesterday".into())]),
    );
    let page::Outcome::Fetched { bytes, validators, address: end } =
        run(page::fetch(&http(), &address("a.md"), &known)).unwrap()
    else {
        panic!("fetched")
    };
    assert!(String::from_utf8(bytes).unwrap().contains("the page"));
    assert_eq!((validators.etag.as_deref(), validators.last_modified.as_deref()), (Some("\"1\""), Some("yesterday")));
    assert_eq!(end.path(), "/b.md");
    standin.fail_next("/b.md", Failure::Status(304, "", vec![]));
    assert_eq!(run(page::fetch(&http(), &end, &validators)).unwrap(), page::Outcome::Unchanged);
    let last = standin.requests().pop().unwrap();
    assert_eq!((last.header("if-none-match"), last.header("if-modified-since")), (Some("\"1\""), Some("yesterday")));
    assert_eq!(run(page::fetch(&http(), &address("absent.md"), &known)).unwrap_err().kind(), Kind::NotFound);
    standin.fail_next("/big.md", Failure::Huge(5_000_001));
    assert_eq!(run(page::fetch(&http(), &address("big.md"), &known)).unwrap_err().kind(), Kind::BadData);
    standin.fail_always("/round.md", Failure::Redirect(301, "/round.md".into()));
    assert_eq!(run(page::fetch(&http(), &address("round.md"), &known)).unwrap_err().kind(), Kind::Unreachable);
    standin.fail_next("/away.md", Failure::Redirect(301, "http://example.com/x.md".into()));
    assert_eq!(run(page::fetch(&http(), &address("away.md"), &known)).unwrap_err().kind(), Kind::Refused);
}
