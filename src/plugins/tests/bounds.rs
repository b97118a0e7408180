//! Scripts that want more than they get.

use std::time::{Duration, Instant};

use super::{eval, sandbox, sandbox_with, short};
use crate::kernel::error::Kind;
use crate::plugins::limits::Limits;
use crate::plugins::manifest::Permissions;

/// Work without an end, each in another way.
const ENDLESS: &[(&str, &str)] = &[
    ("a loop", "while true do end"),
    ("a loop of calls", "local function f() end while true do f() end"),
    ("repeat", "repeat until false"),
    ("a numeric loop", "for _ = 1, math.huge do end"),
    ("a pathological pattern", "return string.find(string.rep('a', 3000), string.rep('a*', 30) .. 'b')"),
    ("a pattern of balances", "return string.find(string.rep('(', 100000), string.rep('.-%b()', 20))"),
    ("gsub", "local s = string.rep('x', 1000) while true do s:gsub('.', '%0') end"),
    ("gmatch", "while true do for _ in string.gmatch('abc', '%w*') do end end"),
    ("a loop within a coroutine", "coroutine.wrap(function() while true do end end)()"),
    ("coroutines without end", "while true do coroutine.wrap(function() coroutine.yield() end)() end"),
    (
        "a coroutine in a coroutine",
        "coroutine.wrap(function() coroutine.wrap(function() while true do end end)() end)()",
    ),
    (
        "a pattern in a coroutine",
        "coroutine.wrap(function() string.find(string.rep('a', 3000), string.rep('a*', 30) .. 'b') end)()",
    ),
    ("pcall in a loop", "while true do pcall(function() while true do end end) end"),
    ("pcall that returns well", "pcall(function() while true do end end) return 'well'"),
    ("pcall around pcall", "local function again() pcall(again) while true do end end pcall(again) return 'well'"),
    (
        "xpcall with a handler that loops",
        "xpcall(function() while true do end end, function() while true do end end) return 'well'",
    ),
    (
        "xpcall with a handler that returns",
        "return (xpcall(function() while true do end end, function() return 1 end))",
    ),
    (
        "a coroutine that swallows",
        "local co = coroutine.create(function() while true do end end) coroutine.resume(co) return 'well'",
    ),
    (
        "a closed coroutine",
        "local co = coroutine.create(function() while true do end end) coroutine.resume(co) coroutine.close(co) return 'well'",
    ),
    (
        "sort with a slow comparison",
        "local t = {} for i = 1, 1000 do t[i] = i end table.sort(t, function(a, b) while true do end end)",
    ),
    (
        "sort of long texts",
        "local a = string.rep('a', 8e6) local x, y, t = a .. 'x', a .. 'y', {} for i = 1, 20000 do t[i] = if i % 2 == 0 then x else y end table.sort(t)",
    ),
    (
        "a metamethod",
        "local t = setmetatable({}, { __index = function(t, k) return t[k + 1] end }) while true do pcall(function() return t[1] end) end",
    ),
    (
        "__eq in table.find",
        "local m = { __eq = function() while true do end end } return table.find({ setmetatable({}, m) }, setmetatable({}, m))",
    ),
    ("__tostring", "return tostring(setmetatable({}, { __tostring = function() while true do end end }))"),
    ("__len in a loop", "local t = setmetatable({}, { __len = function() while true do end end }) return #t"),
    ("__iter", "for _ in setmetatable({}, { __iter = function() return function() return 1 end end }) do end"),
    ("a callback of gsub", "string.gsub('x', 'x', function() while true do end end)"),
    (
        "a plain search of long texts",
        "local s, p = string.rep('a', 9e6), string.rep('a', 4e6) .. 'b' while true do pcall(string.find, s, p, 1, true) end",
    ),
    (
        "a split of long texts",
        "local s, p = string.rep('a', 9e6), string.rep('a', 4e6) .. 'b' while true do pcall(string.split, s, p) end",
    ),
    ("a long move", "while true do pcall(table.move, {}, 1, 2 ^ 31 - 2, 2) end"),
    ("large pieces", "while true do pcall(string.rep, 'x', 2e7) end"),
    ("JSON", "local t = {} for i = 1, 10000 do t[i] = i end while true do fac.json.decode(fac.json.encode(t)) end"),
    ("the log", "while true do end print(string.rep('x', 1e6))"),
];

#[test]
fn endless_work_ends_at_its_bound_whatever_catches_the_error() {
    for (what, script) in ENDLESS {
        let state = sandbox(short());
        let begun = Instant::now();
        let error = eval(&state, script).expect_err(what);
        assert_eq!(error.kind(), Kind::TimedOut, "{what}: {}", error.full_message());
        // One step of a library function may be under way, and the machine may be busy.
        assert!(begun.elapsed() < Duration::from_secs(5), "{what} took {:?}", begun.elapsed());
        // The state can be used on.
        assert_eq!(eval(&state, "return 1 + 1").unwrap(), 2, "after {what}");
    }
}

