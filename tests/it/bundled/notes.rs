//! commands/notes.md and commands/todo.md

use super::{World, pipe, run};

#[test]
fn note_add() {
    let mut world = World::new();
    assert!(run(&world, &["note", "add", "call", "Ada"]).ok().starts_with("noted in "));
    pipe(&world, &["note", "add"], "two\nlines\n").ok();
    let all = world.sh("cat \"$HOME\"/notes/*.md");
    let lines: Vec<&str> = all.lines().collect();
    assert!(lines[0].starts_with("- ") && lines[0].ends_with(" call Ada"), "{all}");
    assert!(lines[1].ends_with(" two") && lines[2] == "  lines", "{all}");
    assert_eq!(run(&world, &["note", "add"]).failed(2), "there is nothing to note\n");
    world.set("FAC_NOTES", world.path("own").to_str().unwrap());
    run(&world, &["note", "add", "here"]).ok();
    assert_eq!(world.sh("ls own | wc -l").trim(), "1");
}

#[test]
fn note_list() {
    let mut world = World::new();
    world.set("FAC_NOTES", world.path("n").to_str().unwrap());
    assert_eq!(run(&world, &["note", "list"]), pipe(&world, &["note", "list"], ""));
    world.write("n/2024-01-02.md", "- 10:00 first\n- 11:00 second\n  more\n");
    world.write("n/2024-01-03.md", "- 09:00 third\u{1b}[2J\n");
    world.write("n/todo.md", "- [ ] not a note\n");
    let shown = run(&world, &["note", "list", "2"]).ok();
    assert_eq!(shown, "2024-01-02  11:00 second\n  more\n2024-01-03  09:00 third?[2J\n");
}

#[test]
fn note_find() {
    let mut world = World::new();
    world.set("FAC_NOTES", world.path("n").to_str().unwrap());
    world.write("n/2024-01-02.md", "- 10:00 buy red paint\n- 11:00 paint the door\n");
    world.write("n/todo.md", "- [ ] more RED things to paint\n");
    let shown = run(&world, &["note", "find", "Paint", "red"]).ok();
    assert_eq!(shown, "2024-01-02  10:00 buy red paint\ntodo  more RED things to paint\n");
    assert_eq!(run(&world, &["note", "find", "blue"]).failed(1), "no note holds blue\n");
}

#[test]
fn note_today() {
    let world = World::new();
    let nothing = run(&world, &["note", "today"]);
    assert_eq!((nothing.code, nothing.stderr.as_str()), (0, "nothing was noted today\n"));
    run(&world, &["note", "add", "now"]).ok();
    assert!(run(&world, &["note", "today"]).ok().ends_with(" now\n"));
}

#[test]
fn todo_add() {
    let world = World::new();
    assert_eq!(run(&world, &["todo", "add", "water", "the", "plants"]).ok(), "  1  water the plants\n");
    assert_eq!(run(&world, &["todo", "add", "two\nlines"]).ok(), "  2  two lines\n");
    let file = std::fs::read_to_string(world.home().join("notes/todo.md")).unwrap();
    assert_eq!(file, "- [ ] water the plants\n- [ ] two lines\n");
}

/// Two things to do below a heading somebody wrote.
fn two() -> World {
    let mut world = World::new();
    world.set("FAC_NOTES", world.path("n").to_str().unwrap());
    world.write("n/todo.md", "# Mine\n\n- [x] first\n- [ ] second\n");
    world
}

#[test]
fn todo_list() {
    let world = two();
    assert_eq!(run(&world, &["todo", "list"]).ok(), "  2  second\n");
    assert_eq!(run(&world, &["todo", "list", "--all"]).ok(), "  1  [x] first\n  2  [ ] second\n");
    let nothing = run(&World::new(), &["todo", "list"]);
    assert_eq!((nothing.code, nothing.stderr.as_str()), (0, "there is nothing to do\n"));
}

#[test]
fn todo_done() {
    let world = two();
    assert_eq!(run(&world, &["todo", "done", "2"]).ok(), "  2  done: second\n");
    assert_eq!(world.read("n/todo.md"), "# Mine\n\n- [x] first\n- [x] second\n");
    assert_eq!(run(&world, &["todo", "done", "9"]).failed(3), "there is no number 9: see fac todo list\n");
    assert_eq!(world.sh("ls n"), "todo.md\n");
}

#[test]
fn todo_reopen() {
    let world = two();
    assert_eq!(run(&world, &["todo", "reopen", "1", "2"]).ok(), "  1  open: first\n  2  open: second\n");
    assert_eq!(world.read("n/todo.md"), "# Mine\n\n- [ ] first\n- [ ] second\n");
}
