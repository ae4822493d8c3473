//! The rules of a call, by their numbers, over the public face of the machine.

#[cfg(test)]
mod charging;
#[cfg(test)]
mod ending;
#[cfg(test)]
mod inbound;
#[cfg(test)]
mod invitations;
#[cfg(test)]
mod joining;
#[cfg(test)]
mod outcome;
#[cfg(test)]
mod properties;
#[cfg(test)]
mod recording;
#[cfg(test)]
mod switching;
#[cfg(test)]
mod viewing;
#[cfg(test)]
mod world;
