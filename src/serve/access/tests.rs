//! Whoever is not who they say: tokens, keys and headers of all kinds that must not get in.

use std::net::IpAddr;
use std::sync::Arc;

use axum::http::{HeaderMap, HeaderName, HeaderValue};
use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use hmac::{Hmac, KeyInit, Mac};
use serde_json::{Value, json};
use sha2::Sha256;

use super::*;
use crate::kernel::ids::Ids;
use crate::kernel::secret::Secret;
use crate::store::access::{NewLogin, UserEdit};

const SECRET: &str = "7f3Kq9Zt2Lw8Vb4Nc6Md1Rp5Hs0Jx3Yg";
const START: i64 = 1_800_000_000_000_000;
const HOME: IpAddr = IpAddr::V4(std::net::Ipv4Addr::new(10, 0, 0, 1));

struct World {
    _root: tempfile::TempDir,
    access: Access,
    store: Store,
}

impl World {
    fn new() -> World {
        let root = tempfile::tempdir().unwrap();
        let clock = Clock::fixed(Timestamp::from_micros(START));
        let store = Store::open(&root.path().join("store.db"), clock.clone(), Ids::seeded(3)).unwrap();
        let traffic = Arc::new(Traffic::open(root.path()).unwrap());
        let rules = Rules {
            access_us: 900_000_000,
            refresh_us: 3_600_000_000,
            guesses: Guesses { most: 5, lock_us: 900_000_000 },
            register: false,
        };
        let mut access = Access::new(store.clone(), traffic, clock, &Secret::new(SECRET), rules).unwrap();
        access.passwords = Passwords::with(64, 1).unwrap();
        World { _root: root, access, store }
    }

    fn user(&self, name: &str, role: Role) -> User {
        let password = Some(self.access.passwords.hash(&Secret::new("four horses")).unwrap());
        let role = role.name().to_string();
        self.store.add_user(&NewUser { name: name.into(), email: None, role, tier: None, password }).unwrap()
    }

    fn who(&self, headers: &[(&str, &str)]) -> Result<Caller, Problem> {
        let mut map = HeaderMap::new();
        for (name, value) in headers {
            map.append(HeaderName::from_bytes(name.as_bytes()).unwrap(), HeaderValue::from_str(value).unwrap());
        }
        self.access.who(&map, HOME, self.store.trace())
    }

    fn bearer(&self, token: &str) -> Result<Caller, Problem> {
        self.who(&[("authorization", &format!("Bearer {token}"))])
    }

    fn login(&self, name: &str, password: &str) -> Result<login::Given, Problem> {
        self.access.login(name, &Secret::new(password), HOME, "test")
    }
}

/// A token of these parts, signed with HMAC by this key.
fn signed(header: &Value, claims: &Value, key: &[u8]) -> String {
    let part = |value: &Value| URL_SAFE_NO_PAD.encode(value.to_string());
    let message = format!("{}.{}", part(header), part(claims));
    let mac = Hmac::<Sha256>::new_from_slice(key).unwrap().chain_update(&message).finalize().into_bytes();
    format!("{message}.{}", URL_SAFE_NO_PAD.encode(mac))
}

/// The key of access tokens, as it is made of the secret.
fn key() -> Vec<u8> {
    let mac = Hmac::<Sha256>::new_from_slice(SECRET.as_bytes()).unwrap();
    mac.chain_update(b"factotum access tokens 1").finalize().into_bytes().to_vec()
}

fn claims_of(token: &str) -> Value {
    serde_json::from_slice(&URL_SAFE_NO_PAD.decode(token.split('.').nth(1).unwrap()).unwrap()).unwrap()
}

#[test]
fn who_logs_in_is_known_until_the_login_is_over() {
    let world = World::new();
    let ann = world.user("ann", Role::Admin);
    let given = world.login("ANN", "four horses").unwrap();
    let caller = world.bearer(given.access.expose()).unwrap();
    assert_eq!(
        (caller.user, caller.role, caller.how.clone()),
        (ann.id, Role::Admin, How::Login { id: given.login.id })
    );
    assert!(world.access.still(&caller).is_ok());
    world.store.end_login(given.login.id, "test").unwrap();
    assert_eq!(world.bearer(given.access.expose()).unwrap_err().status, 401);
    assert_eq!(world.access.still(&caller).unwrap_err().status, 401);
    assert_eq!(world.access.refresh(given.refresh.expose()).unwrap_err().status, 401);
}

