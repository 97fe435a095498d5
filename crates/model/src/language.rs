//! The four languages in which people are addressed.

use serde::{Deserialize, Serialize};

/// German, English, French, Italian.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize, Default)]
#[serde(rename_all = "lowercase")]
pub enum Language {
    /// Deutsch.
    De,
    /// English.
    #[default]
    En,
    /// Français.
    Fr,
    /// Italiano.
    It,
}

impl Language {
    /// All of them, in the order in which they are offered.
    pub const ALL: [Self; 4] = [Self::De, Self::En, Self::Fr, Self::It];

    /// BCP 47 tag.
    #[must_use]
    pub const fn tag(self) -> &'static str {
        match self {
            Self::De => "de",
            Self::En => "en",
            Self::Fr => "fr",
            Self::It => "it",
        }
    }

    /// From a tag such as `de` or `de-CH`; `None` for other languages.
    #[must_use]
    pub fn from_tag(tag: &str) -> Option<Self> {
        let primary = tag.split(['-', '_']).next().unwrap_or_default().to_ascii_lowercase();
        Self::ALL.into_iter().find(|language| language.tag() == primary)
    }

    /// The best of an `Accept-Language` header (RFC 9110 §12.5.4); English if none fits.
    #[must_use]
    pub fn from_accept(header: &str) -> Self {
        let mut best = (0.0, Self::default());
        for item in header.split(',').take(20) {
            let mut pieces = item.split(';');
            let Some(language) = pieces.next().and_then(|tag| Self::from_tag(tag.trim())) else { continue };
            let weight = pieces.find_map(|p| p.trim().strip_prefix("q=")?.parse::<f32>().ok()).unwrap_or(1.0);
            if weight > best.0 {
                best = (weight, language);
            }
        }
        best.1
    }
}

#[cfg(test)]
mod tests {
    use super::Language;

    #[test]
    fn the_browser_chooses() {
        assert_eq!(Language::from_accept("es, fr;q=0.5, de-CH;q=0.8"), Language::De);
        assert_eq!(Language::from_accept("es"), Language::En);
    }
}
