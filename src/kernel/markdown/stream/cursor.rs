//! A place in a line, counted in columns: a tab reaches to the next multiple of four, and may be taken in parts.

/// Reads the beginning of a line.
#[derive(Clone, Copy, Debug)]
pub(super) struct Cursor<'a> {
    line: &'a str,
    /// Bytes read.
    at: usize,
    /// Columns read.
    column: usize,
    /// Columns of a tab that was taken in part.
    left: usize,
}

impl<'a> Cursor<'a> {
    pub(super) fn new(line: &'a str) -> Self {
        Cursor { line, at: 0, column: 0, left: 0 }
    }

    fn tail(&self) -> &'a str {
        self.line.get(self.at..).unwrap_or_default()
    }

    /// The rest without the blanks before it.
    pub(super) fn words(&self) -> &'a str {
        self.tail().trim_start_matches([' ', '\t'])
    }

    /// The rest with its blanks.
    pub(super) fn rest(&self) -> String {
        format!("{}{}", " ".repeat(self.left), self.tail())
    }

    pub(super) fn is_blank(&self) -> bool {
        self.words().is_empty()
    }

    /// Columns of blanks that come next.
    pub(super) fn indent(&self) -> usize {
        let (mut columns, mut column) = (self.left, self.column + self.left);
        for c in self.tail().chars() {
            let wide = match c {
                ' ' => 1,
                '\t' => 4 - column % 4,
                _ => break,
            };
            columns += wide;
            column += wide;
        }
        columns
    }

    /// Takes up to `columns` of blanks.
    pub(super) fn skip_blanks(&mut self, columns: usize) {
        let mut wanted = columns;
        while wanted > 0 {
            if self.left == 0 {
                match self.tail().chars().next() {
                    Some(' ') => self.left = 1,
                    Some('\t') => self.left = 4 - self.column % 4,
                    _ => return,
                }
                self.at += 1;
            }
            let taken = self.left.min(wanted);
            self.left -= taken;
            self.column += taken;
            wanted -= taken;
        }
    }

    /// Takes `count` one-byte characters that are no blanks.
    pub(super) fn skip_marks(&mut self, count: usize) {
        self.at += count;
        self.column += count;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn tabs_are_taken_in_parts() {
        let mut cursor = Cursor::new(">\t\tx");
        cursor.skip_marks(1);
        assert_eq!(cursor.indent(), 7);
        cursor.skip_blanks(1);
        assert_eq!((cursor.indent(), cursor.rest().as_str()), (6, "  \tx"));
        cursor.skip_blanks(9);
        assert_eq!(cursor.rest(), "x");
    }
}