#[test]
fn steps_are_counted_in_loops_calls_patterns_and_coroutines() {
    let few = Limits { steps: 10_000, ..Limits::default() };
    for script in [
        "while true do end",
        "string.find(string.rep('a', 3000), string.rep('a*', 30) .. 'b')",
        "coroutine.wrap(function() while true do end end)()",
        "while true do pcall(function() while true do end end) end",
        "pcall(function() while true do end end) return 'well'",
    ] {
        let state = sandbox(few);
        let error = eval(&state, script).unwrap_err();
        assert_eq!(error.full_message(), "`test` took more than 10,000 steps", "{script}");
    }
    let state = sandbox(few);
    assert_eq!(eval(&state, "local n = 0 for _ = 1, 5000 do n += 1 end return n").unwrap(), 5000);
    // Each call has its own.
    assert_eq!(eval(&state, "local n = 0 for _ = 1, 9000 do n += 1 end return n").unwrap(), 9000);
}

/// The bounds as they are set where nobody says otherwise, steps apart.
#[test]
fn a_pathological_pattern_in_a_coroutine_ends_after_five_seconds() {
    let state = sandbox(Limits { steps: 0, ..Limits::default() });
    let script = "local co = coroutine.wrap(function()
            while true do pcall(string.find, string.rep('a', 3000), string.rep('a*', 30) .. 'b') end
        end)
        return co()";
    let begun = Instant::now();
    let error = eval(&state, script).unwrap_err();
    let took = begun.elapsed();
    assert_eq!(error.full_message(), "`test` took longer than 5.0 s");
    assert!(took >= Duration::from_millis(4900) && took <= Duration::from_millis(5500), "{took:?}");
}

const BOMBS: &[(&str, &str)] = &[
    ("rep", "return #string.rep('x', 1e9)"),
    ("doubling", "local s = 'x' while true do s = s .. s end"),
    ("a table", "local t = {} while true do t[#t + 1] = {} end"),
    ("table.create", "return #table.create(1e9, 0)"),
    ("buffers", "local t = {} while true do t[#t + 1] = buffer.create(1e6) end"),
    ("one buffer", "return buffer.len(buffer.create(1e9))"),
    ("coroutines", "local t = {} while true do t[#t + 1] = coroutine.create(function() end) end"),
    ("closures", "local t = {} while true do local x = {} t[#t + 1] = function() return x end end"),
    (
        "table.concat",
        "local t = {} for i = 1, 1e4 do t[i] = string.rep('x', 1000) end return #table.concat(t, string.rep('y', 1e5))",
    ),
    ("gsub", "return #string.gsub(string.rep('x', 1e5), 'x', string.rep('y', 1e4))"),
    (
        "format",
        "local s = string.rep('x', 1e7) return #string.format(string.rep('%s', 50), table.unpack(table.create(50, s)))",
    ),
    ("split", "return #string.split(string.rep(',', 2e7), ',')"),
    (
        "reverse and upper",
        "local t, s = {}, string.rep('x', 1e7) while true do t[#t + 1] = string.upper(string.reverse(s .. #t)) end",
    ),
    ("pcall around it", "while true do pcall(function() local s = 'x' while true do s = s .. s end end) end"),
    ("JSON that grows", "return #fac.json.decode('[' .. string.rep('[],', 3e6) .. '1]')"),
    (
        "JSON of a table that holds itself often",
        "local t = { 'xxxxxxxx' } for _ = 1, 40 do t = { t, t } end return fac.json.encode(t)",
    ),
    (
        "pack",
        "local t = {} for i = 1, 200 do t[i] = string.rep('x', 3e5) end return #string.pack(string.rep('s', 200), table.unpack(t))",
    ),
];

/// Whether this is the process that a test is to itself, since it measures the memory of one; otherwise it runs there.
#[cfg(target_os = "linux")]
fn is_alone(name: &str) -> bool {
    const ALONE: &str = "FAC_TEST_ALONE";
    if std::env::var_os(ALONE).is_some() {
        return true;
    }
    let test = format!("plugins::tests::bounds::{name}");
    let program = std::env::current_exe().unwrap();
    let done = std::process::Command::new(program).args([&*test, "--exact", "--nocapture"]).env(ALONE, "1").output();
    let done = done.unwrap();
    let said = String::from_utf8_lossy(&done.stdout);
    assert!(done.status.success() && said.contains("1 passed"), "{said}{}", String::from_utf8_lossy(&done.stderr));
    false
}

