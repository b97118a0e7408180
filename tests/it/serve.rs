//! The resources of the API against the built program: every route, and what each promises.

mod chats;
mod document;
mod lists;
mod processor;
mod running;

use serde_json::Value;

use crate::support::serving::{Answer, Serving};
use crate::support::world::World;

/// A world whose server does not count requests.
fn uncounted(mut world: World) -> World {
    for name in ["ANONYMOUS", "USER", "AUTH"] {
        world.set(&format!("FAC_SERVE_LIMIT_{name}"), "0");
    }
    world
}

/// Somebody who asks a server.
struct Asker<'a> {
    server: &'a Serving,
    key: String,
}

impl<'a> Asker<'a> {
    /// The owner.
    fn owner(server: &'a Serving) -> Asker<'a> {
        Asker { server, key: server.owner().to_string() }
    }

    /// Somebody new of this role.
    fn new(server: &'a Serving, name: &str, role: &str) -> Asker<'a> {
        let owner = Asker::owner(server);
        let user = serde_json::json!({"name": name, "role": role, "password": "four horses in a tree"});
        owner.post("/api/v1/users", &user).is(201);
        let key = owner.post("/api/v1/keys", &serde_json::json!({"user": name})).is(201).json();
        Asker { server, key: key["secret"].as_str().unwrap().to_string() }
    }

    fn get(&self, target: &str) -> Answer {
        self.server.ask_as(&self.key, "GET", target, "")
    }

    fn delete(&self, target: &str) -> Answer {
        self.server.ask_as(&self.key, "DELETE", target, "")
    }

    fn send(&self, method: &str, target: &str, body: &Value) -> Answer {
        self.server.ask_as(&self.key, method, target, &body.to_string())
    }

    fn post(&self, target: &str, body: &Value) -> Answer {
        self.send("POST", target, body)
    }
}
