//! Scripts that want out. Each returns `true` when it got what it wanted; not one may.

use serde_json::json;

use super::{eval, sandbox, short};
use crate::kernel::error::Kind;

/// What is tried, and how.
const ATTEMPTS: &[(&str, &str)] = &[
    // Names that must not be there.
    ("os", "return os ~= nil"),
    ("os.execute", "return os.execute('true') ~= nil"),
    ("os.getenv", "return os.getenv('PATH') ~= nil"),
    ("io", "return io ~= nil"),
    ("io.open", "return io.open('/etc/passwd') ~= nil"),
    ("io.popen", "return io.popen('id') ~= nil"),
    ("debug", "return debug ~= nil"),
    ("debug.getregistry", "return debug.getregistry() ~= nil"),
    ("debug.info", "return debug.info(1, 'f') ~= nil"),
    ("debug.sethook", "return debug.sethook() ~= nil"),
    ("load", "return load('return 1') ~= nil"),
    ("loadstring", "return loadstring('return 1') ~= nil"),
    ("loadfile", "return loadfile('/etc/passwd') ~= nil"),
    ("dofile", "return dofile('/etc/passwd') ~= nil"),
    ("require", "return require('os') ~= nil"),
    ("require of a path", "return require('./main') ~= nil"),
    ("package", "return package ~= nil"),
    ("package.loadlib", "return package.loadlib('libc.so.6', 'system') ~= nil"),
    ("string.dump", "return string.dump(function() end) ~= nil"),
    ("collectgarbage", "return collectgarbage ~= nil"),
    ("gcinfo", "return gcinfo ~= nil"),
    ("getfenv", "return getfenv ~= nil"),
    ("setfenv", "return setfenv ~= nil"),
    ("newproxy", "return newproxy ~= nil"),
    ("ffi", "return ffi ~= nil or jit ~= nil"),
    ("names of environments", "return _ENV ~= nil"),
    ("table.foreach", "return table.foreach ~= nil or table.foreachi ~= nil"),
    // The same names, reached in other ways.
    ("_G.os", "return _G.os ~= nil or _G['io'] ~= nil or _G.debug ~= nil"),
    ("rawget of _G", "return rawget(_G, 'os') ~= nil or rawget(_G, 'loadstring') ~= nil"),
    ("behind _G", "local m = getmetatable(_G); return m.__index.os ~= nil or m.__index.loadstring ~= nil or m.__index.require ~= nil"),
    ("walking all there is", "local seen, todo = {}, { _G, getmetatable(_G), getmetatable('') }
        while #todo > 0 do
            local t = table.remove(todo)
            if type(t) == 'table' and not seen[t] then
                seen[t] = true
                for k, v in t do
                    if k == 'execute' or k == 'popen' or k == 'loadstring' or k == 'dump' or k == 'getregistry' or k == 'require' then return true end
                    table.insert(todo, v)
                    table.insert(todo, k)
                    local ok, m = pcall(getmetatable, v)
                    if ok then table.insert(todo, m) end
                end
            end
        end
        return false"),
    ("through a function's upvalues", "return getmetatable(print) ~= nil"),
    ("through coroutines", "return coroutine.wrap(function() return os ~= nil or loadstring ~= nil end)()"),
    ("through a coroutine's globals", "local co = coroutine.create(function() x = 1; coroutine.yield(_G) end); local _, g = coroutine.resume(co); return g.os ~= nil"),
    // Bytecode.
    ("bytecode to load", "return load('\\27Lua') ~= nil"),
    ("bytecode to loadstring", "return loadstring('\\27LuaQ', 'x', 'b') ~= nil"),
    ("Luau bytecode", "return loadstring(string.char(6, 3, 1)) ~= nil"),
    // Changing what others see.
    ("write a library", "string.find = function() return true end; return string.find('a', 'b') == true"),
    ("write into string through a text's metatable", "getmetatable('').__index.find = 1; return true"),
    ("replace __index of texts", "getmetatable('').__index = function() return true end; return true"),
    ("setmetatable of texts", "setmetatable(getmetatable(''), {}); return true"),
    ("rawset of a library", "rawset(string, 'evil', 1); return string.evil == 1"),
    ("rawset of math", "rawset(math, 'pi', 3); return math.pi == 3"),
    ("table.clear of a library", "table.clear(string); return true"),
    ("table.insert into a library", "table.insert(table, 1); return true"),
    ("table.move into a library", "table.move({ 1 }, 1, 1, 1, string); return true"),
    ("table.sort of a library", "table.sort(fac); return #fac > 0"),
    ("setmetatable of a library", "setmetatable(string, { __index = function() return true end }); return string.evil == true"),
    ("setmetatable of _G's mask", "setmetatable(getmetatable(_G).__index, {}); return true"),
    ("write behind _G", "getmetatable(_G).__index.evil = 1; return evil == 1"),
    ("rawset behind _G", "rawset(getmetatable(_G).__index, 'evil', 1); return evil == 1"),
    ("write fac", "fac.run = nil; return fac.run == nil"),
    ("write a part of fac", "fac.store.get = function() return true end; return fac.store.get('x') == true"),
    ("rawset of fac", "rawset(fac, 'permissions', { ask = true }); return fac.permissions ~= nil"),
    ("write the permissions", "fac.permissions.ask = true; return true"),
    ("write the mark of arrays", "local m = getmetatable(fac.json.array({})); m.x = 1; return true"),
    ("the mark of arrays is hidden", "return type(getmetatable(fac.json.array({}))) == 'table'"),
    ("unfreeze", "table.unfreeze(string); return true"),
    ("clone keeps others as they are", "local t = table.clone(string); t.find = nil; return string.find == nil"),
    // What needs a permission.
    ("fac.store", "return fac.store.get('x') ~= nil"),
    ("fac.store.set", "fac.store.set('x', 1); return true"),
    ("fac.store.keys", "return fac.store.keys() ~= nil"),
    ("fac.http.get", "return fac.http.get('https://example.org').ok"),
    ("fac.http.post", "return fac.http.post('https://example.org', '').ok"),
    ("fac.http of a file", "return fac.http.get('file:///etc/passwd').ok"),
    ("fac.run", "return fac.run('git recent').ok"),
    ("fac.run of a list", "return fac.run({ 'sh', '-c', 'id' }).ok"),
    ("fac.ask", "return fac.ask('hello') ~= nil"),
    ("fac.event", "fac.event.emit('x'); return true"),
    ("pcall around a permission", "return (pcall(fac.ask, 'hello'))"),
    ("a coroutine around a permission", "return coroutine.wrap(function() return fac.ask('hello') end)() ~= nil"),
    ("a callback around a permission", "return (string.gsub('x', 'x', fac.ask)) == 'an answer'"),
    ("another self", "return fac.ask(setmetatable({}, { __tostring = function() return 'hello' end })) ~= nil"),
    // Values of the program.
    ("null as an object", "return fac.json.null.x ~= nil"),
    ("metatable of null", "return getmetatable(fac.json.null) ~= nil"),
    ("an error as an object", "local _, e = pcall(fac.ask, 'x'); return type(e) == 'userdata' and e.x ~= nil"),
    ("metatable of an error", "local _, e = pcall(fac.fail, 'x'); return type(getmetatable(e)) == 'table'"),
    ("writing an error", "local _, e = pcall(fac.fail, 'x'); e.x = 1; return true"),
    ("__gc", "setmetatable({}, { __gc = function() os.execute('true') end }); return false"),
    ("__metatable is kept", "local t = setmetatable({}, { __metatable = 1 }); setmetatable(t, {}); return true"),
    ("formatting addresses", "return string.match(string.format('%p', print), '0x') ~= nil"),
    ("reading behind a buffer", "return buffer.readu8(buffer.create(4), 4) ~= nil"),
    ("writing before a buffer", "buffer.writeu8(buffer.create(4), -1, 0); return true"),
    ("a huge offset", "buffer.writestring(buffer.create(4), 2^31, 'x'); return true"),
    ("string.pack without end", "return #string.pack('!16i17', 1) > 0"),
    ("unpack behind the end", "return string.unpack('z', 'abc') ~= nil"),
    ("a negative rep", "return #string.rep('x', -1) > 0"),
    ("a stack without end", "local function f() return f() + 1 end; return f() ~= nil"),
    ("a stack without end in C", "local s = 'x'; for _ = 1, 1000 do s = function() return s end end; return pcall(string.gsub, 'x', 'x', function() return string.gsub('x', 'x', s) end) == nil"),
    ("pcall of pcall without end", "local f = pcall; for _ = 1, 300 do local g = f; f = function() return pcall(g) end end; return f() == nil"),
    ("a deep pattern", "return string.find(string.rep('(', 40), string.rep('(', 40)) ~= nil"),
    ("many results", "return select('#', table.unpack({}, 1, 1e7)) == 1e7"),
    ("a table that holds itself", "local t = {}; t.t = t; return #fac.json.encode(t) > 0"),
    ("deep JSON", "return fac.json.decode(string.rep('[', 10000)) ~= nil"),
    ("JSON of a function", "return #fac.json.encode({ print }) > 0"),
    ("the name of a file in require of a module", "local ok = pcall(function() return require('@self/x') end); return ok"),
];

#[test]
fn not_one_of_them_gets_out() {
    assert!(ATTEMPTS.len() >= 60, "{}", ATTEMPTS.len());
    for (what, script) in ATTEMPTS {
        let state = sandbox(short());
        let got = eval(&state, script);
        assert!(!matches!(got, Ok(serde_json::Value::Bool(true))), "{what} got out: {got:?}");
        // And the sandbox is as it was.
        let after =
            eval(&state, "return { string.find('abc', 'b'), type(fac.ask), #table.concat({ 'a' }), math.floor(1.5) }");
        assert_eq!(after.unwrap_or_default(), json!([2, "function", 1, 1]), "after {what}");
    }
}

#[test]
fn what_is_meant_to_be_there_is_there() {
    let state = sandbox(short());
    let works = "
        local co = coroutine.wrap(function(a) local b = coroutine.yield(a + 1); return b * 2 end)
        local t = { 3, 1, 2 }
        table.sort(t)
        local u = { 3, 1, 2 }
        table.sort(u, function(a, b) return a > b end)
        mine = 1
        return {
            co(1), co(4), t, u, mine, table.find(t, 2), string.split('a,b', ','), (string.gsub('aXb', '%u', '-')),
            utf8.len('grüß'), bit32.band(6, 3), table.move({ 1, 2, 3 }, 2, 3, 1), string.format('%05.1f', 2.25),
            buffer.len(buffer.create(3)), fac.json.encode({ a = 1, b = { true, 'x' } }), fac.json.decode('[1, {\"a\": null}]'),
            fac.time.iso(0), fac.time.format('%Y', 0, 'UTC'), fac.time.parse('1970-01-01T00:00:10Z'), fac.name,
        }";
    let got = eval(&state, works).unwrap();
    let expected = json!([
        2,
        8,
        [1, 2, 3],
        [3, 2, 1],
        1,
        2,
        ["a", "b"],
        "a-b",
        4,
        2,
        [2, 3, 3],
        "002.2",
        3,
        r#"{"a":1,"b":[true,"x"]}"#,
        [1, {}],
        "1970-01-01T00:00:00Z",
        "1970",
        10,
        "test"
    ]);
    assert_eq!(got, expected);
}

#[test]
fn what_a_script_writes_is_its_own() {
    let (one, other) = (sandbox(short()), sandbox(short()));
    eval(&one, "secret = 1; string = 5").unwrap();
    assert_eq!(eval(&one, "return { secret, string == 5 }").unwrap(), json!([1, true]));
    assert_eq!(eval(&other, "return { secret == nil, type(string) }").unwrap(), json!([true, "table"]));
}

#[test]
fn mistakes_say_where_they_are() {
    let state = sandbox(short());
    let said = |script: &str| eval(&state, script).unwrap_err();
    assert_eq!(
        said("local x = nil\nreturn x.y").full_message(),
        "`test` failed: test:2: attempt to index nil with 'y'"
    );
    assert_eq!(said("return 1 +").kind(), Kind::BadData);
    assert!(said("return 1 +").full_message().starts_with("test:1: "), "{}", said("return 1 +").full_message());
    assert_eq!(said("fac.fail('no such thing')").full_message(), "`test` failed: no such thing");
    assert!(said("\u{1b}Lua").kind() == Kind::BadData);
}
