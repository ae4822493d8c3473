//! The house as a whole, and what its programs do together.

mod architecture;
mod calling_in;
mod participant;
mod rules_table;
