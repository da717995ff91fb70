//! Where a program is.

use std::env;
use std::fs;
use std::path::{Path, PathBuf};

/// The first program of that name on `PATH`.
pub(crate) fn on_path(name: &str) -> Option<PathBuf> {
    env::split_paths(&env::var_os("PATH")?).map(|folder| folder.join(name)).find(|path| path.is_file())
}

/// Debian keeps PostgreSQL's server tools off `PATH`, in a folder for each version: the newest that holds `name`.
pub(crate) fn of_debian(name: &str) -> Option<PathBuf> {
    newest(Path::new("/usr/lib/postgresql"), &format!("bin/{name}"))
}

fn newest(parent: &Path, inner: &str) -> Option<PathBuf> {
    fs::read_dir(parent)
        .ok()?
        .filter_map(|entry| entry.ok()?.file_name().to_str()?.parse::<u32>().ok())
        .map(|version| (version, parent.join(version.to_string()).join(inner)))
        .filter(|(_, path)| path.is_file())
        .max_by_key(|(version, _)| *version)
        .map(|(_, path)| path)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_newest_version_is_the_greatest_number_that_is_whole() {
        let parent = tempfile::tempdir().unwrap();
        for folder in ["9/bin", "15/bin", "16/lib", "notes/bin"] {
            fs::create_dir_all(parent.path().join(folder)).unwrap();
        }
        for version in ["9", "15", "notes"] {
            fs::write(parent.path().join(version).join("bin/initdb"), "").unwrap();
        }
        assert_eq!(newest(parent.path(), "bin/initdb"), Some(parent.path().join("15/bin/initdb")));
    }
}
