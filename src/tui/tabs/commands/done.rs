//! The tab's work against real rooms: a store, folders, interpreters.

use std::collections::BTreeMap;
use std::fs;
use std::sync::Mutex;

use super::trust::Judged;
use super::work::{Answer, Errand, Paper, Prepared, Request, Scope, Want, work};
use crate::app::{App, Options};
use crate::commands::catalog::{Resolved, Trust};
use crate::commands::run::Dry;
use crate::exec::Stop;
use crate::kernel::env::Env;
use crate::kernel::ids::Id;
use crate::tui::happening::Launch;
use crate::tui::jobs::Desk;
use crate::tui::tabs::Answer as AnyAnswer;
use crate::tui::theme::{Depth, Theme};

const KIT: &str = "---\nfactotum: 1\n---\n# Kit\n## Releasing\n### `/release <version> [channel=stable|beta]`\n\
**Requires:** `/check`\n\n```sh\necho \"$version $channel\"\n```\n### `/check`\n\n```sh\necho checked\n```\n\
### `/say <topic>`\n\n```prompt\nSay {{topic}}.\n```\n";

struct Place {
    folder: tempfile::TempDir,
    app: App,
}

impl Place {
    fn new() -> Place {
        let folder = tempfile::tempdir().unwrap();
        let home = folder.path().join("home");
        let env = Env::from_pairs([("PATH", "/usr/bin:/bin"), ("HOME", home.to_str().unwrap())]);
        let app = App::new(env, &Options { home: Some(home), ..Options::default() }).unwrap();
        fs::create_dir(folder.path().join("kit")).unwrap();
        let place = Place { folder, app };
        place.write(KIT);
        let spec = place.folder.path().join("kit").display().to_string();
        let added = place.ask(Request::Add(spec.clone()));
        let said = "kit: 3 commands; they are not trusted yet".to_string();
        assert_eq!(added.last(), Some(&Answer::Fetched(spec, Ok(said))));
        place
    }

    fn write(&self, text: &str) {
        fs::write(self.folder.path().join("kit/kit.md"), text).unwrap();
    }

    fn ask(&self, request: Request) -> Vec<Answer> {
        let answers = Mutex::new(Vec::new());
        let post = |answer| match answer {
            AnyAnswer::Commands(answer) => answers.lock().unwrap().push(answer),
            other => panic!("{other:?}"),
        };
        // Each job has rooms of its own, as on the screen.
        let (app, stop) = (self.app.another().unwrap(), Stop::new().unwrap());
        work(request, &Desk::new(&app, &stop, &post));
        answers.into_inner().unwrap()
    }

    fn id(&self, name: &str) -> (Id, Trust) {
        let mut listings = self.ask(Request::List).into_iter().filter_map(|answer| match answer {
            Answer::Listed(listing) => Some(listing.unwrap()),
            _ => None,
        });
        let listing = listings.next_back().unwrap();
        let found = listing.commands.iter().find(|c| c.name == name).unwrap();
        assert_eq!(listing.sources[found.source].name, "kit");
        (found.id, found.trust)
    }

    fn prepare(&self, want: Want, name: &str, values: &[(&str, &str)]) -> Prepared {
        let values = values.iter().map(|(n, v)| (n.to_string(), v.to_string())).collect();
        let launch = Launch { command: format!("kit:{name}"), values, rest: Vec::new() };
        let errand = Errand { want, id: self.id(name).0, launch };
        match self.ask(Request::Prepare(errand)).pop() {
            Some(Answer::Prepared(_, prepared)) => prepared.unwrap(),
            other => panic!("{other:?}"),
        }
    }
}

fn names(all: &[Judged]) -> Vec<(&str, Trust)> {
    all.iter().map(|one| (one.resolved.command.name.as_str(), one.resolved.trust)).collect()
}

#[test]
fn a_command_is_bound_judged_trusted_and_judged_again_when_it_changes() {
    let place = Place::new();
    let run = || place.prepare(Want::Run, "release", &[("version", "1.0")]);
    let Prepared::Wrong(fault) = place.prepare(Want::Run, "release", &[("version", "1"), ("channel", "x")]) else {
        panic!("a wrong choice is no complaint")
    };
    assert_eq!(fault.said, "`channel` cannot be `x`");
    let Prepared::Untrusted(all) = run() else { panic!("it is not asked about") };
    assert_eq!(names(&all), [("release", Trust::Untrusted), ("check", Trust::Untrusted)]);
    assert!(all[0].reach.by[0].what.starts_with("sh (/"), "{:?}", all[0].reach);
    let resolved: Vec<Resolved> = all.into_iter().map(|one| one.resolved).collect();
    assert_eq!(place.ask(Request::Trust(resolved, None)), [Answer::Done(Ok("trusted 2 commands".into()))]);
    assert_eq!(run(), Prepared::Ready);
    assert_eq!(place.id("release").1, Trust::Trusted);

    place.write(&KIT.replace("echo checked", "echo checked twice"));
    let Prepared::Untrusted(all) = run() else { panic!("a change is not asked about") };
    assert_eq!(names(&all), [("check", Trust::Changed)]);
    assert!(all[0].before.as_ref().unwrap().contains("echo checked\n"), "{:?}", all[0].before);
    assert_eq!(place.id("check").1, Trust::Changed);
    let spec = all[0].resolved.source.spec.clone();
    let untrust = place.ask(Request::Untrust(spec, Some("release".into())));
    assert_eq!(untrust, [Answer::Done(Ok("took back 1 permission".into()))]);
    assert_eq!(place.id("release").1, Trust::Untrusted);
}