#[test]
fn no_token_that_anybody_could_make_gets_in() {
    let world = World::new();
    world.user("ann", Role::Owner);
    let given = world.login("ann", "four horses").unwrap();
    let token = given.access.expose();
    let (claims, good) = (claims_of(token), json!({"alg": "HS256", "typ": "JWT"}));
    assert!(world.bearer(&signed(&good, &claims, &key())).is_ok());

    let mut forged = vec![token.to_string() + "A", format!("{token}."), format!(".{token}"), token.replace('.', "")];
    // Without a signature, in every spelling.
    for alg in ["none", "None", "NONE", "nOnE", ""] {
        let text = signed(&json!({"alg": alg, "typ": "JWT"}), &claims, &key());
        forged.push(text.clone());
        forged.push(format!("{}.", text.rsplit_once('.').unwrap().0));
    }
    let body = token.rsplit_once('.').unwrap().0;
    forged.push(format!("{body}."));
    forged.push(body.to_string());
    // Other algorithms, signed with what we would take for their key.
    for alg in ["HS384", "HS512", "RS256", "RS384", "PS256", "ES256", "ES384", "EdDSA", "HS256 ", "hs256"] {
        forged.push(signed(&json!({"alg": alg, "typ": "JWT"}), &claims, &key()));
    }
    forged.push(signed(&json!({"typ": "JWT"}), &claims, &key()));
    forged.push(signed(&json!({"alg": ["HS256"]}), &claims, &key()));
    // Keys that are named, sent along, or easy to guess.
    let tricks = [
        json!({"alg": "HS256", "kid": "../../../../dev/null"}),
        json!({"alg": "HS256", "kid": "x' UNION SELECT 'a"}),
        json!({"alg": "HS256", "kid": "1"}),
        json!({"alg": "HS256", "jku": "https://evil.example/keys"}),
        json!({"alg": "HS256", "x5u": "https://evil.example/cert"}),
        json!({"alg": "HS256", "jwk": {"kty": "oct", "k": "YQ"}}),
        json!({"alg": "HS256", "x5c": ["AAAA"]}),
        json!({"alg": "HS256", "crit": ["b64"], "b64": false}),
        json!({"alg": "HS256", "zip": "DEF"}),
        json!({"alg": "HS256", "cty": "JWT"}),
    ];
    for header in &tricks {
        for secret in [&b""[..], b"a", &key()] {
            forged.push(signed(header, &claims, secret));
        }
    }
    for secret in [&b""[..], b"secret", SECRET.as_bytes(), &[0; 32]] {
        forged.push(signed(&good, &claims, secret));
    }
    // The wrong claims under the right key: another's login, another purpose, another maker, none, more.
    let other = world.user("eve", Role::Member);
    for (name, value) in [
        ("sub", json!(other.id)),
        ("sid", json!(other.id)),
        ("sid", json!("x")),
        ("aud", json!("factotum:refresh")),
        ("aud", json!(["other"])),
        ("iss", json!("evil")),
        ("exp", json!(0)),
        ("exp", json!("9999999999")),
        ("exp", json!(1e300)),
        ("iat", json!(START / 1_000_000 + 3600)),
        ("role", json!("owner")),
    ] {
        let mut wrong = claims.clone();
        wrong[name] = value;
        forged.push(signed(&good, &wrong, &key()));
        wrong.as_object_mut().unwrap().remove(name);
        if name != "role" {
            forged.push(signed(&good, &wrong, &key()));
        }
    }
    forged.extend(["", "a.b.c", "..", "null", "fac_", "fac_x_y", "facr_", "undefined"].map(String::from));
    forged.push("x".repeat(100_000));
    forged.push(given.refresh.expose().to_string());
    for text in forged {
        let Ok(_) = HeaderValue::from_str(&text) else { continue };
        let said = world.bearer(&text).map(|caller| caller.name);
        assert_eq!(said.unwrap_err().status, 401, "{text}");
    }
}

#[test]
fn a_token_is_good_to_the_second() {
    let world = World::new();
    let ann = world.user("ann", Role::Owner);
    let given = world.login("ann", "four horses").unwrap();
    let at = |seconds: i64| Timestamp::from_micros(START + seconds * 1_000_000);
    let token = world.access.tokens.access(ann.id, given.login.id, at(0), at(900)).unwrap();
    let read = |seconds| world.access.tokens.read_access(token.expose(), at(seconds)).is_some();
    assert!(read(0) && read(899));
    assert!(!read(900) && !read(901));
}

