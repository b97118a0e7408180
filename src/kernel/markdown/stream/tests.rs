//! Tests of the stream: the same as the whole document, in any pieces, as early as can be.

use proptest::prelude::*;

use super::super::render::{render_as, to_ansi};
use super::*;

fn style(colour: bool) -> StreamStyle {
    StreamStyle { draw: true, colour, ..StreamStyle::default() }
}

fn streamed(text: &str, width: usize) -> String {
    let mut renderer = StreamRenderer::new(width, style(false));
    let mut out = renderer.push(text);
    out.push_str(&renderer.finish());
    out
}

fn whole(text: &str, width: usize) -> String {
    let look = Look { width, html: true, highlight: None };
    to_ansi(&render_as(&parse(text), text, &look), false)
}

/// What each piece shows.
fn shown(pieces: &[&str]) -> Vec<String> {
    let mut renderer = StreamRenderer::new(40, style(false));
    let mut out: Vec<String> = pieces.iter().map(|p| renderer.push(p)).collect();
    out.push(renderer.finish());
    out
}

#[test]
fn words_are_shown_as_they_come() {
    assert_eq!(shown(&["Hel", "lo wor", "ld. And", "\nmore"]), ["", "Hello", " world.", " And", " more\n"]);
    assert_eq!(shown(&["- fir", "st item", "\n- ", "x y"]), ["", "• first", " item", "\n• x", " y\n"]);
    assert_eq!(shown(&["中文字", "符。", "好"]), ["中文", "字", "符。", "好\n"]);
}

#[test]
fn what_is_in_doubt_waits_for_its_partner() {
    assert_eq!(shown(&["a **b c", " d", "** e "]), ["a", "", " b c d e", "\n"]);
    assert_eq!(shown(&["see [the page](http", "s://x.y) now"]), ["see", " the page (https://x.y)", " now\n"]);
    assert_eq!(shown(&["2 * 3 ", "and ~5 snake_case "]), ["2 * 3", " and ~5 snake_case", "\n"]);
}

const PAGE: &str = "# Title *here*\n\nSome **bold words** and `code`, a [link](https://e.org \"t\") & more\nof it.  \nNew line\\\nthird <br>x\n\n- one\n- two\n  more words that wrap around the line\n  - nested\n\n    para\n- [x] done\n\n3. three\n4. four\n\n> quoted\nlazy\n>\n> - in it\n\n```sh {a}\necho 'x'\n\n\tls\n```\n\n| a | b |\n|---|--:|\n| 1 | `2` |\n\n---\n\n    indented\n\n    code\n\nend <name>\n\n<div>\n<b>x</b>\n</div>\n";

#[test]
fn a_page_of_everything_is_drawn_as_the_whole_document_is() {
    for width in [0, 12, 24, 80] {
        assert_eq!(streamed(PAGE, width), whole(PAGE, width), "{width}");
    }
}

/// Characters of the text and whether each is between sequences of ours; nothing else may be there.
fn cells(ansi: &str) -> Vec<(char, String)> {
    let (mut out, mut style, mut rest) = (Vec::new(), String::new(), ansi);
    while let Some(c) = rest.chars().next() {
        if let Some(sequence) = rest.strip_prefix("\x1b[") {
            let (codes, after) = sequence.split_once('m').unwrap();
            assert!(codes.chars().all(|c| c.is_ascii_digit() || c == ';'), "{codes}");
            style = if codes == "0" { String::new() } else { codes.to_string() };
            rest = after;
            continue;
        }
        out.push((c, style.clone()));
        rest = &rest[c.len_utf8()..];
    }
    assert!(style.is_empty());
    out
}

#[test]
fn roles_are_those_of_the_whole_document() {
    let highlight = Highlight::new("ansi");
    let mut renderer = StreamRenderer::new(30, StreamStyle { highlight: highlight.clone(), ..style(true) });
    let mut out = renderer.push(PAGE);
    out.push_str(&renderer.finish());
    let look = Look { width: 30, html: true, highlight };
    assert_eq!(cells(&out), cells(&to_ansi(&render_as(&parse(PAGE), PAGE, &look), true)));
}

