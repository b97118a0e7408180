//! What keys do in the commands tab: running and all that comes before it, trust, sources.

use super::form::{self, Asked};
use super::tree::{Item, Key};
use super::work::{Errand, Prepared, Scope, Shown, Want};
use super::{
    ADD, CHAT, COPY_TEXT, Commands, DIFF, DRY, EDIT, FLAT, FOLD, FOLD_ALL, Judged, Question, RUN, Request, TERMINAL,
    TRUST, Typing, UNFOLD, UPDATE, UPDATE_ALL, ask, cannot, trust,
};
use crate::commands::catalog::{Trust, trusted_from_the_start};
use crate::commands::model::StepKind;
use crate::kernel::figures::counted;
use crate::kernel::terminal::safe_line;
use crate::store::SourceKind;
use crate::tui::actions;
use crate::tui::happening::{Effect, Fault, Lane, Launch, Lend, Tell, World};
use crate::tui::keymap::Action;
use crate::tui::popups::{Ask, Card, Choice, Choose, Page, Popup, Reply};
use crate::tui::tabs::{Request as AnyRequest, TabId};
use crate::tui::widgets::text::Row;

/// What is said of a source before its download says something.
pub(super) const ASKED: &str = "…";

/// The names under which pop-ups answer.
const FORM: &str = "arguments";
const CARD: &str = "card";
const PAGE: &str = "page";
const SPEC: &str = "spec";
const SUGGESTED: &str = "suggested";

/// Whether a command asks a model.
pub(super) fn is_prompt(shown: &Shown) -> bool {
    shown.resolved.command.steps.iter().any(|s| matches!(s.kind, StepKind::Prompt | StepKind::System))
}

/// The width inside a pop-up that is at most so wide.
fn room(world: &World<'_>, widest: u16) -> u16 {
    widest.min(world.area.width.saturating_sub(4)).saturating_sub(4).max(10)
}

fn open(name: &'static str, popup: Popup) -> Vec<Effect> {
    vec![Effect::Open(name, Box::new(popup))]
}

fn page(title: String, rows: Vec<Row>) -> Vec<Effect> {
    open(PAGE, Popup::Page(Page::new(title, rows)))
}

impl Commands {
    pub(super) fn act(&mut self, action: Action, world: &World<'_>) -> Vec<Effect> {
        match action {
            RUN => return self.enter(world),
            DRY => return self.want(Want::Dry, world),
            TERMINAL => return self.want(Want::Terminal, world),
            CHAT => return self.want(Want::Draft, world),
            TRUST => return self.trust(world),
            DIFF => return self.diff(world),
            EDIT => return self.read(),
            COPY_TEXT => {
                return match self.definition() {
                    Some(shown) => vec![Effect::Copy(shown.resolved.command.text.clone())],
                    None => cannot("choose a command first"),
                };
            }
            actions::COPY => return self.copy_line(),
            UPDATE => return self.update_source(),
            UPDATE_ALL => return self.fetch(String::new(), "every source", Request::Update(None)),
            ADD => {
                let mut ask = Ask::new("Add a source", "");
                ask.note = "github:owner/repo[/path][@ref], an https:// address, or ./folder".to_string();
                return open(SPEC, Popup::Ask(ask));
            }
            FLAT => {
                let key = self.key_of_row();
                self.tree.set_flat(!self.tree.flat);
                return self.stay(key.as_ref(), world);
            }
            FOLD_ALL => return self.fold_all(world),
            FOLD => return self.fold(true, world),
            UNFOLD => return self.fold(false, world),
            actions::FIND if self.inside => {
                self.find.set("");
                self.typing = Typing::Find;
            }
            actions::FIND => self.typing = Typing::Filter,
            actions::NEXT_PANE | actions::PREVIOUS_PANE => self.inside = !self.inside,
            actions::WIDER | actions::NARROWER => {
                self.split.grow(if action == actions::WIDER { 5 } else { -5 });
                return self.lay_out(world);
            }
            other => return self.move_on(other, world),
        }
        Vec::new()
    }

    fn move_on(&mut self, action: Action, world: &World<'_>) -> Vec<Effect> {
        let [list, page] = self.panes(world.area);
        let finds = matches!(action, actions::FIND_NEXT | actions::FIND_PREVIOUS);
        if self.inside || finds {
            self.page.act(action, page.height);
        } else if self.cursor.act(action, self.tree.items().len(), list.height) {
            return self.moved(world);
        }
        Vec::new()
    }

