//! Fills snippets and runs them with real shells and hostile values.

use std::collections::BTreeMap;
use std::os::unix::ffi::OsStrExt as _;
use std::path::Path;
use std::process::{Command, Stdio};

use proptest::prelude::*;

use super::snippet::{Filled, Options, Refusal, fill};
use crate::commands::model::Syntax;

const NO_COUNTS: &BTreeMap<String, usize> = &BTreeMap::new();

fn tldr(text: &str, lang: &str) -> Result<Filled, Refusal> {
    fill(Syntax::Tldr, text, &Options { lang, short_options: false, counts: NO_COUNTS, bare_names: false })
}

fn script(text: &str) -> String {
    tldr(text, "sh").map_or_else(|r| format!("refused: {r}"), |f| f.script)
}

/// The output of `filled` with every variable set to `value`, run in an empty folder that must stay empty.
fn run(shell: &str, filled: &Filled, value: &str, folder: &Path) -> Vec<u8> {
    let mut command = Command::new(shell);
    command.arg("-c").arg(&filled.script).current_dir(folder).stdin(Stdio::null()).stderr(Stdio::null());
    for var in &filled.vars {
        command.env(&var.env, std::ffi::OsStr::from_bytes(value.as_bytes()));
    }
    let output = command.output().unwrap().stdout;
    let left: Vec<_> = std::fs::read_dir(folder).unwrap().map(|e| e.unwrap().file_name()).collect();
    assert!(left.is_empty(), "{shell} made {left:?} from {:?} with {value:?}", filled.script);
    output
}

fn hostile() -> Vec<String> {
    let mut values: Vec<String> = [
        "plain",
        "",
        " ",
        "x'; touch PWNED; #",
        "a\nb\n",
        "\n; touch PWNED\n",
        "$(touch PWNED)",
        "`touch PWNED`",
        "\"",
        "'",
        "\\",
        "\\\\'",
        "*",
        "-n",
        "--",
        "; touch PWNED",
        "| touch PWNED",
        "&& touch PWNED",
        "${IFS}",
        "$fac_x",
        "{{x}}",
        "<x>",
        "!x",
        "~",
        "~root",
        "#",
        "a\tb",
        "\"; touch PWNED; \"",
        "'\"'\"'",
        "$((1+1))",
        "a[$(touch PWNED)]",
        "EOF\ntouch PWNED\n",
        "%s\\n",
        "é漢字",
        ")",
        "}",
        "\r",
        "\u{7f}",
    ]
    .iter()
    .map(|s| (*s).to_string())
    .collect();
    values.push("k'\"$`\\ ".repeat(100_000 / 7));
    values
}

/// Templates that print the value of `{{x}}` and nothing else, by the place it stands in.
const PRINTING: &[&str] = &[
    "printf '%s' {{x}}",
    "printf %s {{x}}",
    "printf '%s' \"{{x}}\"",
    "printf '%s' '{{x}}'",
    "printf '%s' ''{{x}}''",
    "printf \"%s\" \"\"{{x}}",
    "true; printf '%s' {{x}} # {{x}} it's",
    "printf '%s' \"$(printf '%s.' {{x}})\" | sed '$ s/\\.$//'",
    "printf '%s' \\\n  {{x}}",
    "(printf '%s' {{x}})",
    "{ printf '%s' {{x}}; }",
    "if true; then printf '%s' {{x}}; fi",
    "case a in (a) printf '%s' {{x}};; esac",
    "case a in b) ;; a|c) printf '%s' '{{x}}' ;; esac",
    "A={{x}} sh -c 'printf %s \"$A\"'",
    "A='{{x}}' sh -c 'printf %s \"$A\"'",
    "sh -c 'printf %s \"$1\"' _ {{x}}",
    "f() { printf %s \"$1\"; }; f {{x}}",
    "for i in {{x}}; do printf %s \"$i\"; done",
    "set -- {{x}}; printf %s \"$1\"",
    "v={{x}}; printf %s \"$v\"",
    "env A={{x}} sh -c 'printf %s \"$A\"'",
    "printf '%s' {{x}} 2>/dev/null | cat",
    "printf '%s' {{x}} | cat && true",
];

