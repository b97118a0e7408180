//! Themes: which colours a role of text has. A view names a [`Role`] and never a colour.
//!
//! Colours come as RGB and are brought down to what the terminal can show; `plain` has none and tells roles apart by
//! bold, underline and reversed cells alone, as every theme does besides its colours.

use std::collections::BTreeMap;

use ratatui::style::{Color, Modifier, Style};

use crate::kernel::env::Env;
use crate::kernel::markdown::highlight::{Colour, Highlight, Hue};
use crate::kernel::markdown::render::Style as Prose;

/// What a piece of the screen is for.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Role {
    /// Words.
    Text,
    /// Less important words.
    Dim,
    /// Names, and what is current.
    Accent,
    /// A second voice beside the accent.
    Second,
    /// The frame of a pane.
    Border,
    /// The frame of the pane that has the keys.
    Focus,
    /// The row under the cursor, in the pane that has the keys.
    Selected,
    /// The row under the cursor elsewhere.
    Marked,
    /// A key in a hint.
    Key,
    /// What went well.
    Good,
    /// What failed.
    Bad,
    /// What to look at.
    Warn,
    /// Headings and titles.
    Title,
    /// Characters that were searched for.
    Match,
    /// A line that came in.
    Added,
    /// A line that went.
    Removed,
    /// Text that the mouse marked.
    Grabbed,
}

/// The colours of a theme, as RGB.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Palette {
    ground: u32,
    text: u32,
    dim: u32,
    border: u32,
    accent: u32,
    second: u32,
    good: u32,
    bad: u32,
    warn: u32,
    selected: u32,
    marked: u32,
}

const DUSK: Palette = Palette {
    ground: 0x1a1b26,
    text: 0xc8d0e8,
    dim: 0x7079a0,
    border: 0x3b4166,
    accent: 0x7aa2f7,
    second: 0xbb9af7,
    good: 0x9ece6a,
    bad: 0xf7768e,
    warn: 0xe0af68,
    selected: 0x33467c,
    marked: 0x262a40,
};
const EMBER: Palette = Palette {
    ground: 0x1d2021,
    text: 0xebdbb2,
    dim: 0x928374,
    border: 0x504945,
    accent: 0xfabd2f,
    second: 0xd3869b,
    good: 0xb8bb26,
    bad: 0xfb4934,
    warn: 0xfe8019,
    selected: 0x504945,
    marked: 0x32302f,
};
const FJORD: Palette = Palette {
    ground: 0x2e3440,
    text: 0xe5e9f0,
    dim: 0x8a95aa,
    border: 0x4c566a,
    accent: 0x88c0d0,
    second: 0xb48ead,
    good: 0xa3be8c,
    bad: 0xd9727d,
    warn: 0xebcb8b,
    selected: 0x4c6a8a,
    marked: 0x3b4252,
};
const DAWN: Palette = Palette {
    ground: 0xfaf4ed,
    text: 0x464261,
    dim: 0x7f7994,
    border: 0xcecacd,
    accent: 0x286983,
    second: 0x907aa9,
    good: 0x4d7d3c,
    bad: 0xb4637a,
    warn: 0xa8690a,
    selected: 0xd5dfe6,
    marked: 0xf0e8e0,
};
const PAPER: Palette = Palette {
    ground: 0xffffff,
    text: 0x111111,
    dim: 0x5c5c5c,
    border: 0xa0a0a0,
    accent: 0x0045ad,
    second: 0x7a1fa2,
    good: 0x0a6b1f,
    bad: 0xb00020,
    warn: 0x8a5a00,
    selected: 0xcfe0ff,
    marked: 0xeeeeee,
};

/// The names of all themes; `auto` chooses one of them.
pub const NAMES: &[&str] = &["auto", "dusk", "ember", "fjord", "dawn", "paper", "terminal", "plain"];

/// The highlighter's theme whose colours are the sixteen of a terminal: ours take their place.
const OWN_COLOURS: &str = "ansi";

/// Roles whose colour the settings may say (`colors.NAME`), and what each colours.
pub const COLOURS: &[&str] =
    &["ground", "text", "dim", "border", "accent", "second", "good", "bad", "warn", "selected", "marked"];

/// How many colours the terminal shows.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Depth {
    /// None.
    None,
    /// Sixteen, which the person chose.
    Sixteen,
    /// 256, of which the upper 240 are known.
    Cube,
    /// All.
    True,
}