    /// Enter: a heading is folded, a command run.
    fn enter(&mut self, world: &World<'_>) -> Vec<Effect> {
        match self.item() {
            Some(Item::Command(_)) => self.want(Want::Run, world),
            Some(heading) => {
                let folded = self.tree.is_folded(&self.tree.key(heading));
                self.fold(!folded, world)
            }
            None => Vec::new(),
        }
    }

    /// Closes or opens the heading under the cursor; from a row under one, closing goes up to it.
    fn fold(&mut self, folded: bool, world: &World<'_>) -> Vec<Effect> {
        if !self.tree.is_grouped() || self.inside {
            return Vec::new();
        }
        let Some(item) = self.item() else { return Vec::new() };
        let key = self.tree.key(item);
        let is_heading = !matches!(item, Item::Command(_));
        if folded && (!is_heading || self.tree.is_folded(&key)) {
            if let Some(above) = self.tree.above(self.cursor.at) {
                self.cursor.at = above;
            }
            return self.moved(world);
        }
        if is_heading {
            self.tree.fold(key.clone(), folded);
        }
        let mut out = self.stay(Some(&key), world);
        out.extend(is_heading.then(|| self.keep()));
        out
    }

    fn fold_all(&mut self, world: &World<'_>) -> Vec<Effect> {
        let source = self.source().map(|at| Key::Source(self.tree.listing().sources[at].name.clone()));
        let key = self.key_of_row();
        self.tree.fold_all();
        let stays = key.filter(|key| self.tree.place(key).is_some()).or(source);
        let mut out = self.stay(stays.as_ref(), world);
        out.push(self.keep());
        out
    }

    /// Which headings are open is kept for the next time.
    fn keep(&self) -> Effect {
        ask("keep", Request::Keep(self.tree.folds()))
    }

    /// Something is wanted of the command under the cursor, now or as soon as its definition is here.
    fn want(&mut self, want: Want, world: &World<'_>) -> Vec<Effect> {
        if self.chosen().is_none() {
            return cannot("choose a command first");
        }
        if self.definition().is_none() {
            self.waiting = Some(want);
            return Vec::new();
        }
        self.begin(want, world)
    }

    /// The form first, where there is something to fill in.
    pub(super) fn begin(&mut self, want: Want, _world: &World<'_>) -> Vec<Effect> {
        let Some(shown) = self.definition() else { return Vec::new() };
        let command = &shown.resolved.command;
        if want == Want::Draft && !is_prompt(shown) {
            return cannot("only what asks a model can stand in a chat");
        }
        if want != Want::Draft && command.steps.is_empty() && command.requires.is_empty() {
            let said = format!("`{}` is only a reference entry: there is nothing to run", safe_line(&command.name));
            return vec![Effect::Fail(Fault { said, hint: Some("`fac commands bind` gives it something".into()) })];
        }
        let open = form::with_suggestions(command, shown.resolved.trust);
        if want == Want::Draft || open.is_empty() {
            self.filled.clear();
            return self.ask_for_values(want, None);
        }
        let before = self.given.get(&shown.id).cloned().unwrap_or_default();
        self.filled = before.into_iter().filter(|(name, _)| !open.contains(name)).collect();
        self.suggesting = Some((want, open));
        self.suggest()
    }

    /// Looks for values of the next parameter that has some; the form when there is none left.
    fn suggest(&mut self) -> Vec<Effect> {
        let Some((want, left)) = &self.suggesting else { return Vec::new() };
        match (left.first(), self.chosen()) {
            (Some(name), Some(id)) => vec![
                Effect::Note(format!("looking for values of {} …", safe_line(name))),
                ask("suggest", Request::Suggest(id, name.clone())),
            ],
            _ => {
                let want = *want;
                self.suggesting = None;
                self.ask_for_values(want, None)
            }
        }
    }

