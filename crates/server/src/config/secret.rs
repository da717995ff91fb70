//! Secrets: read from the environment or from files, shown to nobody.

use std::path::Path;

use secrecy::{ExposeSecret, SecretString};

/// Some secrets of one kind; several while one is being rotated.
#[derive(Debug, Clone, Default)]
pub struct Secrets(Vec<SecretString>);

impl Secrets {
    /// The secrets in a text, separated by commas or white space.
    #[must_use]
    pub fn parse(text: &str) -> Self {
        let parts = text.split(|c: char| c == ',' || c.is_whitespace()).filter(|part| !part.is_empty());
        Self(parts.map(SecretString::from).collect())
    }

    /// The secrets in a file.
    ///
    /// # Errors
    /// The file cannot be read; says which, never what is in it.
    pub fn read(path: &Path) -> Result<Self, String> {
        let text = std::fs::read_to_string(path).map_err(|error| format!("cannot read {}: {error}", path.display()))?;
        Ok(Self::parse(&text))
    }

    /// Whether there is none.
    #[must_use]
    pub const fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// How many there are.
    #[must_use]
    pub const fn len(&self) -> usize {
        self.0.len()
    }

    /// Them, in the order given.
    #[must_use]
    pub fn all(&self) -> &[SecretString] {
        &self.0
    }

    /// Whether each of them has this form.
    pub(super) fn all_are(&self, form: impl Fn(&str) -> bool) -> bool {
        self.0.iter().all(|secret| form(secret.expose_secret()))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn several_secrets_are_told_apart_and_none_is_shown() {
        let secrets = Secrets::parse("first-secret, second-secret\nthird-secret\n");
        assert_eq!(secrets.len(), 3);
        assert!(!format!("{secrets:?}").contains("-secret"));
    }
}
