//! Pictures in the conversation.

use super::*;
use crate::tui::happening::Fault;
use crate::tui::pictures::{Picture, Way};
use crate::tui::tabs::chat::pictures::Wanted;

/// A gradient, as a PNG.
fn png(width: u32, height: u32) -> Vec<u8> {
    let image = image::RgbImage::from_fn(width, height, |x, y| image::Rgb([(x % 256) as u8, (y % 256) as u8, 90]));
    let mut bytes = std::io::Cursor::new(Vec::new());
    image.write_to(&mut bytes, image::ImageFormat::Png).unwrap();
    bytes.into_inner()
}

fn asked(n: u64, parent: Option<u64>) -> Entry {
    let part = Part::File { mime: "image/png".into(), name: "plan.png".into(), data: "A".repeat(400), url: None };
    said(n, parent, "user", vec![part, Part::text("What is on it?")])
}

fn shown(entries: Vec<Entry>) -> Stage {
    let mut stage = stage(SMALL);
    stage.told(Tell::Session(id(1).to_string(), None));
    stage.take();
    stage.answer(AnyAnswer::Chat(loaded(entries)));
    stage
}

fn wanted(stage: &mut Stage) -> Vec<Wanted> {
    let of = |request| match request {
        Request::Picture(wanted) => Some(wanted),
        _ => None,
    };
    requests(stage).into_iter().filter_map(of).collect()
}

fn made(stage: &mut Stage, wanted: &Wanted, bytes: &[u8]) {
    let picture = Picture::make(bytes, wanted.way, wanted.room, wanted.number).map_err(Fault::from);
    stage.answer(AnyAnswer::Chat(Answer::Picture(wanted.place, picture)));
}

#[test]
fn what_is_in_sight_is_asked_for_one_by_one_and_stands_below_its_line() {
    let mut stage = shown(vec![asked(11, None), said(12, Some(11), "assistant", text("A plan.")), asked(13, Some(12))]);
    let first = wanted(&mut stage);
    let expected =
        Wanted { session: id(1), place: (id(11), 0), way: Way::Blocks, room: (first[0].room.0, 13), number: 1 };
    assert_eq!(first, [expected]);
    made(&mut stage, &first[0], &png(160, 60));
    let second = wanted(&mut stage);
    assert_eq!((second[0].place, second[0].number), ((id(13), 0), 2));
    made(&mut stage, &second[0], b"no picture");
    assert_eq!(wanted(&mut stage), []);
    insta::assert_snapshot!("pictures", stage.text());
    // The mouse takes the words and nothing of the picture.
    stage.keys("esc G v g y");
    let copied = stage.take().into_iter().find_map(|effect| match effect {
        Effect::Copy(text) => Some(text),
        _ => None,
    });
    assert!(copied.is_none_or(|text| !text.contains('▄')));
}

#[test]
fn a_picture_that_comes_above_moves_nothing_that_is_read() {
    let long = (1..=60).map(|n| format!("line {n}")).collect::<Vec<_>>().join("\n\n");
    let mut question = asked(11, None);
    question.parts[1] = Part::text(long);
    let mut stage = shown(vec![question]);
    stage.keys("esc g");
    let first = wanted(&mut stage);
    let line = |stage: &Stage| stage.text().lines().nth(4).unwrap().to_string();
    stage.keys("ctrl-d ctrl-d ctrl-d");
    let before = line(&stage);
    made(&mut stage, &first[0], &png(160, 60));
    assert_eq!(line(&stage), before);
}

#[test]
fn another_size_makes_them_anew() {
    let mut stage = shown(vec![asked(11, None)]);
    let first = wanted(&mut stage);
    made(&mut stage, &first[0], &png(160, 60));
    assert!(stage.text().contains('▄'), "{}", stage.text());
    stage.resized(LARGE);
    assert!(!stage.text().contains('▄'));
    assert_eq!(wanted(&mut stage)[0].place, (id(11), 0));
}
