//! How many tokens a text has: counted for encodings that are known, estimated otherwise and said to be.

/// Texts longer than this are estimated even where they could be counted: counting takes about a second for 4 MB.
const LONGEST: usize = 4 << 20;

/// How many tokens.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Count {
    /// Tokens.
    pub tokens: u64,
    /// Whether they were counted as the model counts.
    pub exact: bool,
}

/// The tokens of `text` for `model`.
///
/// OpenAI's models are counted by their published encodings; the encoding takes some 0.2 s and 50 MB to load, so short
/// texts are estimated too unless `precise` is asked for. The estimate is a token for every four bytes of text that is
/// mostly ASCII (OpenAI's rule of thumb) and for every two of other text.
pub fn count(model: &str, text: &str, precise: bool) -> Count {
    let name = model.rsplit('/').next().unwrap_or(model);
    if precise && text.len() <= LONGEST {
        let newer = ["gpt-4o", "gpt-4.1", "gpt-5", "o1", "o3", "o4", "chatgpt-4o"].iter().any(|p| name.starts_with(p));
        let older = ["gpt-4", "gpt-3.5"].iter().any(|p| name.starts_with(p));
        let encoding = match (newer, older) {
            (true, _) => Some(tiktoken_rs::o200k_base_singleton()),
            (_, true) => Some(tiktoken_rs::cl100k_base_singleton()),
            _ => None,
        };
        if let Some(encoding) = encoding {
            return Count { tokens: encoding.encode_ordinary(text).len() as u64, exact: true };
        }
    }
    let ascii = text.bytes().filter(u8::is_ascii).count() as u64;
    let other = text.len() as u64 - ascii;
    Count { tokens: ascii.div_ceil(4) + other.div_ceil(2), exact: false }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn openai_models_are_counted_and_others_estimated() {
        assert_eq!(count("openai/gpt-4o", "hello world", true), Count { tokens: 2, exact: true });
        assert_eq!(count("openai/gpt-3.5-turbo", "hello world", true), Count { tokens: 2, exact: true });
        assert_eq!(count("ollama/llama3", "hello world", true), Count { tokens: 3, exact: false });
        assert_eq!(count("ollama/llama3", "", true).tokens, 0);
    }
}