impl Depth {
    /// What the environment says about the terminal. `coloured` is what the settings and NO_COLOR came to.
    pub fn of(env: &Env, coloured: bool) -> Depth {
        let term = env.text("TERM").unwrap_or("");
        match env.text("COLORTERM") {
            _ if !coloured || term == "dumb" => Depth::None,
            // The terminals of DEC show light and dark alone.
            None | Some("") if ["vt1", "vt2", "vt3", "vt4", "vt5"].iter().any(|t| term.starts_with(t)) => Depth::None,
            Some("truecolor" | "24bit") => Depth::True,
            _ if term.contains("256color") || term.starts_with("tmux") => Depth::Cube,
            _ if ["direct", "kitty", "ghostty", "alacritty", "foot"].iter().any(|t| term.contains(t)) => Depth::True,
            _ => Depth::Sixteen,
        }
    }
}

/// Styles by role.
#[derive(Clone, Debug)]
pub struct Theme {
    name: &'static str,
    palette: Option<Palette>,
    depth: Depth,
    highlight: Option<Highlight>,
}

impl Theme {
    /// The theme of this name (`auto` chooses by the terminal), with colours of the settings over it.
    pub fn choose(name: &str, own: &BTreeMap<String, String>, depth: Depth, light: bool) -> Theme {
        let wanted = match (name, depth) {
            (_, Depth::None) => "plain",
            ("auto", Depth::Sixteen) => "terminal",
            ("auto", _) if light => "dawn",
            ("auto", _) => "dusk",
            (name, _) => name,
        };
        let (name, palette) = match wanted {
            "ember" => ("ember", Some(EMBER)),
            "fjord" => ("fjord", Some(FJORD)),
            "dawn" => ("dawn", Some(DAWN)),
            "paper" => ("paper", Some(PAPER)),
            "terminal" => ("terminal", None),
            "plain" => return Theme { name: "plain", palette: None, depth: Depth::None, highlight: None },
            _ => ("dusk", Some(DUSK)),
        };
        let palette = palette.map(|mut palette| {
            own.iter().for_each(|(key, value)| palette.set(key, value));
            palette
        });
        Theme { name, palette, depth, highlight: Highlight::new(OWN_COLOURS) }
    }

    /// Colours the code of known languages, loaded when first needed.
    pub fn highlight(&self) -> Option<&Highlight> {
        self.highlight.as_ref()
    }

    /// The theme's name.
    pub fn name(&self) -> &'static str {
        self.name
    }

    /// Whether there are colours at all.
    pub fn has_colour(&self) -> bool {
        self.depth != Depth::None
    }

    /// What the whole screen is filled with.
    pub fn ground(&self) -> Style {
        match self.palette {
            Some(p) => Style::new().fg(self.colour(p.text)).bg(self.colour(p.ground)),
            None => Style::new(),
        }
    }

    /// How a role looks.
    pub fn style(&self, role: Role) -> Style {
        let base = match (self.palette, self.depth) {
            (_, Depth::None) => Style::new(),
            (Some(palette), _) => self.of_palette(&palette, role),
            (None, _) => sixteen(role),
        };
        base.add_modifier(self.modifier(role))
    }

    /// The signs that stand beside colour, or instead of it.
    fn modifier(&self, role: Role) -> Modifier {
        let plain = self.depth == Depth::None;
        match role {
            Role::Title | Role::Key | Role::Bad => Modifier::BOLD,
            Role::Accent | Role::Focus | Role::Good | Role::Warn | Role::Added if plain => Modifier::BOLD,
            Role::Selected | Role::Grabbed if plain || self.palette.is_none() => Modifier::REVERSED,
            Role::Marked if plain || self.palette.is_none() => Modifier::UNDERLINED,
            Role::Match => Modifier::UNDERLINED | Modifier::BOLD,
            Role::Dim | Role::Border | Role::Removed if plain => Modifier::DIM,
            _ => Modifier::empty(),
        }
    }

    fn of_palette(&self, p: &Palette, role: Role) -> Style {
        let fg = |rgb: u32| Style::new().fg(self.colour(rgb));
        match role {
            Role::Text => fg(p.text),
            Role::Dim => fg(p.dim),
            Role::Accent | Role::Focus | Role::Key | Role::Title => fg(p.accent),
            Role::Second => fg(p.second),
            Role::Border => fg(p.border),
            Role::Selected | Role::Grabbed => fg(p.text).bg(self.colour(p.selected)),
            Role::Marked => fg(p.text).bg(self.colour(p.marked)),
            Role::Good | Role::Added => fg(p.good),
            Role::Bad | Role::Removed => fg(p.bad),
            Role::Warn | Role::Match => fg(p.warn),
        }
    }

    fn colour(&self, rgb: u32) -> Color {
        let [_, r, g, b] = rgb.to_be_bytes();
        match self.depth {
            Depth::True => Color::Rgb(r, g, b),
            _ => Color::Indexed(nearest(r, g, b)),
        }
    }

    /// How a piece of Markdown looks.
    pub fn prose(&self, style: Prose) -> Style {
        let text = self.style(Role::Text);
        match style {
            Prose::Plain => text,
            Prose::Heading(level) => {
                let style = self.style(if level <= 2 { Role::Accent } else { Role::Second });
                style.add_modifier(if level == 1 { Modifier::BOLD | Modifier::UNDERLINED } else { Modifier::BOLD })
            }
            Prose::Strong => text.add_modifier(Modifier::BOLD),
            Prose::Emphasis => text.add_modifier(Modifier::ITALIC),
            Prose::Strike => text.add_modifier(Modifier::CROSSED_OUT),
            Prose::Code => self.style(Role::Warn),
            Prose::CodeBlock => text,
            Prose::Token(hue) => self.hue(hue),
            Prose::Link => self.style(Role::Accent).add_modifier(Modifier::UNDERLINED),
            Prose::Quote => self.style(Role::Dim).add_modifier(Modifier::ITALIC),
            Prose::Rule | Prose::Dim => self.style(Role::Dim),
            Prose::TableHead => text.add_modifier(Modifier::BOLD),
            Prose::Marker => self.style(Role::Accent),
        }
    }
}