#[test]
fn every_place_delivers_the_exact_bytes() {
    let folder = tempfile::tempdir().unwrap();
    for template in PRINTING {
        for (lang, shell) in [("sh", "sh"), ("sh", "bash"), ("bash", "bash")] {
            let filled = tldr(template, lang).unwrap_or_else(|r| panic!("{template}: {r}"));
            for value in hostile() {
                // A command substitution drops NUL only; the template above keeps trailing newlines with its dot.
                let got = run(shell, &filled, &value, folder.path());
                if template.contains("sed '$") {
                    continue;
                }
                assert!(got == value.as_bytes(), "{shell} {template:?}: {:?}", &value[..value.len().min(40)]);
            }
        }
    }
}

#[test]
fn here_documents_redirections_and_bash_strings_deliver_the_exact_bytes() {
    let folder = tempfile::tempdir().unwrap();
    for value in hostile() {
        let doc = tldr("cat <<EOF\n[{{x}}]\nEOF\necho \"end\"", "sh").unwrap();
        assert_eq!(run("sh", &doc, &value, folder.path()), format!("[{value}]\nend\n").as_bytes());
        assert_eq!(run("bash", &doc, &value, folder.path()), format!("[{value}]\nend\n").as_bytes());
        let ansi = tldr("printf '%s' $'a\\'{{x}}\\n'", "bash").unwrap();
        assert_eq!(run("bash", &ansi, &value, folder.path()), format!("a'{value}\n").as_bytes());
        let here = tldr("cat <<<{{x}}", "bash").unwrap();
        assert_eq!(run("bash", &here, &value, folder.path()), format!("{value}\n").as_bytes());
        let ticks = tldr("printf '[%s]' `printf %s {{x}} | wc -c | tr -d ' '`", "sh").unwrap();
        assert_eq!(run("sh", &ticks, &value, folder.path()), format!("[{}]", value.len()).as_bytes());
        let array = tldr("a=(1 {{x}} '{{x}}'); printf '%s' \"${a[1]}\"", "bash");
        assert!(array.is_err(), "a subscript evaluates: {array:?}");
    }
    let file = tempfile::tempdir().unwrap();
    let redirect = tldr("printf ok > {{path/to/file}}", "sh").unwrap();
    let name = "x'; touch PWNED; # $(touch PWNED)";
    Command::new("sh")
        .args(["-c", &redirect.script])
        .env(&redirect.vars[0].env, name)
        .current_dir(file.path())
        .status()
        .unwrap();
    let names: Vec<_> = std::fs::read_dir(file.path()).unwrap().map(|e| e.unwrap().file_name()).collect();
    assert_eq!(names, [name]);
}

