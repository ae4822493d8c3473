//! The media of one phone: its sockets, its streams, and what its leg tells it.
