//! Tests of drawing: exact lines, roles, and what must hold for any text.

use proptest::prelude::*;

use super::super::parse;
use super::*;

fn drawn(text: &str, width: usize) -> Vec<String> {
    render(&parse(text), text, width).iter().map(Line::text).collect()
}

#[test]
fn words_wrap_and_blocks_stand_apart() {
    assert_eq!(
        drawn("# A heading that is long\n\none two three\nfour *five*\n\n---\n", 20),
        ["# A heading that is", "  long", "", "one two three four", "five", "", "────────────────────"]
    );
    assert_eq!(drawn("a  \nb\\\nc<br>d", 20), ["a", "b", "c", "d"]);
    assert_eq!(drawn(&"word ".repeat(40), 0).len(), 1);
    assert_eq!(drawn("", 20), [""; 0]);
}

#[test]
fn lists_hang() {
    assert_eq!(
        drawn("- one two three four five\n  - nested item here\n- [x] done\n- [ ] open\n", 20),
        ["• one two three four", "  five", "  • nested item here", "• [x] done", "• [ ] open"]
    );
    assert_eq!(
        drawn("9. nine\n10. ten eleven twelve more\n\n    again\n", 20),
        ["9. nine", "10. ten eleven", "    twelve more", "", "    again"]
    );
    assert_eq!(drawn("- a\n\n- b\n", 20), ["• a", "", "• b"]);
    assert_eq!(drawn("- a\n-\n- b\n", 20), ["• a", "•", "• b"]);
}

#[test]
fn quotes_have_a_bar_and_nest() {
    assert_eq!(
        drawn("> one two three four five\n>\n> > deep\n", 20),
        ["│ one two three four", "│ five", "│", "│ │ deep"]
    );
}

#[test]
fn code_is_marked_and_never_wrapped() {
    assert_eq!(
        drawn("```sh {id=a}\necho\t'a very long line that stays'\n```\n", 20),
        ["```sh {id=a}", "echo    'a very long line that stays'", "```"]
    );
    assert_eq!(drawn("````\n```\nx\n```\n````\n", 20), ["````", "```", "x", "```", "````"]);
    assert_eq!(drawn("a\n\n    x\n\n    y\n", 20), ["a", "", "    x", "", "    y"]);
}

#[test]
fn wide_characters_break_anywhere_but_before_punctuation() {
    assert_eq!(drawn("一二三四五六七八九十", 8), ["一二三四", "五六七八", "九十"]);
    assert_eq!(drawn("一二三四。五六", 8), ["一二三", "四。五六"]);
    assert_eq!(drawn("ab 👨‍👩‍👧👍🏽 cd", 6), ["ab 👨‍👩‍👧", "👍🏽 cd"]);
}

#[test]
fn long_words_have_a_line_of_their_own() {
    assert_eq!(
        drawn("see https://example.com/a/very/long/path now", 20),
        ["see", "https://example.com/a/very/long/path", "now"]
    );
    assert_eq!(drawn("- a https://example.com/path/long b", 20), ["• a", "  https://example.com/path/long", "  b"]);
}

#[test]
fn links_show_where_they_go() {
    assert_eq!(
        drawn("[a](https://x.y) [b](c.md) <https://x.y> ![alt](i.png)", 60),
        ["a (https://x.y) b https://x.y [alt]"]
    );
}

#[test]
fn html_is_hidden_but_places_to_fill_in_are_kept() {
    assert_eq!(drawn("run <name> <b>now</b> <!-- no -->", 40), ["run <name> now"]);
    assert_eq!(drawn("<p align=\"center\">\n  Hello <i>you</i>\n</p>\n<!-- x > y -->\n", 40), ["Hello you"]);
}

#[test]
fn tables_fit_by_shrinking_the_widest_columns() {
    let text = "| Name | What it does |\n|---|--:|\n| `a` | one two three four five |\n| 中文 | x |\n";
    assert_eq!(
        drawn(text, 40),
        [
            "Name │            What it does",
            "─────┼────────────────────────",
            "`a`  │ one two three four five",
            "中文 │                       x",
        ]
    );
    assert_eq!(
        drawn(text, 20),
        [
            "Name │  What it does",
            "─────┼──────────────",
            "`a`  │ one two three",
            "     │     four five",
            "中文 │             x",
        ]
    );
    assert_eq!(
        drawn("|ab|cdefghijklmnop|\n|-|-|\n|x|y|\n", 12),
        ["ab │ cdefghi", "   │ jklmnop", "───┼────────", "x  │ y"]
    );
}

