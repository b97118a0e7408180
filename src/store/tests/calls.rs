//! What was used, summed; what was allowed; what is remembered and kept for another time.

use super::support::*;
use crate::kernel::clock::Timestamp;
use crate::kernel::error::Kind;
use crate::kernel::ids::Id;
use crate::store::*;

fn new_call(model: &str, session: Option<Id>) -> NewCall {
    NewCall { session, purpose: "ask".to_string(), model: model.to_string(), ..NewCall::default() }
}

fn took(input: u64, output: u64, cost: Option<i64>) -> CallEnd {
    CallEnd {
        status: "ok".to_string(),
        input: Some(input),
        output: Some(output),
        cost_micros: cost,
        first_token_ms: Some(input),
        duration_ms: 9,
        ..CallEnd::default()
    }
}

fn one(store: &Store, filter: &UsageFilter) -> UsageRow {
    store.usage(filter, UsageBy::All, 0).unwrap().remove(0)
}

#[test]
fn sums_are_exact_and_say_what_they_do_not_know() {
    let world = World::new();
    let store = &world.store;
    let chat = store.begin_session(&NewSession::default()).unwrap();
    let all = UsageFilter::default();
    assert_eq!(store.usage(&all, UsageBy::All, 0).unwrap(), []);
    let begun = |model: &str| store.begin_call(&new_call(model, Some(chat.id))).unwrap();
    let a = begun("p/a");
    let full = CallEnd { cached: Some(2), cache_written: Some(1), reasoning: Some(5), ..took(10, 20, Some(7)) };
    store.end_call(a, &full).unwrap();
    // The second end of a call says nothing new.
    let events = store.counts().unwrap().events;
    store.end_call(a, &took(1000, 1000, Some(1000))).unwrap();
    assert_eq!(store.counts().unwrap().events, events);
    store.end_call(begun("p/b"), &took(100, 200, None)).unwrap();
    store.end_call(begun("p/b"), &CallEnd { status: "cancelled".into(), ..CallEnd::default() }).unwrap();
    begun("p/b");
    let cached = store.begin_call(&NewCall { from_cache: true, ..new_call("p/a", None) }).unwrap();
    store.end_call(cached, &CallEnd { status: "ok".into(), cost_micros: Some(0), ..CallEnd::default() }).unwrap();
    let sum = one(store, &all);
    let expected = UsageRow {
        key: String::new(),
        calls: 5,
        failed: 1,
        open: 1,
        unknown: 2,
        from_cache: 1,
        input: 110,
        output: 220,
        cached: 2,
        cache_written: 1,
        reasoning: 5,
        cost_micros: 7,
        unpriced: 1,
        first_token_ms: Some(55),
    };
    assert_eq!(sum, expected);
    let by = |by: UsageBy| store.usage(&all, by, 0).unwrap().into_iter().map(|r| (r.key, r.calls)).collect::<Vec<_>>();
    assert_eq!(by(UsageBy::Model), [("p/a".to_string(), 2), ("p/b".to_string(), 3)]);
    assert_eq!(by(UsageBy::Session), [(chat.id.to_string(), 4), (String::new(), 1)]);
    assert_eq!(by(UsageBy::Day), [("2026-01-02".to_string(), 5)]);
    assert_eq!(one(store, &UsageFilter { session: Some(chat.id), ..all.clone() }).calls, 4);
    assert_eq!(one(store, &UsageFilter { model: Some("p/b".into()), ..all.clone() }).input, 100);
    let start: Timestamp = START.parse().unwrap();
    assert_eq!(store.usage(&UsageFilter { until: Some(start), ..all.clone() }, UsageBy::All, 0).unwrap(), []);
    assert_eq!((store.spent(start).unwrap(), store.spent(start.plus_micros(1_000_000)).unwrap()), (7, 0));
    let nobody = store.owned_by("eve");
    assert_eq!((nobody.usage(&all, UsageBy::All, 0).unwrap(), nobody.costs_of(chat.id).unwrap()), (vec![], vec![]));
    // What was spent stays when the chat goes.
    store.remove_session(chat.id).unwrap();
    assert_eq!(one(store, &all), expected);
    assert_eq!(store.verify().unwrap().fault, None);
}

#[test]
fn a_day_is_the_persons_and_absurd_figures_do_not_spoil_the_sums() {
    let world = World::new();
    let store = &world.store;
    for _ in 0..3 {
        let call = store.begin_call(&new_call("p/a", None)).unwrap();
        store.end_call(call, &took(u64::MAX, u64::MAX, Some(i64::MAX))).unwrap();
    }
    let sum = one(store, &UsageFilter::default());
    assert_eq!((sum.input, sum.cost_micros), (3 << 40, 3 << 40));
    let day = |offset: i64| store.usage(&UsageFilter::default(), UsageBy::Day, offset).unwrap().remove(0).key;
    assert_eq!(
        (day(0), day(-4 * 3600), day(21 * 3600)),
        ("2026-01-02".into(), "2026-01-01".into(), "2026-01-03".into())
    );
}

