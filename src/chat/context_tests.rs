use proptest::prelude::*;
use serde_json::json;

use super::*;
use crate::kernel::clock::Timestamp;
use crate::kernel::ids::Ids;
use crate::providers::model::ToolCall;

/// A token a byte, so that sums can be followed.
fn count(text: &str) -> Size {
    Size { tokens: text.len() as u64, exact: true }
}

fn said(ids: &Ids, role: Role, text: &str) -> Said {
    Said { id: ids.next(Timestamp::from_micros(1)), turn: Turn::text(role, text), whole: true }
}

fn talk(pairs: usize, length: usize) -> Vec<Said> {
    let ids = Ids::seeded(1);
    let text = "x".repeat(length);
    let pair = |_| [said(&ids, Role::User, &text), said(&ids, Role::Assistant, &text)];
    (0..pairs).flat_map(pair).chain([said(&ids, Role::User, "last")]).collect()
}

#[test]
fn what_fits_is_left_alone() {
    let pieces = assemble(Some("be brief"), &[], &[], &talk(2, 10), &count);
    assert_eq!(pieces.len(), 6);
    assert_eq!(total(&pieces), Size { tokens: 8 + 4 * 10 + 4 + 6 * 4, exact: true });
    assert_eq!(fit(&pieces, Budget { context: 100, reserve: 10 }), Fit::Fits);
}

#[test]
fn older_turns_give_way_and_whole_turns_stay() {
    let path = talk(10, 96);
    let pieces = assemble(Some("s"), &["tea".to_string()], &[], &path, &count);
    let Fit::Compact { keep_from } = fit(&pieces, Budget { context: 1100, reserve: 100 }) else { panic!() };
    assert_eq!(pieces[keep_from].turn.role, Role::User);
    let kept: u64 = pieces[keep_from..].iter().map(|p| p.size.tokens).sum();
    assert!(kept <= 500 && kept + 200 > 420, "as much as fits into half of the room: {kept}");
    let of: Vec<Id> = pieces[..keep_from].iter().filter(|p| p.why == Why::Message).filter_map(|p| p.id).collect();
    let summary = Summary { id: path[0].id, text: "short".into(), of };
    let after = assemble(Some("s"), &["tea".to_string()], &[summary], &path, &count);
    assert_eq!(fit(&after, Budget { context: 1100, reserve: 100 }), Fit::Fits);
    assert_eq!(after[2].why, Why::Summary);
    assert_eq!(after[3..], pieces[keep_from..]);
}

#[test]
fn a_summary_of_another_branch_is_not_used() {
    let path = talk(2, 10);
    let other = Ids::seeded(9).next(Timestamp::from_micros(5));
    let summary = Summary { id: other, text: "wrong".into(), of: vec![path[0].id, other] };
    assert!(assemble(None, &[], &[summary], &path, &count).iter().all(|p| p.why == Why::Message));
}

#[test]
fn one_question_that_is_too_long_is_said() {
    let ids = Ids::seeded(1);
    let pieces = assemble(None, &[], &[], &[said(&ids, Role::User, &"x".repeat(500))], &count);
    assert_eq!(fit(&pieces, Budget { context: 400, reserve: 100 }), Fit::TooLong { tokens: 504, room: 300 });
}

#[test]
fn an_unanswered_call_gets_an_answer_and_a_stray_result_is_left_out() {
    let ids = Ids::seeded(1);
    let call = ToolCall { id: "1".into(), name: "look".into(), arguments: json!({}), signatures: Vec::new() };
    let asks =
        Said { turn: Turn { role: Role::Assistant, parts: vec![Part::ToolCall(call)] }, ..said(&ids, Role::User, "") };
    let stray = ToolResult { id: "9".into(), name: "x".into(), content: "y".into(), is_error: false };
    let stray =
        Said { turn: Turn { role: Role::Tool, parts: vec![Part::ToolResult(stray)] }, ..said(&ids, Role::User, "") };
    let path = [said(&ids, Role::User, "a"), asks, said(&ids, Role::User, "b"), stray, said(&ids, Role::User, "c")];
    let all = turns(&assemble(None, &[], &[], &path, &count));
    let roles: Vec<Role> = all.iter().map(|t| t.role).collect();
    assert_eq!(roles, [Role::User, Role::Assistant, Role::Tool, Role::User]);
    assert!(matches!(&all[2].parts[..], [Part::ToolResult(r)] if r.id == "1" && r.is_error));
    assert_eq!(all[3].words(), "b\n\nc");
}

proptest! {
    /// Whatever happened in a chat, no provider gets two messages of one speaker, an empty one, or a call without its
    /// result right behind it.
    #[test]
    fn what_is_sent_is_well_formed(kinds in prop::collection::vec((0usize..5, 0usize..3), 0..20)) {
        let ids = Ids::seeded(1);
        let path: Vec<Said> = kinds.iter().map(|(kind, n)| {
            let id = format!("c{n}");
            let call = ToolCall { id: id.clone(), name: "t".into(), arguments: json!({}), signatures: Vec::new() };
            let result = ToolResult { id, name: "t".into(), content: String::new(), is_error: false };
            let (role, part) = match kind {
                0 => (Role::User, Part::text("hi")),
                1 => (Role::Assistant, Part::text("")),
                2 => (Role::Assistant, Part::ToolCall(call)),
                3 => (Role::Tool, Part::ToolResult(result)),
                _ => (Role::Assistant, Part::Reasoning { text: "hm".into(), signature: None }),
            };
            Said { turn: Turn { role, parts: vec![part] }, ..said(&ids, Role::User, "") }
        }).collect();
        let all = turns(&assemble(Some("s"), &[], &[], &path, &count));
        for pair in all.windows(2) {
            prop_assert_ne!(pair[0].role, pair[1].role);
        }
        for (at, turn) in all.iter().enumerate() {
            prop_assert!(!turn.parts.is_empty());
            for part in &turn.parts {
                if let Part::ToolCall(call) = part {
                    let answered = all.get(at + 1).is_some_and(|next| next.role == Role::Tool
                        && next.parts.iter().any(|p| matches!(p, Part::ToolResult(r) if r.id == call.id)));
                    prop_assert!(answered);
                }
            }
        }
    }
}
