//! Colours for the code of known languages: the only home of syntect.
//!
//! Nothing is loaded before a block of a known language asks for it: the grammars take some milliseconds and
//! megabytes. A line that is too long, or a grammar that fails, falls back to uncoloured code. It knows nothing about
//! terminals; a [`Hue`] says what is wanted.

use std::str::FromStr;
use std::sync::{Arc, OnceLock};

use syntect::highlighting::{
    Color, FontStyle, HighlightIterator, HighlightState, Highlighter, ScopeSelectors, StyleModifier, Theme, ThemeItem,
    ThemeSet, ThemeSettings,
};
use syntect::parsing::{ParseState, ScopeStack, SyntaxSet};

use super::render::{Line, Style, clean};

/// A colour of a word of code.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub enum Colour {
    /// What the terminal writes in.
    #[default]
    Default,
    /// One of the terminal's own sixteen, 0 to 15.
    Ansi(u8),
    /// Red, green and blue.
    Rgb(u8, u8, u8),
}

/// How a word of code looks.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub struct Hue {
    /// Its colour.
    pub colour: Colour,
    /// Heavier.
    pub bold: bool,
    /// Slanted.
    pub italic: bool,
    /// With a line under it.
    pub underline: bool,
}

/// The theme that uses the terminal's own colours, so that it fits light and dark ones.
const OWN: &str = "ansi";

/// The names of all themes; `off` is none.
pub const THEMES: &[&str] = &[
    "off",
    OWN,
    "base16-eighties.dark",
    "base16-mocha.dark",
    "base16-ocean.dark",
    "base16-ocean.light",
    "inspired-github",
    "solarized-dark",
    "solarized-light",
];

/// A longer line is not coloured: grammars take their time on them.
const LONGEST: usize = 2_000;

/// Scopes and colours (and whether bold) of the theme [`OWN`].
const OWN_COLOURS: &[(&str, u8, bool)] = &[
    ("comment, punctuation.definition.comment", 8, false),
    ("string, punctuation.definition.string, markup.inserted", 2, false),
    ("constant.numeric, constant.language, constant.character, constant.other", 6, false),
    ("constant.character.escape, string.regexp", 14, false),
    ("keyword, storage.modifier, storage.type.function, storage.control, keyword.control", 5, false),
    ("keyword.operator, punctuation.accessor", 7, false),
    ("storage.type, support.type, entity.name.type, entity.name.class, entity.name.struct, support.class", 3, false),
    ("entity.name.function, support.function, variable.function", 4, false),
    ("entity.name.tag, markup.deleted", 1, false),
    ("entity.other.attribute-name, variable.parameter, variable.language", 3, false),
    ("markup.heading, entity.name.section, meta.diff.header, meta.diff.range", 4, true),
    ("invalid", 9, false),
];