/// The person's own sixteen colours.
fn sixteen(role: Role) -> Style {
    let fg = |colour: Color| Style::new().fg(colour);
    match role {
        Role::Text | Role::Selected | Role::Marked | Role::Grabbed => Style::new(),
        Role::Dim | Role::Border => fg(Color::DarkGray),
        Role::Accent | Role::Focus | Role::Key | Role::Title => fg(Color::Cyan),
        Role::Second => fg(Color::Magenta),
        Role::Good | Role::Added => fg(Color::Green),
        Role::Bad | Role::Removed => fg(Color::Red),
        Role::Warn | Role::Match => fg(Color::Yellow),
    }
}

impl Palette {
    /// Sets a colour by its name in the settings; what is no `#rrggbb` is left alone (the settings say so).
    fn set(&mut self, name: &str, value: &str) {
        let Some(rgb) = parse_colour(value) else { return };
        let slot = match name {
            "ground" => &mut self.ground,
            "text" => &mut self.text,
            "dim" => &mut self.dim,
            "border" => &mut self.border,
            "accent" => &mut self.accent,
            "second" => &mut self.second,
            "good" => &mut self.good,
            "bad" => &mut self.bad,
            "warn" => &mut self.warn,
            "selected" => &mut self.selected,
            "marked" => &mut self.marked,
            _ => return,
        };
        *slot = rgb;
    }
}

/// A colour written `#rrggbb`.
pub fn parse_colour(text: &str) -> Option<u32> {
    let digits = text.trim().strip_prefix('#').filter(|d| d.len() == 6)?;
    u32::from_str_radix(digits, 16).ok()
}

/// The colour of the 6×6×6 cube, or the grey, that is nearest to an RGB colour (xterm's 256 colours, 16 to 255).
fn nearest(r: u8, g: u8, b: u8) -> u8 {
    const STEPS: [u8; 6] = [0, 95, 135, 175, 215, 255];
    let step = |v: u8| {
        let near = |s: &u8| v.abs_diff(*s);
        (0..6u8).min_by_key(|i| near(&STEPS[usize::from(*i)])).unwrap_or(0)
    };
    let far = |x: (u8, u8, u8)| {
        let d = |a: u8, b: u8| u32::from(a.abs_diff(b)).pow(2);
        d(x.0, r) + d(x.1, g) + d(x.2, b)
    };
    let (i, j, k) = (step(r), step(g), step(b));
    let cube = (STEPS[usize::from(i)], STEPS[usize::from(j)], STEPS[usize::from(k)]);
    let mean = (u16::from(r) + u16::from(g) + u16::from(b)) / 3;
    let grey = u8::try_from((mean.saturating_sub(3) / 10).min(23)).unwrap_or(23);
    let level = 8 + 10 * grey;
    if far((level, level, level)) < far(cube) { 232 + grey } else { 16 + 36 * i + 6 * j + k }
}

