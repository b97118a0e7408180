//! `fac.http`: requests to the hosts that `plugin.toml` names, and to no other, however they are sent on.

use std::sync::Arc;

use mlua::{Lua, Table, Value};
use url::Url;

use crate::plugins::inside::{Inside, ours, raise};
use crate::plugins::values;
use crate::plugins::world::{Request, Response};

/// The most bytes of headers in a request.
const MOST_HEADERS: usize = 64 << 10;

/// The table.
pub fn table(lua: &Lua, inside: &Arc<Inside>) -> mlua::Result<Table> {
    let table = lua.create_table()?;
    let here = inside.clone();
    let get = lua.create_function(move |lua, (url, options): (String, Option<Table>)| {
        allowed(&here)?;
        let request = request("GET", url, options.as_ref())?;
        send(lua, &here, request)
    })?;
    table.raw_set("get", get)?;
    let here = inside.clone();
    let post = lua.create_function(move |lua, (url, body, options): (String, Value, Option<Table>)| {
        allowed(&here)?;
        let mut request = request("POST", url, options.as_ref())?;
        let has_type = request.headers.iter().any(|(name, _)| name.eq_ignore_ascii_case("content-type"));
        request.body = Some(match &body {
            Value::String(text) => text.as_bytes().to_vec(),
            Value::Nil => Vec::new(),
            other => {
                if !has_type {
                    request.headers.push(("content-type".into(), "application/json".into()));
                }
                values::to_json(other)?.to_string().into_bytes()
            }
        });
        send(lua, &here, request)
    })?;
    table.raw_set("post", post)?;
    Ok(table)
}

fn request(method: &str, url: String, options: Option<&Table>) -> mlua::Result<Request> {
    let mut headers = Vec::new();
    if let Some(written) = options.map(|o| o.raw_get::<Option<Table>>("headers")).transpose()?.flatten() {
        let mut room = MOST_HEADERS;
        for pair in written.pairs::<mlua::LuaString, mlua::LuaString>() {
            let (name, value) = pair?;
            // They are counted before they are copied: one text may stand there many times.
            let bytes = name.as_bytes().len() + value.as_bytes().len();
            let Some(left) = room.checked_sub(bytes) else { return raise("the headers are larger than 64 kB") };
            room = left;
            headers.push((name.to_str()?.to_string(), value.to_str()?.to_string()));
        }
    }
    headers.sort();
    Ok(Request { method: method.to_string(), url, headers, ..Request::default() })
}

fn allowed(inside: &Inside) -> mlua::Result<()> {
    inside.needs(!inside.permissions.http.is_empty(), "fac.http", "`http = [\"…\"]` with the host")
}

fn send(lua: &Lua, inside: &Inside, mut request: Request) -> mlua::Result<Table> {
    let hosts = &inside.permissions.http;
    match Url::parse(&request.url) {
        Ok(url) if is_allowed(&url, hosts) => {}
        Ok(url) => return raise(&refusal(&url)),
        Err(_) => return raise("that is no address"),
    }
    request.allowed.clone_from(hosts);
    let response =
        inside.meter.free(|| inside.world.fetch(&request, inside.meter.halt())).map_err(|error| ours(&error))?;
    answer(lua, response)
}

/// Why a host is not asked.
pub fn refusal(url: &Url) -> String {
    let host = url.host_str().unwrap_or_default();
    // What stands in the manifest without a port is asked as `https` usually is.
    let port = url.port_or_known_default().filter(|_| url.scheme() != "https" || url.port().is_some());
    let place = port.map_or(host.to_string(), |port| format!("{host}:{port}"));
    match url.scheme() {
        "http" | "https" if !url.username().is_empty() || url.password().is_some() => {
            format!("an address of {host} with a user or a password is not allowed; send them as a header")
        }
        "http" | "https" => format!("{place} is not among the hosts of plugin.toml (http = [\"{place}\"] allows it)"),
        scheme => format!("`{scheme}` addresses are not allowed"),
    }
}

fn answer(lua: &Lua, response: Response) -> mlua::Result<Table> {
    let table = lua.create_table()?;
    table.raw_set("status", response.status)?;
    table.raw_set("ok", (200..300).contains(&response.status))?;
    let headers = lua.create_table()?;
    for (name, value) in response.headers {
        headers.raw_set(name, value)?;
    }
    table.raw_set("headers", headers)?;
    table.raw_set("body", lua.create_string(response.body)?)?;
    Ok(table)
}

/// Whether a host may be asked: encrypted, or named with its port, or on this machine.
pub fn is_allowed(url: &Url, hosts: &[String]) -> bool {
    let Some(host) = url.host_str() else { return false };
    let host = host.trim_end_matches('.');
    if !matches!(url.scheme(), "http" | "https") || !url.username().is_empty() || url.password().is_some() {
        return false;
    }
    hosts.iter().any(|pattern| {
        let (name, port) = match pattern.rsplit_once(':') {
            Some((name, port)) if port.parse::<u16>().is_ok() => (name, port.parse().ok()),
            _ => (pattern.as_str(), None),
        };
        let by_port = match port {
            Some(port) => url.port_or_known_default() == Some(port),
            None => url.scheme() == "https" && url.port().is_none(),
        };
        by_port
            && match name.strip_prefix("*.") {
                Some(tail) => !tail.is_empty() && host.strip_suffix(tail).is_some_and(|head| head.ends_with('.')),
                None => host.eq_ignore_ascii_case(name),
            }
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_named_hosts_are_asked() {
        let allowed = |url: &str, host: &str| is_allowed(&Url::parse(url).unwrap(), &[host.to_string()]);
        for (url, host, yes) in [
            ("https://api.example.org/x", "api.example.org", true),
            ("https://API.example.org./x", "api.example.org", true),
            ("http://api.example.org/x", "api.example.org", false),
            ("http://api.example.org/x", "api.example.org:80", true),
            ("https://api.example.org:8443/", "api.example.org", false),
            ("https://api.example.org:8443/", "api.example.org:8443", true),
            ("https://a.b.example.org/", "*.example.org", true),
            ("https://example.org/", "*.example.org", false),
            ("https://evilexample.org/", "*.example.org", false),
            ("https://api.example.org.evil.net/", "api.example.org", false),
            ("https://api.example.org@evil.net/", "api.example.org", false),
            ("https://user@api.example.org/", "api.example.org", false),
            ("file:///etc/passwd", "*", false),
            ("http://127.0.0.1:8000/", "127.0.0.1:8000", true),
            ("http://127.0.0.1:8001/", "127.0.0.1:8000", false),
            ("http://[::1]:8000/", "[::1]:8000", true),
            ("https://example.org/", "*", false),
            ("https://example.org/", "*.", false),
        ] {
            assert_eq!(allowed(url, host), yes, "{url} {host}");
        }
    }
}
