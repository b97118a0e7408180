//! Pictures of a chat on a pseudo-terminal: what reaches a terminal that shows them, and one that does not.

use std::io::Cursor;

use crate::ask::world;
use crate::support::model::ModelServer;
use crate::support::pty::Seat;
use crate::support::world::World;

/// A chat with a picture in it.
fn chat(server: &ModelServer) -> World {
    let world = world(server);
    let picture = image::RgbImage::from_fn(64, 40, |x, y| image::Rgb([x as u8 * 4, y as u8 * 6, 90]));
    let mut png = Cursor::new(Vec::new());
    picture.write_to(&mut png, image::ImageFormat::Png).unwrap();
    std::fs::write(world.path("plan.png"), png.into_inner()).unwrap();
    world.run(&["ask", "-a", "plan.png", "what is this?"]).ok();
    world
}

#[test]
fn a_terminal_with_kittys_protocol_gets_the_picture_and_forgets_it_at_the_end() {
    let server = ModelServer::start();
    let world = chat(&server);
    let mut seat = Seat::on(&world, &["tui", "--tab", "chat"], "xterm-kitty", 120, 40);
    seat.expect("what is this?").press("\t").press("\r").expect("⊞ plan.png · image/png");
    seat.until("\x1b_Gq=2,i=");
    seat.until("\u{10EEEE}");
    seat.press("\x11");
    let (code, written) = seat.end();
    assert_eq!(code, 0);
    assert_eq!(written.matches("a=T,U=1").count(), 1, "it is sent once");
    let forgotten = written.rfind("\x1b_Ga=d,d=R,x=").expect("it is forgotten");
    assert!(forgotten > written.rfind('\u{10EEEE}').unwrap());
}

#[test]
fn any_other_terminal_gets_a_line_that_says_what_it_is() {
    let server = ModelServer::start();
    let mut world = chat(&server);
    for (term, wish) in [("xterm-256color", "auto"), ("xterm-kitty", "off")] {
        world.set("FAC_TUI_IMAGES", wish);
        let mut seat = Seat::on(&world, &["tui", "--tab", "chat"], term, 120, 40);
        seat.expect("what is this?").press("\t").press("\r").expect("⊞ plan.png · image/png");
        seat.press("\x11");
        let (code, written) = seat.end();
        assert_eq!(code, 0);
        let none = ["\x1b_G", "\x1bP", "\x1b]1337"].iter().all(|begin| !written.contains(begin));
        assert!(none, "{written:?}");
    }
}

#[test]
fn a_word_that_is_no_way_to_show_them_and_a_tab_that_is_none_are_refused() {
    let world = World::new();
    let said = world.run(&["config", "set", "tui.images", "video"]).failed(2);
    assert!(said.contains("auto, off, kitty, iterm2, sixel or blocks"), "{said}");
    let said = world.run(&["config", "set", "tui.tab", "nothing"]).failed(2);
    assert!(
        said.contains("chat, commands, runs, automations, voice, search, events, usage, health or plugins"),
        "{said}"
    );
    world.run(&["config", "set", "tui.tab", "events"]).ok();
}
