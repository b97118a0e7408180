//! What a line is: which containers it goes on with, which it opens, and what stands in it.
//!
//! The rules are CommonMark's, decided from what stood before and the line alone. A line whose end has not come gets a
//! decision as soon as no end could change it. Nothing is drawn here.

use super::cursor::Cursor;

/// Containers nested deeper than this are read as text.
const DEEPEST: usize = 40;

/// A line that is not decided after this many bytes waits for its end.
const UNDECIDED: usize = 200;

/// What holds blocks.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Container {
    /// Behind `>`.
    Quote,
    /// Behind a bullet or a number.
    Item(Marker),
}

/// The marker of an item.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Marker {
    /// `-`, `+`, `*`, `.` or `)`: items with the same one belong together.
    pub(super) mark: char,
    /// The number of a numbered item.
    pub(super) number: Option<u64>,
    /// Columns that its other lines are indented by.
    pub(super) width: usize,
}

/// The block that is open inside the innermost container.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Leaf {
    /// None.
    None,
    /// Words.
    Paragraph,
    /// The words of a definition.
    Definition,
    /// A line that may be the head of a table.
    Head(String),
    /// A table.
    Table,
    /// Code between fences.
    Fence {
        /// The opening marks.
        mark: String,
        /// How far they were indented.
        indent: usize,
    },
    /// Indented code.
    Indented,
    /// HTML, up to a line that holds one of these; up to a blank line when there are none.
    Html(&'static [&'static str]),
}

impl Leaf {
    /// Whether words on the next line would go on with it.
    pub(super) fn holds_words(&self) -> bool {
        matches!(self, Leaf::Paragraph | Leaf::Definition | Leaf::Head(_))
    }
}

/// What a container that is open looks like from here.
#[derive(Clone, Copy, Debug)]
pub(super) struct Outer {
    pub(super) container: Container,
    /// Whether something stands in it.
    pub(super) filled: bool,
}

/// What a line is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Kind {
    Blank,
    /// Words; they go on with an open paragraph unless a container was opened.
    Text,
    /// `[x]: …` or `[^x]: …`, which begins anew without a blank line before it.
    Definition,
    Heading,
    Rule,
    Fence {
        mark: String,
        indent: usize,
        info: String,
    },
    FenceEnd,
    /// A line of the open code or HTML as it is.
    Verbatim,
    /// The last line of HTML.
    HtmlEnd,
    Indented,
    Html(&'static [&'static str]),
    /// Perhaps the head of a table.
    Head,
    /// The line below the head, which makes it one.
    Delimiter,
    Row,
}

/// A decided line.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Decision {
    /// Containers it goes on with, counted from the outermost.
    pub(super) matched: usize,
    /// Containers it opens, each with whether it stands in it alone.
    pub(super) opened: Vec<Container>,
    pub(super) kind: Kind,
    /// What stands behind the containers' marks; for code without what it is indented by.
    pub(super) rest: String,
}

/// Decides a line; `None` when its end could change what it is. A `complete` line is always decided.
pub(super) fn decide(outer: &[Outer], leaf: &Leaf, line: &str, complete: bool) -> Option<Decision> {
    if !complete && line.len() > UNDECIDED {
        return None;
    }
    let mut at = Cursor::new(line);
    let matched = matching(outer, leaf, &mut at);
    let decision = |opened: Vec<Container>, kind: Kind, rest: String| Some(Decision { matched, opened, kind, rest });
    let inside = matched == outer.len();
    if at.is_blank() && !complete {
        return None;
    }
    if inside && matches!(leaf, Leaf::Fence { .. } | Leaf::Indented | Leaf::Html(_)) {
        if !complete {
            return None;
        }
        if let Some((kind, rest)) = verbatim(leaf, at) {
            return decision(Vec::new(), kind, rest);
        }
    }
    if at.is_blank() {
        return decision(Vec::new(), Kind::Blank, String::new());
    }
    let words_open = leaf.holds_words();
    let mut opened = Vec::new();
    while at.indent() < 4 && outer.len().min(matched) + opened.len() < DEEPEST {
        let words = at.words();
        if is_rule(words) {
            return complete.then(|| decision(opened, Kind::Rule, words.to_string()))?;
        }
        if !complete && could_be_rule(words) {
            return None;
        }
        if words.starts_with('>') {
            at.skip_blanks(3);
            at.skip_marks(1);
            at.skip_blanks(1);
            opened.push(Container::Quote);
        } else {
            match marker(at, complete) {
                Found::Unsure => return None,
                Found::No => break,
                Found::Yes(item, behind) => {
                    let interrupts = inside && words_open && opened.is_empty();
                    if interrupts && (behind.is_blank() || item.number.is_some_and(|n| n != 1)) {
                        break;
                    }
                    opened.push(Container::Item(item));
                    at = behind;
                }
            }
        }
        if at.is_blank() {
            return complete.then(|| decision(opened, Kind::Blank, String::new()))?;
        }
    }
    let goes_on = words_open && opened.is_empty();
    let table = (inside && opened.is_empty()).then_some(leaf);
    let kind = leaf_kind(at, goes_on, table, complete)?;
    let rest = if kind == Kind::Indented {
        at.skip_blanks(4);
        at.rest()
    } else {
        at.words().to_string()
    };
    decision(opened, kind, rest)
}

