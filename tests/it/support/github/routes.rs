//! The routes: from a request to what GitHub would answer.

use std::sync::Arc;

use base64::Engine;
use serde_json::{Value, json};

use super::openapi;
use super::repo::Repo;
use super::server::Answer;
use super::{Recorded, Shared};
use crate::support::http::decoded;

/// Enterprise servers have their API below this path; here both are served.
const ENTERPRISE: &str = "/api/v3";

/// The right answer, checked against GitHub's description, with its limit headers.
pub(crate) fn answer(shared: &Shared, request: &Recorded) -> Answer {
    if request.codeload {
        return codeload(shared, &request.target);
    }
    let subset = openapi::subset();
    let (path, query) = request.target.split_once('?').unwrap_or((&request.target, ""));
    let path = path.strip_prefix(ENTERPRISE).unwrap_or(path);
    // Where a renamed repository's redirect leads; GitHub does not describe this route.
    let answer = match path.strip_prefix("/repositories/") {
        Some(rest) => by_id(shared, request, rest),
        None => {
            if let Err(problem) = subset.check_request(path, query) {
                shared.problems.lock().unwrap().push(problem);
            }
            by_name(shared, request, path, query)
        }
    };
    if let Err(problem) = subset.check_answer(path, &answer) {
        shared.problems.lock().unwrap().push(format!("{}: {problem}", request.target));
    }
    count(shared, request, answer)
}

/// An error in GitHub's shape.
pub fn error(status: u16, message: &str) -> Answer {
    let body =
        json!({"message": message, "documentation_url": "https://docs.github.com/rest", "status": status.to_string()});
    json_answer(status, &body)
}

fn json_answer(status: u16, body: &Value) -> Answer {
    Answer::new(status, "application/json; charset=utf-8", serde_json::to_vec(body).unwrap())
}

/// Limit headers as GitHub counts: a 304 to a request with a token is free.
fn count(shared: &Shared, request: &Recorded, answer: Answer) -> Answer {
    let mut limit = shared.limit.lock().unwrap();
    let known = request.header("authorization").is_some();
    if !(answer.status == 304 && known) {
        limit.remaining = limit.remaining.saturating_sub(1);
    }
    let (most, left) =
        if known { (5000, 5000 - (limit.limit - limit.remaining)) } else { (limit.limit, limit.remaining) };
    answer
        .with("x-ratelimit-limit", most)
        .with("x-ratelimit-remaining", left)
        .with("x-ratelimit-used", most - left)
        .with("x-ratelimit-reset", limit.reset)
        .with("x-ratelimit-resource", "core")
}

fn by_id(shared: &Shared, request: &Recorded, rest: &str) -> Answer {
    let (id, rest) = rest.split_once('/').unwrap_or((rest, ""));
    let found = shared.repos.lock().unwrap().iter().find(|r| r.id.to_string() == id).cloned();
    match found {
        Some(repo) => in_repo(shared, request, &repo, rest, ""),
        None => error(404, "Not Found"),
    }
}

fn by_name(shared: &Shared, request: &Recorded, path: &str, query: &str) -> Answer {
    if path == "/rate_limit" {
        return rate_limit(shared);
    }
    let mut parts = path.trim_start_matches('/').splitn(4, '/');
    let (Some("repos"), Some(owner), Some(name)) = (parts.next(), parts.next(), parts.next()) else {
        return error(404, "Not Found");
    };
    let rest = parts.next().unwrap_or("");
    let full_name = format!("{owner}/{name}");
    let repos = shared.repos.lock().unwrap().clone();
    if let Some(repo) = repos.iter().find(|r| r.is_called(&full_name)) {
        return in_repo(shared, request, repo, rest, query);
    }
    let old = |r: &&Arc<Repo>| r.settings().old_names.iter().any(|n| n.eq_ignore_ascii_case(&full_name));
    match repos.iter().find(old) {
        Some(repo) => {
            let tail = if rest.is_empty() { String::new() } else { format!("/{rest}") };
            let prefix = if request.target.starts_with(ENTERPRISE) { ENTERPRISE } else { "" };
            let url = format!("{}{prefix}/repositories/{}{tail}", shared.api, repo.id);
            let body = json!({"message": "Moved Permanently", "url": url, "documentation_url": "https://docs.github.com/rest"});
            json_answer(301, &body).with("location", url)
        }
        None => error(404, "Not Found"),
    }
}