/// Resident memory of this process, bytes.
#[cfg(target_os = "linux")]
fn resident() -> i64 {
    let text = std::fs::read_to_string("/proc/self/statm").unwrap();
    text.split_whitespace().nth(1).unwrap().parse::<i64>().unwrap() * 4096
}

#[test]
fn memory_bombs_end_within_their_bound() {
    let limits = Limits { wall: Duration::from_millis(1500), steps: 0, ..Limits::default() };
    for (what, script) in BOMBS {
        let state = sandbox(limits);
        let error = eval(&state, script).expect_err(what);
        let said = error.full_message();
        let expected = [
            "wanted more than 50 MB of memory",
            "took longer than",
            "not enough memory",
            "has more than",
            "too large",
            "too many",
            "table overflow",
        ];
        assert!(expected.iter().any(|words| said.contains(words)), "{what}: {said}");
        assert!(state.used_memory() <= 51 << 20, "{what} holds {}", state.used_memory());
        state.tidy();
        assert_eq!(eval(&state, "return 1 + 1").unwrap(), 2, "after {what}");
    }
}

#[test]
#[cfg(target_os = "linux")]
fn a_bomb_takes_no_more_of_the_process_than_it_may() {
    if !is_alone("a_bomb_takes_no_more_of_the_process_than_it_may") {
        return;
    }
    let limits = Limits { wall: Duration::from_millis(800), steps: 0, ..Limits::default() };
    for (what, script) in BOMBS {
        let state = sandbox(limits);
        let before = resident();
        eval(&state, script).unwrap_err();
        let grown = resident() - before;
        assert!(grown <= 60 << 20, "{what}: {} MB", grown >> 20);
    }
}

#[test]
fn what_comes_out_is_bounded() {
    let state = sandbox(Limits { steps: 0, ..Limits::default() });
    for (script, said) in [
        ("return string.rep('x', 5e6)", "more than 4 MB"),
        ("local t = {} for i = 1, 2e5 do t[i] = i end return t", "more than 100,000 parts"),
        ("local t = {} t.t = t return t", "nested too deeply"),
        ("return print", "a function has no place in JSON"),
        ("return 0/0", "no word for infinity"),
    ] {
        let error = eval(&state, script).unwrap_err().full_message();
        assert!(error.contains(said), "{script}: {error}");
    }
}

#[test]
fn the_time_of_the_world_is_not_the_scripts() {
    let all = Permissions { ask: true, http: vec!["example.org".into()], ..Permissions::default() };
    let state = sandbox_with(short(), &all);
    assert_eq!(eval(&state, "return fac.ask('x')").unwrap(), "an answer");
    assert_eq!(eval(&state, "return fac.http.get('https://example.org/a').body").unwrap(), "https://example.org/a");
    let said = eval(&state, "return fac.http.get('https://example.com/')").unwrap_err().full_message();
    assert!(said.contains("example.com is not among the hosts"), "{said}");
}

/// A state that is held takes some 230 kB, more than half of which any state of Luau takes; one that nobody calls is let go.
#[test]
#[cfg(target_os = "linux")]
fn states_are_small() {
    if !is_alone("states_are_small") {
        return;
    }
    let _first = sandbox(Limits::default());
    let before = resident();
    let all: Vec<_> = (0..50).map(|_| sandbox(Limits::default())).collect();
    let each = (resident() - before) / 50;
    assert!(each <= 300 << 10, "{each} bytes each");
    assert!(all.iter().all(|state| state.used_memory() < 700 << 10));
}

#[test]
fn lines_without_a_loop_that_took_too_long_are_no_answer() {
    let lines = "x = s .. t x = t .. s\n".repeat(2000);
    let script = format!("local s, t = string.rep('x', 1e6), string.rep('y', 1e6) local x {lines} return 1");
    assert_eq!(eval(&sandbox(short()), &script).unwrap_err().kind(), Kind::TimedOut);
}

#[test]
fn one_text_many_times_is_counted_before_it_is_copied() {
    let may = Permissions { http: vec!["a.example".into()], run: vec!["*".into()], ..Permissions::default() };
    for permissions in [may, Permissions::default()] {
        let state = sandbox_with(Limits::default(), &permissions);
        for asks in ["fac.http.get, 'https://a.example', { headers = all }", "fac.run, all"] {
            let script = format!(
                "local s = string.rep('x', 1e6) local all = {{}} for i = 1, 40 do all[i] = s end return (pcall({asks}))"
            );
            assert_eq!(eval(&state, &script).unwrap(), false, "{asks}");
        }
    }
}
