//! What has come of each answer so far, heard by the turns and read by whoever draws.

use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use crate::chat::driver::Listener;
use crate::providers::model::Piece;

/// Where an answer stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Stage {
    /// Its model was not asked yet, or said nothing yet.
    Waiting,
    /// Thoughts come.
    Thinking,
    /// Words come.
    Answering,
    /// Nothing more comes.
    Over,
}

/// One answer that grows.
#[derive(Debug)]
pub(super) struct Side {
    /// Whose it is.
    pub name: String,
    /// Its words so far.
    pub text: String,
    /// What was said about it: second tries.
    pub notices: Vec<String>,
    /// Where it stands.
    pub stage: Stage,
}

/// All of them.
#[derive(Debug)]
pub(super) struct Board {
    sides: Mutex<Vec<Side>>,
    begun: Instant,
}

impl Board {
    pub(super) fn new(names: &[String]) -> Board {
        let side = |name: &String| Side {
            name: name.clone(),
            text: String::new(),
            notices: Vec::new(),
            stage: Stage::Waiting,
        };
        Board { sides: Mutex::new(names.iter().map(side).collect()), begun: Instant::now() }
    }

    /// The sides, in the order in which the models were named.
    pub(super) fn sides(&self) -> MutexGuard<'_, Vec<Side>> {
        self.sides.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Since the beginning.
    pub(super) fn elapsed(&self) -> Duration {
        self.begun.elapsed()
    }
}

/// Listens to one turn.
pub(super) struct Ear {
    board: std::sync::Arc<Board>,
    at: usize,
}

impl Ear {
    pub(super) fn new(board: std::sync::Arc<Board>, at: usize) -> Ear {
        Ear { board, at }
    }
}

impl Listener for Ear {
    fn piece(&mut self, piece: &Piece) {
        let mut sides = self.board.sides();
        let side = &mut sides[self.at];
        match piece {
            Piece::Text(text) => {
                side.stage = Stage::Answering;
                side.text.push_str(text);
            }
            Piece::Reasoning(_) if side.stage == Stage::Waiting => side.stage = Stage::Thinking,
            Piece::Notice(text) => {
                // What came of an attempt that failed is not part of the answer.
                side.text.clear();
                side.notices.push(text.clone());
            }
            Piece::Reasoning(_) | Piece::ToolStarts(_) => {}
        }
    }

    fn tool_begins(&mut self, _origin: &str, _preview: &str) {}

    fn tool_ended(&mut self, _origin: &str, _said: &str, _failed: bool) {}
}