/// How many of the open containers the line goes on with; the cursor moves behind their marks.
fn matching(outer: &[Outer], leaf: &Leaf, at: &mut Cursor<'_>) -> usize {
    for (count, open) in outer.iter().enumerate() {
        match open.container {
            Container::Quote if at.indent() < 4 && at.words().starts_with('>') => {
                at.skip_blanks(3);
                at.skip_marks(1);
                at.skip_blanks(1);
            }
            // An item may begin with one blank line, not with two.
            Container::Item(item) if at.is_blank() && (open.filled || *leaf != Leaf::None) => {
                at.skip_blanks(item.width)
            }
            Container::Item(item) if !at.is_blank() && at.indent() >= item.width => at.skip_blanks(item.width),
            _ => return count,
        }
    }
    outer.len()
}

/// A line inside of code or HTML; `None` when that ends before it.
fn verbatim(leaf: &Leaf, mut at: Cursor<'_>) -> Option<(Kind, String)> {
    match leaf {
        Leaf::Fence { mark, indent } => {
            let words = at.words().trim_end();
            let closes =
                at.indent() < 4 && words.len() >= mark.len() && mark.starts_with(|c| words.chars().all(|w| w == c));
            if closes {
                return Some((Kind::FenceEnd, String::new()));
            }
            at.skip_blanks(*indent);
            Some((Kind::Verbatim, at.rest()))
        }
        Leaf::Indented if at.is_blank() || at.indent() >= 4 => {
            at.skip_blanks(4);
            Some((Kind::Verbatim, at.rest()))
        }
        Leaf::Html([]) => (!at.is_blank()).then(|| (Kind::Verbatim, at.rest())),
        Leaf::Html(ends) => {
            let line = at.rest();
            let kind = if holds(&line, ends) { Kind::HtmlEnd } else { Kind::Verbatim };
            Some((kind, line))
        }
        _ => None,
    }
}

/// What stands behind the containers' marks.
fn leaf_kind(at: Cursor<'_>, goes_on: bool, open: Option<&Leaf>, complete: bool) -> Option<Kind> {
    let words = at.words();
    let sure = |kind: Kind| complete.then_some(kind);
    if at.indent() >= 4 {
        return match open {
            Some(Leaf::Table) => sure(Kind::Row),
            _ if goes_on => Some(Kind::Text),
            _ => sure(Kind::Indented),
        };
    }
    if let Some(Leaf::Head(head)) = open
        && words.starts_with(['|', '-', ':'])
        && (!complete || delimits(head, words))
    {
        return sure(Kind::Delimiter);
    }
    let plain = if matches!(open, Some(Leaf::Table)) { Kind::Row } else { Kind::Text };
    if plain == Kind::Row && !complete {
        return None;
    }
    match words.chars().next() {
        Some('#') => sure(if is_heading(words) { Kind::Heading } else { plain }),
        Some(mark @ ('`' | '~')) => {
            let count = words.chars().take_while(|c| *c == mark).count();
            let info = words.get(count..).unwrap_or_default();
            if count < 3 && (complete || !info.is_empty()) {
                return Some(plain);
            }
            let fence = !(mark == '`' && info.contains('`'));
            let kind = Kind::Fence {
                mark: mark.to_string().repeat(count),
                indent: at.indent(),
                info: info.trim().to_string(),
            };
            sure(if fence { kind } else { plain })
        }
        Some('<') => sure(html_start(words, goes_on).map_or(plain, Kind::Html)),
        // A line that only goes on with a paragraph of a closed container cannot be the head of a table.
        Some('|') if plain == Kind::Text && (open.is_some() || !goes_on) => sure(Kind::Head),
        Some('[') => definition(words, goes_on && open != Some(&Leaf::Definition), complete)
            .map(|is| if is { Kind::Definition } else { plain }),
        _ => Some(plain),
    }
}

fn is_heading(words: &str) -> bool {
    let rest = words.trim_start_matches('#');
    (1..=6).contains(&(words.len() - rest.len())) && (rest.is_empty() || rest.starts_with([' ', '\t']))
}

fn is_rule(words: &str) -> bool {
    could_be_rule(words) && words.chars().filter(|c| !c.is_whitespace()).count() >= 3
}

/// Whether nothing stands here but one of the marks of a rule, and blanks.
fn could_be_rule(words: &str) -> bool {
    words.starts_with(['-', '*', '_']) && {
        let mark = words.chars().next();
        words.chars().all(|c| Some(c) == mark || matches!(c, ' ' | '\t'))
    }
}

enum Found<'a> {
    No,
    Unsure,
    Yes(Marker, Cursor<'a>),
}

