//! Devices as the settings want them.

use crate::kernel::config::Config;
use crate::kernel::error::{Error, Kind, Result};
use crate::voice::sound::{Channel, Wanted};

/// The microphone that is wanted; `named` on the command line goes before the settings.
///
/// # Errors
/// `BadData` when `voice.channel` is neither `auto` nor a number.
pub fn microphone(config: &Config, named: Option<&str>) -> Result<Wanted> {
    let channel = channel(config.text("voice.channel").unwrap_or("auto"))?;
    Ok(Wanted { channel, ..wanted(config, "voice.microphones", named) })
}

/// The speaker that is wanted; `named` on the command line goes before the settings.
pub fn speaker(config: &Config, named: Option<&str>) -> Wanted {
    wanted(config, "voice.loudspeakers", named)
}

fn wanted(config: &Config, key: &str, named: Option<&str>) -> Wanted {
    let devices = match named {
        Some(named) => vec![named.to_owned()],
        None => config.list(key).into_iter().filter(|name| !name.is_empty()).collect(),
    };
    let usual = Wanted::default();
    Wanted { devices, patience: config.duration("voice.patience").unwrap_or(usual.patience), ..usual }
}

fn channel(text: &str) -> Result<Channel> {
    match (text, text.parse()) {
        ("auto", _) => Ok(Channel::Loudest),
        (_, Ok(number)) if number > 0 => Ok(Channel::Number(number)),
        _ => Err(Error::new(Kind::BadData, format!("voice.channel is {text:?}"))
            .hint("a channel is a number from 1, or auto for the loudest")),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_channel_is_a_number_or_the_loudest() {
        assert_eq!(channel("auto").unwrap(), Channel::Loudest);
        assert_eq!(channel("2").unwrap(), Channel::Number(2));
        assert_eq!(channel("0").unwrap_err().kind(), Kind::BadData);
        assert_eq!(channel("left").unwrap_err().kind(), Kind::BadData);
        let wanted = microphone(&Config::defaults(), Some("usb")).unwrap();
        assert_eq!(wanted.devices, ["usb"]);
        assert!(speaker(&Config::defaults(), None).devices.is_empty());
    }
}
