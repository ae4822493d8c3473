//! Names in text that the system draws: in notifications and in the tray.

/// The name between isolates, so that it turns nothing around it. What would end them early, or turn the
/// name itself, is left out.
pub fn isolated(name: &str) -> String {
    let plain = name.chars().filter(|one| {
        !one.is_control() && !matches!(one, '\u{202A}'..='\u{202E}' | '\u{2066}'..='\u{206F}')
    });
    ['\u{2068}']
        .into_iter()
        .chain(plain)
        .chain(['\u{2069}'])
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_name_cannot_end_its_isolate_nor_turn_what_follows() {
        assert_eq!(isolated("שרה"), "\u{2068}שרה\u{2069}");
        assert_eq!(isolated("R\u{2069}\u{202E}y\n"), "\u{2068}Ry\u{2069}");
    }
}