#[test]
fn tables_of_too_many_columns_become_records() {
    let text = "| aaaa | bbbb | cccc |\n|---|---|---|\n| 1111 | 2222 | 3333 |\n| 4 | 5 | 6 |\n";
    assert_eq!(drawn(text, 15), ["aaaa: 1111", "bbbb: 2222", "cccc: 3333", "", "aaaa: 4", "bbbb: 5", "cccc: 6"]);
}

#[test]
fn roles_become_ansi_only_with_colour() {
    let text = "# T *e*\n\na **b** `c`\n\n> q\n";
    let lines = render(&parse(text), text, 40);
    assert_eq!(to_ansi(&lines, false), "# T e\n\na b `c`\n\n│ q\n");
    assert_eq!(
        to_ansi(&lines, true),
        "\x1b[1;4;36m# T e\x1b[0m\n\na \x1b[1mb\x1b[0m \x1b[33m`c`\x1b[0m\n\n\x1b[2m│ q\x1b[0m\n"
    );
    let text = "- [l](u) ~~s~~\n";
    let styles: Vec<Style> = render(&parse(text), text, 40)[0].spans.iter().map(|s| s.style).collect();
    assert_eq!(styles, [Style::Marker, Style::Link, Style::Plain, Style::Strike]);
}

#[test]
fn nothing_a_terminal_would_obey_survives() {
    let text = "a\x1b[31mb\u{9b}c\u{7}\u{202e}d `\x1b]0;t\x07`\n\n```x\x1b[2J\n\x1b[1mq\r\x08\n```\n\n| \x1b[5m |\n|---|\n| \x7f |\n\n&#27;[31m\n";
    let out = to_ansi(&render(&parse(text), text, 40), false);
    assert!(out.chars().all(|c| c == '\n' || !c.is_control()), "{out:?}");
    assert!(!out.contains('\u{202e}') && out.contains("a[31mbc⟨U+202E⟩d"), "{out:?}");
}

#[test]
fn deep_nesting_keeps_room_for_words() {
    let text = format!("{}words that still fit\n", "> ".repeat(40));
    for line in render(&parse(&text), &text, 30) {
        assert!(line.width() <= 30, "{}", line.text());
    }
    let lines = drawn(&format!("{}x\n", "> ".repeat(100)), 0);
    assert!(lines[0].ends_with('…'));
}

/// Whether a line may be wider than asked: code, or one word with nothing but a prefix before it.
fn unbreakable(line: &Line) -> bool {
    if line.spans.iter().any(|s| {
        matches!(s.style, Style::CodeBlock | Style::Dim) && (s.text.contains("```") || s.style == Style::CodeBlock)
    }) {
        return true;
    }
    let text = line.text();
    let words = text.trim_start_matches(|c: char| c.is_whitespace() || "│•#.[]x".contains(c) || c.is_ascii_digit());
    !words.contains(' ')
}

proptest! {
    #[test]
    fn any_text_is_drawn_within_its_width(
        text in "(# |- |1\\. |> |    |```\n|\\| |\\|-\\|-\\|\n|\\*\\*|`|\\[a\\]\\(https://b.c\\)|<b>|<x>|中文|👍|é|\\PC|[a-z]{1,9} |\x1b|\t|\r\n|\n|\n\n){0,60}",
        width in 1usize..60,
    ) {
        let lines = render(&parse(&text), &text, width);
        for line in &lines {
            prop_assert!(line.width() <= width || unbreakable(line), "{} > {width}: {:?}", line.width(), line);
            prop_assert!(line.spans.windows(2).all(|w| w[0].style != w[1].style));
        }
        let out = to_ansi(&lines, false);
        prop_assert!(out.chars().all(|c| c == '\n' || !c.is_control()));
        prop_assert_eq!(out.matches('\n').count(), lines.len());
    }
}
