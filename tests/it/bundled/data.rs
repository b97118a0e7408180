//! commands/json.md, csv.md, calc.md, color.md and time.md

use super::{World, pipe, run};

const PEOPLE: &str = r#"[{"name":"Ada","age":36,"tags":["x"]},{"name":"Bob, B.","city":"Köln"}]"#;

#[test]
fn json_pretty() {
    let world = World::new();
    let shown = pipe(&world, &["json", "pretty"], r#"{"b":[1.10,1e400,{}],"a":"é\u001b"}"#).ok();
    assert_eq!(shown, "{\n  \"b\": [\n    1.10,\n    1e400,\n    {}\n  ],\n  \"a\": \"é\\u001b\"\n}\n");
    assert_eq!(
        pipe(&world, &["json", "pretty", "--sort", "-i", "0"], "{\"b\":1, \"a\":[ ]}").ok(),
        "{\"a\":[],\"b\":1}\n"
    );
    assert!(pipe(&world, &["json", "pretty"], "{").failed(6).starts_with("this is no JSON: "));
    assert!(pipe(&world, &["json", "pretty"], "[".repeat(100_000)).failed(6).contains("JSON"));
    assert!(pipe(&world, &["json", "pretty"], "NaN").failed(6).contains("NaN is no JSON"));
}

#[test]
fn json_keys() {
    let shown = pipe(&World::new(), &["json", "keys"], PEOPLE).ok();
    let rows: Vec<String> = shown.lines().map(|l| l.split_whitespace().collect::<Vec<_>>().join(" ")).collect();
    let want =
        [". 1 array", "[] 2 object", "[].name 2 string", "[].age 1 number", "[].tags 1 array", "[].tags[] 1 string"];
    assert_eq!(rows[..6], want);
    assert_eq!(rows[6], "[].city 1 string");
}

#[test]
fn json_get() {
    let world = World::new();
    world.write("p.json", PEOPLE);
    for (path, want) in [
        ("[].name", "Ada\nBob, B.\n"),
        ("[0].age", "36\n"),
        ("0.tags", "[\"x\"]\n"),
        ("[-1][\"city\"]", "Köln\n"),
        ("[].none", ""),
    ] {
        assert_eq!(run(&world, &["json", "get", path, "p.json"]).ok(), want, "{path}");
    }
    assert_eq!(run(&world, &["json", "get", "[7].name", "p.json"]).failed(3), "nothing stands at [7].name\n");
    run(&world, &["json", "get", "a..b", "p.json"]).failed(2);
}

#[test]
fn json_csv() {
    let world = World::new();
    let shown = pipe(&world, &["json", "csv"], PEOPLE).ok();
    assert_eq!(shown, "name,age,tags,city\nAda,36,\"[\"\"x\"\"]\",\n\"Bob, B.\",,,Köln\n");
    assert!(pipe(&world, &["json", "csv"], "[1]").failed(6).starts_with("a list of objects is needed"));
}

#[test]
fn csv_table() {
    let world = World::new();
    let shown = pipe(&world, &["csv", "table"], "name;n\nAda;5\n\"B; 日\";12\n").ok();
    assert_eq!(shown, "name    n\n─────  ──\nAda     5\nB; 日  12\n");
    assert_eq!(pipe(&world, &["csv", "table"], "").ok(), "");
    pipe(&world, &["csv", "table", "--by", "ab"], "x").failed(2);
}

#[test]
fn csv_stats() {
    let shown = pipe(&World::new(), &["csv", "stats"], "name,n\nAda,5\nBob,-1.5\nAda,\n").ok();
    let rows: Vec<String> = shown.lines().map(|l| l.split_whitespace().collect::<Vec<_>>().join(" ")).collect();
    assert_eq!(
        rows,
        ["3 rows", "column filled distinct smallest largest mean", "name 3 2 Ada Bob", "n 2 2 -1.5 5 1.75"]
    );
}

#[test]
fn csv_json() {
    let world = World::new();
    assert_eq!(pipe(&world, &["csv", "json"], "a,b\n1,\"x\ny\"\n").ok(), "[\n  {\"a\": \"1\", \"b\": \"x\\ny\"}\n]\n");
    assert_eq!(pipe(&world, &["csv", "json"], "").ok(), "[]\n");
}

#[test]
fn calc() {
    let world = World::new();
    for (sum, want) in [
        ("2 + 3 * 4", "14"),
        ("0.1 + 0.2", "0.3"),
        ("2^64", "18446744073709551616"),
        ("15% of 80", "12"),
        ("200 + 10%", "200.1"),
        ("sqrt(2) * -1", "-1.41421356237"),
        ("3 km + 200 m in mi", "1.98838781516"),
        ("10 km / 30 min in kmh", "20"),
        ("1 GiB in MB", "1073.741824"),
        ("70 F in C", "21.111111111"),
        ("3 m * 4 m", "12 m^2"),
        ("(1 + 1) / 4", "0.5"),
    ] {
        let said = run(&world, &["calc", sum]).ok();
        assert_eq!(said.split(' ').next().unwrap().trim_end(), want.split(' ').next().unwrap(), "{sum}: {said}");
        assert!(said.starts_with(want), "{sum}: {said}");
    }
    assert_eq!(run(&world, &["calc", "1", "+", "1"]).ok(), "2\n", "several words are one sum");
    for wrong in
        ["1/0", "3 km + 2 kg", "9^9^9^9", "factorial(99999)", "x", "().__class__", "(-8)^0.5", "1 +", "3 km in kg"]
    {
        let said = run(&world, &["calc", wrong]).failed(1);
        assert!(said.starts_with("cannot ") && said.lines().count() == 1, "{wrong}: {said}");
    }
    run(&world, &["calc", &"(".repeat(900)]).failed(1);
}

#[test]
fn color() {
    let world = World::new();
    let want = "hex       #ff8800\nrgb       rgb(255, 136, 0)\nhsl       hsl(32, 100%, 50%)\n\
        on white  2.39:1\non black  8.77:1\n";
    for words in [vec!["#f80"], vec!["FF8800"], vec!["rgb(255,", "136,", "0)"], vec!["255", "136", "0"]] {
        assert_eq!(run(&world, &[&["color"], &words[..]].concat()).ok(), want, "{words:?}");
    }
    assert!(run(&world, &["color", "hsl(120 100% 25%)"]).ok().starts_with("hex       #008000\n"));
    run(&world, &["color", "256 0 0"]).failed(2);
}

#[test]
fn time_zones() {
    let world = World::new();
    let words = ["time", "zones", "2026-07-01 12:00", "--from", "Europe/Berlin", "--zones", "UTC,Asia/Kolkata"];
    let want = "UTC                    Wed 2026-07-01 10:00 +0000\nAsia/Kolkata           Wed 2026-07-01 15:30 +0530\n";
    assert_eq!(run(&world, &words).ok(), want);
    assert_eq!(run(&world, &["time", "zones"]).ok().lines().count(), 8);
    assert!(run(&world, &["time", "zones", "--from", "Mars/Base"]).failed(2).contains("Mars/Base"));
    assert!(run(&world, &["time", "zones", "soon"]).failed(2).starts_with("cannot read 'soon' as a time"));
}

#[test]
fn time_stamp() {
    let world = World::new();
    let want = "seconds       1700000000\nmilliseconds  1700000000000\nutc           2023-11-14T22:13:20Z\n\
        here          2023-11-14T22:13:20+00:00\n";
    for value in
        ["1700000000", "1700000000000", "1700000000000000", "2023-11-14T22:13:20Z", "2023-11-14 23:13:20+01:00"]
    {
        assert_eq!(run(&world, &["time", "stamp", value]).ok(), want, "{value}");
    }
    assert_eq!(run(&world, &["time", "stamp"]).ok().lines().count(), 4);
    run(&world, &["time", "stamp", "never"]).failed(2);
}

#[test]
fn time_until() {
    let world = World::new();
    let past = run(&world, &["time", "until", "2000-01-01"]).ok();
    assert!(past.contains(" days ") && past.ends_with(" ago\n"), "{past}");
    assert!(run(&world, &["time", "until", "2999-12-24 18:00"]).ok().starts_with("in "));
    assert!(run(&world, &["time", "until", "18:00"]).ok().starts_with("in "));
    run(&world, &["time", "until", "25:00"]).failed(2);
}

#[test]
fn time_between() {
    let world = World::new();
    let shown = run(&world, &["time", "between", "2026-03-06", "2026-03-16"]).ok();
    let want = "days          10\nweeks         1 and 3 days\nworking days  6\nweekdays      Friday to Monday\n";
    assert_eq!(shown, want);
    run(&world, &["time", "between", "2026-02-30", "2026-03-01"]).failed(2);
}