/// What people write behind a fence, and what the grammars call it.
const LANGUAGES: &[(&str, &str)] = &[
    ("bash", "sh"),
    ("sh", "sh"),
    ("shell", "sh"),
    ("zsh", "sh"),
    ("ksh", "sh"),
    ("c", "c"),
    ("h", "c"),
    ("cpp", "cpp"),
    ("c++", "cpp"),
    ("cc", "cpp"),
    ("hpp", "cpp"),
    ("cs", "cs"),
    ("csharp", "cs"),
    ("c#", "cs"),
    ("clojure", "clj"),
    ("clj", "clj"),
    ("css", "css"),
    ("d", "d"),
    ("diff", "diff"),
    ("patch", "diff"),
    ("erlang", "erl"),
    ("erl", "erl"),
    ("go", "go"),
    ("golang", "go"),
    ("graphviz", "dot"),
    ("dot", "dot"),
    ("groovy", "groovy"),
    ("gradle", "groovy"),
    ("haskell", "hs"),
    ("hs", "hs"),
    ("html", "html"),
    ("java", "java"),
    ("kotlin", "java"),
    ("javascript", "js"),
    ("js", "js"),
    ("jsx", "js"),
    ("mjs", "js"),
    ("node", "js"),
    ("ts", "js"),
    ("tsx", "js"),
    ("typescript", "js"),
    ("json", "json"),
    ("json5", "json"),
    ("jsonc", "json"),
    ("latex", "tex"),
    ("tex", "tex"),
    ("lisp", "lisp"),
    ("elisp", "lisp"),
    ("lua", "lua"),
    ("luau", "lua"),
    ("make", "make"),
    ("makefile", "make"),
    ("markdown", "md"),
    ("md", "md"),
    ("matlab", "matlab"),
    ("objc", "m"),
    ("ocaml", "ml"),
    ("ml", "ml"),
    ("pascal", "pas"),
    ("perl", "pl"),
    ("pl", "pl"),
    ("php", "php"),
    ("properties", "properties"),
    ("ini", "properties"),
    ("toml", "properties"),
    ("python", "py"),
    ("python3", "py"),
    ("py", "py"),
    ("py3", "py"),
    ("r", "r"),
    ("ruby", "rb"),
    ("rb", "rb"),
    ("rust", "rs"),
    ("rs", "rs"),
    ("scala", "scala"),
    ("sql", "sql"),
    ("sqlite", "sql"),
    ("postgresql", "sql"),
    ("mysql", "sql"),
    ("tcl", "tcl"),
    ("xml", "xml"),
    ("svg", "xml"),
    ("yaml", "yaml"),
    ("yml", "yaml"),
];

/// Colours code. Cheap to clone; clones share what was loaded.
#[derive(Clone, Debug)]
pub struct Highlight {
    theme: String,
    loaded: Arc<OnceLock<Option<Loaded>>>,
}

#[derive(Debug)]
struct Loaded {
    syntaxes: SyntaxSet,
    theme: Theme,
}

impl Highlight {
    /// Colours after a theme of [`THEMES`]. `None` for `off` and for a name that is none.
    pub fn new(theme: &str) -> Option<Self> {
        let known = theme != "off" && THEMES.contains(&theme);
        known.then(|| Highlight { theme: theme.to_string(), loaded: Arc::default() })
    }

    /// Whether the grammars have been loaded.
    pub fn is_loaded(&self) -> bool {
        self.loaded.get().is_some()
    }

    /// The colours of a code block with this info string; `None` where its language is not known.
    pub(super) fn language(&self, info: &str) -> Option<CodeColours> {
        let token = grammar(info)?;
        let loaded = self.loaded.get_or_init(|| load(&self.theme)).as_ref()?;
        let syntax = loaded.syntaxes.find_syntax_by_token(token)?;
        let state = HighlightState::new(&Highlighter::new(&loaded.theme), ScopeStack::new());
        Some(CodeColours { home: self.clone(), parse: Some((ParseState::new(syntax), state)) })
    }
}

/// The grammar's name for the language of an info string.
fn grammar(info: &str) -> Option<&'static str> {
    let word = info.trim_start_matches('.').split([' ', '\t', ',', '{', ':', ';']).next()?.to_ascii_lowercase();
    LANGUAGES.iter().find(|(name, _)| *name == word).map(|(_, token)| *token)
}

fn load(theme: &str) -> Option<Loaded> {
    let theme = if theme == OWN {
        own_theme()
    } else {
        let name = match theme {
            "inspired-github" => "InspiredGitHub",
            "solarized-dark" => "Solarized (dark)",
            "solarized-light" => "Solarized (light)",
            other => other,
        };
        ThemeSet::load_defaults().themes.remove(name)?
    };
    Some(Loaded { syntaxes: SyntaxSet::load_defaults_newlines(), theme })
}

