//! The pictures that a definition refers to and that lie beside it. Nothing is fetched, and nothing outside of the
//! source's own folder is looked at.

use std::fs::File;
use std::io::Read;
use std::path::{Path, PathBuf};

use super::work::Paper;
use crate::kernel::terminal::safe_line;
use crate::tui::pictures::{Picture, Way};
use crate::tui::theme::Role;
use crate::tui::widgets::text::{Row, wrapped_words};

/// As many are shown.
const MOST: u16 = 4;

/// Bytes of a file that is read.
const LARGEST: u64 = 16 << 20;

/// Rows that one of them takes at most.
const ROWS: u16 = 14;

/// The first of their numbers; those of chats lie below.
const FIRST: u16 = 0x8000;

/// The pictures of a definition `text` that stands in `file`, a path below the folder `base`.
pub fn rows(text: &str, base: &Path, file: &str, paper: &Paper) -> Vec<Row> {
    let mut rows = Vec::new();
    if paper.pictures == Way::Off {
        return rows;
    }
    let style = paper.theme.style(Role::Accent);
    let files = targets(text).filter_map(|target| Some((target, beside(base, file, target)?)));
    for ((target, path), number) in files.take(usize::from(MOST)).zip(FIRST..) {
        let made = read(&path).and_then(|b| Picture::make(&b, paper.pictures, (paper.room, ROWS), number).ok());
        let Some(picture) = made else { continue };
        rows.push(Row::default());
        rows.extend(wrapped_words(&format!("⊞ {}", safe_line(target)), paper.room, style));
        rows.extend(Row::of_picture(&picture));
    }
    rows
}

/// What pictures in Markdown point at, without titles.
fn targets(text: &str) -> impl Iterator<Item = &str> {
    text.split("![").skip(1).filter_map(|rest| {
        let (_, rest) = rest.split_once("](")?;
        let (inside, _) = rest.split_once(')')?;
        let target = inside.split_whitespace().next()?;
        Some(target.trim_start_matches('<').trim_end_matches('>'))
    })
}

/// The file of a target, where it lies in the source's folder.
fn beside(base: &Path, file: &str, target: &str) -> Option<PathBuf> {
    if target.contains(':') || target.starts_with('/') {
        return None;
    }
    let base = base.canonicalize().ok()?;
    let path = base.join(file).parent()?.join(target).canonicalize().ok()?;
    (path.starts_with(&base) && path.is_file()).then_some(path)
}

fn read(path: &Path) -> Option<Vec<u8>> {
    let mut bytes = Vec::new();
    File::open(path).ok()?.take(LARGEST + 1).read_to_end(&mut bytes).ok()?;
    (bytes.len() as u64 <= LARGEST).then_some(bytes)
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use super::*;
    use crate::tui::theme::{Depth, Theme};

    #[test]
    fn only_what_lies_in_the_folder_of_the_source_is_shown() {
        let folder = tempfile::tempdir().unwrap();
        let base = folder.path().join("kit");
        std::fs::create_dir_all(base.join("docs")).unwrap();
        let mut png = std::io::Cursor::new(Vec::new());
        image::RgbImage::new(40, 40).write_to(&mut png, image::ImageFormat::Png).unwrap();
        for name in ["kit/docs/in.png", "kit/up.png", "out.png"] {
            std::fs::write(folder.path().join(name), png.get_ref()).unwrap();
        }
        std::os::unix::fs::symlink("../../out.png", base.join("docs/link.png")).unwrap();
        let text =
            "![a](in.png) ![b](../up.png \"so\") ![c](../../out.png) ![d](link.png) ![e](https://x.example/in.png)
                    ![f](/etc/passwd) ![g](missing.png) ![h](.) ![i](broken";
        let paper = |pictures| Paper {
            room: 30,
            theme: Theme::choose("plain", &BTreeMap::new(), Depth::None, false),
            pictures,
        };
        let shown = rows(text, &base, "docs/kit.md", &paper(Way::Blocks));
        let named: Vec<String> = shown.iter().map(Row::text).filter(|text| !text.is_empty()).collect();
        assert_eq!(named, ["⊞ in.png", "⊞ ../up.png"]);
        assert_eq!(shown.iter().filter(|row| row.picture.is_some()).count(), 4);
        assert_eq!(rows(text, &base, "docs/kit.md", &paper(Way::Off)), []);
    }
}
