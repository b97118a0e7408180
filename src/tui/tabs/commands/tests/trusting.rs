//! Trust: asked for, given, taken back.

use super::*;

#[test]
fn trust_is_never_given_by_enter() {
    let mut stage = on_release(LARGE);
    let mut test = shown(3, command("test", "/test [--quick]"), 0, Trust::Changed).resolved;
    test.command.text = "### `/test`\n```bash\ncargo test\n```\n".into();
    let before = "### `/test`\n```bash\nmake test\n```\n".to_string();
    let all = vec![
        Judged { resolved: release().resolved, reach: reach(), before: None },
        Judged { resolved: test, reach: reach(), before: Some(before) },
    ];
    let resolved: Vec<Resolved> = all.iter().map(|one| one.resolved.clone()).collect();
    let untrusted = || Answer::Prepared(errand(Want::Run), Ok(Prepared::Untrusted(all.clone())));
    answer(&mut stage, untrusted());
    insta::assert_snapshot!("card", stage.text());
    stage.take();
    stage.keys("G");
    insta::assert_snapshot!("card_end", stage.text());
    stage.keys("enter");
    assert_eq!(stage.take(), [], "Enter is no");
    assert!(stage.text().contains("not trusted, so nothing was run"));
    answer(&mut stage, untrusted());
    stage.keys("n");
    assert_eq!(stage.take(), []);
    answer(&mut stage, untrusted());
    stage.keys("t");
    assert_eq!(stage.take(), [ask("run", Request::Trust(resolved, Some(errand(Want::Run))))]);
}

#[test]
fn trust_is_asked_for_and_taken_back() {
    let mut stage = on_release(SMALL);
    stage.take();
    stage.keys("t");
    assert_eq!(stage.take(), [ask("trust", Request::Judge(Scope::Command(id(2))))]);
    stage.keys("g t");
    assert_eq!(stage.take().last(), Some(&ask("trust", Request::Judge(Scope::Source("ops".into())))));
    stage.keys("j");
    stage.take();
    answer(&mut stage, Answer::Shown(id(1), Ok(Box::new(shown(1, command("hello", "/hello"), 0, Trust::Trusted)))));
    stage.keys("t u");
    let untrust = Request::Untrust("github:acme/ops".into(), Some("hello".into()));
    assert_eq!(stage.take(), [ask("trust", untrust)]);
    stage.keys("G t");
    assert!(stage.text().contains("always trusted"), "{}", stage.text());
}