/// Whether the terminal says that its ground is light (`COLORFGBG`, as rxvt, konsole and others set it).
pub fn is_light(env: &Env) -> bool {
    let ground = env.text("COLORFGBG").and_then(|v| v.rsplit(';').next()).and_then(|v| v.parse::<u8>().ok());
    matches!(ground, Some(7 | 9..=15))
}

impl Theme {
    /// How a word of code looks: the sixteen colours that grammars speak of are the theme's own.
    fn hue(&self, hue: Hue) -> Style {
        let named = |index: u8| match index % 8 {
            1 => Role::Bad,
            2 => Role::Good,
            3 => Role::Warn,
            4 | 6 => Role::Accent,
            5 => Role::Second,
            0 => Role::Dim,
            _ => Role::Text,
        };
        let mut style = match hue.colour {
            Colour::Default => self.style(Role::Text),
            Colour::Ansi(index) => self.style(named(index)),
            Colour::Rgb(r, g, b) if self.palette.is_some() => {
                Style::new().fg(self.colour(u32::from_be_bytes([0, r, g, b])))
            }
            Colour::Rgb(..) => self.style(Role::Text),
        };
        style = style.remove_modifier(Modifier::all());
        for (on, modifier) in
            [(hue.bold, Modifier::BOLD), (hue.italic, Modifier::ITALIC), (hue.underline, Modifier::UNDERLINED)]
        {
            if on {
                style = style.add_modifier(modifier);
            }
        }
        style
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn env(pairs: &[(&str, &str)]) -> Env {
        Env::from_pairs(pairs.iter().copied())
    }

    #[test]
    fn the_terminal_decides_how_many_colours_there_are() {
        assert_eq!(Depth::of(&env(&[("TERM", "xterm-256color"), ("COLORTERM", "truecolor")]), true), Depth::True);
        assert_eq!(Depth::of(&env(&[("TERM", "xterm-256color")]), true), Depth::Cube);
        assert_eq!(Depth::of(&env(&[("TERM", "linux")]), true), Depth::Sixteen);
        assert_eq!(Depth::of(&env(&[("TERM", "vt220")]), true), Depth::None);
        assert_eq!(Depth::of(&env(&[("TERM", "xterm-256color")]), false), Depth::None);
    }

    #[test]
    fn auto_follows_the_ground() {
        let choose = |depth, light| Theme::choose("auto", &BTreeMap::new(), depth, light).name();
        assert_eq!(choose(Depth::True, false), "dusk");
        assert_eq!(choose(Depth::Cube, true), "dawn");
        assert_eq!(choose(Depth::Sixteen, false), "terminal");
        assert_eq!(choose(Depth::None, false), "plain");
        assert!(is_light(&env(&[("COLORFGBG", "0;15")])) && !is_light(&env(&[("COLORFGBG", "15;0")])));
    }

    #[test]
    fn plain_tells_roles_apart_without_colour() {
        let plain = Theme::choose("dusk", &BTreeMap::new(), Depth::None, false);
        for role in [Role::Selected, Role::Marked, Role::Bad, Role::Match, Role::Title] {
            let style = plain.style(role);
            assert_eq!((style.fg, style.bg), (None, None));
            assert_ne!(style.add_modifier, Modifier::empty(), "{role:?}");
        }
    }

    #[test]
    fn colours_of_the_settings_win_and_are_brought_down() {
        let own = BTreeMap::from([("accent".to_string(), "#ff0000".to_string())]);
        let full = Theme::choose("dusk", &own, Depth::True, false);
        assert_eq!(full.style(Role::Accent).fg, Some(Color::Rgb(255, 0, 0)));
        let cube = Theme::choose("dusk", &own, Depth::Cube, false);
        assert_eq!(cube.style(Role::Accent).fg, Some(Color::Indexed(196)));
        assert_eq!(nearest(128, 128, 128), 244);
        assert_eq!(parse_colour("red"), None);
    }
}
