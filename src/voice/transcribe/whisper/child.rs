//! The process that holds Whisper's model: reads requests, writes lines. It is the only file that names whisper-rs.

use std::io::{BufRead, Read, Write};
use std::path::Path;
use std::sync::{Arc, Mutex, PoisonError};

use whisper_rs::{FullParams, SamplingStrategy, SegmentCallbackData, WhisperContext, WhisperContextParameters};

use super::{Request, Said, ggml};
use crate::kernel::error::{Context, Error, Kind, Result};
use crate::voice::clip::SPEECH_RATE;

/// The most samples of one request: ten minutes.
const MOST: usize = SPEECH_RATE as usize * 600;
/// Whisper's steps a second, and the fewest that it is stable with.
const STEPS: usize = 50;
const FEWEST_STEPS: usize = 512;

/// Writes lines; shared with the callback that tells what was heard.
type Out = Arc<Mutex<Box<dyn Write + Send>>>;

fn say(out: &Out, said: &Said) -> std::io::Result<()> {
    let mut out = out.lock().unwrap_or_else(PoisonError::into_inner);
    let mut line = serde_json::to_vec(said)?;
    line.push(b'\n');
    out.write_all(&line).and_then(|()| out.flush())
}

/// Loads the model and answers requests until there are no more.
///
/// # Errors
/// `BadData` for a model that is none; `Failed` when nobody listens any more. Both were said in a line, too.
pub fn serve(model: &Path, empty: bool, mut requests: impl BufRead, answers: Box<dyn Write + Send>) -> Result<()> {
    let out: Out = Arc::new(Mutex::new(answers));
    let gone = || "nobody listens to Whisper".to_string();
    let context = match load(model, empty) {
        Ok(context) => context,
        Err(error) => {
            say(&out, &Said::Failed(error.full_message())).context(Kind::Failed, gone)?;
            return Err(error);
        }
    };
    let kind = context.model_type_readable_str_lossy().map(|kind| kind.into_owned()).unwrap_or_default();
    say(&out, &Said::Ready(kind)).context(Kind::Failed, gone)?;
    loop {
        let mut line = String::new();
        if requests.read_line(&mut line).context(Kind::Failed, gone)? == 0 {
            return Ok(());
        }
        let request: Request =
            serde_json::from_str(&line).context(Kind::BadData, || "a request is broken".to_string())?;
        let samples = read_samples(&mut requests, request.samples)?;
        let said = match hear(&context, &request, &samples, &out) {
            Ok(done) => done,
            Err(error) => Said::Failed(error.full_message()),
        };
        say(&out, &said).context(Kind::Failed, gone)?;
    }
}

fn load(model: &Path, empty: bool) -> Result<WhisperContext> {
    // What the library prints would stand among our lines.
    whisper_rs::install_logging_hooks();
    ggml::check(model, empty)?;
    let failed = || format!("the model {} cannot be loaded", model.display());
    WhisperContext::new_with_params(model, WhisperContextParameters::default()).context(Kind::BadData, failed)
}

fn read_samples(from: &mut impl Read, count: usize) -> Result<Vec<f32>> {
    if count > MOST {
        return Err(Error::new(Kind::BadData, "a request is too long"));
    }
    let mut bytes = vec![0; count * 4];
    from.read_exact(&mut bytes).context(Kind::Failed, || "a request was cut off".to_string())?;
    Ok(bytes.chunks_exact(4).map(|b| f32::from_le_bytes([b[0], b[1], b[2], b[3]])).collect())
}