/// A colour of the terminal's own travels through syntect in the red part of a colour without opacity.
fn own_theme() -> Theme {
    let number = |n: u8| Color { r: n, g: 0, b: 0, a: 0 };
    let item = |(scopes, colour, bold): &(&str, u8, bool)| {
        let style = StyleModifier {
            foreground: Some(number(*colour)),
            background: None,
            font_style: bold.then_some(FontStyle::BOLD),
        };
        ScopeSelectors::from_str(scopes).ok().map(|scope| ThemeItem { scope, style })
    };
    Theme {
        settings: ThemeSettings { foreground: Some(Color { r: 0, g: 1, b: 0, a: 0 }), ..ThemeSettings::default() },
        scopes: OWN_COLOURS.iter().filter_map(item).collect(),
        ..Theme::default()
    }
}

/// The state of colouring one code block, line after line.
#[derive(Debug)]
pub(super) struct CodeColours {
    home: Highlight,
    /// `None` once a line could not be read.
    parse: Option<(ParseState, HighlightState)>,
}

impl CodeColours {
    /// The next line of code, given without its newline.
    pub(super) fn line(&mut self, code: &str) -> Line {
        self.try_line(code).unwrap_or_else(|| {
            self.parse = None;
            Line::of(&clean(code), Style::CodeBlock)
        })
    }

    fn try_line(&mut self, code: &str) -> Option<Line> {
        if code.len() > LONGEST {
            return None;
        }
        let (parse, state) = self.parse.as_mut()?;
        let loaded = self.home.loaded.get()?.as_ref()?;
        let text = format!("{code}\n");
        let changes = parse.parse_line(&text, &loaded.syntaxes).ok()?;
        let highlighter = Highlighter::new(&loaded.theme);
        let mut line = Line::default();
        for (style, word) in HighlightIterator::new(state, &changes, &text, &highlighter) {
            let role = match hue(style.foreground, style.font_style) {
                hue if hue == Hue::default() => Style::Plain,
                hue => Style::Token(hue),
            };
            line.push(&clean(word), role);
        }
        Some(line)
    }
}

fn hue(colour: Color, font: FontStyle) -> Hue {
    let colour = match colour {
        Color { g: 0, a: 0, r, .. } => Colour::Ansi(r),
        Color { a: 0, .. } => Colour::Default,
        Color { r, g, b, .. } => Colour::Rgb(r, g, b),
    };
    Hue {
        colour,
        bold: font.contains(FontStyle::BOLD),
        italic: font.contains(FontStyle::ITALIC),
        underline: font.contains(FontStyle::UNDERLINE),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_language_has_a_grammar_and_every_theme_loads() {
        let syntaxes = SyntaxSet::load_defaults_newlines();
        let missing: Vec<_> = LANGUAGES.iter().filter(|(_, t)| syntaxes.find_syntax_by_token(t).is_none()).collect();
        assert!(missing.is_empty(), "{missing:?}");
        for theme in THEMES.iter().filter(|t| **t != "off") {
            let highlight = Highlight::new(theme).unwrap();
            let mut code = highlight.language("rust").unwrap();
            let line = code.line("fn main() { // x");
            assert!(line.spans.len() > 3, "{theme}: {line:?}");
            assert_eq!(line.text(), "fn main() { // x");
        }
        assert!(Highlight::new("off").is_none() && Highlight::new("nope").is_none());
        assert_eq!(own_theme().scopes.len(), OWN_COLOURS.len());
    }

    #[test]
    fn nothing_is_loaded_for_unknown_languages() {
        let highlight = Highlight::new("ansi").unwrap();
        for info in ["", "text", "mermaid", "klingon {id=a}"] {
            assert!(highlight.language(info).is_none());
        }
        assert!(!highlight.is_loaded());
        assert!(highlight.language("Rust,ignore").is_some());
        assert!(highlight.is_loaded());
    }

    #[test]
    fn a_line_that_is_too_long_ends_the_colours() {
        let highlight = Highlight::new("ansi").unwrap();
        let mut code = highlight.language("py").unwrap();
        assert!(code.line("x = 'a'\t# b").spans.len() > 2);
        let long = "x".repeat(LONGEST + 1);
        assert_eq!(code.line(&long).spans, [super::super::render::Span { text: long, style: Style::CodeBlock }]);
        assert_eq!(code.line("x = 1").spans.len(), 1);
    }
}
