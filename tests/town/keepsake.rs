//! What is left of a town to look at.

use std::path::Path;

use tempfile::TempDir;

/// The directory of a town: gone when it is no longer needed, kept for people when a test has failed.
#[derive(Debug)]
pub struct Keepsake {
    seed: u64,
    directory: Option<TempDir>,
}

impl Keepsake {
    pub(super) fn new(name: &str, seed: u64) -> Self {
        let directory = TempDir::with_prefix(format!("e2e-{name}-")).expect("a directory can be made");
        Self { seed, directory: Some(directory) }
    }

    pub(super) fn path(&self) -> &Path {
        self.directory.as_ref().expect("the directory is there until it is dropped").path()
    }
}

impl Drop for Keepsake {
    fn drop(&mut self) {
        if std::thread::panicking()
            && let Some(directory) = self.directory.take()
        {
            eprintln!("seed {}; logs and configuration are in {}", self.seed, directory.keep().display());
        }
    }
}
