//! The one test program: the real library and the real binary in a world of their own.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

mod ask;
mod automations;
mod bundled;
mod chaos;
mod chat;
mod cli;
mod compare;
mod comparing;
mod completion;
mod config;
mod crash;
mod decoders;
mod demo;
mod doctor;
mod github;
mod homeassistant;
mod homeassistant_real;
mod injection;
mod layers;
mod listen;
mod logs;
mod mcp;
mod model_server;
mod mqtt;
mod plugins;
mod prompt_tools;
mod prompts;
mod readme;
mod run;
mod screen;
mod search;
mod search_chats;
mod sessions;
mod sound;
mod sources;
mod spending;
mod steps;
mod support;
mod terminal;
mod tools;
mod trouble;
mod voice;
mod voice_clean;
mod within;
