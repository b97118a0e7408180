//! `?fields=`: only some fields of an answer. Which there are is known by the schema of the answer, so that a name that is
//! wrong is told even where nothing was found.

use schemars::generate::SchemaSettings;
use schemars::{Schema, SchemaGenerator};
use serde_json::{Map, Value as Json, json};

use super::problem::{Problem, Wrong};

/// So often a schema may lead on to another before it is believed to know the name.
const FAR: usize = 64;
/// So many names are told.
const TOLD: usize = 40;

/// The schema of an answer with all that it refers to.
pub fn schema(of: fn(&mut SchemaGenerator) -> Schema) -> Json {
    let mut generator = SchemaSettings::draft2020_12().into_generator();
    let schema = of(&mut generator).to_value();
    json!({"answer": schema, "$defs": generator.take_definitions(true)})
}

/// Whether answers of this schema have all these fields. Of a list the fields of its items are meant, as in [`pick`].
///
/// # Errors
/// 422 that names one that they have not, with those that they have.
pub fn check(schema: &Json, wanted: &[String]) -> Result<(), Problem> {
    let answer = followed(schema, &schema["answer"]);
    let item = answer.get("properties").and_then(|all| all.get("items")).map(|items| followed(schema, items));
    let meant = item.and_then(|items| items.get("items")).unwrap_or(answer);
    let unknown = wanted.iter().find(|field| !knows(schema, meant, &field.split('.').collect::<Vec<_>>(), FAR));
    let Some(unknown) = unknown else { return Ok(()) };
    let detail = format!("answers have no field `{}`", unknown.chars().take(100).collect::<String>());
    let problem = Problem::wrong(vec![Wrong { field: "fields".into(), detail }]);
    let mut names = Vec::new();
    own_names(schema, meant, &mut names, FAR);
    names.truncate(TOLD);
    Err(if names.is_empty() { problem } else { problem.hint(format!("they have {}", names.join(", "))) })
}

/// What a reference refers to.
fn followed<'a>(root: &'a Json, schema: &'a Json) -> &'a Json {
    let name = schema.get("$ref").and_then(Json::as_str).and_then(|to| to.strip_prefix("#/$defs/"));
    name.map_or(schema, |name| &root["$defs"][name])
}

/// The schemas of which a value may be of one, or must be of all.
fn parts(schema: &Json) -> impl Iterator<Item = &Json> {
    ["anyOf", "oneOf", "allOf"].into_iter().filter_map(|word| schema.get(word)?.as_array()).flatten()
}

/// Whether a value of this schema may have the field of this path.
fn knows(root: &Json, schema: &Json, path: &[&str], far: usize) -> bool {
    let ([first, rest @ ..], Some(far)) = (path, far.checked_sub(1)) else { return true };
    let schema = followed(root, schema);
    let Some(of) = schema.as_object() else { return schema == &json!(true) };
    if parts(schema).any(|part| knows(root, part, path, far)) {
        return true;
    }
    if let Some(items) = of.get("items") {
        return knows(root, items, path, far);
    }
    let named = of.get("properties").and_then(|all| all.get(*first));
    if let Some(schema) = named {
        return knows(root, schema, rest, far);
    }
    match of.get("additionalProperties") {
        Some(Json::Bool(may)) => *may,
        Some(more) => knows(root, more, rest, far),
        // Where nothing is said of what stands in it, anything may.
        None => {
            !["type", "properties", "anyOf", "oneOf", "allOf", "enum", "const"].iter().any(|w| of.contains_key(*w))
                || of.get("type") == Some(&json!("object"))
                    && !of.contains_key("properties")
                    && parts(schema).next().is_none()
        }
    }
}

/// The names of the fields of a value of this schema.
fn own_names(root: &Json, schema: &Json, names: &mut Vec<String>, far: usize) {
    let Some(far) = far.checked_sub(1) else { return };
    let schema = followed(root, schema);
    let own = schema.get("properties").and_then(Json::as_object).into_iter().flatten().map(|(name, _)| name);
    for name in own {
        if !names.contains(name) {
            names.push(name.clone());
        }
    }
    parts(schema).for_each(|part| own_names(root, part, names, far));
    if let Some(items) = schema.get("items") {
        own_names(root, items, names, far);
    }
}

/// `value`'s named fields only: `a,b.c` keeps `a` and of `b` only `c`. Of a list the fields of its items are meant.
pub fn pick(value: Json, fields: &[String]) -> Json {
    if fields.is_empty() {
        return value;
    }
    match value {
        Json::Object(mut object) if object.get("items").is_some_and(Json::is_array) => {
            if let Some(Json::Array(items)) = object.remove("items") {
                let picked = items.into_iter().map(|item| picked(item, fields)).collect();
                object.insert("items".into(), Json::Array(picked));
            }
            Json::Object(object)
        }
        other => picked(other, fields),
    }
}

