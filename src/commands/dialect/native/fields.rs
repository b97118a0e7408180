//! The bold `**Key:** value` lines of a definition, and the lists below them.
//!
//! It knows how fields are written, not what any of them means.

use crate::kernel::markdown::{Block, BlockKind, Inline, Item, one_line, plain_text};

/// One field as it stands in the text.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Field {
    /// The words before the colon.
    pub label: String,
    /// The words after it, on one line, markup removed.
    pub value: String,
    /// The code spans after it.
    pub codes: Vec<String>,
    /// The items of a list right below it.
    pub items: Vec<Line>,
    /// 1-based line.
    pub line: usize,
}

impl Field {
    /// The values of a field that lists things: its items, else its code spans, else its words parted by commas.
    pub fn list(&self) -> Vec<String> {
        if !self.items.is_empty() {
            let whole = |i: &Line| if i.codes.len() == 1 { i.codes[0].clone() } else { i.text.clone() };
            return self.items.iter().map(whole).collect();
        }
        if !self.codes.is_empty() {
            return self.codes.clone();
        }
        self.value.split(',').map(|v| v.trim().to_string()).filter(|v| !v.is_empty()).collect()
    }

    /// The value of a field that says one thing: its only code span, else its words.
    pub fn single(&self) -> String {
        match self.codes.as_slice() {
            [code] => code.clone(),
            _ => self.value.clone(),
        }
    }
}

/// One list item.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Line {
    /// All its words on one line.
    pub text: String,
    /// The code spans it begins with.
    pub codes: Vec<String>,
    /// The words after those code spans.
    pub rest: String,
    /// 1-based line.
    pub line: usize,
}

/// The fields of a section, and the paragraphs that are none.
#[derive(Clone, Debug, Default)]
pub struct Fields {
    /// In file order.
    pub fields: Vec<Field>,
    /// Paragraphs that hold no field, on one line each.
    pub prose: Vec<String>,
}

#[cfg(test)]
impl Fields {
    /// The last field with this label, whatever its case.
    pub fn get(&self, label: &str) -> Option<&Field> {
        self.fields.iter().rev().find(|f| f.label.eq_ignore_ascii_case(label))
    }
}

/// Gathers the fields of a section's blocks.
pub fn gather(blocks: &[Block]) -> Fields {
    let mut found = Fields::default();
    let mut open = false;
    for block in blocks {
        match &block.kind {
            BlockKind::Paragraph(inlines) => open = paragraph(inlines, block.line, &mut found),
            BlockKind::List { items, .. } if open => {
                items.iter().for_each(|i| list_item(i, &mut found));
                open = false;
            }
            _ => open = false,
        }
    }
    found
}

/// Adds an item to the last field. A field on the line right after an item is, to Markdown, a lazy
/// continuation of it; to whoever wrote it, it is the next field.
fn list_item(item: &Item, found: &mut Fields) {
    let Some(BlockKind::Paragraph(inlines)) = item.blocks.first().map(|b| &b.kind) else { return };
    let is_break = |i: &Inline| matches!(i, Inline::SoftBreak | Inline::HardBreak);
    let breaks = inlines.iter().enumerate().filter(|(_, i)| is_break(i)).map(|(at, _)| at);
    let next = breaks.enumerate().find(|(_, at)| field(&inlines[at + 1..], 0).is_some());
    let (own, rest) = match next {
        Some((lines, at)) => (&inlines[..at], Some((&inlines[at + 1..], item.line + lines + 1))),
        None => (inlines.as_slice(), None),
    };
    if let Some(field) = found.fields.last_mut() {
        field.items.push(line(own, item.line));
    }
    if let Some((rest, number)) = rest {
        paragraph(rest, number, found);
    }
}

/// Reads a paragraph; true when its last line is a field, so that a list below belongs to it.
fn paragraph(inlines: &[Inline], first_line: usize, found: &mut Fields) -> bool {
    let mut prose = Vec::new();
    let mut open = false;
    let lines = inlines.split(|i| matches!(i, Inline::SoftBreak | Inline::HardBreak));
    for (number, line) in lines.enumerate() {
        if let Some(field) = field(line, first_line + number) {
            found.fields.push(field);
            open = true;
        } else if let Some(last) = found.fields.last_mut().filter(|_| open) {
            last.value = format!("{} {}", last.value, one_line(line)).trim().to_string();
            last.codes.extend(codes(line));
        } else {
            prose.push(one_line(line));
        }
    }
    if !prose.is_empty() {
        found.prose.push(prose.join(" "));
    }
    open
}

/// `**Key:** value` or `**Key**: value`.
fn field(line: &[Inline], number: usize) -> Option<Field> {
    let Some((Inline::Strong(label), rest)) = line.split_first() else { return None };
    let label = one_line(label);
    let value = one_line(rest);
    let (label, value) = match (label.strip_suffix(':'), value.strip_prefix(':')) {
        (Some(label), _) => (label, value.as_str()),
        (None, Some(value)) => (label.as_str(), value),
        (None, None) => return None,
    };
    let (label, value) = (label.trim().to_string(), value.trim().to_string());
    Some(Field { label, value, codes: codes(rest), items: Vec::new(), line: number })
}

fn codes(inlines: &[Inline]) -> Vec<String> {
    inlines
        .iter()
        .filter_map(|i| match i {
            Inline::Code(code) => Some(code.clone()),
            _ => None,
        })
        .collect()
}

fn line(inlines: &[Inline], number: usize) -> Line {
    let mut lead = Vec::new();
    let mut rest = inlines;
    while let Some((first, after)) = rest.split_first() {
        match first {
            Inline::Code(code) => lead.push(code.clone()),
            Inline::Text(t) if !lead.is_empty() && matches!(t.trim(), "" | "," | "/" | "|") && !after.is_empty() => {}
            _ => break,
        }
        rest = after;
    }
    Line { text: one_line(inlines), codes: lead, rest: plain_text(rest).trim().to_string(), line: number }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::kernel::markdown::parse;

    #[test]
    fn fields_lists_and_prose_are_told_apart() {
        let text = "Some words.\n\n**Description:** Tag it  \n**Aliases:** `/rel`, `/r`\n**On:**\n- `schedule \"0 9\"`\n- plain\n\n**Odd**: kept\nand more\n";
        let found = gather(&parse(text).blocks);
        assert_eq!(found.prose, ["Some words."]);
        let labels: Vec<&str> = found.fields.iter().map(|f| f.label.as_str()).collect();
        assert_eq!(labels, ["Description", "Aliases", "On", "Odd"]);
        assert_eq!(found.get("aliases").unwrap().list(), ["/rel", "/r"]);
        assert_eq!(found.get("on").unwrap().list(), ["schedule \"0 9\"", "plain"]);
        assert_eq!(found.get("Odd").unwrap().value, "kept and more");
        assert_eq!(found.get("On").unwrap().line, 5);
    }

    #[test]
    fn an_item_gives_its_leading_code_and_the_rest() {
        let found = gather(&parse("**Options:**\n- `-n`, `--dry-run` (bool): say `only`\n").blocks);
        let line = &found.fields[0].items[0];
        assert_eq!(
            (line.codes.clone(), line.rest.as_str()),
            (vec!["-n".into(), "--dry-run".into()], "(bool): say only")
        );
    }
}
