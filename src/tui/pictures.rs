//! Pictures on the screen: which way the terminal shows them, and one made ready for it.
//!
//! A picture is decoded and encoded anew by whoever has time for it (a job); drawing only puts cells into a buffer. What
//! reaches the terminal are colours, or pixels as base64 or sixels: never a byte of the file as it was. Nothing is
//! fetched, and the terminal is never asked: the environment says what it can do.
//!
//! The protocols: <https://sw.kovidgoyal.net/kitty/graphics-protocol/> (with Unicode placeholders),
//! <https://iterm2.com/documentation-images.html>, and DEC's sixels.

use std::fmt;
use std::io::Cursor;
use std::process::{Command, Stdio};
use std::sync::Arc;
use std::time::{Duration, Instant};

use image::{DynamicImage, ImageReader, Limits};
use ratatui::buffer::Buffer;
use ratatui::layout::{Rect, Size};
use ratatui::widgets::Widget;
use ratatui_image::picker::{Picker, ProtocolType};
use ratatui_image::protocol::Protocol;
use ratatui_image::protocol::halfblocks::Halfblocks;
use ratatui_image::protocol::iterm2::Iterm2;
use ratatui_image::protocol::kitty::Kitty;
use ratatui_image::sliced::{SignedPosition, SlicedImage, SlicedProtocol};
use ratatui_image::{FontSize, Image};

use super::theme::Depth;
use crate::kernel::env::Env;
use crate::kernel::error::{Context, Error, Kind, Result};

/// The widest and the highest that a picture becomes, columns and rows.
const LARGEST: (u16, u16) = (60, 20);

/// Pixels at each side of a file that is still decoded.
const SIDE: u32 = 12_000;

/// Bytes that a decoder may take.
const MEMORY: u64 = 160 << 20;

/// A character, in pixels, where the terminal does not say.
const CELL: (u16, u16) = (10, 20);

/// How long tmux may take to say what it lets through.
const TMUX: Duration = Duration::from_secs(1);

/// How pictures are shown here.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Way {
    /// Not at all: a line says what they are.
    #[default]
    Off,
    /// By kitty's protocol.
    Kitty,
    /// By kitty's protocol, if tmux lets it through.
    Tmux,
    /// By iTerm2's.
    Iterm2,
    /// As sixels.
    Sixel,
    /// As half blocks, two colours a character.
    Blocks,
}

impl Way {
    /// What the settings wish and the environment allows. Without colour there are no pictures.
    pub fn of(env: &Env, wish: &str, depth: Depth) -> Way {
        let text = |name: &str| env.text(name).unwrap_or("");
        let (term, program) = (text("TERM").to_lowercase(), text("TERM_PROGRAM").to_lowercase());
        let tmux = !text("TMUX").is_empty();
        let between = tmux || !text("ZELLIJ").is_empty() || term.starts_with("tmux") || term.starts_with("screen");
        match wish {
            _ if depth == Depth::None => Way::Off,
            "blocks" if depth == Depth::True => Way::Blocks,
            "kitty" | "auto" if tmux => Way::Tmux,
            // Whatever stands between would have to understand it.
            "kitty" | "iterm2" | "sixel" | "auto" if between => Way::Off,
            "kitty" => Way::Kitty,
            "iterm2" => Way::Iterm2,
            "sixel" => Way::Sixel,
            "auto" => Way::known(&term, &program, &text),
            _ => Way::Off,
        }
    }

    fn known<'e>(term: &str, program: &str, text: &dyn Fn(&str) -> &'e str) -> Way {
        let (is, has) = (|name: &str| term.contains(name), |name: &str| !text(name).is_empty());
        // Another terminal that was started from kitty has its variables too: what the terminal calls itself comes first.
        if is("kitty") || is("ghostty") || program == "ghostty" {
            return Way::Kitty;
        }
        let iterm = ["iterm.app", "wezterm", "mintty", "rio"].contains(&program);
        if iterm || text("LC_TERMINAL") == "iTerm2" || has("WEZTERM_EXECUTABLE") || has("KONSOLE_VERSION") {
            return Way::Iterm2;
        }
        if ["foot", "mlterm", "contour", "yaft", "sixel"].iter().any(|name| is(name)) {
            return Way::Sixel;
        }
        if has("KITTY_WINDOW_ID") && program.is_empty() { Way::Kitty } else { Way::Off }
    }

    /// Whether the terminal keeps such a picture in its cells, so that what is drawn over it and taken away again leaves
    /// it whole.
    fn is_in_cells(self) -> bool {
        matches!(self, Way::Kitty | Way::Tmux | Way::Blocks)
    }
}