fn in_repo(shared: &Shared, request: &Recorded, repo: &Repo, rest: &str, query: &str) -> Answer {
    if let Some(token) = &repo.settings().token
        && request.header("authorization") != Some(&format!("Bearer {token}"))
    {
        return error(404, "Not Found");
    }
    let rest = decoded(rest);
    if rest.is_empty() {
        return describe(repo);
    }
    if repo.is_empty() {
        return error(409, "Git Repository is empty.");
    }
    if let Some(git_ref) = rest.strip_prefix("commits/") {
        commit(request, repo, git_ref)
    } else if let Some(sha) = rest.strip_prefix("git/trees/") {
        tree(shared, repo, sha, query.split('&').any(|q| q.starts_with("recursive=")))
    } else if let Some(sha) = rest.strip_prefix("git/blobs/") {
        blob(request, shared, repo, sha)
    } else if let Some(git_ref) = rest.strip_prefix("tarball/") {
        tarball(shared, repo, git_ref)
    } else if let Some(path) = rest.strip_prefix("contents/") {
        contents(shared, request, repo, path, query)
    } else {
        error(404, "Not Found")
    }
}

fn rate_limit(shared: &Shared) -> Answer {
    let limit = shared.limit.lock().unwrap().clone();
    let core = json!({"limit": limit.limit, "remaining": limit.remaining, "used": limit.limit - limit.remaining, "reset": limit.reset});
    json_answer(200, &json!({"resources": {"core": core, "search": core}, "rate": core}))
}

fn describe(repo: &Repo) -> Answer {
    let settings = repo.settings();
    let mut body = openapi::subset().least("full-repository");
    let (_, name) = settings.full_name.split_once('/').unwrap();
    body["id"] = json!(repo.id);
    body["name"] = json!(name);
    body["full_name"] = json!(settings.full_name);
    body["default_branch"] = json!(settings.default_branch);
    body["private"] = json!(settings.token.is_some());
    json_answer(200, &body)
}

fn commit(request: &Recorded, repo: &Repo, git_ref: &str) -> Answer {
    let Some(sha) = repo.resolve(git_ref) else {
        return error(422, &format!("No commit found for SHA: {git_ref}"));
    };
    let etag = format!("\"{sha}\"");
    if request.header("if-none-match").is_some_and(|known| known.trim_start_matches("W/") == etag) {
        return Answer { status: 304, ..Answer::default() }.with("etag", etag);
    }
    if request.header("accept").is_some_and(|accept| accept.contains("application/vnd.github.sha")) {
        return Answer::new(200, "application/vnd.github.sha; charset=utf-8", sha.into_bytes()).with("etag", etag);
    }
    let mut body = openapi::subset().least("commit");
    body["sha"] = json!(sha);
    json_answer(200, &body).with("etag", etag)
}

fn tree(shared: &Shared, repo: &Repo, sha: &str, recursive: bool) -> Answer {
    let id = repo.resolve(sha).unwrap_or_else(|| sha.to_string());
    let Some(root) = repo.try_git(&["rev-parse", "--quiet", "--verify", &format!("{id}^{{tree}}")]) else {
        return error(404, "Not Found");
    };
    let listed = if recursive { ["ls-tree", "-r", "-t", "-l", "-z"].as_slice() } else { &["ls-tree", "-l", "-z"] };
    let listed = repo.try_git(&[listed, &[id.as_str()]].concat()).unwrap();
    let mut entries: Vec<Value> =
        listed.split(|b| *b == 0).filter(|l| !l.is_empty()).map(|l| tree_entry(shared, repo, l)).collect();
    let most = repo.settings().truncate_above;
    let truncated = recursive && entries.len() > most;
    if truncated {
        entries.truncate(most);
    }
    let root = String::from_utf8(root).unwrap().trim().to_string();
    let url = format!("{}/repos/{}/git/trees/{root}", shared.api, repo.settings().full_name);
    json_answer(200, &json!({"sha": root, "url": url, "tree": entries, "truncated": truncated}))
}

/// `mode type sha size<TAB>path`.
fn tree_entry(shared: &Shared, repo: &Repo, line: &[u8]) -> Value {
    let tab = line.iter().position(|b| *b == b'\t').unwrap();
    let head = String::from_utf8(line[..tab].to_vec()).unwrap();
    let words: Vec<&str> = head.split_whitespace().collect();
    let mut entry = json!({
        "path": String::from_utf8_lossy(&line[tab + 1..]),
        "mode": words[0],
        "type": words[1],
        "sha": words[2],
    });
    if let Ok(size) = words[3].parse::<u64>() {
        entry["size"] = json!(size);
    }
    if words[1] != "commit" {
        entry["url"] =
            json!(format!("{}/repos/{}/git/{}s/{}", shared.api, repo.settings().full_name, words[1], words[2]));
    }
    entry
}

