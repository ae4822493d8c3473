//! Everything that the user interface may ask, a module a subject.

pub mod account;
pub mod answer;
pub mod app;
pub mod call;
pub mod coach;
pub mod desk;
pub mod recording;
pub mod service;
pub mod sound;