#[test]
fn the_script_says_what_the_table_promises() {
    assert_eq!(script("cp {{a}} --to={{b}} > {{path/to/c}}"), r#"cp "${fac_a}" --to="${fac_b}" > "${fac_c}""#);
    assert_eq!(script("x \"{{a}}>={{b}}\" '{{c}}.txt'"), r#"x "${fac_a}>=${fac_b}" ''"${fac_c}"'.txt'"#);
    assert_eq!(script("tar {{[-x|--extract]}} {{a}}"), r#"tar --extract "${fac_a}""#);
    assert_eq!(script("docker ps --format '\\{\\{.ID\\}\\}' {{a}}"), r#"docker ps --format '{{.ID}}' "${fac_a}""#);
    assert_eq!(script("x {{a}} # {{b}}"), r#"x "${fac_a}" # b"#);
    assert_eq!(script("ssh {{user}}@{{host}} -p {{22}}"), "ssh \"${fac_user}\"@\"${fac_host}\" -p \"${fac_p}\"");
    let short = Options { lang: "sh", short_options: true, counts: NO_COUNTS, bare_names: false };
    assert_eq!(fill(Syntax::Tldr, "tar {{[-x|--extract]}}", &short).unwrap().script, "tar -x");
    let navi = fill(Syntax::Navi, "git push <re-mote> \"<branch>\" '\\<x>'", &short).unwrap();
    assert_eq!(navi.script, r#"git push "${fac_re_mote}" "${fac_branch}" '<x>'"#);
    assert_eq!((navi.vars[0].param.as_str(), navi.vars[0].leads), ("re-mote", true));
    assert!(!tldr("x --a={{b}}", "sh").unwrap().vars[0].leads);
}

#[test]
fn lists_become_words() {
    let counts = BTreeMap::from([("file".to_string(), 3)]);
    let options = Options { lang: "sh", short_options: false, counts: &counts, bare_names: false };
    let filled = fill(Syntax::Tldr, "printf '[%s]' {{path/to/file1 path/to/file2 ...}}", &options).unwrap();
    assert_eq!(filled.script, r#"printf '[%s]' "${fac_file__1}" "${fac_file__2}" "${fac_file__3}""#);
    assert_eq!(filled.vars[1].index, Some(1));
    let folder = tempfile::tempdir().unwrap();
    assert_eq!(run("sh", &filled, "a b*", folder.path()), b"[a b*][a b*][a b*]");
    // Where a second word would be a command or an option of something else, the list stays one word.
    let one = fill(Syntax::Tldr, "A={{path/to/file1 path/to/file2 ...}} env", &options).unwrap();
    assert_eq!(one.script, r#"A="${fac_file__1} ${fac_file__2} ${fac_file__3}" env"#);
    let counts = BTreeMap::from([("file".to_string(), 0)]);
    let none = fill(Syntax::Tldr, "ls {{file1 file2 ...}}", &Options { counts: &counts, ..options }).unwrap();
    assert_eq!((none.script.as_str(), none.vars.len()), ("ls ", 0));
}

#[test]
fn what_would_become_code_is_refused_by_name() {
    for (template, word) in [
        ("sh -c 'echo {{x}}'", "`sh`"),
        ("bash -lc \"{{x}}\"", "`bash`"),
        ("sudo sh -c {{x}}", "`sh`"),
        ("docker exec c sh -c 'ls {{x}}'", "`sh`"),
        ("find . -exec sh -c 'x {{x}}' \\;", "`sh`"),
        ("eval \"{{x}}\"", "`eval`"),
        ("eval \"$(echo {{x}})\"", "`eval`"),
        ("ssh host ls {{x}}", "`ssh`"),
        ("ssh -p 22 host 'ls {{x}}'", "`ssh`"),
        ("ssh -o {{x}} host", "`ssh`"),
        ("awk '/{{x}}/ {print}' file", "`awk`"),
        ("awk -F : {{x}}", "`awk`"),
        ("sed -i 's/{{x}}/b/' file", "`sed`"),
        ("sed --expression={{x}} file", "`sed`"),
        ("perl -pi -e 's/{{x}}//' f", "`perl`"),
        ("python3 -c 'print({{x}})'", "`python3`"),
        ("node -e \"{{x}}\"", "`node`"),
        ("watch 'ls {{x}}'", "`watch`"),
        ("sudo watch ls {{x}}", "`watch`"),
        ("trap '{{x}}' EXIT", "`trap`"),
        ("su - {{user}} -c '{{x}}'", "`su`"),
        ("parallel echo {{x}} ::: a", "`parallel`"),
        ("adb shell ls {{x}}", "`adb`"),
        ("tmux new -s {{name}} {{x}}", "`tmux`"),
        ("rsync -e 'ssh -p {{x}}' a b", "`rsync`"),
        ("{{bash}} -c {{x}}", "`bash`"),
        ("GIT_SSH_COMMAND='ssh -i {{x}}' git pull", "`GIT_SSH_COMMAND`"),
        ("echo {{x}} | sh", "standard input"),
        ("sh <<EOF\n{{x}}\nEOF", "standard input"),
        ("ssh host <<< {{x}}", "standard input"),
        ("echo {{x}} | xargs -I{} sh -c 'echo {}'", "standard input"),
        ("v={{x}}; eval \"$v\"", "kept"),
        ("n={{x}}; echo $((n + 1))", "kept"),
        ("f() { eval \"$1\"; }; f {{x}}", "functions"),
        ("sh -c $a {{x}}", "`sh`"),
        ("sh -c - {{x}}", "`sh`"),
        ("awk -- {{x}} f", "`awk`"),
        ("sed -n -- {{x}} f", "`sed`"),
        ("ssh -- host {{x}}", "`ssh`"),
        ("sh -c -- {{x}}", "`sh`"),
        ("bash -c +x {{x}}", "`bash`"),
        ("bash -c -e -o pipefail {{x}}", "`bash`"),
        ("bash --rcfile f -c {{x}}", "`bash`"),
        ("$a watch {{x}}", "`watch`"),
        ("<()eval {{x}}", "`eval`"),
        ("$SHELL -c {{x}}", "`$…`"),
        ("a=eval; $a {{x}}", "computes"),
        ("bash <(echo {{x}})", "standard input"),
        ("source <(printf %s {{x}})", "standard input"),
        ("echo {{x}} | python3 -", "standard input"),
        ("echo {{x}} | bash -s -- a", "standard input"),
        ("echo {{x}} | sh /dev/stdin", "standard input"),
        ("psql db <<EOF\n{{x}}\nEOF", "standard input"),
        ("make A={{x}}", "`make`"),
        ("vim +{{x}} file", "`vim`"),
        ("env LD_PRELOAD={{x}} ls", "`LD_PRELOAD`"),
        ("export GIT_EDITOR={{x}}", "`GIT_EDITOR`"),
        ("git rebase -x '{{x}}' main", "`rebase`"),
        ("alias f='sh -c'; f {{x}}", "functions"),
        ("sh -c 'eval \"$1\"' _ {{x}}", "evaluates its arguments"),
    ] {
        let refusal = tldr(template, "bash").expect_err(template);
        assert!(refusal.to_string().contains(word), "{template}: {refusal}");
        assert!(refusal.to_string().starts_with("the placeholder `"), "{refusal}");
    }
}

#[test]
fn what_is_no_word_is_refused() {
    for template in [
        "{{x}}=1",
        "${{x}}",
        "\"${{x}}\"",
        "${{{x}}}",
        "echo ${a:-{{x}}}",
        "echo $(( {{x}} + 1 ))",
        "(( {{x}} ))",
        "echo $[{{x}}]",
        "echo \"$[{{x}}]\"",
        "[[ {{x}} -eq 1 ]]",
        "let {{x}}",
        "for {{x}} in a; do :; done",
        "{{x}}() { :; }",
        "function {{x}} { :; }",
        "read {{x}}",
        "unset {{x}}",
        "declare {{x}}=1",
        "export {{x}}=1",
        "printf -v {{x}} a",
        "test -v {{x}}",
        "printf {{x}}",
        "[ {{x}} {{y}} ]",
        "cat <<{{x}}\na\n{{x}}",
        "cat <<'E'\n{{x}}\nE",
        "echo \\{{x}}",
        "echo \"\\{{x}}\"",
        "echo ~{{x}}",
        "echo [{{x}}]",
        "echo `echo \"\\`{{x}}\\`\"`",
        "echo \"`echo {{x}}`\"",
        "echo 'a{{x}}",
        "echo \"{{x}}",
        "echo ({{x}}",
        "a[{{x}}]=1",
        "{{x}} <<EOF",
        "echo $(echo {{x}}",
        "echo @({{x}}|b)",
        "declare -a a={{x}}",
    ] {
        let outcome = tldr(template, "bash");
        assert!(outcome.is_err(), "{template}: {outcome:?}");
    }
    let range = fill(
        Syntax::Navi,
        "echo {1..<x>}",
        &Options { lang: "sh", short_options: false, counts: NO_COUNTS, bare_names: false },
    );
    assert!(range.unwrap_err().reason.contains("range"));
    assert!(tldr("echo $'{{x}}'", "sh").is_err());
    assert!(tldr("echo {{x}}", "pwsh").is_err());
    assert_eq!(tldr("Get-Location", "pwsh").unwrap().script, "Get-Location");
    let refusal = tldr("echo ok\neval {{danger}}", "sh").unwrap_err();
    assert_eq!(refusal.to_string(), "the placeholder `danger` in line 2 would become program text for `eval`");
}

#[test]
fn long_and_deep_texts_are_handled_in_time() {
    let started = std::time::Instant::now();
    for piece in [
        "$(",
        "`",
        "\"",
        "'",
        "{{x}} ",
        "$[",
        "${",
        "((",
        "<<E\n",
        "\\",
        "a=(",
        "case x in ",
        "[[ ",
        "<(",
        "$((",
        "\"$(",
    ] {
        let _ = tldr(&format!("echo {{{{x}}}} {}", piece.repeat(20_000)), "bash");
    }
    assert!(started.elapsed().as_secs() < 20, "{:?}", started.elapsed());
}

/// Pieces of shell in which a slot may or may not be safe.
const FRAGMENTS: &[&str] = &[
    "{{x}}",
    "'",
    "\"",
    " ",
    "printf '%s' ",
    "printf %s ",
    "$(",
    ")",
    "`",
    "\\",
    "\n",
    "; ",
    "| ",
    "# ",
    "<<E\n",
    "\nE\n",
    "$",
    "${",
    "}",
    "$'",
    "a",
    "=",
    "(",
    "[",
    "]",
    "<<<",
    "cat ",
    "echo ",
    "~",
    "{",
    "..",
    "eval ",
    "sh -c ",
    "case a in ",
    "a) ",
    ";; esac",
    "if true; then ",
    "fi; ",
    "((",
    "))",
    "[[ ",
    " ]]",
    "$a",
    "a=",
    "&& ",
    "<(",
    "> /dev/null ",
    "for i in ",
    "do ",
    "done; ",
    "f() ",
    "-",
    "!",
    "-- ",
    "-o ",
    "-e ",
    "-c ",
    "-x ",
    "set ",
    "awk ",
    "A=B ",
    "bash ",
    "env ",
    "xargs ",
    "| sh",
    "printf ",
    "test ",
    "[ ",
    "read ",
    "source ",
    "let ",
    "sed ",
    "declare ",
    "unset ",
    "-n ",
    "-v ",
    "$((",
    "esac",
    "exec ",
    "command ",
    "| bash",
    "perl ",
    "trap ",
    "EXIT; ",
    "$[",
    "$\"",
    "<<-'E'\n",
];

proptest! {
    #![proptest_config(ProptestConfig { cases: 400, failure_persistence: None, ..ProptestConfig::default() })]

    /// Whatever the text around a slot, nothing in a value runs: the marker file never appears.
    #[test]
    fn random_templates_never_run_a_value(
        picks in prop::collection::vec(0..FRAGMENTS.len(), 1..9),
        value in prop::sample::select(vec![
            "$(touch PWNED)", "`touch PWNED`", "'; touch PWNED; '", "\"; touch PWNED; \"", "\ntouch PWNED\n", "a[$(touch PWNED)]", "E\ntouch PWNED\n",
            "; touch PWNED #", "')`\"; touch PWNED\n", "}; touch PWNED; {", ")) ; touch PWNED", "]]; touch PWNED",
        ]),
        bash in any::<bool>(),
    ) {
        let template: String = picks.iter().map(|p| FRAGMENTS[*p]).chain(["{{x}}"]).collect();
        if let Ok(filled) = tldr(&template, if bash { "bash" } else { "sh" }) {
            let folder = tempfile::tempdir().unwrap();
            for shell in if bash { &["bash"][..] } else { &["sh", "bash"][..] } {
                let mut command = Command::new(shell);
                command.arg("-c").arg(&filled.script).current_dir(folder.path()).env("fac_x", value);
                command.stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::null());
                command.status().unwrap();
                prop_assert!(!folder.path().join("PWNED").exists(), "{} {:?} from {:?}", shell, filled.script, template);
            }
        }
    }

    /// Templates made of whole printing places deliver any value exactly.
    #[test]
    fn random_values_arrive_exactly(
        picks in prop::collection::vec(0..4_usize, 1..6),
        value in "[^\0]{0,40}",
    ) {
        const PLACES: &[&str] = &["{{x}}", "\"<{{x}}>\"", "'<{{x}}>'", "\"$(printf '%s' '{{x}}'; echo .)\""];
        let template: String =
            std::iter::once("printf '%s'".to_string()).chain(picks.iter().map(|p| format!(" {}", PLACES[*p]))).collect();
        let expected: String = picks.iter().map(|p| match p {
            0 => value.clone(),
            1 | 2 => format!("<{value}>"),
            _ => format!("{value}."),
        }).collect();
        let folder = tempfile::tempdir().unwrap();
        for shell in ["sh", "bash"] {
            let filled = tldr(&template, "sh").unwrap();
            prop_assert_eq!(String::from_utf8(run(shell, &filled, &value, folder.path())).unwrap(), expected.clone());
        }
    }

    #[test]
    fn any_text_is_filled_or_refused_without_panic(text in ".{0,80}", navi in any::<bool>()) {
        let syntax = if navi { Syntax::Navi } else { Syntax::Tldr };
        let _ = fill(syntax, &text, &Options { lang: "sh", short_options: false, counts: NO_COUNTS, bare_names: false });
    }
}
