use std::os::unix::fs::PermissionsExt as _;

use proptest::prelude::*;

use super::*;

fn entry() -> Entry {
    Entry {
        program: "/usr/local/bin/fac".into(),
        args: Vec::new(),
        label: "default".into(),
        stays: false,
        env: vec![("PATH".into(), "/usr/local/bin:/usr/bin:/bin".into())],
    }
}

const OURS: &str = "# factotum: begin, written by `fac auto install cron`\n* * * * * PATH=/usr/local/bin:/usr/bin:/bin /usr/local/bin/fac tick --quiet\n# factotum: end\n";

/// A machine whose `crontab` and `systemctl` are scripts that keep what they get in the home.
struct Stage {
    home: tempfile::TempDir,
    env: Env,
}

impl Stage {
    fn new() -> Stage {
        let home = tempfile::tempdir().unwrap();
        let bin = home.path().join("bin");
        std::fs::create_dir(&bin).unwrap();
        let crontab = "#!/bin/sh\nT=$HOME/table\nif [ \"$1\" = -l ]; then [ -e $T ] || { echo no crontab for me >&2; exit 1; }; cat $T; else cat > $T; echo written >> $HOME/count; fi\n";
        let systemctl = "#!/bin/sh\necho \"$@\" >> $HOME/asked\n";
        for (name, text) in [("crontab", crontab), ("systemctl", systemctl)] {
            std::fs::write(bin.join(name), text).unwrap();
            std::fs::set_permissions(bin.join(name), std::fs::Permissions::from_mode(0o755)).unwrap();
        }
        let path = format!("{}:/usr/bin:/bin", bin.display());
        let env = Env::from_pairs([("HOME", home.path().to_str().unwrap()), ("PATH", path.as_str())]);
        Stage { home, env }
    }

    fn machine(&self) -> Machine<'_> {
        Machine { env: &self.env, home: self.home.path() }
    }

    fn read(&self, name: &str) -> String {
        std::fs::read_to_string(self.home.path().join(name)).unwrap_or_default()
    }
}

#[test]
fn a_crontab_gets_our_line_once_and_loses_only_it() {
    let stage = Stage::new();
    let others = "MAILTO=me\n# mine\n0 5 * * * backup 100\\%\n\n";
    std::fs::write(stage.home.path().join("table"), others).unwrap();
    let machine = stage.machine();
    assert!(show(System::Cron, &entry(), &machine).unwrap().parts.is_empty());
    assert!(write(System::Cron, &entry(), &machine).unwrap().changed);
    assert_eq!(stage.read("table"), format!("{others}{OURS}"));
    assert!(!write(System::Cron, &entry(), &machine).unwrap().changed);
    assert_eq!(stage.read("count"), "written\n");
    assert_eq!(show(System::Cron, &entry(), &machine).unwrap().parts, [("crontab".to_string(), OURS.to_string())]);
    // Another home has a line of its own, and a program that moved takes the place of the old one.
    let other = Entry { label: "/srv/fac".into(), args: vec!["--home".into(), "/srv/it's 5% fac".into()], ..entry() };
    assert!(write(System::Cron, &other, &machine).unwrap().changed);
    assert!(stage.read("table").contains(r"fac --home '/srv/it'\''s 5'\%' fac' tick --quiet"));
    let moved = Entry { program: "/opt/fac".into(), ..entry() };
    assert!(write(System::Cron, &moved, &machine).unwrap().changed);
    assert_eq!(stage.read("table").matches("factotum: begin").count(), 1);
    assert!(stage.read("table").contains(" /opt/fac tick"));
    assert!(remove(System::Cron, &other, &machine).unwrap().changed);
    assert!(remove(System::Cron, &entry(), &machine).unwrap().changed);
    assert_eq!(stage.read("table"), others);
    assert!(!remove(System::Cron, &entry(), &machine).unwrap().changed);
}

#[test]
fn a_first_crontab_is_made_and_a_broken_one_is_left_alone() {
    let stage = Stage::new();
    assert!(write(System::Cron, &entry(), &stage.machine()).unwrap().changed);
    assert_eq!(stage.read("table"), OURS);
    std::fs::write(stage.home.path().join("table"), OURS.replace("# factotum: end\n", "0 1 * * * mine\n")).unwrap();
    let error = write(System::Cron, &entry(), &stage.machine()).unwrap_err();
    assert_eq!(error.kind(), Kind::BadData);
    assert!(stage.read("table").contains("mine"));
    let stays = Entry { stays: true, ..entry() };
    assert_eq!(write(System::Cron, &stays, &stage.machine()).unwrap_err().kind(), Kind::Usage);
}

#[test]
fn the_shell_reads_the_words_that_were_meant() {
    let odd = Entry { args: vec!["--home".into(), "a'b \"c\" $HOME `x` 5%".into()], ..entry() };
    let planned = plan(System::Cron, &odd, &Stage::new().machine()).unwrap().parts[0].1.clone();
    let line = planned.lines().nth(1).unwrap().trim_start_matches("* * * * * ").replace(r"\%", "%");
    let words = shlex::split(&line).unwrap();
    assert_eq!(words[2..4], ["--home".to_string(), "a'b \"c\" $HOME `x` 5%".to_string()]);
}

