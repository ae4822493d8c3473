//! The session by its rules: the stamp against a service whose answers and events come late and in
//! any order, and each course of events by itself.

mod course;
mod directory;
mod hold;
mod inbound;
mod lead;
mod lost;
mod money;
mod outage;
mod random;
mod resume;
mod view;
mod world;
