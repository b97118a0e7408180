//! Pictures of the conversation: which ones are made ready, one after the other and only what can be seen.

use std::collections::{HashMap, VecDeque};

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;

use super::messages::{Entry, Look};
use super::{Answer, Chat, Request, ask, live_of};
use crate::kernel::error::{Error, Kind, Result};
use crate::kernel::ids::Id;
use crate::providers::model::Part;
use crate::tui::happening::{Effect, Fault, World};
use crate::tui::jobs::Desk;
use crate::tui::pictures::{Picture, Way};

/// How many are kept.
const KEPT: usize = 24;

/// Base64 of a picture that is still read.
const LARGEST: usize = 48 << 20;

/// A picture: its message and the piece of it.
pub type Place = (Id, usize);

/// A picture to be made ready.
#[derive(Debug, PartialEq)]
pub struct Wanted {
    /// The chat.
    pub session: Id,
    /// Where in it.
    pub place: Place,
    /// How it is shown.
    pub way: Way,
    /// Columns and rows at most.
    pub room: (u16, u16),
    /// Which one of this sitting it is.
    pub number: u16,
}

/// The pictures that were made ready, or what is wrong with them.
#[derive(Debug, Default)]
pub struct Pictures {
    made: HashMap<Place, std::result::Result<Picture, String>>,
    order: VecDeque<Place>,
    asked: Option<Place>,
    number: u16,
}

impl Pictures {
    /// What became of one.
    pub fn get(&self, place: Place) -> Option<&std::result::Result<Picture, String>> {
        self.made.get(&place)
    }

    /// Forgets all of them: the screen is another one.
    pub fn forget(&mut self) {
        (self.made, self.order, self.asked) = (HashMap::new(), VecDeque::new(), None);
    }

    /// Keeps one; gives the one that goes for it.
    fn keep(&mut self, place: Place, made: std::result::Result<Picture, String>) -> Option<Place> {
        self.asked = self.asked.filter(|asked| *asked != place);
        if self.made.insert(place, made).is_none() {
            self.order.push_back(place);
        }
        let gone = (self.order.len() > KEPT).then(|| self.order.pop_front()).flatten()?;
        self.made.remove(&gone);
        Some(gone)
    }
}

/// The pieces of a message that are pictures.
fn pictures(entry: &Entry) -> impl Iterator<Item = Place> {
    let is_picture = |part: &Part| matches!(part, Part::File { mime, url: None, .. } if mime.starts_with("image/"));
    entry.parts.iter().enumerate().filter(move |(_, p)| is_picture(p)).map(|(at, _)| (entry.message.id, at))
}

impl Chat {
    /// Asks for the first picture in sight that is not there yet.
    pub(super) fn picture_wanted(&mut self, world: &World<'_>) -> Option<Effect> {
        if world.pictures == Way::Off || self.thread.pictures.asked.is_some() {
            return None;
        }
        let session = self.here.id()?;
        let area = self.text_area(world.area);
        let live = live_of(&self.turns, self.here);
        let mut seen: Vec<usize> = self.thread.visible(live, area.height).iter().map(|(place, _)| place.0).collect();
        seen.dedup();
        let entries = seen.iter().filter_map(|at| self.thread.entries.get(*at));
        let place = entries.flat_map(pictures).find(|place| self.thread.pictures.get(*place).is_none())?;
        let pictures = &mut self.thread.pictures;
        (pictures.asked, pictures.number) = (Some(place), pictures.number.wrapping_add(1));
        let room = (area.width, area.height.saturating_sub(4).max(3));
        let wanted = Wanted { session, place, way: world.pictures, room, number: pictures.number };
        Some(ask("picture", Request::Picture(wanted)))
    }

    /// Takes one in; what is looked at stays where it is.
    pub(super) fn picture_made(&mut self, place: Place, made: std::result::Result<Picture, Fault>, look: &Look<'_>) {
        let gone = self.thread.pictures.keep(place, made.map_err(|fault| fault.said));
        gone.into_iter().for_each(|(id, _)| self.thread.forget(id));
        let live = live_of(&self.turns, self.here);
        self.thread.grown(place.0, live, look);
    }
}

/// Makes one ready.
pub fn work(wanted: &Wanted, desk: &Desk<'_>) -> Answer {
    let made = make(wanted, desk).map_err(Fault::from);
    Answer::Picture(wanted.place, made)
}

fn make(wanted: &Wanted, desk: &Desk<'_>) -> Result<Picture> {
    let (id, at) = wanted.place;
    let message = desk.app.store()?.message(wanted.session, &id.to_string())?;
    let data = message.parts.get(at).and_then(|part| part.get("data")).and_then(serde_json::Value::as_str);
    let data = data.filter(|data| !data.is_empty());
    let data = data.ok_or_else(|| Error::new(Kind::NotFound, "it is not there any more"))?;
    if data.len() > LARGEST {
        return Err(Error::new(Kind::BadData, "it is too large"));
    }
    let bytes = STANDARD.decode(data).map_err(|_| Error::new(Kind::BadData, "it is broken"))?;
    Picture::make(&bytes, wanted.way, wanted.room, wanted.number)
}
