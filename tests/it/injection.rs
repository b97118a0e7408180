//! Arguments arrive as data, byte for byte, in every dialect that can run, and in the text of every prompt.
//!
//! One world holds a definition in each dialect; each writes the argument it got into the file `out`. Nothing may
//! ever make the file `PWNED`.

use crate::run::{add_here, json, own};
use crate::support::world::World;

/// What an attacker would put into an argument.
fn hostile() -> Vec<String> {
    let fixed = [
        "x'; touch PWNED; #",
        "x\"; touch PWNED; #",
        "two\nlines\n\n touch PWNED\n",
        "$(touch PWNED)",
        "`touch PWNED`",
        "${x:=$(touch PWNED)} $x $0 \\$x \\",
        "{{other}} {{x}} {{input}} \\{{x}} {{{x}}}",
        "$ARGUMENTS $1 ${1} $ARGUMENTS[0] ${input:x} __INPUT__ <x> #{x}",
        "!`touch PWNED` @/etc/passwd",
        "-rf",
        "--help",
        "--",
        "*",
        "~",
        "a=b&c|d;e>PWNED<f(g)",
        "'''\"\"\"\n'''; import os; os.system('touch PWNED')",
        "\u{1b}[31m\u{202e}\t\r ä 🎈",
        " ",
    ];
    fixed.iter().map(ToString::to_string).chain(["x'\"$(touch PWNED)`\n".repeat(5500)]).collect()
}

/// A definition of each dialect that can run: its name, and how its one argument is given.
const RUNNERS: [(&str, Way); 26] = [
    ("user:n-sh", Way::Word),
    ("user:n-bash", Way::Word),
    ("user:n-zsh", Way::Word),
    ("user:n-fish", Way::Word),
    ("user:n-python", Way::Word),
    ("user:n-node", Way::Word),
    ("user:n-perl", Way::Word),
    ("user:n-shebang", Way::Word),
    ("user:n-rest-sh", Way::Word),
    ("user:n-rest-python", Way::Word),
    ("user:n-rest-node", Way::Word),
    ("user:n-call", Way::Word),
    ("user:n-chain", Way::Word),
    ("user:n-option", Way::Set("x")),
    ("here:m-sh", Way::Word),
    ("here:m-py", Way::Word),
    ("here:m-js", Way::Word),
    ("here:m-flag", Way::Set("x")),
    ("here:x-env", Way::Word),
    ("here:x-argv", Way::Word),
    ("here:r-cell", Way::Set("x")),
    ("here:t-page bare", Way::Set("x")),
    ("here:t-page single", Way::Set("x")),
    ("here:t-page double", Way::Set("x")),
    ("here:j-shell", Way::Word),
    ("here:j-to", Way::Word),
];