#[test]
fn systemd_gets_a_timer_or_a_service_that_stays() {
    let stage = Stage::new();
    let machine = stage.machine();
    let outcome = write(System::Systemd, &entry(), &machine).unwrap();
    assert!(outcome.changed);
    let service = stage.read(".config/systemd/user/factotum.service");
    assert!(service.contains("ExecStart=\"/usr/local/bin/fac\" \"tick\" \"--quiet\"\n"), "{service}");
    assert!(stage.read(".config/systemd/user/factotum.timer").contains("OnCalendar=minutely\n"));
    assert_eq!(stage.read("asked"), "--user daemon-reload\n--user enable --now factotum.timer\n");
    assert!(!write(System::Systemd, &entry(), &machine).unwrap().changed);
    assert_eq!(show(System::Systemd, &entry(), &machine).unwrap().parts.len(), 2);
    let stays = Entry { stays: true, ..entry() };
    assert!(write(System::Systemd, &stays, &machine).unwrap().changed);
    assert!(stage.read("asked").contains("--user disable --now factotum.timer\n"));
    assert!(stage.read(".config/systemd/user/factotum.service").contains("\"auto\" \"up\"\nRestart=on-failure\n"));
    assert_eq!(show(System::Systemd, &stays, &machine).unwrap().parts.len(), 1);
    assert!(remove(System::Systemd, &stays, &machine).unwrap().changed);
    assert!(!remove(System::Systemd, &stays, &machine).unwrap().changed);
    assert!(show(System::Systemd, &stays, &machine).unwrap().parts.is_empty());
    let odd = Entry { label: "/srv/50%".into(), args: vec!["--home".into(), "/srv/50% $x".into()], ..entry() };
    let parts = plan(System::Systemd, &odd, &machine).unwrap().parts;
    assert!(parts[0].0.contains("factotum-srv-50-"), "{}", parts[0].0);
    assert!(parts[0].1.contains("\"/srv/50%% $$x\""), "{}", parts[0].1);
}

#[test]
fn an_agent_of_launchd_is_a_property_list() {
    let odd = Entry { args: vec!["--home".into(), "a<b>&c".into()], ..entry() };
    let parts = plan(System::Launchd, &odd, &Stage::new().machine()).unwrap().parts;
    assert!(parts[0].0.ends_with("/Library/LaunchAgents/factotum.plist"));
    assert!(parts[0].1.contains("\t\t<string>a&lt;b&gt;&amp;c</string>\n"));
    assert!(parts[0].1.contains("<key>StartInterval</key>\n\t<integer>60</integer>\n"));
    if !cfg!(target_os = "macos") {
        assert_eq!(write(System::Launchd, &entry(), &Stage::new().machine()).unwrap_err().kind(), Kind::Missing);
    }
}

#[test]
fn without_a_crontab_program_it_says_what_else_there_is() {
    let home = tempfile::tempdir().unwrap();
    let env = Env::from_pairs([("PATH", "/nowhere")]);
    let machine = Machine { env: &env, home: home.path() };
    let error = write(System::Cron, &entry(), &machine).unwrap_err();
    assert_eq!((error.kind(), error.way_forward()), (Kind::Missing, Some("fac auto install systemd")));
    let line = Entry { args: vec!["a\nb".into()], ..entry() };
    assert_eq!(write(System::Cron, &line, &machine).unwrap_err().kind(), Kind::Usage);
}

proptest! {
    #[test]
    fn other_lines_stay_byte_for_byte(lines in prop::collection::vec("[ -~]{0,30}", 0..10), end in any::<bool>()) {
        let mut table = lines.join("\n");
        if end && !table.is_empty() {
            table.push('\n');
        }
        let with = cron::edited(&table, "default", Some(OURS)).unwrap();
        prop_assert!(with.starts_with(&table) && with.ends_with(OURS));
        prop_assert_eq!(&cron::edited(&with, "default", Some(OURS)).unwrap(), &with);
        let without = cron::edited(&with, "default", None).unwrap();
        prop_assert_eq!(without.trim_end_matches('\n'), table.trim_end_matches('\n'));
    }
}

#[test]
fn where_settings_and_store_lie_goes_along() {
    let mut entry = entry();
    entry.env.push(("XDG_DATA_HOME".into(), "/srv/my data$".into()));
    let stage = Stage::new();
    let text = |system| plan(system, &entry, &stage.machine()).unwrap().parts[0].1.clone();
    assert!(text(System::Cron).contains("/bin XDG_DATA_HOME='/srv/my data$' /usr/local/bin/fac tick"));
    assert!(text(System::Systemd).contains("/bin\" \"XDG_DATA_HOME=/srv/my data$\"\nExecStart="));
    let xml = text(System::Launchd);
    assert!(xml.contains("<key>XDG_DATA_HOME</key>\n\t\t<string>/srv/my data$</string>"), "{xml}");
}

#[test]
fn a_system_that_could_not_be_told_is_said_with_what_to_type() {
    let stage = Stage::new();
    let refuses = "#!/bin/sh\necho 'Created symlink a -> b.' >&2\necho 'Failed to connect to bus' >&2\nexit 1\n";
    std::fs::write(stage.home.path().join("bin/systemctl"), refuses).unwrap();
    let outcome = write(System::Systemd, &entry(), &stage.machine()).unwrap();
    let why = "Failed to connect to bus".to_string();
    let want = ["systemctl --user daemon-reload", "systemctl --user enable --now factotum.timer"];
    assert_eq!(outcome.untold, want.map(|words| (words.to_string(), why.clone())));
    assert!(outcome.changed && std::path::Path::new(&outcome.parts[0].0).is_file());
}
