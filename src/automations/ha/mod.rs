//! Home Assistant: asked over HTTP, followed over its WebSocket, told of our commands over MQTT.
//!
//! It knows neither rules nor runs; [`source`] and [`step`] tie it to them.

pub mod discovery;
pub mod link;
pub mod mirror;
pub mod rest;
pub mod set;
mod socket;
pub mod source;
pub mod step;

pub use link::HomeLink;
pub use mirror::{Change, States};
pub use rest::Home;
pub use source::HomeSource;
pub use step::HomeSteps;