#[derive(Clone, Copy, Debug)]
enum Way {
    /// As a word behind `--`.
    Word,
    /// As `--set NAME=value`.
    Set(&'static str),
}

const NATIVE: &str = r#"
### `/n-sh <x>`
```sh
printf %s "$x" >out
```
### `/n-bash <x>`
```bash
printf %s "$x" >out
```
### `/n-zsh <x>`
```zsh
printf %s "$x" >out
```
### `/n-fish <x>`
```fish
printf %s "$x" >out
```
### `/n-python <x>`
```python
import os
open('out', 'wb').write(os.environb[b'x'])
```
### `/n-node <x>`
```node
require('fs').writeFileSync('out', process.env.x)
```
### `/n-perl <x>`
```perl
open(my $f, '>:raw', 'out'); print $f $ENV{x};
```
### `/n-shebang <x>`
```sh
#!/usr/bin/env python3
import os
open('out', 'wb').write(os.environb[b'x'])
```
### `/n-rest-sh [x...]`
```sh
printf %s "$@" >out
```
### `/n-rest-python [x...]`
```python
import os, sys
open('out', 'wb').write(os.fsencode(sys.argv[1]))
```
### `/n-rest-node [x...]`
```node
require('fs').writeFileSync('out', process.argv[1])
```
### `/n-call <x>`
```run
/n-sh "{{x}}"
```
### `/n-chain <x>`
```sh {id=say}
printf %s "$x"
```
```sh {stdin=say if="x != '' and '$' != x"}
cat >out
```
### `/n-option [--x=<v>]`
```sh
printf %s "$x" >out
```
"#;

const MASK: &str = r#"# M

## m-sh (x)

```sh
printf %s "$x" >out
```

## m-py (x)

```py
import os
open('out', 'wb').write(os.environb[b'x'])
```

## m-js (x)

```js
require('fs').writeFileSync('out', process.env.x)
```

## m-flag

**OPTIONS**
* x
    * flags: --x
    * type: string

```bash
printf %s "$x" >out
```
"#;

const XC: &str = r#"# P

<!-- xc-heading -->
## Tasks

### x-env
Inputs: x

```
printf %s "$x" >out
```

### x-argv
Inputs: x

```
printf %s "$1" >out
```
"#;

const RUNME: &str = "# R\n\n```sh {\"name\":\"r-cell\"}\nexport x=default\nprintf %s \"$x\" >out\n```\n";

const TLDR: &str = "# t-page\n\n> Page.\n\n- Bare:\n\n`printf %s {{x}} >out`\n\n- Single:\n\n`printf '%s' '{{x}}' >out`\n\n\
    - Double:\n\n`printf '%s' \"{{x}}\" >out`\n";

const NAVI: &str = "% kit, print\n\n# navi bare\nprintf %s <x> >out\n\n# navi double\nprintf %s \"<x>\" >out\n";

const JAEGIS: &str = "# C\n\n## Commands\n\n### `/j-shell`\n**Description:** One\n**Usage:** `/j-shell [x]`\n\n---\n\n\
    ### `/j-to`\n**Description:** Two\n**Usage:** `/j-to [x]`\n";

fn with_all() -> World {
    let world = World::new();
    own(&world, NATIVE);
    world.write("maskfile.md", MASK);
    world.write("README.md", XC);
    world.write("RUNME.md", RUNME);
    world.write("pages/common/t-page.md", TLDR);
    world.write("kit.cheat", NAVI);
    world.write("catalogue.md", JAEGIS);
    add_here(&world);
    world.run(&["commands", "bind", "j-shell", "--shell", "printf %s \"$x\" >out"]).ok();
    world.run(&["commands", "bind", "j-to", "--to", "user:n-sh {{x}}"]).ok();
    world
}

fn words(name: &str, way: Way, value: &str) -> Vec<String> {
    let mut words = vec!["run".to_string(), "--no-input".into(), name.into()];
    match way {
        Way::Word => words.extend(["--".to_string(), value.to_string()]),
        Way::Set(param) => words.extend(["--set".to_string(), format!("{param}={value}")]),
    }
    words
}

#[test]
fn arguments_arrive_as_data_in_every_dialect() {
    let world = with_all();
    let navi = json(&world.run(&["commands", "ls", "--json", "--source", "here"]));
    let names = navi["commands"].as_array().unwrap().iter().filter(|c| c["dialect"] == "navi");
    let navi: Vec<String> = names.map(|c| format!("here:{}", c["name"].as_str().unwrap())).collect();
    assert_eq!(navi.len(), 2, "both snippets of the cheat sheet");
    let runners = RUNNERS.iter().map(|(name, way)| (*name, *way));
    for (name, way) in runners.chain(navi.iter().map(|name| (name.as_str(), Way::Set("x")))) {
        for value in hostile() {
            let _ = std::fs::remove_file(world.path("out"));
            let words = words(name, way, &value);
            let words: Vec<&str> = words.iter().map(String::as_str).collect();
            let ran = world.run(&words);
            let short: String = value.chars().take(60).collect();
            let snippet = ["here:t-page", "here:kit"].iter().any(|page| name.starts_with(page));
            if snippet && value.starts_with('-') {
                // A snippet's program would take it for an option; nothing is run.
                assert!(ran.failed(2).contains("begins with a dash"), "{name} {short:?}");
                assert!(!world.path("out").exists());
                continue;
            }
            assert_eq!(ran.code, 0, "{name} {short:?}: {}", ran.stderr);
            let got = std::fs::read(world.path("out")).unwrap_or_default();
            assert!(got == value.as_bytes(), "{name} {short:?}: {:?}", String::from_utf8_lossy(&got));
            assert!(!world.path("PWNED").exists(), "{name} {short:?}");
        }
    }
}

#[test]
fn arguments_stand_in_prompts_as_they_are_and_are_not_expanded_again() {
    let world = World::new();
    own(&world, "### `/p <x> [other]`\n```prompt\nA {{x}} B\n```\n");
    world.write("patterns/fab/system.md", "# IDENTITY\n\nA {{x}} B {{input}} C\n");
    world.write(".claude/commands/cla.md", "---\ndescription: d\n---\nA $ARGUMENTS B\n");
    world.write("prompts/cop.prompt.md", "---\ndescription: d\n---\nA ${input:x} B\n");
    world.write("skill/SKILL.md", "---\nname: skill\ndescription: d\n---\nDo it.\n");
    add_here(&world);
    world.write("roles/rol.md", "A __INPUT__ B {{__arch__}}\n");
    world.run(&["source", "add", "./roles", "--name", "roles", "--as", "aichat"]).ok();
    for (name, way, template) in [
        ("user:p", Way::Word, "A @ B\n"),
        ("here:fab", Way::Set("x"), "# IDENTITY\n\nA @ B  C\n"),
        ("here:cla", Way::Word, "A @ B\n"),
        ("here:cop", Way::Set("x"), "A @ B\n"),
        ("roles:rol", Way::Word, "A @ B x86_64\n"),
    ] {
        for value in hostile() {
            let mut words = words(name, way, &value);
            words.splice(1..1, ["--dry-run".to_string(), "--json".into()]);
            let words: Vec<&str> = words.iter().map(String::as_str).collect();
            let out = world.run(&words);
            assert_eq!(out.code, 0, "{name} {out:?}");
            let text = json(&out)["dry_run"]["steps"][0]["text"].as_str().unwrap().to_string();
            let want = template.replace("x86_64", std::env::consts::ARCH).replace('@', &value);
            assert_eq!(text.trim_end(), want.trim_end(), "{name}");
        }
    }
    assert!(!world.path("PWNED").exists());
}

#[test]
fn snippets_refuse_what_cannot_be_quoted() {
    let world = World::new();
    world.write(
        "pages/common/bad.md",
        "# bad\n\n> Page.\n\n- Again:\n\n`sh -c '{{x}}'`\n\n- Eval:\n\n`eval {{x}}`\n\n- Sum:\n\n`echo $(({{x}} + 1))`\n",
    );
    add_here(&world);
    for name in ["here:bad again", "here:bad eval", "here:bad sum"] {
        let said = world.run(&["run", name, "--set", "x=$(touch PWNED)"]).failed(4);
        assert!(said.contains("cannot be filled safely"), "{said}");
    }
    assert!(!world.path("PWNED").exists());
}