/// A picture for this terminal at one size.
#[derive(Clone)]
pub struct Picture {
    made: Arc<Made>,
    size: Size,
    in_cells: bool,
}

enum Made {
    /// A row of the screen each.
    Rows(Vec<Protocol>),
    /// As a whole.
    Whole(SlicedProtocol),
}

impl PartialEq for Picture {
    fn eq(&self, other: &Picture) -> bool {
        Arc::ptr_eq(&self.made, &other.made)
    }
}

impl fmt::Debug for Picture {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Picture({}×{})", self.size.width, self.size.height)
    }
}

impl Picture {
    /// Makes a file's bytes ready for a room of so many columns and rows. `number` tells pictures of one screen apart.
    ///
    /// # Errors
    /// `BadData` where it is no picture that can be read or too large a one, `Missing` where it cannot be shown.
    pub fn make(bytes: &[u8], way: Way, room: (u16, u16), number: u16) -> Result<Picture> {
        let cell = cell(way)?;
        if way == Way::Tmux && !tmux_lets_through() {
            return Err(Error::new(Kind::Missing, "tmux does not let pictures through"));
        }
        let image = decode(bytes)?;
        let room = Size::new(room.0.min(LARGEST.0).max(1), room.1.min(LARGEST.1).max(1));
        let (image, size) = fitted(image, room, cell);
        let made = encode(image, size, way, cell, number)
            .map_err(|error| Error::new(Kind::Failed, format!("cannot make it ready for this terminal: {error}")))?;
        Ok(Picture { made: Arc::new(made), size, in_cells: way.is_in_cells() })
    }

    /// Rows of the screen.
    pub fn height(&self) -> u16 {
        self.size.height
    }

    /// Draws the rows from `first` on that have room. `covered`: something lies on top of it.
    pub fn draw(&self, buffer: &mut Buffer, area: Rect, first: u16, covered: bool) {
        let height = area.height.min(self.size.height.saturating_sub(first));
        let area = Rect { height, width: area.width.min(self.size.width), ..area }.intersection(buffer.area);
        // What is cut at its side would be drawn over what stands there.
        if area.is_empty() || area.width < self.size.width || (covered && !self.in_cells) {
            return;
        }
        match &*self.made {
            Made::Rows(rows) => {
                for (row, y) in rows.iter().skip(usize::from(first)).zip(area.y..area.bottom()) {
                    Image::new(row).render(Rect { y, height: 1, ..area }, buffer);
                }
            }
            Made::Whole(whole) => {
                let above = i16::try_from(first).unwrap_or(i16::MAX);
                SlicedImage::new(whole, SignedPosition::from((0, -above))).render(area, buffer);
            }
        }
    }
}

/// The pixels of a character; what a protocol that counts in pixels needs to know.
fn cell(way: Way) -> Result<(u16, u16)> {
    let said = crossterm::terminal::window_size().ok().filter(|w| w.columns > 0 && w.rows > 0);
    let said = said.map(|w| (w.width / w.columns, w.height / w.rows)).filter(|(w, h)| *w > 1 && *h > 1);
    match (said, way) {
        (_, Way::Off) => Err(Error::new(Kind::Missing, "pictures are off")),
        (_, Way::Blocks) => Ok(CELL),
        (Some(cell), _) => Ok(cell),
        (None, Way::Kitty | Way::Tmux) => Ok(CELL),
        (None, _) => Err(Error::new(Kind::Missing, "the terminal does not say how large its characters are")),
    }
}

