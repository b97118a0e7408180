//! MQTT: brokers of the settings, one dialogue for both versions, a connection that lives, messages sent once.
//!
//! It knows neither rules nor runs; [`source`] and [`step`] tie it to them.

mod backoff;
pub mod broker;
pub mod causes;
mod copies;
mod dialogue;
mod keys;
pub mod link;
pub mod message;
pub mod once;
pub mod source;
pub mod step;
pub mod topic;
mod v4;
mod v5;

pub use backoff::Backoff;
pub use broker::{Broker, Brokers};
pub use causes::Causes;
pub use dialogue::{Retained, Session, Subscription, Trouble, Wrong};
pub use link::{Arrival, Link, Standing};
pub use message::{Message, Properties, Publish, Qos};
pub use source::MqttSource;
pub use step::MqttSteps;