#[test]
fn each_answers_price_is_known() {
    let world = World::new();
    let store = &world.store;
    let chat = store.begin_session(&NewSession::default()).unwrap();
    let (_, answer) = store.add_turn(&said(chat.id, "a"), &awaited(chat.id)).unwrap();
    for _ in 0..2 {
        let new = NewCall { message: Some(answer), ..new_call("p/a", Some(chat.id)) };
        let call = store.begin_call(&new).unwrap();
        store.end_call(call, &took(10, 1, Some(4))).unwrap();
    }
    let cost = super::super::AnswerCost { message: answer, input: 20, output: 2, cost_micros: Some(8) };
    assert_eq!(store.costs_of(chat.id).unwrap(), [cost]);
}

#[test]
fn tools_are_allowed_for_one_chat_and_definitions_pinned() {
    let world = World::new();
    let store = &world.store;
    let chat = |_| store.begin_session(&NewSession::default()).unwrap().id;
    let [one, two] = [0, 1].map(chat);
    store.allow_tool(one, "git:log", "d1").unwrap();
    store.allow_tool(one, "mcp x/y", "d2").unwrap();
    store.allow_tool(two, "git:log", "d1").unwrap();
    assert_eq!(store.allowed_tools(one).unwrap(), ["d1".to_string(), "d2".to_string()].into());
    let tools = |session| store.tool_grants(session).unwrap().into_iter().map(|(_, tool, _)| tool).collect::<Vec<_>>();
    assert_eq!((tools(None).len(), tools(Some(two))), (3, vec!["git:log".to_string()]));
    assert_eq!(store.revoke_tools(one, Some("git:log")).unwrap(), 1);
    assert_eq!(store.allowed_tools(one).unwrap(), ["d2".to_string()].into());
    assert_eq!(store.revoke_tools(one, None).unwrap(), 1);
    store.remove_session(two).unwrap();
    assert_eq!(tools(None), [""; 0]);

    assert_eq!(store.pinned("mcp", "x/y").unwrap(), None);
    store.pin("mcp", "x/y", "h1", "one").unwrap();
    store.pin("mcp", "x/y", "h2", "two").unwrap();
    store.pin("mcp", "xx/y", "h3", "three").unwrap();
    assert_eq!(store.pinned("mcp", "x/y").unwrap(), Some(("h2".into(), "two".into())));
    assert_eq!(store.unpin("mcp", "x/").unwrap(), 1);
    assert_eq!((store.pinned("mcp", "x/y").unwrap(), store.pinned("mcp", "xx/y").unwrap().is_some()), (None, true));
}

#[test]
fn what_is_remembered_is_forgotten_by_a_part_of_its_id() {
    let world = World::new();
    let store = &world.store;
    let tea = store.remember("likes tea", "cli").unwrap();
    let rust = store.remember("writes Rust", "cli").unwrap();
    assert_eq!(store.memories().unwrap(), [tea.clone(), rust.clone()]);
    assert_eq!(store.owned_by("eve").memories().unwrap(), []);
    assert_eq!(store.forget(&tea.id.to_string()[..8]).unwrap_err().kind(), Kind::Usage);
    assert_eq!(store.forget("ffff").unwrap_err().kind(), Kind::NotFound);
    assert_eq!(store.forget(&tea.id.tail()).unwrap(), tea);
    assert_eq!(store.memories().unwrap(), [rust]);
}

#[test]
fn the_cache_forgets_what_is_old_and_then_what_was_used_longest_ago() {
    let world = World::new();
    let store = &world.store;
    let start: Timestamp = START.parse().unwrap();
    let later = start.plus_micros(60_000_000);
    let put = |key: &str, expires: Timestamp| store.cache_put(key, "123456789", expires, 30).unwrap();
    for key in ["a", "b", "c"] {
        put(key, later);
    }
    assert_eq!(store.cache_get("a").unwrap().as_deref(), Some("123456789"));
    put("d", later);
    let there = |keys: &[&str]| keys.iter().map(|k| store.cache_get(k).unwrap().is_some()).collect::<Vec<_>>();
    assert_eq!(there(&["a", "b", "c", "d"]), [true, false, true, true]);
    let stats = store.cache_stats().unwrap();
    assert_eq!(stats, CacheStats { entries: 3, bytes: 30, hits: 4, misses: 1 });
    store.cache_put("huge", &"x".repeat(31), later, 30).unwrap();
    put("old", start);
    assert_eq!(there(&["huge", "old"]), [false, false]);
    assert_eq!(store.owned_by("eve").cache_get("a").unwrap(), None);
    // An answer may quote what is erased.
    let memory = store.remember("x", "cli").unwrap();
    store.forget(&memory.id.to_string()).unwrap();
    assert_eq!(store.cache_stats().unwrap().entries, 0);
    put("e", later);
    assert_eq!(store.cache_clear().unwrap(), 1);
}
