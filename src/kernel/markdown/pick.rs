//! Pieces of a text that somebody wants for themselves: its code, its links.

use super::{Block, BlockKind, Inline, parse};

/// The texts of all code blocks, also those in lists and quotes, without fences and indentation.
pub fn code_blocks(text: &str) -> Vec<String> {
    let mut found = Vec::new();
    gather(&parse(text).blocks, &mut found);
    found
}

fn gather(blocks: &[Block], found: &mut Vec<String>) {
    for block in blocks {
        match &block.kind {
            BlockKind::Code(code) => found.push(code.text.clone()),
            BlockKind::Quote(inner) => gather(inner, found),
            BlockKind::List { items, .. } => items.iter().for_each(|item| gather(&item.blocks, found)),
            _ => {}
        }
    }
}

/// Where the links of a text lead, each once, in order.
pub fn links(text: &str) -> Vec<String> {
    let mut found = Vec::new();
    of_blocks(&parse(text).blocks, &mut found);
    found
}

fn of_blocks(blocks: &[Block], found: &mut Vec<String>) {
    for block in blocks {
        match &block.kind {
            BlockKind::Heading { inlines, .. } | BlockKind::Paragraph(inlines) => of_inlines(inlines, found),
            BlockKind::Quote(inner) => of_blocks(inner, found),
            BlockKind::List { items, .. } => items.iter().for_each(|item| of_blocks(&item.blocks, found)),
            BlockKind::Table(table) => {
                table.head.iter().chain(table.rows.iter().flatten()).for_each(|cell| of_inlines(cell, found));
            }
            _ => {}
        }
    }
}

fn of_inlines(inlines: &[Inline], found: &mut Vec<String>) {
    for inline in inlines {
        match inline {
            Inline::Link { url, children } => {
                if !found.contains(url) {
                    found.push(url.clone());
                }
                of_inlines(children, found);
            }
            Inline::Emphasis(c) | Inline::Strong(c) | Inline::Strike(c) => of_inlines(c, found),
            _ => {}
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn links_are_found_wherever_they_stand_and_named_once() {
        let text = "# [a](x:1)\n\n- **[b](x:2)** and [c](x:1)\n\n> <https://d.example>\n\n|h|\n|-|\n|[e](x:3)|\n";
        assert_eq!(links(text), ["x:1", "x:2", "https://d.example", "x:3"]);
        assert!(links("none").is_empty());
    }
}
