//! The process that holds Whisper's model. It is started by fac itself and speaks with nobody else.

use std::path::PathBuf;

use crate::kernel::error::Result;

/// Hold a Whisper model and write down what comes on standard input
#[derive(Debug, clap::Args)]
pub struct Args {
    /// The model file
    #[arg(long)]
    model: PathBuf,
    /// Take a model without weights, for tests
    #[arg(long)]
    empty: bool,
}

#[cfg(feature = "whisper")]
pub(super) fn run(args: &Args) -> Result<u8> {
    use crate::voice::transcribe::whisper::child;
    child::serve(&args.model, args.empty, std::io::stdin().lock(), Box::new(std::io::stdout()))?;
    Ok(0)
}

#[cfg(not(feature = "whisper"))]
pub(super) fn run(args: &Args) -> Result<u8> {
    let _ = (&args.model, args.empty);
    Err(crate::voice::transcribe::whisper::not_built_in())
}