    /// Values were found, or none.
    pub(super) fn suggested(&mut self, name: &str, values: Vec<String>) -> Vec<Effect> {
        let Some((_, left)) = &mut self.suggesting else { return Vec::new() };
        if left.first().is_none_or(|first| first != name) {
            return Vec::new();
        }
        if values.is_empty() {
            left.remove(0);
            return self.suggest();
        }
        let choices = values.into_iter().map(|value| Choice::new(value.clone(), &value, "")).collect();
        let mut choose = Choose::new(safe_line(name), choices, 0);
        choose.free = true;
        open(SUGGESTED, Popup::Choose(choose))
    }

    /// One of the values was chosen, or another one typed.
    fn took(&mut self, reply: Reply) -> Vec<Effect> {
        let (Some((_, left)), Reply::Chosen(value) | Reply::Typed(value)) = (&mut self.suggesting, reply) else {
            self.suggesting = None;
            return Vec::new();
        };
        if !left.is_empty() {
            self.filled.push((left.remove(0), value));
        }
        self.suggest()
    }

    /// Opens the form; `wrong` is what is wrong with what was filled in, and where.
    fn ask_for_values(&mut self, want: Want, wrong: Option<(Option<String>, String)>) -> Vec<Effect> {
        let Some(shown) = self.definition() else { return Vec::new() };
        let (id, command, key) = (shown.id, &shown.resolved.command, shown.resolved.key());
        let asked = Asked { secrets: want != Want::Terminal, strict: want == Want::Run };
        let nothing = Vec::new();
        let before = match wrong.is_some() || !self.filled.is_empty() {
            true => &self.filled,
            false => self.given.get(&id).unwrap_or(&nothing),
        };
        let verb = match want {
            Want::Run | Want::Terminal => "Run",
            Want::Dry => "Dry run of",
            Want::Draft => "To a chat:",
        };
        let title = format!("{verb} {}", safe_line(&command.name));
        let Some(mut form) = form::form(title, command, before, asked) else {
            return match wrong {
                None => self.go(want, Launch { command: key, ..Launch::default() }),
                Some((_, said)) => vec![Effect::Fail(Fault { said, hint: None })],
            };
        };
        if let Some((at, said)) = wrong {
            form.complain(said);
            at.iter().for_each(|name| form.go_to(name));
        }
        self.asked = Some(want);
        open(FORM, Popup::Form(form))
    }

    /// A command with its values: on to the terminal, or to be bound and planned.
    fn go(&mut self, want: Want, launch: Launch) -> Vec<Effect> {
        let Some(shown) = self.definition() else { return Vec::new() };
        match want {
            Want::Terminal => {
                let words = form::words(&shown.resolved.command, &shown.resolved.key(), &launch);
                vec![Effect::Lend(Lend::Ourselves { name: "run", words })]
            }
            _ => vec![ask("run", Request::Prepare(Errand { want, id: shown.id, launch }))],
        }
    }

    /// A form was filled in.
    fn filled(&mut self, filled: Vec<(String, String)>) -> Vec<Effect> {
        let Some(want) = self.asked.take() else { return Vec::new() };
        let Some(shown) = self.definition() else { return Vec::new() };
        let (id, command, key) = (shown.id, &shown.resolved.command, shown.resolved.key());
        let made = form::launch(command, key, &filled);
        let kept = form::without_secrets(command, &filled);
        self.given.insert(id, kept);
        self.filled = filled;
        match made {
            Ok(launch) => self.go(want, launch),
            Err((name, said)) => self.ask_for_values(want, Some((Some(name), said))),
        }
    }

    /// What came of binding and planning.
    pub(super) fn prepared(&mut self, errand: Errand, prepared: Prepared, world: &World<'_>) -> Vec<Effect> {
        let name = safe_line(&errand.launch.command).into_owned();
        if !matches!(prepared, Prepared::Wrong(_)) {
            // Secrets are kept no longer than they are needed.
            self.filled.clear();
        }
        match prepared {
            Prepared::Ready => vec![Effect::Tell(TabId::Runs, Tell::Launch(errand.launch))],
            Prepared::Untrusted(all) => self.judged(&all, Some(errand), world),
            Prepared::Snippet(steps) => {
                let rows = trust::dry_run(&steps, room(world, 96), world.theme);
                self.question = Some(Question::Run(errand));
                let answers = [('r', "run it"), ('n', "no")];
                open(CARD, Popup::Card(Card::new(format!("Run {name}?"), rows, &answers)))
            }
            Prepared::Dry(steps) => {
                page(format!("What {name} would run"), trust::dry_run(&steps, room(world, 100), world.theme))
            }
            Prepared::Draft(text) => vec![Effect::Tell(TabId::Chat, Tell::Draft(text))],
            Prepared::Wrong(fault) => {
                if self.chosen() != Some(errand.id) {
                    return vec![Effect::Fail(fault)];
                }
                let named = |said: &str| {
                    let params = &self.definition()?.resolved.command.params;
                    let quoted = |p: &&crate::commands::model::Param| said.contains(&format!("`{}`", p.name));
                    params.iter().find(quoted).map(|p| p.name.clone())
                };
                let at = named(&fault.said);
                // The usage line is no news in a form.
                let hint = fault.hint.filter(|h| !h.starts_with("usage:"));
                let said = hint.map_or_else(|| fault.said.clone(), |hint| format!("{} ({hint})", fault.said));
                self.ask_for_values(errand.want, Some((at, said)))
            }
        }
    }

