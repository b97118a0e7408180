//! Which service gives an entity a value: `on` for a light, a number for a slider, an option for a choice.

use serde_json::{Value as Json, json};

use crate::kernel::error::{Error, Kind, Result};

/// A service and the data of its call.
#[derive(Clone, Debug, PartialEq)]
pub struct Setting {
    /// The domain of the service.
    pub domain: &'static str,
    /// Its name.
    pub service: &'static str,
    /// What it is called with.
    pub data: Json,
}

/// What makes an entity so.
///
/// # Errors
/// `Usage` where the entity's kind cannot be set so.
pub fn to(entity: &str, value: &str) -> Result<Setting> {
    let Some((domain, _)) = entity.split_once('.') else {
        return Err(Error::new(Kind::Usage, format!("{entity:?} is no entity; one looks like light.kitchen")));
    };
    let call = |domain, service, field: Option<(&str, Json)>| {
        let mut data = json!({"entity_id": entity});
        if let Some((name, value)) = field {
            data[name] = value;
        }
        Setting { domain, service, data }
    };
    let number = || value.parse::<f64>().ok().filter(|n| n.is_finite());
    let text = || json!(value);
    let wanted = value.to_lowercase();
    Ok(match (domain, wanted.as_str()) {
        ("input_number", _) if number().is_some() => call("input_number", "set_value", Some(("value", json!(number())))),
        ("number", _) if number().is_some() => call("number", "set_value", Some(("value", json!(number())))),
        ("counter", _) if number().is_some() => call("counter", "set_value", Some(("value", json!(number().map(|n| n as i64))))),
        ("input_select", _) => call("input_select", "select_option", Some(("option", text()))),
        ("select", _) => call("select", "select_option", Some(("option", text()))),
        ("input_text", _) => call("input_text", "set_value", Some(("value", text()))),
        ("text", _) => call("text", "set_value", Some(("value", text()))),
        ("input_datetime", _) => call("input_datetime", "set_datetime", Some(("datetime", text()))),
        ("climate", _) if number().is_some() => call("climate", "set_temperature", Some(("temperature", json!(number())))),
        ("climate", _) => call("climate", "set_hvac_mode", Some(("hvac_mode", text()))),
        ("cover", "open" | "opened") => call("cover", "open_cover", None),
        ("cover", "close" | "closed") => call("cover", "close_cover", None),
        ("cover", "stop") => call("cover", "stop_cover", None),
        ("cover", _) if number().is_some() => call("cover", "set_cover_position", Some(("position", json!(number())))),
        ("lock", "lock" | "locked") => call("lock", "lock", None),
        ("lock", "unlock" | "unlocked") => call("lock", "unlock", None),
        ("button", "press") => call("button", "press", None),
        ("input_button", "press") => call("input_button", "press", None),
        ("media_player", "play" | "playing") => call("media_player", "media_play", None),
        ("media_player", "pause" | "paused") => call("media_player", "media_pause", None),
        ("timer", "start" | "active") => call("timer", "start", None),
        ("timer", "cancel" | "idle") => call("timer", "cancel", None),
        (_, "on") => call("homeassistant", "turn_on", None),
        (_, "off") => call("homeassistant", "turn_off", None),
        (_, "toggle") => call("homeassistant", "toggle", None),
        ("light", _) if number().is_some_and(|n| (0.0..=100.0).contains(&n)) => {
            call("light", "turn_on", Some(("brightness_pct", json!(number()))))
        }
        _ => {
            return Err(Error::new(Kind::Usage, format!("there is no one way to make {entity} {value:?}")).hint(format!(
                "call a service (`fac ha services {domain}` lists them), or say --state to write what Home Assistant believes"
            )));
        }
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_kind_has_its_way() {
        for (entity, value, service, data) in [
            ("light.a", "on", "homeassistant.turn_on", json!({"entity_id": "light.a"})),
            ("light.a", "40", "light.turn_on", json!({"entity_id": "light.a", "brightness_pct": 40.0})),
            ("input_boolean.a", "toggle", "homeassistant.toggle", json!({"entity_id": "input_boolean.a"})),
            ("input_number.a", "21.5", "input_number.set_value", json!({"entity_id": "input_number.a", "value": 21.5})),
            ("input_select.a", "Night", "input_select.select_option", json!({"entity_id": "input_select.a", "option": "Night"})),
            ("cover.a", "closed", "cover.close_cover", json!({"entity_id": "cover.a"})),
            ("climate.a", "21", "climate.set_temperature", json!({"entity_id": "climate.a", "temperature": 21.0})),
        ] {
            let setting = to(entity, value).unwrap();
            assert_eq!((format!("{}.{}", setting.domain, setting.service).as_str(), setting.data), (service, data));
        }
        for (entity, value) in [("sensor.a", "5"), ("kitchen", "on"), ("input_number.a", "warm"), ("light.a", "blue")] {
            assert_eq!(to(entity, value).unwrap_err().kind(), Kind::Usage, "{entity} {value}");
        }
    }
}