fn picked(value: Json, fields: &[String]) -> Json {
    match value {
        Json::Array(items) => Json::Array(items.into_iter().map(|item| picked(item, fields)).collect()),
        Json::Object(object) => {
            let mut kept = Map::new();
            for (name, value) in object {
                let below: Vec<String> = fields
                    .iter()
                    .filter_map(|field| field.strip_prefix(&name)?.strip_prefix('.').map(String::from))
                    .collect();
                if fields.contains(&name) {
                    kept.insert(name, value);
                } else if !below.is_empty() {
                    kept.insert(name, picked(value, &below));
                }
            }
            Json::Object(kept)
        }
        other => other,
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use schemars::JsonSchema;

    use super::*;
    use crate::serve::input;

    #[derive(JsonSchema)]
    #[allow(dead_code)]
    struct Inner {
        c: Option<String>,
        free: Json,
        by_name: std::collections::BTreeMap<String, u64>,
    }

    #[derive(JsonSchema)]
    #[allow(dead_code)]
    struct Flat {
        d: u64,
        more: Option<Box<Flat>>,
    }

    #[derive(JsonSchema)]
    #[allow(dead_code)]
    struct Item {
        a: u64,
        b: Option<Inner>,
        list: Vec<Inner>,
        #[serde(flatten)]
        flat: Flat,
    }

    #[derive(JsonSchema)]
    #[allow(dead_code)]
    struct Page {
        items: Vec<Item>,
        next: Option<String>,
    }

    #[test]
    fn names_that_no_answer_has_are_told() {
        for schema in [schema(input::schema::<Page>), schema(input::schema::<Item>), schema(input::schema::<Vec<Item>>)]
        {
            for known in ["a", "b", "b.c", "b.free.any.thing", "list.c", "list.by_name.x", "d", "more.more.d"] {
                assert!(check(&schema, &[known.to_string()]).is_ok(), "{known} {schema}");
            }
            for unknown in ["x", "A", "a.b", "b.x", "list.x", "next", "b.c.d", "more.x", "", ".", "a."] {
                let problem = check(&schema, &["a".to_string(), unknown.to_string()]).unwrap_err();
                assert_eq!((problem.status, problem.errors[0].field.as_str()), (422, "fields"), "{unknown}");
            }
        }
    }

    #[test]
    fn fields_are_picked_at_any_depth_and_of_lists_by_item() {
        let page = json!({"items": [{"a": 1, "b": {"c": 2, "d": 3}, "e": [{"f": 4, "g": 5}]}], "next": null});
        let fields: Vec<String> = ["a", "b.c", "e.g"].map(String::from).to_vec();
        let picked = json!({"items": [{"a": 1, "b": {"c": 2}, "e": [{"g": 5}]}], "next": null});
        assert_eq!(pick(page.clone(), &fields), picked);
        assert_eq!(pick(page.clone(), &[]), page);
        assert_eq!(pick(json!({"a": 1}), &["b".to_string()]), json!({}));
    }

    /// JSON of any shape.
    fn anything() -> impl Strategy<Value = Json> {
        let leaf = prop_oneof![
            Just(Json::Null),
            any::<bool>().prop_map(Json::from),
            any::<i64>().prop_map(Json::from),
            "[a-c.é]{0,4}".prop_map(Json::from),
        ];
        leaf.prop_recursive(4, 40, 5, |inner| {
            prop_oneof![
                prop::collection::vec(inner.clone(), 0..5).prop_map(Json::from),
                prop::collection::btree_map("[a-c]{1,2}", inner, 0..5)
                    .prop_map(|map| Json::Object(map.into_iter().collect())),
            ]
        })
    }

    /// Whether all of `part` stands in `whole`, lists being as long.
    fn within(part: &Json, whole: &Json) -> bool {
        match (part, whole) {
            (Json::Object(part), Json::Object(whole)) => {
                part.iter().all(|(name, value)| whole.get(name).is_some_and(|other| within(value, other)))
            }
            (Json::Array(part), Json::Array(whole)) => {
                part.len() == whole.len() && part.iter().zip(whole).all(|(part, whole)| within(part, whole))
            }
            (part, whole) => part == whole,
        }
    }

    proptest! {
        #[test]
        fn what_is_picked_stands_in_the_whole_and_picking_again_changes_nothing(
            value in anything(),
            fields in prop::collection::vec("[a-c]{1,2}(\\.[a-c]{1,2}){0,2}", 0..5)
        ) {
            let picked = pick(value.clone(), &fields);
            prop_assert!(within(&picked, &value));
            prop_assert_eq!(pick(picked.clone(), &fields), picked);
        }

        #[test]
        fn no_name_breaks_it(names in prop::collection::vec(".{0,40}", 0..4)) {
            let _ = check(&schema(input::schema::<Page>), &names);
        }
    }
}