#[test]
fn what_changed_after_it_was_shown_is_not_trusted() {
    let place = Place::new();
    let Some(Answer::Judged(Ok(all))) = place.ask(Request::Judge(Scope::Command(place.id("check").0))).pop() else {
        panic!("it is not judged")
    };
    assert_eq!(names(&all), [("check", Trust::Untrusted)]);
    let Some(Answer::Judged(Ok(whole))) = place.ask(Request::Judge(Scope::Source("kit".into()))).pop() else {
        panic!("it is not judged")
    };
    assert_eq!(whole.len(), 3);
    let resolved: Vec<Resolved> = all.into_iter().map(|one| one.resolved).collect();
    place.write(&KIT.replace("echo checked", "rm -rf everything"));
    // The permission is for the bytes that were shown, so that the new ones ask again.
    place.ask(Request::Trust(resolved, None));
    let Prepared::Untrusted(all) = place.prepare(Want::Run, "check", &[]) else { panic!("new bytes are trusted") };
    assert_eq!(names(&all), [("check", Trust::Changed)]);
}

#[test]
fn a_dry_run_needs_neither_trust_nor_values() {
    let place = Place::new();
    let Prepared::Dry(steps) = place.prepare(Want::Dry, "release", &[]) else { panic!("no dry run") };
    let texts: Vec<&str> = steps.iter().map(|s: &Dry| s.text.as_str()).collect();
    assert_eq!(texts, ["echo checked\n", "echo \"$version $channel\"\n"]);
    assert_eq!(steps[1].env[0], ("version".to_string(), "<version>".to_string()));
    assert_eq!(place.prepare(Want::Draft, "say", &[("topic", "hello")]), Prepared::Draft("Say hello.".into()));
}

#[test]
fn a_file_is_saved_unless_somebody_else_changed_it() {
    let place = Place::new();
    let paper = Paper {
        room: 40,
        theme: Theme::choose("plain", &BTreeMap::new(), Depth::None, false),
        pictures: crate::tui::pictures::Way::Blocks,
    };
    let Some(Answer::Shown(_, Ok(shown))) = place.ask(Request::Show(place.id("check").0, paper)).pop() else {
        panic!("it is not shown")
    };
    assert_eq!((shown.call.as_str(), shown.always_trusted), ("check", false));
    assert_eq!(shown.rows[0].text(), "fac check");
    let file = shown.file.unwrap();
    let Some(Answer::Read(_, Ok(was))) = place.ask(Request::Read(file.clone())).pop() else { panic!("not read") };
    assert_eq!(was, KIT);
    let save = |text: &str| Request::Save { file: file.clone(), was: KIT.into(), text: text.into() };
    let saved = place.ask(save(KIT.replace("checked", "edited").trim_end()));
    assert_eq!(saved, [Answer::Done(Ok(format!("saved {}", file.display())))]);
    assert_eq!(fs::read_to_string(&file).unwrap(), KIT.replace("checked", "edited"));
    let Some(Answer::Unsaved(text, fault)) = place.ask(save("other")).pop() else { panic!("it is saved") };
    assert_eq!((text.as_str(), fault.hint.as_deref()), ("other", Some("your text is on the clipboard")));
}

#[test]
fn updating_says_what_is_new_and_what_failed() {
    let place = Place::new();
    place.write(&KIT.replace("echo checked", "echo twice"));
    let update = || place.ask(Request::Update(Some("kit".into())));
    assert_eq!(update(), [Answer::Fetched("kit".into(), Ok("kit: 1 changed".into()))]);
    fs::remove_dir_all(place.folder.path().join("kit")).unwrap();
    let Some(Answer::Fetched(_, Err(fault))) = update().pop() else { panic!("it is not said") };
    assert!(fault.said.ends_with("is not there any more"), "{fault:?}");
    let Some(Answer::Fetched(_, Err(fault))) = place.ask(Request::Add("what is this".into())).pop() else {
        panic!("it is not said")
    };
    assert!(!fault.said.is_empty());
}