fn hear(context: &WhisperContext, request: &Request, samples: &[f32], out: &Out) -> Result<Said> {
    let failed = || "it could not be written down".to_string();
    let mut state = context.create_state().context(Kind::Failed, failed)?;
    let mut params = FullParams::new(SamplingStrategy::Greedy { best_of: 1 });
    params.set_n_threads(threads());
    params.set_no_context(true);
    params.set_temperature(0.0);
    params.set_suppress_blank(true);
    params.set_suppress_nst(true);
    params.set_print_special(false);
    params.set_print_progress(false);
    params.set_print_realtime(false);
    params.set_print_timestamps(false);
    params.set_audio_ctx(audio_context(samples.len(), usize::try_from(context.n_audio_ctx()).unwrap_or(0)));
    let known = request.wishes.language.as_deref().filter(|language| whisper_rs::get_lang_id(language).is_some());
    let language = if context.is_multilingual() { known.unwrap_or("auto") } else { "en" };
    params.set_language(Some(language));
    if let Some(prompt) = request.wishes.prompt.as_ref().filter(|prompt| !prompt.is_empty()) {
        params.set_initial_prompt(&prompt.replace('\0', " "));
    }
    let (told, mut text) = (Arc::clone(out), String::new());
    params.set_segment_callback_safe_lossy(move |piece: SegmentCallbackData| {
        text.push_str(&piece.text);
        let _ = say(&told, &Said::Heard(text.trim().to_string()));
    });
    state.full(params, samples).context(Kind::BadData, failed)?;
    let mut pieces = Vec::new();
    for piece in state.as_iter() {
        let text = piece.to_str_lossy().context(Kind::BadData, failed)?.trim().to_string();
        // Hundredths of a second.
        let ms = |at: i64| u64::try_from(at).unwrap_or(0) * 10;
        if !text.is_empty() && piece.no_speech_probability() < 0.8 {
            pieces.push((ms(piece.start_timestamp()), ms(piece.end_timestamp()), text));
        }
    }
    let language = whisper_rs::get_lang_str(state.full_lang_id_from_state()).map(String::from);
    Ok(Said::Done { pieces, language })
}

/// How much of its window the model looks at: the length of the clip and a little more, never so little that it becomes
/// unstable; 0 for all.
fn audio_context(samples: usize, most: usize) -> i32 {
    let steps = (samples * STEPS).div_ceil(SPEECH_RATE as usize) + 128;
    let steps = steps.div_ceil(64) * 64;
    let steps = steps.max(FEWEST_STEPS);
    if steps >= most { 0 } else { i32::try_from(steps).unwrap_or(0) }
}

/// One thread less than the machine has cores; two threads on one core only wait for each other.
fn threads() -> i32 {
    let logical = std::thread::available_parallelism().map_or(1, usize::from);
    let physical = cores(&std::fs::read_to_string("/proc/cpuinfo").unwrap_or_default()).unwrap_or(logical);
    i32::try_from(physical.min(logical).saturating_sub(1).clamp(1, 16)).unwrap_or(1)
}

/// Cores in Linux's list of processors; `None` where it does not name them.
fn cores(list: &str) -> Option<usize> {
    let field = |block: &str, name: &str| {
        block.lines().find(|line| line.starts_with(name)).and_then(|line| line.split(':').nth(1)).map(str::to_string)
    };
    let named = list.split("\n\n").filter_map(|block| Some((field(block, "physical id")?, field(block, "core id")?)));
    let all: std::collections::BTreeSet<_> = named.collect();
    (!all.is_empty()).then_some(all.len())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_window_fits_the_clip_and_has_a_floor() {
        assert_eq!(audio_context(16_000, 1500), 512);
        assert_eq!(audio_context(16_000 * 10, 1500), 640);
        assert_eq!(audio_context(16_000 * 28, 1500), 0);
        assert_eq!(audio_context(16_000, 400), 0);
    }

    #[test]
    fn cores_are_counted_once_for_both_their_threads() {
        let one = |cpu: u32, core: u32| format!("processor\t: {cpu}\nphysical id\t: 0\ncore id\t\t: {core}\n\n");
        assert_eq!(cores(&[one(0, 0), one(1, 0), one(2, 1), one(3, 1)].concat()), Some(2));
        assert_eq!(cores("processor : 0\n"), None);
        assert!(threads() >= 1);
    }
}
