//! Sound cards. `sound` knows nothing of calls, modes, or the network.