    /// Asks whether to trust these; nothing is granted before.
    pub(super) fn judged(&mut self, all: &[Judged], errand: Option<Errand>, world: &World<'_>) -> Vec<Effect> {
        if all.is_empty() {
            return cannot("everything here is trusted already");
        }
        let rows = trust::card(all, room(world, 96), world.theme);
        let runs = errand.is_some();
        self.question = Some(Question::Trust(all.iter().map(|one| one.resolved.clone()).collect(), errand));
        let yes = if runs { "trust and run" } else { "trust" };
        open(CARD, Popup::Card(Card::new(trust::title(all, runs), rows, &[('t', yes), ('n', "no")])))
    }

    /// Trust for what is under the cursor, or the question whether to take it back.
    fn trust(&mut self, world: &World<'_>) -> Vec<Effect> {
        let Some(source) = self.source() else { return Vec::new() };
        let (kind, name) = {
            let from = &self.tree.listing().sources[source];
            (from.kind, from.name.clone())
        };
        if trusted_from_the_start(kind) {
            return cannot("what comes with fac and what is your own is always trusted");
        }
        let of_source = |trust: Trust| {
            let all = self.tree.listing().commands.iter();
            all.filter(|c| c.source == source && c.trust == trust).count()
        };
        match self.item() {
            Some(Item::Command(at)) => {
                let listed = &self.tree.listing().commands[at];
                match (listed.trust, self.definition()) {
                    (Trust::Trusted, Some(shown)) => {
                        let spec = shown.resolved.source.spec.clone();
                        let (key, name) = (shown.resolved.key(), shown.resolved.command.name.clone());
                        self.take_back(format!("`{}`", safe_line(&key)), spec, Some(name), world)
                    }
                    _ => vec![ask("trust", Request::Judge(Scope::Command(listed.id)))],
                }
            }
            Some(Item::Source(..)) if of_source(Trust::Trusted) > 0 && of_source(Trust::Untrusted) == 0 => {
                let spec = self.tree.listing().sources[source].trust_spec.clone();
                let what = format!("{} of {}", counted(of_source(Trust::Trusted), "command"), safe_line(&name));
                self.take_back(what, spec, None, world)
            }
            Some(Item::Source(..)) => vec![ask("trust", Request::Judge(Scope::Source(name)))],
            _ => cannot("choose a command or a source"),
        }
    }

    fn take_back(&mut self, what: String, spec: String, name: Option<String>, world: &World<'_>) -> Vec<Effect> {
        let said = format!("{what} will be shown and asked about again before it next runs.");
        let style = world.theme.style(crate::tui::theme::Role::Text);
        let rows = crate::tui::widgets::text::wrapped(&said, room(world, 96), style);
        self.question = Some(Question::Untrust(spec, name));
        open(CARD, Popup::Card(Card::new("Take trust back?", rows, &[('u', "take it back"), ('n', "no")])))
    }

    fn diff(&self, world: &World<'_>) -> Vec<Effect> {
        let Some(shown) = self.definition() else { return cannot("choose a command first") };
        match &shown.before {
            Some(before) => {
                let after = shown.resolved.accepted_text();
                let rows = trust::changes(before, &after, room(world, 100), world.theme);
                page(format!("{} since it was trusted", safe_line(&shown.resolved.key())), rows)
            }
            None if shown.resolved.trust == Trust::Trusted => cannot("it is as it was when it was trusted"),
            None => cannot("it was never trusted, so there is nothing to compare it with"),
        }
    }