fn inlines() -> impl Strategy<Value = String> {
    let piece = prop_oneof![
        6 => "[a-zA-Z]{1,9}",
        1 => "[a-z]{1,5}[.,;:!?]",
        1 => "\\*\\*[a-z]{1,4}( [a-z]{1,4}){0,2}\\*\\*",
        1 => "\\*[a-z]{1,6}\\*[,.]?",
        1 => "_[a-z]{1,4} [a-z]{1,4}_",
        1 => "`[a-z]{1,6}( [a-z*]{1,3})?`",
        1 => "\\[[a-z]{1,4} [a-z]{1,4}\\]\\(https://e\\.org/[a-z]{1,5}\\)",
        1 => "~~[a-z]{1,5}~~",
        1 => "中文字{1,4}",
        1 => "\\\\\\*[a-z]{1,3}",
        1 => "[0-9]{1,3}",
        1 => "<[a-z]{2,5}>",
        1 => "a_b_c",
        1 => "&amp;",
    ];
    (" ?".prop_flat_map(|_| "[a-z]{1,7}"), proptest::collection::vec((piece, "( | | |\n|  \n)"), 0..14)).prop_map(
        |(first, pieces)| {
            let mut out = format!("{first} ");
            for (piece, gap) in pieces {
                // A line that begins with a mark or a tag may be a block of its own.
                let safe = !out.ends_with('\n') || piece.starts_with(|c: char| c.is_alphabetic());
                out.push_str(if safe { "" } else { "so " });
                out.push_str(&piece);
                out.push_str(&gap);
            }
            out.trim_end().to_string()
        },
    )
}

fn indent(text: &str, by: &str) -> String {
    let lines: Vec<String> =
        text.lines().map(|l| if l.is_empty() { String::new() } else { format!("{by}{l}") }).collect();
    lines.join("\n")
}

fn blocks() -> impl Strategy<Value = String> {
    let leaf = prop_oneof![
        4 => inlines(),
        1 => (1usize..=6, "[a-z]{1,6}( \\*[a-z]{1,6}\\*)?").prop_map(|(n, t)| format!("{} {t}", "#".repeat(n))),
        1 => ("(sh|rust|)", "([a-z ]{0,12}\n){0,4}").prop_map(|(lang, body)| format!("```{lang}\n{body}```")),
        1 => Just("***".to_string()),
        1 => "\\| [a-z]{1,9} \\| [a-z]{1,9} \\|\n\\|---\\|:-:\\|(\n\\| [a-z]{1,12} \\| [a-z]{1,3} [a-z]{0,9} \\|){0,3}",
    ];
    let nested = leaf.prop_recursive(3, 24, 4, |inner| {
        let list = |mark: &'static str| {
            (proptest::collection::vec(inner.clone(), 1..4), any::<bool>()).prop_map(move |(items, loose)| {
                let items: Vec<String> = items
                    .iter()
                    .enumerate()
                    .map(|(n, item)| {
                        let mark = if mark == "1" { format!("{}. ", n + 1) } else { format!("{mark} ") };
                        let body = indent(item, &" ".repeat(mark.len()));
                        format!("{mark}{}", body.trim_start())
                    })
                    .collect();
                items.join(if loose { "\n\n" } else { "\n" })
            })
        };
        prop_oneof![
            list("-"),
            list("1"),
            proptest::collection::vec(inner.clone(), 1..3)
                .prop_map(|parts| indent(&parts.join("\n\n"), "> ").replace("\n\n", "\n>\n")),
        ]
    });
    proptest::collection::vec(nested, 1..5).prop_map(|blocks| {
        let mut out = blocks.join("\n\n");
        out.push('\n');
        out
    })
}

/// Any text that has to do with Markdown and terminals.
fn any_text() -> impl Strategy<Value = String> {
    "(# |- |1\\. |> |    |```\n|~~~|\\| a |\\|-\\|-\\|\n|\\*\\*|\\*|_|`|\\[|\\]|\\(https://b.c\\)|<b>|<!--|-->|<x>|中文|👍|é|\\PC|[a-z]{1,9} |&#27;|&#x202e;|\x1b|\x1b\\[3|1m|\t|\r|\n|\n\n|\\\\|---|\u{202e}|\u{9b}){0,60}"
}

