//! What a tool answered, as text for the model.

use rmcp::model::{CallToolResult, ContentBlock, ResourceContents};
use serde_json::Value;

use crate::kernel::terminal::safe_line;

/// The most bytes of one result; the budget of a turn cuts further.
pub(super) const MAX: usize = 256 << 10;

/// The text of a result and whether it tells of a failure.
pub(super) fn text(result: &CallToolResult) -> (String, bool) {
    let mut pieces: Vec<String> = result.content.iter().map(piece).collect();
    if let Some(value) = &result.structured_content {
        // A server gives the same as text for older clients: once is enough.
        let said = pieces.iter().any(|text| serde_json::from_str::<Value>(text).is_ok_and(|v| v == *value));
        if !said {
            pieces.push(value.to_string());
        }
    }
    (cut(pieces.join("\n")), result.is_error.unwrap_or(false))
}

fn piece(block: &ContentBlock) -> String {
    match block {
        ContentBlock::Text(text) => text.text.clone(),
        ContentBlock::Image(image) => unseen("image", &image.mime_type, &image.data),
        ContentBlock::Audio(audio) => unseen("audio", &audio.mime_type, &audio.data),
        ContentBlock::ResourceLink(link) => format!("[resource {}: {}]", safe_line(&link.name), safe_line(&link.uri)),
        ContentBlock::Resource(inner) => match &inner.resource {
            ResourceContents::TextResourceContents { uri, text, .. } => {
                format!("[resource {}]\n{text}", safe_line(uri))
            }
            ResourceContents::BlobResourceContents { uri, mime_type, blob, .. } => {
                format!("{} {}", unseen("resource", mime_type.as_deref().unwrap_or("of no type"), blob), safe_line(uri))
            }
            _ => "[a resource of an unknown kind]".to_string(),
        },
        _ => "[something of an unknown kind]".to_string(),
    }
}

/// A note in place of bytes; `data` is base64.
fn unseen(what: &str, mime: &str, data: &str) -> String {
    format!("[{what} {}, {} bytes, not shown]", safe_line(mime), data.len() / 4 * 3)
}

/// The beginning of a text that is too long, with a word about the rest.
pub(super) fn cut(mut text: String) -> String {
    if text.len() <= MAX {
        return text;
    }
    let whole = text.len();
    text.truncate(text.floor_char_boundary(MAX));
    let kept = text.len();
    text.push_str(&format!("\n[cut: {kept} of {whole} bytes]"));
    text
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn of(value: Value) -> (String, bool) {
        text(&serde_json::from_value(value).unwrap())
    }

    #[test]
    fn each_kind_of_content_has_its_words() {
        let all = json!({"content": [
            {"type": "text", "text": "one"},
            {"type": "image", "data": "AAAA", "mimeType": "image/png"},
            {"type": "audio", "data": "AAAAAAAA", "mimeType": "audio/wav"},
            {"type": "resource", "resource": {"uri": "file:///a", "text": "inside"}},
            {"type": "resource", "resource": {"uri": "file:///b", "blob": "AAAA", "mimeType": "x/y"}},
            {"type": "resource_link", "uri": "file:///c", "name": "c"}
        ], "isError": true});
        let words = "one\n[image image/png, 3 bytes, not shown]\n[audio audio/wav, 6 bytes, not shown]\n[resource file:///a]\ninside\n[resource x/y, 3 bytes, not shown] file:///b\n[resource c: file:///c]";
        assert_eq!(of(all), (words.to_string(), true));
    }

    #[test]
    fn structured_content_is_said_once() {
        assert_eq!(of(json!({"content": [], "structuredContent": {"a": 1}})).0, "{\"a\":1}");
        let both = json!({"content": [{"type": "text", "text": "{ \"a\": 1 }"}], "structuredContent": {"a": 1}});
        assert_eq!(of(both).0, "{ \"a\": 1 }");
        let other = json!({"content": [{"type": "text", "text": "one"}], "structuredContent": {"a": 1}});
        assert_eq!(of(other).0, "one\n{\"a\":1}");
    }

    #[test]
    fn a_long_text_is_cut_between_characters() {
        let text = cut("ä".repeat(MAX));
        assert!(text.ends_with(&format!("ä\n[cut: {MAX} of {} bytes]", 2 * MAX)), "{}", &text[MAX - 4..]);
        assert_eq!(cut("x".repeat(MAX)).len(), MAX);
    }
}
