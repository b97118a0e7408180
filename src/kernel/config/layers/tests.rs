//! Layers tried on files, variables and flags of a world of their own.

use super::super::families::{Binding, Interpreter, Style};
use super::*;

/// A world with a user file and a project file.
struct World {
    root: tempfile::TempDir,
    paths: Paths,
    project: Project,
}

fn world(user: &str, project: &str) -> World {
    let root = tempfile::tempdir().unwrap();
    let paths = Paths::under(&root.path().join("h"), None);
    files::write_atomic(&paths.config_file, user.as_bytes(), true).unwrap();
    let file = root.path().join(".factotum.toml");
    std::fs::write(&file, project).unwrap();
    let project = Project { root: root.path().to_path_buf(), config_file: Some(file), commands_dir: None };
    World { root, paths, project }
}

impl World {
    fn load_with(&self, env: &[(&str, &str)], flags: &[Flag], profile: Option<&str>, trusted: bool) -> Result<Config> {
        Config::load(&Input {
            paths: &self.paths,
            file_named: false,
            env: &Env::from_pairs(env.iter().copied()),
            flags,
            profile,
            project: Some(&self.project),
            project_trusted: trusted,
        })
    }

    fn load(&self, env: &[(&str, &str)]) -> Config {
        self.load_with(env, &[], None, false).unwrap()
    }
}

fn flag(flag: &str, key: &str, value: &str) -> Flag {
    Flag { flag: flag.into(), key: key.into(), value: value.into() }
}

#[test]
fn every_layer_beats_the_ones_below_and_explain_tells_the_whole_story() {
    let w = world("# mine\nrun.timeout = \"1m\"\n[profile.work.run]\ntimeout = \"2m\"\n", "[run]\ntimeout = \"3m\"\n");
    let env = [("FAC_RUN_TIMEOUT", "4m")];
    let config = w.load_with(&env, &[flag("--timeout", "run.timeout", "5m")], Some("work"), true).unwrap();
    assert_eq!(config.duration("run.timeout"), Some(Duration::from_secs(300)));
    let line = config.explain().into_iter().find(|line| line.key.to_string() == "run.timeout").unwrap();
    let home = w.paths.config_file.display().to_string();
    let story: Vec<String> = line.shadowed.iter().map(|(o, v)| format!("{v} from {o}")).collect();
    assert_eq!(line.origin.to_string(), "flag --timeout");
    assert_eq!(
        story,
        [
            "4m from environment FAC_RUN_TIMEOUT".to_string(),
            format!("3m from {}/.factotum.toml:2", w.root.path().display()),
            format!("2m from {home}:4 (profile work)"),
            format!("1m from {home}:2"),
        ]
    );
}

#[test]
fn defaults_hold_where_nobody_wrote() {
    let config = world("", "").load(&[]);
    assert_eq!((config.text("color"), config.text("pager"), config.int("sources.parallel")), (Some("auto"), None, 8));
    assert!(config.flag("run.confirm_snippets"));
    assert_eq!(config.duration("run.timeout"), None);
    assert_eq!(config.explain().len(), KEYS.iter().filter(|key| !key.is_family()).count());
}

#[test]
fn foreign_variables_are_heard_below_our_own() {
    let w = world("editor = \"ed\"\n", "");
    let config =
        w.load(&[("NO_COLOR", "1"), ("PAGER", "less"), ("EDITOR", "vi"), ("VISUAL", "vim"), ("FAC_LOG", "debug")]);
    let got = ["color", "pager", "editor", "log.level"].map(|name| config.text(name).unwrap());
    assert_eq!(got, ["never", "less", "vim", "debug"]);
    let config = w.load(&[
        ("NO_COLOR", "1"),
        ("FAC_COLOR", "always"),
        ("PAGER", ""),
        ("FAC_LOG_LEVEL", "trace"),
        ("FAC_LOG", "off"),
    ]);
    let got = ["color", "editor", "log.level"].map(|name| config.text(name).unwrap());
    assert_eq!(got, ["always", "ed", "trace"]);
    assert_eq!(config.text("pager"), None);
}

#[test]
fn an_untrusted_project_sets_only_harmless_keys() {
    let w = world(
        "",
        "color = \"never\"\npager = \"evil\"\n[interpreters.bash]\nprogram = \"evil\"\n[profile.x]\ncolor = \"never\"\n",
    );
    let config = w.load(&[]);
    assert_eq!((config.text("color"), config.text("pager")), (Some("never"), None));
    assert!(config.interpreters().is_empty());
    let said: Vec<(usize, &str)> = config.warnings().iter().map(|p| (p.line, p.message.as_str())).collect();
    assert_eq!(
        said,
        [
            (2, "pager is ignored: this project is not trusted to set it"),
            (4, "interpreters.bash.program is ignored: this project is not trusted to set it"),
            (6, "color is ignored: a project has no profiles"),
        ]
    );
    let trusted = w.load_with(&[], &[], None, true).unwrap();
    assert_eq!(trusted.text("pager"), Some("evil"));
    assert_eq!(trusted.interpreters()["bash"].program.as_deref(), Some("evil"));
    assert_eq!(trusted.warnings().len(), 1);
}