#[test]
fn scopes_hold_in_every_header_that_shows_a_key() {
    let world = World::new();
    let ann = world.user("ann", Role::Owner);
    let scopes = [Permission::ChatRead].into();
    let (row, narrow) = make_key(&world.store, &ann, "narrow", Some(&scopes), None).unwrap();
    let (_, wide) = make_key(&world.store, &ann, "wide", None, None).unwrap();
    let bearer = format!("Bearer {}", narrow.expose());
    for (name, value) in [
        ("authorization", bearer.as_str()),
        ("x-api-key", narrow.expose()),
        ("api-key", narrow.expose()),
        ("x-goog-api-key", narrow.expose()),
    ] {
        let caller = world.who(&[(name, value)]).unwrap();
        assert_eq!(caller.how, How::Key { id: row.id });
        let may: Vec<Permission> = Permission::ALL.into_iter().filter(|one| caller.may(*one)).collect();
        assert_eq!(may, [Permission::ChatRead], "{name}");
        // Two that differ are nobody, in whichever order.
        for other in ["authorization", "x-api-key", "api-key", "x-goog-api-key"] {
            let shown =
                if other == "authorization" { format!("Bearer {}", wide.expose()) } else { wide.expose().to_string() };
            assert_eq!(world.who(&[(name, value), (other, &shown)]).unwrap_err().status, 401, "{name} {other}");
            assert_eq!(world.who(&[(other, &shown), (name, value)]).unwrap_err().status, 401, "{other} {name}");
        }
    }
    assert!(world.who(&[("x-api-key", wide.expose())]).unwrap().may(Permission::SystemWrite));
    // Part of a key, or more of one, is none.
    let text = wide.expose();
    for wrong in
        [&text[..text.len() - 1], &format!("{text}A"), &text.to_lowercase(), &text[..12], &format!("{}_", &text[..12])]
    {
        assert_eq!(world.bearer(wrong).unwrap_err().status, 401);
    }
    assert!(text.starts_with("fac_") && text.len() == 56);
}

#[test]
fn a_key_is_good_until_it_is_over_revoked_or_its_user_is_shut_out() {
    let world = World::new();
    world.user("root", Role::Owner);
    let ann = world.user("ann", Role::Member);
    let soon = world.store.now().plus_micros(60_000);
    let (_, short) = make_key(&world.store, &ann, "", None, Some(soon)).unwrap();
    let (row, long) = make_key(&world.store, &ann, "", None, None).unwrap();
    let caller = world.bearer(long.expose()).unwrap();
    assert!(world.bearer(short.expose()).is_ok());
    // The clock of the test goes on by a millisecond each time that it is read.
    (0..60).for_each(|_| {
        world.store.now();
    });
    assert_eq!(world.bearer(short.expose()).unwrap_err().status, 401);
    world.store.edit_user(ann.id, &[UserEdit::Disabled(true)], "owner").unwrap();
    assert_eq!(world.bearer(long.expose()).unwrap_err().status, 401);
    world.store.edit_user(ann.id, &[UserEdit::Disabled(false)], "owner").unwrap();
    world.store.edit_user(ann.id, &[UserEdit::Role("sorcerer".into())], "owner").unwrap();
    assert_eq!(world.bearer(long.expose()).unwrap_err().status, 401);
    world.store.edit_user(ann.id, &[UserEdit::Role("viewer".into())], "owner").unwrap();
    assert_eq!(world.bearer(long.expose()).unwrap().role, Role::Viewer);
    world.store.revoke_key(row.id).unwrap();
    assert_eq!(world.bearer(long.expose()).unwrap_err().status, 401);
    assert_eq!(world.access.still(&caller).unwrap_err().status, 401);
}

#[test]
fn five_wrong_passwords_close_an_account_to_one_address() {
    let world = World::new();
    let ann = world.user("ann", Role::Member);
    for _ in 0..5 {
        assert_eq!(world.login("ann", "wrong").unwrap_err().status, 401);
    }
    let problem = world.login("Ann", "four horses").unwrap_err();
    assert_eq!((problem.status, problem.retry_after), (429, Some(900)));
    let elsewhere = "10.0.0.2".parse().unwrap();
    assert!(world.access.login("ann", &Secret::new("four horses"), elsewhere, "").is_ok());
    let locked = world.store.events(None, "user.locked", 9).unwrap();
    assert_eq!((locked.len(), &locked[0].subject), (1, &ann.id.to_string()));
    assert_eq!(world.access.traffic.unlock(&[ann.id.to_string()], world.store.now()).unwrap(), 1);
    assert!(world.login("ann", "four horses").is_ok());
    // Who is not there is closed out the same way.
    for _ in 0..5 {
        assert_eq!(world.login("nobody", "wrong").unwrap_err().status, 401);
    }
    assert_eq!(world.login("nobody", "wrong").unwrap_err().status, 429);
}

#[test]
fn the_owner_at_the_machine_is_never_closed_out() {
    let world = World::new();
    world.user("root", Role::Owner);
    let here = "127.0.0.1".parse().unwrap();
    let try_it = |password: &str, address| world.access.login("root", &Secret::new(password), address, "").map(|_| ());
    for _ in 0..20 {
        assert_eq!(try_it("wrong", here).unwrap_err().status, 401);
    }
    try_it("four horses", here).unwrap();
    for _ in 0..5 {
        assert_eq!(try_it("wrong", HOME).unwrap_err().status, 401);
    }
    assert_eq!(try_it("four horses", HOME).unwrap_err().status, 429);
}