    fn copy_line(&self) -> Vec<Effect> {
        let Some(shown) = self.definition() else { return cannot("choose a command first") };
        let (command, nothing) = (&shown.resolved.command, Vec::new());
        let filled = self.given.get(&shown.id).unwrap_or(&nothing);
        let launch = form::launch(command, shown.resolved.key(), filled).unwrap_or_default();
        vec![Effect::Copy(form::line(command, &shown.call, &launch))]
    }

    fn read(&self) -> Vec<Effect> {
        match self.definition() {
            None => cannot("choose a command first"),
            Some(shown) => match &shown.file {
                Some(file) => vec![ask("edit", Request::Read(file.clone()))],
                None => cannot("this was fetched; only your own files are edited here"),
            },
        }
    }

    pub(super) fn edit(&mut self, file: std::path::PathBuf, text: String) -> Vec<Effect> {
        let extension = match file.extension().and_then(|e| e.to_str()) {
            Some("cheat") => ".cheat",
            _ => ".md",
        };
        self.editing = Some((file, text.clone()));
        vec![Effect::Lend(Lend::Edit { name: "definition", text, extension, of: String::new() })]
    }

    pub(super) fn edited(&mut self, text: Option<String>) -> Vec<Effect> {
        match (self.editing.take(), text) {
            (Some((file, was)), Some(text)) => vec![ask("edit", Request::Save { file, was, text })],
            (Some(_), None) => cannot("nothing was changed"),
            (None, _) => Vec::new(),
        }
    }

    fn update_source(&mut self) -> Vec<Effect> {
        let Some(source) = self.source() else { return cannot("choose a command or a source") };
        let from = &self.tree.listing().sources[source];
        match from.kind {
            SourceKind::Bundled => cannot("what comes with fac is updated with it"),
            SourceKind::User | SourceKind::Project => {
                let mut effects = vec![ask("list", Request::List)];
                effects.push(Effect::Note("these files are read whenever they change".to_string()));
                effects
            }
            _ => {
                let name = from.name.clone();
                self.fetch(name.clone(), &name.clone(), Request::Update(Some(name)))
            }
        }
    }

    /// Fetches in a lane of its own, so that two sources do not stop each other.
    fn fetch(&mut self, lane: String, what: &str, request: Request) -> Vec<Effect> {
        if self.fetching.contains_key(&lane) {
            return cannot("this is being fetched already");
        }
        self.fetching.insert(lane.clone(), ASKED.to_string());
        let effect = Effect::Work(Lane(format!("fetch {lane}")), AnyRequest::Commands(request));
        vec![effect, Effect::Note(format!("fetching {} …", safe_line(what)))]
    }

    /// A pop-up was answered.
    pub(super) fn closed(&mut self, name: &str, reply: Reply, _world: &World<'_>) -> Vec<Effect> {
        match (name, reply) {
            (FORM, Reply::Filled(filled)) => self.filled(filled),
            (FORM, _) => {
                self.asked = None;
                self.filled.clear();
                Vec::new()
            }
            (SUGGESTED, reply) => self.took(reply),
            (SPEC, Reply::Typed(spec)) if !spec.trim().is_empty() => {
                let spec = spec.trim().to_string();
                self.fetch(spec.clone(), &spec.clone(), Request::Add(spec))
            }
            (CARD, reply) => {
                let answer = match reply {
                    Reply::Chosen(key) => key,
                    _ => "n".to_string(),
                };
                match (self.question.take(), answer.as_str()) {
                    (Some(Question::Trust(all, errand)), "t") => vec![ask("run", Request::Trust(all, errand))],
                    (Some(Question::Run(errand)), "r") => {
                        vec![Effect::Tell(TabId::Runs, Tell::Launch(errand.launch))]
                    }
                    (Some(Question::Untrust(spec, name)), "u") => vec![ask("trust", Request::Untrust(spec, name))],
                    (Some(Question::Untrust(..)) | None, _) => Vec::new(),
                    (Some(Question::Trust(..)), _) => cannot("not trusted, so nothing was run"),
                    (Some(Question::Run(_)), _) => cannot("nothing was run"),
                }
            }
            _ => Vec::new(),
        }
    }
}
