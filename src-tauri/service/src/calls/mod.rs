//! The owner of all calls.

mod directory;
mod notify;
mod repository;

pub use directory::{Directory, Member};
pub use notify::Notify;
pub use repository::CallRepository;