#[test]
fn refresh_tokens_go_round_and_one_that_comes_again_ends_all() {
    let world = World::new();
    world.user("ann", Role::Member);
    let first = world.login("ann", "four horses").unwrap();
    let second = world.access.refresh(first.refresh.expose()).unwrap();
    assert_ne!(first.refresh.expose(), second.refresh.expose());
    // At once, both get the same.
    let again = world.access.refresh(first.refresh.expose()).unwrap();
    assert_eq!(again.refresh.expose(), second.refresh.expose());
    assert!(world.bearer(second.access.expose()).is_ok());
    // An access token is none, nor is one that was changed.
    for wrong in [first.access.expose(), "facr_", "facr_AAAA", "", &second.refresh.expose()[..60]] {
        assert_eq!(world.access.refresh(wrong).unwrap_err().status, 401);
    }
    let mut bytes = URL_SAFE_NO_PAD.decode(&first.refresh.expose()[5..]).unwrap();
    bytes[19] = 9;
    let invented = format!("facr_{}", URL_SAFE_NO_PAD.encode(bytes));
    assert_eq!(world.access.refresh(&invented).unwrap_err().status, 401);
    assert!(world.bearer(second.access.expose()).is_ok(), "one that was invented ends nothing");
    let third = world.access.refresh(second.refresh.expose()).unwrap();
    assert_eq!(world.access.refresh(first.refresh.expose()).unwrap_err().status, 401);
    for dead in [&third.refresh, &second.refresh] {
        assert_eq!(world.access.refresh(dead.expose()).unwrap_err().status, 401);
    }
    assert_eq!(world.bearer(third.access.expose()).unwrap_err().status, 401);
    assert_eq!(world.store.events(None, "login.token_reuse", 9).unwrap().len(), 1);
}

#[test]
fn a_ticket_is_good_once_and_for_what_was_shown() {
    let world = World::new();
    let ann = world.user("ann", Role::Owner);
    let (row, key) = make_key(&world.store, &ann, "", Some(&[Permission::ChatRead].into()), None).unwrap();
    let caller = world.bearer(key.expose()).unwrap();
    let redeem = |ticket: &Secret| world.access.redeem(ticket.expose(), HOME, caller.trace);
    let ticket = world.access.ticket(&caller).unwrap();
    assert_eq!(world.bearer(ticket.expose()).unwrap_err().status, 401, "a ticket is no token");
    let by_ticket = redeem(&ticket).unwrap();
    assert_eq!(
        (by_ticket.user, by_ticket.scopes, by_ticket.how),
        (ann.id, caller.scopes.clone(), How::Key { id: row.id })
    );
    assert_eq!(redeem(&ticket).unwrap_err().status, 401);
    let ticket = world.access.ticket(&caller).unwrap();
    world.store.revoke_key(row.id).unwrap();
    assert_eq!(redeem(&ticket).unwrap_err().status, 401);
    assert_eq!(redeem(&Secret::new("fact_nonsense")).unwrap_err().status, 401);
    assert_eq!(world.access.redeem(key.expose(), HOME, caller.trace).unwrap_err().status, 401);
    let local = Caller::local(caller.trace);
    assert_eq!(world.access.ticket(&local).unwrap_err().status, 403);
}

#[test]
fn the_first_owner_is_added_once() {
    let world = World::new();
    let (user, key) = begin(&world.store).unwrap().unwrap();
    let caller = world.bearer(key.expose()).unwrap();
    assert_eq!((caller.user, caller.role, caller.name.as_str()), (user.id, Role::Owner, "owner"));
    assert!(begin(&world.store).unwrap().is_none());
    // Without a password nobody logs in by one.
    for password in ["", "owner"] {
        assert_eq!(world.login("owner", password).unwrap_err().status, 401);
    }
}

#[test]
fn nobody_adds_themselves_unless_the_owner_lets_them() {
    let world = World::new();
    let add = || world.access.register("eve", Some("eve@example.org"), &Secret::new("a long enough one"));
    assert_eq!(add().unwrap_err().status, 403);
    world.access.renew(Rules { register: true, ..world.access.rules() });
    assert_eq!(add().unwrap().role, "member");
    assert_eq!(add().unwrap_err().status, 409);
    assert_eq!(world.access.register("bob", None, &Secret::new("short")).unwrap_err().status, 422);
    let begun = NewLogin {
        user: world.user("x", Role::Owner).id,
        address: String::new(),
        agent: String::new(),
        expires: world.store.now(),
    };
    let (login, _) = world.store.begin_login(&begun).unwrap();
    assert!(!login.is_good(world.store.now()));
}
