//! JSON through Lua and back.

use proptest::prelude::*;
use serde_json::{Value as Json, json};

use super::sandbox;
use crate::plugins::limits::Limits;
use crate::plugins::values::{parse, to_json, to_lua};

fn any_json() -> impl Strategy<Value = Json> {
    let leaf = prop_oneof![
        any::<bool>().prop_map(Json::from),
        (-9_007_199_254_740_991i64..9_007_199_254_740_991).prop_map(Json::from),
        "\\PC{0,12}".prop_map(Json::from),
    ];
    leaf.prop_recursive(4, 40, 6, |inner| {
        prop_oneof![
            proptest::collection::vec(inner.clone(), 0..6).prop_map(Json::from),
            proptest::collection::btree_map("[a-zé]{1,6}", inner, 1..6).prop_map(|m| json!(m)),
        ]
    })
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]

    #[test]
    fn json_survives_the_way_there_and_back(json in any_json()) {
        let state = sandbox(Limits::default());
        let value = to_lua(state.lua(), &json).unwrap();
        prop_assert_eq!(&to_json(&value).unwrap(), &json);
        let value = parse(state.lua(), &json.to_string()).unwrap();
        prop_assert_eq!(&to_json(&value).unwrap(), &json);
    }

    #[test]
    fn any_text_is_read_or_refused(text in "(\\{|\\}|\\[|\\]|,|:|\"|null|1e9|tru|\\PC){0,30}") {
        let state = sandbox(Limits::default());
        let ours = parse(state.lua(), &text).map(|value| to_json(&value).unwrap()).ok();
        let theirs: Option<Json> = serde_json::from_str(&text).ok();
        prop_assert_eq!(ours.is_some(), theirs.is_some());
    }
}

#[test]
fn whole_numbers_that_lua_cannot_hold_are_their_digits() {
    let state = sandbox(Limits::default());
    let text = r#"[9007199254740991, 9007199254740993, -9007199254740993, 18446744073709551615, 0.5, 1e300]"#;
    let read =
        json!([9_007_199_254_740_991i64, "9007199254740993", "-9007199254740993", "18446744073709551615", 0.5, 1e300]);
    let given = to_lua(state.lua(), &serde_json::from_str(text).unwrap()).unwrap();
    for value in [parse(state.lua(), text).unwrap(), given] {
        assert_eq!(to_json(&value).unwrap(), read);
    }
}

#[test]
fn null_has_its_place() {
    let state = sandbox(Limits::default());
    let value = parse(state.lua(), r#"{"a": null, "b": [1, null, 3], "c": {}, "d": []}"#).unwrap();
    assert_eq!(to_json(&value).unwrap(), json!({"b": [1, null, 3], "c": {}, "d": []}));
}

#[test]
fn what_json_cannot_say_is_no_json() {
    let state = sandbox(Limits::default());
    let said = |script: &str| super::eval(&state, script).unwrap_err().full_message();
    assert!(said("return { 1, 2, name = 'x' }").contains("this list also has `name`"));
    for script in
        ["return { 1, 2, nil, 4 }", "return { 1, [5] = 2 }", "return { 1, [1.5] = 2 }", "return { 1, [true] = 2 }"]
    {
        assert!(said(script).contains("a list with holes"), "{script}: {}", said(script));
    }
    assert!(said("return fac.time.iso(0/0)").contains("is no time"));
    assert!(said("return fac.time.iso(math.huge)").contains("is no time"));
    assert!(said("return fac.time.format(string.rep('%255Y', 100))").contains("at most 200 bytes"));
    assert!(said("return { [10] = 'a', ['10'] = 'b' }").contains("`10` both as a number and as a text"));
    let fine = "return { list = { 1, 'two', { 3 } }, none = {}, [7] = 'seven' }";
    assert_eq!(super::eval(&state, fine).unwrap(), json!({"list": [1, "two", [3]], "none": {}, "7": "seven"}));
}
