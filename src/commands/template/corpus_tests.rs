//! Fills every snippet of the corpora and asks bash whether the result is still a script.

use std::collections::BTreeMap;
use std::process::{Command, Stdio};

use super::slot::{Piece, Snippet};
use super::snippet::{Options, fill};
use crate::commands::corpus_tests::corpus_files;
use crate::commands::dialect::{SourceFile, navi, tldr};
use crate::commands::model::{Step, Syntax};

/// Every snippet for a Unix shell, with the path it comes from.
fn snippets() -> Vec<(String, Step)> {
    let pages = corpus_files("tldr", "md").into_iter().filter_map(|(path, text)| {
        let at = path.find("/pages")?;
        Some(tldr::read(&SourceFile { path: &path[at + 1..], text: &text }).commands)
    });
    let sheets = corpus_files("navi", "cheat")
        .into_iter()
        .map(|(path, text)| navi::read(&SourceFile { path: &path, text: &text }).commands);
    let commands = pages.chain(sheets).flatten();
    commands
        .flat_map(|c| c.steps.into_iter().map(move |s| (c.name.clone(), s)))
        .filter(|(_, s)| s.lang == "sh")
        .collect()
}

/// The snippet with a plain word for each placeholder.
fn plain(step: &Step) -> String {
    let piece = |p: &Piece| match p {
        Piece::Text(text) => text.clone(),
        Piece::Choice { long, .. } => long.clone(),
        Piece::Slot { .. } => "word".to_string(),
    };
    Snippet::parse(step.syntax, &step.text).pieces.iter().map(piece).collect()
}

fn bash_accepts(scripts: &[&str]) -> bool {
    let text = scripts.join("\n");
    let mut bash = Command::new("bash")
        .args(["-O", "extglob", "-n", "/dev/stdin"])
        .stdin(Stdio::piped())
        .stderr(Stdio::null())
        .spawn()
        .unwrap();
    std::io::Write::write_all(&mut bash.stdin.take().unwrap(), text.as_bytes()).unwrap();
    bash.wait().unwrap().success()
}

/// Which of `scripts` bash does not accept: halves are asked together, so that few processes are needed.
fn rejected(scripts: &[(usize, &str)], out: &mut Vec<usize>) {
    let texts: Vec<&str> = scripts.iter().map(|(_, s)| *s).collect();
    match scripts {
        [] => {}
        _ if bash_accepts(&texts) => {}
        [(index, _)] => out.push(*index),
        _ => {
            let (left, right) = scripts.split_at(scripts.len() / 2);
            rejected(left, out);
            rejected(right, out);
        }
    }
}

fn all_rejected(scripts: &[(usize, &str)]) -> Vec<usize> {
    let mut out = Vec::new();
    scripts.chunks(64).for_each(|chunk| rejected(chunk, &mut out));
    out
}

#[test]
fn the_corpora_are_filled_and_stay_scripts() {
    let all = snippets();
    if all.is_empty() {
        return;
    }
    let counts = BTreeMap::new();
    let options = Options { lang: "sh", short_options: false, counts: &counts, bare_names: false };
    let (mut filled, mut reasons, mut refused) = (Vec::new(), BTreeMap::<String, usize>::new(), [0; 2]);
    for (index, (name, step)) in all.iter().enumerate() {
        match fill(step.syntax, &step.text, &options) {
            Ok(f) => filled.push((index, f.script)),
            Err(refusal) => {
                refused[usize::from(step.syntax == Syntax::Navi)] += 1;
                *reasons.entry(refusal.reason.clone()).or_default() += 1;
                if std::env::var_os("FAC_SHOW").is_some() {
                    println!("{name}: {:?}: {refusal}", step.text);
                }
            }
        }
    }
    let originals: Vec<(usize, String)> = filled.iter().map(|(i, _)| (*i, plain(&all[*i].1))).collect();
    let broken = all_rejected(&originals.iter().map(|(i, s)| (*i, s.as_str())).collect::<Vec<_>>());
    let sound: Vec<(usize, &str)> =
        filled.iter().filter(|(i, _)| !broken.contains(i)).map(|(i, s)| (*i, s.as_str())).collect();
    let bad: Vec<&str> = all_rejected(&sound).into_iter().map(|i| all[i].1.text.as_str()).collect();
    assert_eq!(bad, Vec::<&str>::new());
    println!(
        "{} snippets: {} filled, {} of tldr and {} of navi refused; {} are no bash by themselves",
        all.len(),
        filled.len(),
        refused[0],
        refused[1],
        broken.len()
    );
    for (reason, count) in reasons {
        println!("{count:5} {reason}");
    }
    assert!(filled.len() * 100 >= all.len() * 97, "{} of {} filled", filled.len(), all.len());
}
