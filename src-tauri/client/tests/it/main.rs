//! What the client does, against a service and a far end made for it.

mod credentials;
#[path = "../fake/mod.rs"]
mod fake;
#[path = "../far/mod.rs"]
mod far;
mod key_ring;
mod media;
mod session;
mod trouble;