fn in_pieces(renderer: &mut StreamRenderer, text: &str, cuts: &[proptest::sample::Index]) -> String {
    let mut at: Vec<usize> =
        cuts.iter().map(|i| i.index(text.len() + 1)).filter(|i| text.is_char_boundary(*i)).collect();
    at.sort_unstable();
    let (mut out, mut from) = (String::new(), 0);
    for to in at.into_iter().chain([text.len()]) {
        out.push_str(&renderer.push(&text[from..to]));
        from = to;
    }
    out.push_str(&renderer.finish());
    out
}

#[test]
fn a_mark_without_a_partner_does_not_hold_the_text_for_long() {
    let text = format!("*stray {}", "word ".repeat(300));
    let mut renderer = StreamRenderer::new(60, style(false));
    let out = renderer.push(&text);
    assert!(out.starts_with("*stray word") && text.len() - out.len() < 10, "{}", out.len());
}

#[test]
fn a_table_waits_and_a_line_that_is_none_goes_on() {
    assert_eq!(shown(&["| a |\n", "|---|\n| b |", "\n\n"]), ["", "", "a\n─\nb\n", ""]);
    assert_eq!(shown(&["| a |\n", "no"]), ["", "| a |", " no\n"]);
    assert_eq!(shown(&["x\n| a |\n|---|\n"]), ["x\n", "\na\n─\n"]);
}

#[test]
fn code_comes_line_by_line_and_an_open_fence_is_closed() {
    assert_eq!(shown(&["``", "`sh\nls", " -l\n", "pwd"]), ["", "```sh\n", "ls -l\n", "", "pwd\n```\n"]);
    assert_eq!(shown(&["~~~~\n```\n~~~~\nx"]), ["~~~~\n```\n~~~~\n", "\nx\n"]);
}

#[test]
fn definitions_and_html_stand_as_they_are() {
    let text = "See[^1] and [a][b].\n\n[^1]: A note.\n[b]: https://e.org\n\n<details>\n<b>x</b>\n";
    assert_eq!(streamed(text, 60), "See[^1] and [a][b].\n\n[^1]: A note.\n[b]: https://e.org\n\n<details>\n<b>x</b>\n");
}

#[test]
fn raw_text_is_only_made_safe_and_thoughts_are_faint() {
    let mut raw = StreamRenderer::new(10, StreamStyle::default());
    assert_eq!(
        raw.push("# a *b*\x1b[3") + &raw.push("1m longer than that\u{202e}") + &raw.finish(),
        "# a *b* longer than that⟨U+202E⟩"
    );
    let mut faint = StreamRenderer::new(40, StreamStyle { dim: true, ..style(true) });
    assert_eq!(faint.push("so **we**\n") + &faint.finish(), "\x1b[2mso\x1b[0m\x1b[2m \x1b[0m\x1b[2;1mwe\x1b[0m\n");
}

#[test]
fn deep_nesting_and_endless_lines_end() {
    for text in [
        ">".repeat(20_000),
        "- ".repeat(20_000),
        "*a **b ".repeat(5_000),
        "[".repeat(20_000),
        "`` ` ".repeat(5_000),
        "\t".repeat(9_000),
    ] {
        let mut renderer = StreamRenderer::new(40, style(true));
        let out = renderer.push(&text).len() + renderer.finish().len();
        assert!(out < 40 * text.len(), "{out}");
    }
}

proptest! {
    #[test]
    fn documents_are_drawn_as_a_whole_is(text in blocks(), width in 12usize..70) {
        prop_assert_eq!(streamed(&text, width), whole(&text, width), "{:?}", text);
    }

    #[test]
    fn pieces_change_nothing_and_nothing_acts_on_the_terminal(
        text in any_text(),
        cuts in proptest::collection::vec(any::<proptest::sample::Index>(), 0..20),
        width in 0usize..50,
        (colour, dim, draw) in any::<(bool, bool, bool)>(),
    ) {
        let style = StreamStyle { draw, colour, dim, highlight: None };
        let mut renderer = StreamRenderer::new(width, style);
        let mut at_once = renderer.push(&text);
        at_once.push_str(&renderer.finish());
        prop_assert_eq!(&in_pieces(&mut renderer, &text, &cuts), &at_once);
        for (c, style) in cells(&at_once) {
            prop_assert!(c == '\n' || (c == '\t' && !draw) || !c.is_control());
            prop_assert!(!crate::kernel::terminal::is_hidden(c));
            prop_assert!(colour || style.is_empty());
        }
        prop_assert!(!draw || at_once.is_empty() || at_once.ends_with('\n'));
    }
}