/// Decodes a picture, within limits.
fn decode(bytes: &[u8]) -> Result<DynamicImage> {
    let context = || "this picture cannot be shown".to_string();
    let mut reader = ImageReader::new(Cursor::new(bytes)).with_guessed_format().context(Kind::BadData, context)?;
    let mut limits = Limits::default();
    (limits.max_image_width, limits.max_image_height, limits.max_alloc) = (Some(SIDE), Some(SIDE), Some(MEMORY));
    reader.limits(limits);
    reader.decode().map_err(|error| {
        let said = match error {
            image::ImageError::Limits(_) => "it is too large".to_string(),
            image::ImageError::Unsupported(_) => "its kind is not known here".to_string(),
            _ => "it is broken".to_string(),
        };
        Error::new(Kind::BadData, said)
    })
}

/// The picture no larger than the room, and the cells that it takes.
fn fitted(image: DynamicImage, room: Size, (wide, high): (u16, u16)) -> (DynamicImage, Size) {
    let most = (u32::from(room.width) * u32::from(wide), u32::from(room.height) * u32::from(high));
    let image = match image.width() > most.0 || image.height() > most.1 {
        true => image.thumbnail(most.0, most.1),
        false => image,
    };
    let cells =
        |pixels: u32, of: u16, most: u16| u16::try_from(pixels.div_ceil(u32::from(of))).unwrap_or(most).clamp(1, most);
    let size = Size::new(cells(image.width(), wide, room.width), cells(image.height(), high, room.height));
    (image, size)
}

fn encode(
    image: DynamicImage,
    size: Size,
    way: Way,
    cell: (u16, u16),
    number: u16,
) -> std::result::Result<Made, ratatui_image::errors::Errors> {
    Ok(match way {
        Way::Off | Way::Blocks => Made::Whole(SlicedProtocol::Halfblocks(Halfblocks::new(image, size)?)),
        Way::Kitty | Way::Tmux => {
            let id = first_id() | u32::from(number);
            Made::Whole(SlicedProtocol::Kitty(Kitty::new(image, size, id, way == Way::Tmux, true, false)?))
        }
        Way::Iterm2 => {
            let high = u32::from(cell.1);
            let row = |at: u16| {
                let y = u32::from(at) * high;
                let strip = image.crop_imm(0, y, image.width(), high.min(image.height().saturating_sub(y)));
                Iterm2::new(strip, Size::new(size.width, 1), false).map(Protocol::ITerm2)
            };
            Made::Rows((0..size.height).map(row).collect::<std::result::Result<_, _>>()?)
        }
        Way::Sixel => {
            // Its other ways in ask the terminal.
            #[expect(deprecated, reason = "the size of a character is known")]
            let mut picker = Picker::from_fontsize(FontSize::new(cell.0, cell.1));
            picker.set_protocol_type(ProtocolType::Sixel);
            Made::Whole(SlicedProtocol::new(&picker, image, Some(size))?)
        }
    })
}

/// The first name of this process's pictures in the terminal; there is room for 65,536.
fn first_id() -> u32 {
    0x4000_0000 | (std::process::id() & 0x3fff) << 16
}

/// What makes a terminal with kitty's protocol forget the pictures of this process.
pub fn forget() -> String {
    let first = first_id();
    format!("\x1b_Ga=d,d=R,x={first},y={},q=2\x1b\\", first | 0xffff)
}

/// Whether tmux hands on what it does not understand, to a terminal that does.
fn tmux_lets_through() -> bool {
    let mut command = Command::new("tmux");
    command.args(["display-message", "-p", "#{allow-passthrough} #{client_termname}"]);
    let Ok(mut child) = command.stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::null()).spawn() else {
        return false;
    };
    let begun = Instant::now();
    while begun.elapsed() < TMUX && matches!(child.try_wait(), Ok(None)) {
        std::thread::sleep(Duration::from_millis(5));
    }
    // One that does not answer is not asked again; one that did is gone already.
    let _ = child.kill();
    let said = child.wait_with_output().map(|out| String::from_utf8_lossy(&out.stdout).into_owned());
    said.is_ok_and(|said| tmux_allows(&said))
}

