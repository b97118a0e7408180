//! What a spec may look like, and that writing and reading one are each other's inverse.

use proptest::prelude::*;

use super::*;

fn parse(text: &str) -> Spec {
    Spec::parse(text, Some("git.example.com")).expect("about GitHub").expect("readable")
}

/// host, owner/repo, path, ref, open segments; absent ones as "-".
fn parts(text: &str) -> String {
    let s = parse(text);
    let or = |o: &Option<String>| o.clone().unwrap_or_else(|| "-".into());
    format!("{} {} {} {} {}", s.host, s.full_name(), or(&s.path), or(&s.git_ref), s.open.join("|"))
}

#[test]
fn the_short_form() {
    assert_eq!(parts("github:o/r"), "github.com o/r - - ");
    assert_eq!(parts("GitHub:o/r.git"), "github.com o/r - - ");
    assert_eq!(parts("github:o/r/docs/tasks@v1.0"), "github.com o/r docs/tasks v1.0 ");
    assert_eq!(parts("github:o/r@feature/x"), "github.com o/r - feature/x ");
    assert_eq!(parts("github:o/r/packages/@scope/x"), "github.com o/r packages/@scope/x - ");
    assert_eq!(parts("github:o/r/packages/@scope/x@main"), "github.com o/r packages/@scope/x main ");
    assert_eq!(parts("github:git.example.com/o/r/p@b"), "git.example.com o/r p b ");
    assert_eq!(parts("github:localhost:8080/o/r"), "localhost:8080 o/r - - ");
    assert_eq!(parts(r"github:o/r/a\b %x#y?"), r"github.com o/r a\b %x#y? - ");
}

#[test]
fn addresses_pasted_from_a_browser() {
    assert_eq!(parts("https://github.com/o/r"), "github.com o/r - - ");
    assert_eq!(parts("https://www.github.com/o/r.git/"), "github.com o/r - - ");
    assert_eq!(parts("github.com/o/r"), "github.com o/r - - ");
    assert_eq!(parts("git@github.com:o/r.git"), "github.com o/r - - ");
    assert_eq!(parts("https://github.com/o/r/tree/main"), "github.com o/r - main ");
    assert_eq!(
        parts("https://github.com/o/r/blob/feature/x/a%20b.md?plain=1#L3"),
        "github.com o/r - - feature|x|a b.md"
    );
    assert_eq!(parts("https://github.com/o/r/issues/3"), "github.com o/r - - ");
    assert_eq!(parts("https://git.example.com/o/r/tree/main/docs"), "git.example.com o/r - - main|docs");
    assert_eq!(parts("https://acme.ghe.com/o/r"), "acme.ghe.com o/r - - ");
    assert_eq!(parts("https://raw.githubusercontent.com/o/r/main/c/x.md"), "github.com o/r - - main|c|x.md");
    assert_eq!(parts("https://raw.githubusercontent.com/o/r/refs/heads/main/x.md"), "github.com o/r - - main|x.md");
    let sha = "0123456789012345678901234567890123456789";
    assert_eq!(parts(&format!("https://github.com/o/r/tree/{sha}/docs")), format!("github.com o/r docs {sha} "));
}

#[test]
fn what_is_not_about_github_is_left_to_others() {
    for text in ["./dir", "/abs", "https://example.com/o/r", "o/r", "", "C:\\x", "https://github.com.evil.com/o/r"] {
        assert!(Spec::parse(text, None).is_none(), "{text}");
    }
}

#[test]
fn nonsense_is_said_to_be_nonsense() {
    let message = |text: &str| Spec::parse(text, None).unwrap().unwrap_err().message().to_string();
    assert_eq!(message("github:o"), r#"cannot read "github:o" as a GitHub source: it names no repository"#);
    assert!(message("github:o/r/../x").ends_with(r#"its path has the part "..""#));
    assert!(message("github:o/r@a..b").ends_with(r#""a..b" cannot be a branch, tag or commit"#));
    assert!(message("github:o/r@").ends_with(r#""" cannot be a branch, tag or commit"#));
    assert!(message("github:o b/r").ends_with(r#""o b" cannot be the name of an account"#));
    assert!(message("https://github.com/o").ends_with("it names no repository"));
    assert!(message("http://github.com/o/r").ends_with("it is not encrypted"));
}

#[test]
fn a_route_holds_no_byte_with_a_meaning() {
    assert_eq!(encode_path("a b/%code%#?.md"), "a%20b/%25code%25%23%3F.md");
    assert_eq!(encode_path(r"é\x"), "%C3%A9%5Cx");
}

#[test]
fn open_segments_are_settled_by_counting() {
    let spec = parse("https://github.com/o/r/tree/feature/x/docs/a.md");
    assert_eq!(spec.to_string(), "https://github.com/o/r/tree/feature/x/docs/a.md");
    assert_eq!(spec.settled(2).to_string(), "github:o/r/docs/a.md@feature/x");
    assert_eq!(spec.settled(4).to_string(), "github:o/r@feature/x/docs/a.md");
}

#[test]
fn a_path_covers_itself_and_what_lies_below() {
    let spec = parse("github:o/r/docs");
    let covered: Vec<bool> = ["docs", "docs/a.md", "docs2/a.md", "a/docs"].iter().map(|p| spec.covers(p)).collect();
    assert_eq!(covered, [true, true, false, false]);
}

proptest! {
    #[test]
    fn any_text_is_read_without_panic(text in "\\PC*") {
        let _ = Spec::parse(&text, Some("git.example.com"));
        let _ = Spec::parse(&format!("github:{text}"), None);
        let _ = Spec::parse(&format!("https://github.com/{text}"), None);
    }

    #[test]
    fn what_is_written_is_read_again(
        path in proptest::option::of("[a@%0-9 \\\\é.#?:]{1,6}(/[a@%245]{1,6}){0,2}"),
        git_ref in proptest::option::of("[a@%0-9é-]{1,6}(/[a@%0-9]{1,4}){0,2}"),
    ) {
        let dots = |s: &String| s.split('/').any(|p| p == "." || p == "..");
        prop_assume!(path.as_ref().is_none_or(|p| !dots(p) && p.trim() == p));
        let spec = Spec { host: GITHUB.into(), owner: "o".into(), repo: "r".into(), path, git_ref, open: Vec::new() };
        let again = Spec::parse(&spec.to_string(), None).unwrap().unwrap();
        prop_assert_eq!(again, spec);
    }
}