/// The marker of an item, and where its words begin.
fn marker(at: Cursor<'_>, complete: bool) -> Found<'_> {
    let words = at.words();
    let digits = words.chars().take_while(char::is_ascii_digit).count();
    if digits > 9 {
        return Found::No;
    }
    let Some(mark) = words.chars().nth(digits) else { return if complete { Found::No } else { Found::Unsure } };
    let right = if digits > 0 { matches!(mark, '.' | ')') } else { matches!(mark, '-' | '+' | '*') };
    if !right {
        return Found::No;
    }
    let mut behind = at;
    behind.skip_blanks(3);
    behind.skip_marks(digits + 1);
    if behind.is_blank() {
        if !complete {
            return Found::Unsure;
        }
    } else if behind.indent() == 0 {
        return Found::No;
    }
    let blanks = if behind.is_blank() || behind.indent() > 4 { 1 } else { behind.indent() };
    behind.skip_blanks(blanks);
    let number = words.get(..digits).and_then(|n| n.parse().ok());
    Found::Yes(Marker { mark, number, width: at.indent() + digits + 1 + blanks }, behind)
}

/// Whether `words` is the line below a table's `head`.
fn delimits(head: &str, words: &str) -> bool {
    let columns = cells(words);
    let right = |cell: &&str| {
        let inner = cell.trim().trim_start_matches(':').trim_end_matches(':');
        !inner.is_empty() && inner.chars().all(|c| c == '-')
    };
    words.contains('|') && columns.iter().all(right) && columns.len() == cells(head).len()
}

/// The cells of a row, as they are written.
fn cells(row: &str) -> Vec<&str> {
    let row = row.trim();
    let row = row.strip_prefix('|').unwrap_or(row);
    let (mut cells, mut from, mut escaped) = (Vec::new(), 0, false);
    for (at, c) in row.char_indices() {
        if c == '|' && !escaped {
            cells.push(row.get(from..at).unwrap_or_default());
            from = at + 1;
        }
        escaped = c == '\\' && !escaped;
    }
    let last = row.get(from..).unwrap_or_default();
    if !last.trim().is_empty() {
        cells.push(last);
    }
    cells
}

/// Whether a definition begins here; `None` when that cannot be said yet.
fn definition(words: &str, goes_on: bool, complete: bool) -> Option<bool> {
    if goes_on && !words.starts_with("[^") && (complete || words.len() > 1) {
        return Some(false);
    }
    match words.find(']') {
        Some(end) => match words.get(end + 1..).and_then(|rest| rest.chars().next()) {
            Some(c) => Some(c == ':' && end > 1),
            None => complete.then_some(false),
        },
        None if complete || words.len() > 100 => Some(false),
        None => None,
    }
}

fn holds(line: &str, ends: &[&str]) -> bool {
    let line = line.to_ascii_lowercase();
    ends.iter().any(|end| line.contains(end))
}

/// Whether a block of HTML begins here, and what ends it.
fn html_start(words: &str, goes_on: bool) -> Option<&'static [&'static str]> {
    const TEXTS: &[&str] = &["script", "pre", "style", "textarea"];
    const BLOCKS: &str = " address article aside base basefont blockquote body caption center col colgroup dd details \
        dialog dir div dl dt fieldset figcaption figure footer form frame frameset h1 h2 h3 h4 h5 h6 head header hr \
        html iframe legend li link main menu menuitem nav noframes ol optgroup option p param search section summary \
        table tbody td tfoot th thead title tr track ul ";
    let lower = words.to_ascii_lowercase();
    let inner = lower.strip_prefix('<')?;
    let starts: [(&str, &'static [&'static str]); 3] = [("!--", &["-->"]), ("?", &["?>"]), ("![cdata[", &["]]>"])];
    if let Some((_, ends)) = starts.iter().find(|(start, _)| inner.starts_with(start)) {
        return Some(ends);
    }
    if inner.strip_prefix('!').is_some_and(|rest| rest.starts_with(|c: char| c.is_ascii_alphabetic())) {
        return Some(&[">"]);
    }
    let closing = inner.starts_with('/');
    let tag = inner.trim_start_matches('/');
    let name = tag.split(|c: char| !c.is_ascii_alphanumeric() && c != '-').next().unwrap_or_default();
    let behind = tag.get(name.len()..).unwrap_or_default();
    let parted = behind.is_empty() || behind.starts_with([' ', '\t', '>']);
    if name.is_empty() {
        return None;
    }
    if !closing && parted && TEXTS.contains(&name) {
        return Some(&["</script>", "</pre>", "</style>", "</textarea>"]);
    }
    if (parted || behind.starts_with("/>")) && BLOCKS.contains(&format!(" {name} ")) {
        return Some(&[]);
    }
    let whole = behind.trim_end();
    let alone = whole.ends_with('>') && whole.matches('>').count() == 1 && !whole.contains('<');
    let tag_like = parted || behind.starts_with('/');
    (!goes_on && alone && tag_like && name.starts_with(|c: char| c.is_ascii_alphabetic())).then_some(&[])
}