fn tmux_allows(said: &str) -> bool {
    let (passes, term) = said.trim().split_once(' ').unwrap_or((said.trim(), ""));
    ["on", "all", "1", "2"].contains(&passes) && (term.contains("kitty") || term.contains("ghostty"))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn way(wish: &str, pairs: &[(&str, &str)]) -> Way {
        Way::of(&Env::from_pairs(pairs.iter().copied()), wish, Depth::True)
    }

    /// Half of it red and half of it blue, as a PNG.
    fn png(width: u32, height: u32) -> Vec<u8> {
        let image = image::RgbImage::from_fn(width, height, |x, _| match x < width / 2 {
            true => image::Rgb([255, 0, 0]),
            false => image::Rgb([0, 0, 255]),
        });
        let mut bytes = Cursor::new(Vec::new());
        image.write_to(&mut bytes, image::ImageFormat::Png).unwrap();
        bytes.into_inner()
    }

    fn drawn(picture: &Picture, area: Rect, first: u16, covered: bool) -> Buffer {
        let mut buffer = Buffer::empty(Rect::new(0, 0, 20, 6));
        picture.draw(&mut buffer, area, first, covered);
        buffer
    }

    #[test]
    fn the_environment_says_which_way_it_goes() {
        assert_eq!(way("auto", &[("TERM", "xterm-kitty")]), Way::Kitty);
        assert_eq!(way("auto", &[("TERM", "xterm-256color"), ("KITTY_WINDOW_ID", "1")]), Way::Kitty);
        assert_eq!(way("auto", &[("TERM", "xterm-256color"), ("TERM_PROGRAM", "ghostty")]), Way::Kitty);
        assert_eq!(way("auto", &[("TERM_PROGRAM", "iTerm.app")]), Way::Iterm2);
        assert_eq!(way("auto", &[("TERM_PROGRAM", "WezTerm"), ("KITTY_WINDOW_ID", "1")]), Way::Iterm2);
        assert_eq!(way("auto", &[("TERM", "foot")]), Way::Sixel);
        assert_eq!(way("auto", &[("TERM", "xterm-256color")]), Way::Off);
        assert_eq!(way("auto", &[("TERM", "tmux-256color"), ("TMUX", "/tmp/x")]), Way::Tmux, "it is asked later");
        assert_eq!(way("auto", &[("TERM", "tmux-256color"), ("KITTY_WINDOW_ID", "1")]), Way::Off);
        assert_eq!(way("sixel", &[("TERM", "tmux-256color"), ("TMUX", "/tmp/x")]), Way::Off);
        assert_eq!(way("sixel", &[("TERM", "xterm")]), Way::Sixel, "the person knows");
        assert_eq!(way("off", &[("TERM", "xterm-kitty")]), Way::Off);
        let env = Env::from_pairs([("TERM", "xterm-kitty")]);
        assert_eq!(Way::of(&env, "auto", Depth::None), Way::Off, "without colour there are none");
        assert_eq!(Way::of(&env, "blocks", Depth::Cube), Way::Off);
    }

    #[test]
    fn tmux_has_to_allow_it_plainly() {
        for (said, expected) in [
            ("on xterm-kitty\n", true),
            ("all xterm-ghostty\n", true),
            ("1 xterm-kitty", true),
            ("off xterm-kitty\n", false),
            ("0 xterm-kitty\n", false),
            ("on xterm-256color\n", false),
            (" xterm-kitty\n", false),
            ("", false),
        ] {
            assert_eq!(tmux_allows(said), expected, "{said:?}");
        }
    }

    #[test]
    fn blocks_are_characters_in_its_colours_and_any_rows_of_it_can_be_drawn() {
        use ratatui::style::Color;
        let picture = Picture::make(&png(100, 80), Way::Blocks, (20, 6), 1).unwrap();
        assert_eq!((picture.size, format!("{picture:?}")), (Size::new(10, 4), "Picture(10×4)".to_string()));
        let buffer = drawn(&picture, Rect::new(2, 1, 18, 5), 3, true);
        let colours = |x: u16, y: u16| (buffer[(x, y)].fg, buffer[(x, y)].bg);
        assert_eq!(colours(2, 1).1, Color::Rgb(255, 0, 0));
        assert_eq!(colours(11, 1).1, Color::Rgb(0, 0, 255));
        assert_eq!(colours(12, 1), (Color::Reset, Color::Reset), "it is ten columns wide");
        assert_eq!(colours(2, 2), (Color::Reset, Color::Reset), "one row was left of it");
    }

    #[test]
    fn kitty_gets_it_once_and_a_placeholder_for_every_cell() {
        let picture = Picture::make(&png(100, 80), Way::Kitty, (20, 6), 7).unwrap();
        let symbol = |x: u16, y: u16, buffer: &Buffer| buffer[(x, y)].symbol().to_string();
        let first = drawn(&picture, Rect::new(0, 0, 20, 6), 0, false);
        let sent = symbol(0, 0, &first);
        let head = format!("\x1b_Gq=2,i={},a=T,U=1,", first_id() | 7);
        assert!(sent.starts_with(&head) && sent.contains("o=z"), "{:?}", &sent[..80.min(sent.len())]);
        // All of it is base64 between escapes: none of the file's own bytes.
        let body = sent.split("\x1b\\").next().unwrap().split_once(';').unwrap().1;
        assert!(body.bytes().all(|b| b.is_ascii_alphanumeric() || b"+/=".contains(&b)), "{body}");
        assert!(symbol(9, 3, &first).starts_with('\u{10EEEE}'));
        assert_eq!(symbol(10, 3, &first), " ");
        let again = drawn(&picture, Rect::new(0, 0, 20, 2), 2, false);
        assert!(symbol(0, 0, &again).starts_with('\u{10EEEE}'), "it was sent already");
        assert_ne!(symbol(0, 0, &again), symbol(0, 1, &again), "each says which row it is");
        assert_eq!(forget(), format!("\x1b_Ga=d,d=R,x={},y={},q=2\x1b\\", first_id(), first_id() | 0xffff));
    }

    #[test]
    fn what_paints_over_cells_is_not_drawn_below_a_pop_up() {
        let image = image::load_from_memory(&png(100, 80)).unwrap();
        let made = encode(image, Size::new(10, 4), Way::Iterm2, (10, 20), 1).unwrap();
        let picture = Picture { made: Arc::new(made), size: Size::new(10, 4), in_cells: false };
        let area = Rect::new(0, 0, 20, 6);
        let whole = drawn(&picture, area, 0, false);
        for y in 0..4 {
            assert!(whole[(0, y)].symbol().contains("\x1b]1337;File=inline=1;"), "row {y}");
        }
        assert_eq!(drawn(&picture, area, 0, true), Buffer::empty(Rect::new(0, 0, 20, 6)));
        assert_eq!(drawn(&picture, Rect::new(0, 0, 9, 6), 0, false), Buffer::empty(Rect::new(0, 0, 20, 6)));
    }

    #[test]
    fn sixels_begin_and_end_as_they_must() {
        let image = image::load_from_memory(&png(100, 80)).unwrap();
        let made = encode(image, Size::new(10, 4), Way::Sixel, (10, 20), 1).unwrap();
        let picture = Picture { made: Arc::new(made), size: Size::new(10, 4), in_cells: false };
        let buffer = drawn(&picture, Rect::new(0, 0, 20, 6), 1, false);
        let sent = buffer[(0, 0)].symbol().to_string();
        assert!(sent.contains("\x1bP") && sent.trim_end().ends_with("\x1b\\"), "{sent:?}");
    }

    #[test]
    fn bombs_and_rubbish_are_refused() {
        let said = |bytes: &[u8]| Picture::make(bytes, Way::Blocks, (20, 6), 1).unwrap_err().to_string();
        // 30,000 × 30,000 pixels in a few bytes: only the head is read.
        let mut bomb = png(1, 1);
        bomb[16..24].copy_from_slice(&[0, 0, 0x75, 0x30, 0, 0, 0x75, 0x30]);
        let crc = crc(&bomb[12..29]);
        bomb[29..33].copy_from_slice(&crc.to_be_bytes());
        assert_eq!(said(&bomb), "it is too large");
        assert_eq!(said(b"no picture"), "its kind is not known here");
        assert_eq!(said(&png(10, 10)[..50]), "it is broken");
    }

    /// The checksum of a PNG's chunk.
    fn crc(bytes: &[u8]) -> u32 {
        let step = |crc: u32, _| if crc & 1 == 1 { 0xedb8_8320 ^ (crc >> 1) } else { crc >> 1 };
        !bytes.iter().fold(!0, |crc, byte| (0..8).fold(crc ^ u32::from(*byte), step))
    }
}