#[test]
fn every_key_that_is_not_harmless_is_refused_to_a_project() {
    for key in KEYS.iter().filter(|key| !key.harmless) {
        let value = match key.kind {
            schema::Type::Bool => "true".to_string(),
            schema::Type::Int(low, _) => low.to_string(),
            schema::Type::Choice(words) => format!("{:?}", words[0]),
            schema::Type::List | schema::Type::ListOf(_) => "[]".to_string(),
            _ => "\"1s\"".to_string(),
        };
        let config = world("", &format!("{} = {value}\n", key.name.replace('*', "x"))).load(&[]);
        assert_eq!(config.warnings().len(), 1, "{}", key.name);
    }
}

#[test]
fn mistakes_name_their_place() {
    let error = |w: &World, env: &[(&str, &str)]| w.load_with(env, &[], None, false).unwrap_err();
    let w = world("colour = 1\nrun = 2\n", "");
    let e = error(&w, &[]);
    assert_eq!(e.kind(), Kind::BadData);
    let file = w.paths.config_file.display();
    assert_eq!(e.message(), format!("{file}:1:1: there is no setting colour; the nearest is color"));
    assert_eq!(
        e.way_forward(),
        Some("`fac config explain color` says what that one does (1 more; `fac config check` lists them)")
    );
    let e = error(&world("", ""), &[("FAC_SOURCES_PARALLEL", "many")]);
    assert_eq!(e.kind(), Kind::BadData);
    assert_eq!(e.message(), "the variable FAC_SOURCES_PARALLEL wants a whole number from 1 to 64, not \"many\"");
    let e = world("", "").load_with(&[], &[flag("--color", "color", "red")], None, false).unwrap_err();
    assert_eq!((e.kind(), e.message()), (Kind::Usage, "--color wants auto, always or never, not \"red\""));
}

#[test]
fn a_profile_must_exist() {
    let w = world("[profile.work]\ncolor = \"never\"\n[profile.empty]\n", "");
    assert_eq!(w.load(&[("FAC_PROFILE", "work")]).text("color"), Some("never"));
    assert_eq!(w.load(&[]).text("color"), Some("auto"));
    assert_eq!(w.load_with(&[("FAC_PROFILE", "work")], &[], Some("empty"), false).unwrap().text("color"), Some("auto"));
    let e = w.load_with(&[], &[], Some("wrk"), false).unwrap_err();
    assert_eq!((e.kind(), e.way_forward()), (Kind::NotFound, Some("did you mean work?")));
}

#[test]
fn a_named_file_must_exist() {
    let w = world("", "");
    let paths = w.paths.clone().with_config_file(&w.root.path().join("none.toml")).unwrap();
    let env = Env::default();
    let input = |file_named| Input {
        paths: &paths,
        file_named,
        env: &env,
        flags: &[],
        profile: None,
        project: None,
        project_trusted: false,
    };
    assert_eq!(Config::load(&input(true)).unwrap_err().kind(), Kind::NotFound);
    assert!(Config::load(&input(false)).is_ok());
}

#[test]
fn families_come_as_values_and_the_stronger_binding_wins_as_a_whole() {
    let w = world(
        "[interpreters.ruby]\nprogram = \"ruby3\"\nargs = [\"-w\"]\nstyle = \"file\"\n[bindings]\nb.shell = \"ls\"\na.to = \"x\"\n\
         [aliases]\ng = \"git log\"\n[profile.p.bindings]\na.prompt = \"hi\"\n",
        "",
    );
    let config = w.load_with(&[], &[], Some("p"), false).unwrap();
    let ruby = Interpreter {
        program: Some("ruby3".into()),
        args: Some(vec!["-w".into()]),
        style: Some(Style::File),
        install: None,
    };
    assert_eq!(config.interpreters()["ruby"], ruby);
    let bindings: Vec<(String, Binding)> = config.bindings().into_iter().collect();
    assert_eq!(
        bindings,
        [("a".to_string(), Binding::Prompt("hi".into())), ("b".to_string(), Binding::Shell("ls".into()))]
    );
    assert_eq!(config.aliases()["g"], "git log");
}

#[test]
fn what_is_not_set_of_a_family_is_explained_too() {
    let config = world("[broker.home]\nurl = \"mqtt://localhost\"\n", "").load(&[]);
    let names = |prefix: &str| -> Vec<String> {
        config.explain_about(prefix).iter().map(|line| line.key.to_string()).collect()
    };
    assert_eq!(names("broker.home.max_packet_kb"), ["broker.home.max_packet_kb"]);
    let home = names("broker.home");
    assert!(home.iter().all(|name| name.starts_with("broker.home.")) && home.contains(&"broker.home.user".to_string()));
    assert_eq!(home.iter().filter(|name| *name == "broker.home.url").count(), 1);
    let all = names("broker");
    assert!(all.contains(&"broker.home.url".to_string()) && all.contains(&"broker.NAME.user".to_string()), "{all:?}");
    assert!(names("nothing").is_empty() && names("broker.home.nothing").is_empty());
    assert!(!names("").iter().any(|name| name.contains('*')));
}
