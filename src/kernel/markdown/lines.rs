//! From byte offsets to lines and columns.

/// Where each line of a text begins. Lines end with `\n` or `\r\n`.
#[derive(Clone, Debug)]
pub struct LineIndex {
    starts: Vec<usize>,
    len: usize,
}

impl LineIndex {
    /// The index of `text`.
    pub fn new(text: &str) -> Self {
        let mut starts = vec![0];
        starts.extend(text.bytes().enumerate().filter(|(_, b)| *b == b'\n').map(|(at, _)| at + 1));
        LineIndex { starts, len: text.len() }
    }

    /// 1-based line of a byte offset; offsets past the end count as the last line.
    pub fn line(&self, offset: usize) -> usize {
        self.starts.partition_point(|&start| start <= offset.min(self.len)).max(1)
    }

    /// Byte offset at which a 1-based line begins (the end of the text for lines past the last).
    pub fn start_of(&self, line: usize) -> usize {
        self.starts.get(line.saturating_sub(1)).copied().unwrap_or(self.len)
    }

    /// 1-based line and column (in characters) of a byte offset in `text`, which must be the indexed text.
    pub fn line_column(&self, text: &str, offset: usize) -> (usize, usize) {
        let line = self.line(offset);
        let start = self.start_of(line);
        let column = text.get(start..offset.min(text.len())).map_or(0, |s| s.chars().count());
        (line, column + 1)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn offsets_become_lines_and_columns() {
        let text = "ab\nçd\r\n\nx";
        let lines = LineIndex::new(text);
        assert_eq!(lines.line_column(text, 0), (1, 1));
        assert_eq!(lines.line_column(text, 5), (2, 2));
        assert_eq!(lines.line_column(text, text.len()), (4, 2));
        assert_eq!(lines.line_column(text, 999), (4, 2));
    }
}