fn blob(request: &Recorded, shared: &Shared, repo: &Repo, sha: &str) -> Answer {
    let Some(bytes) = repo.try_git(&["cat-file", "blob", sha]) else {
        return error(404, "Not Found");
    };
    if request.header("accept").is_some_and(|accept| accept.contains("raw")) {
        return Answer::new(200, "application/vnd.github.raw+json; charset=utf-8", bytes);
    }
    let url = format!("{}/repos/{}/git/blobs/{sha}", shared.api, repo.settings().full_name);
    let content = base64::engine::general_purpose::STANDARD.encode(&bytes);
    let body = json!({"content": content, "encoding": "base64", "url": url, "sha": sha, "size": bytes.len(), "node_id": "B_x"});
    json_answer(200, &body)
}

fn tarball(shared: &Shared, repo: &Repo, git_ref: &str) -> Answer {
    let Some(sha) = repo.resolve(git_ref) else { return error(404, "Not Found") };
    let settings = repo.settings();
    // A private link carries a permission of its own.
    let permission = if settings.token.is_some() { format!("?token=LINK{}", repo.id) } else { String::new() };
    let url = format!("{}/{}/legacy.tar.gz/{sha}{permission}", shared.codeload, settings.full_name);
    Answer { status: 302, ..Answer::default() }.with("location", url)
}

fn codeload(shared: &Shared, target: &str) -> Answer {
    let (path, query) = target.split_once('?').unwrap_or((target, ""));
    let parts: Vec<&str> = path.trim_start_matches('/').split('/').collect();
    let [owner, name, "legacy.tar.gz", sha] = parts.as_slice() else { return error(404, "Not Found") };
    let found = shared.repos.lock().unwrap().iter().find(|r| r.is_called(&format!("{owner}/{name}"))).cloned();
    let Some(repo) = found else { return error(404, "Not Found") };
    if repo.settings().token.is_some() && query != format!("token=LINK{}", repo.id) {
        return error(404, "Not Found");
    }
    let prefix = format!("--prefix={owner}-{name}-{}/", &sha[..7]);
    match repo.try_git(&["archive", "--format=tar.gz", &prefix, sha]) {
        Some(bytes) => Answer::new(200, "application/x-gzip", bytes),
        None => error(404, "Not Found"),
    }
}

fn contents(shared: &Shared, request: &Recorded, repo: &Repo, path: &str, query: &str) -> Answer {
    let git_ref = query.split('&').find_map(|q| q.strip_prefix("ref=")).map(decoded).unwrap_or("HEAD".into());
    let Some(commit) = repo.resolve(&git_ref) else { return error(404, "No commit found for the ref") };
    let Some(listed) = repo.try_git(&["ls-tree", "-l", "-z", &commit, "--", path]).filter(|l| !l.is_empty()) else {
        return error(404, "Not Found");
    };
    let entry = tree_entry(shared, repo, listed.strip_suffix(b"\0").unwrap_or(&listed));
    if entry["type"] == "tree" {
        let listed = repo.try_git(&["ls-tree", "-l", "-z", &format!("{commit}:{path}")]).unwrap();
        let lines = listed.split(|b| *b == 0).filter(|l| !l.is_empty());
        let all: Vec<Value> = lines.map(|l| content(repo, &tree_entry(shared, repo, l), Some(path), None)).collect();
        return json_answer(200, &json!(all));
    }
    let bytes = repo.try_git(&["cat-file", "blob", entry["sha"].as_str().unwrap()]).unwrap_or_default();
    if request.header("accept").is_some_and(|accept| accept.contains("raw")) {
        return Answer::new(200, "application/vnd.github.raw+json; charset=utf-8", bytes);
    }
    json_answer(200, &content(repo, &entry, None, Some(&bytes)))
}

fn content(repo: &Repo, entry: &Value, folder: Option<&str>, bytes: Option<&[u8]>) -> Value {
    let listed = entry["path"].as_str().unwrap();
    let path = folder.map_or(listed.to_string(), |f| format!("{f}/{listed}"));
    let name = path.rsplit('/').next().unwrap();
    let kind = match entry["mode"].as_str().unwrap() {
        "040000" => "dir",
        "120000" => "symlink",
        // GitHub lists submodules as files.
        _ => "file",
    };
    let full_name = repo.settings().full_name;
    let api = format!("https://api.github.com/repos/{full_name}/contents/{path}");
    let html = format!("https://github.com/{full_name}/blob/HEAD/{path}");
    let mut value = json!({
        "type": kind, "size": entry["size"].as_u64().unwrap_or(0), "name": name, "path": path, "sha": entry["sha"],
        "url": api, "git_url": entry["url"], "html_url": html, "download_url": html,
        "_links": {"self": api, "git": entry["url"], "html": html},
    });
    if let (Some(bytes), "file") = (bytes, kind) {
        value["encoding"] = json!("base64");
        value["content"] = json!(base64::engine::general_purpose::STANDARD.encode(bytes));
    }
    if let (Some(bytes), "symlink") = (bytes, kind) {
        value["target"] = json!(String::from_utf8_lossy(bytes));
    }
    value
}
