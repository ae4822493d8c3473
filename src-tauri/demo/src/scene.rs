//! One scene of the demonstration: what everyone said, and what everyone received meanwhile.

use crate::trace::Listener;
use crate::verdict::{Cell, Part};

/// The sound of one scene, 48 kHz mono.
#[derive(Debug, Clone)]
pub struct Scene {
    pub name: &'static str,
    /// What each spoke, or would have been heard to speak if their microphone had been open.
    pub said: Vec<(Part, Vec<i16>)>,
    /// What came out at each.
    pub heard: Vec<(Part, Vec<i16>)>,
}

impl Scene {
    /// Every speaker at every listener, speaker by speaker. Takes seconds: each voice is searched for
    /// in each track.
    #[must_use]
    pub fn cells(&self) -> Vec<Cell> {
        let columns: Vec<Vec<Cell>> = std::thread::scope(|scope| {
            let searches: Vec<_> = self
                .heard
                .iter()
                .map(|(listener, track)| scope.spawn(|| self.column(*listener, track)))
                .collect();
            searches
                .into_iter()
                .map(|search| search.join().unwrap_or_default())
                .collect()
        });
        (0..self.said.len())
            .flat_map(|row| {
                columns
                    .iter()
                    .filter_map(move |column| column.get(row).cloned())
            })
            .collect()
    }

    fn column(&self, listener: Part, track: &[i16]) -> Vec<Cell> {
        let search = Listener::new(track);
        self.said
            .iter()
            .map(|(speaker, words)| Cell::judge(self.name, *speaker, listener, search.trace(words)))
            .collect()
    }
}
