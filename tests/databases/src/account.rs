//! PostgreSQL refuses to run as root, as a container's tests often do: it gets another account then.

use std::fs;
use std::os::unix::fs::{MetadataExt, chown};
use std::os::unix::process::CommandExt;
use std::path::Path;
use std::process::Command;

/// The account that a server runs under, if it is not our own.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Account {
    user: u32,
    group: u32,
}

impl Account {
    /// Whom to run as a server whose files are in `folder`, which we have just made: `None` is ourselves.
    pub(crate) fn below_root(folder: &Path) -> Option<Self> {
        let ours = fs::metadata(folder).expect("a folder that was just made can be looked at").uid();
        if ours != 0 {
            return None;
        }
        let known = fs::read_to_string("/etc/passwd").unwrap_or_default();
        let found = ["postgres", "nobody"].iter().find_map(|name| find(&known, name));
        Some(found.expect("PostgreSQL does not run as root: /etc/passwd must know `postgres` or `nobody`"))
    }

    /// Gives `path` to this account.
    pub(crate) fn give(self, path: &Path) {
        chown(path, Some(self.user), Some(self.group)).expect("root may give its own folder away");
    }

    /// Lets this account run `command`.
    pub(crate) fn run(self, command: &mut Command) {
        command.uid(self.user).gid(self.group);
    }
}

fn find(passwd: &str, name: &str) -> Option<Account> {
    let mut fields = passwd.lines().map(|line| line.split(':')).find(|line| line.clone().next() == Some(name))?.skip(2);
    Some(Account { user: fields.next()?.parse().ok()?, group: fields.next()?.parse().ok()? })
}

#[cfg(test)]
mod tests {
    use super::find;

    #[test]
    fn an_account_is_found_by_its_whole_name() {
        let passwd = "root:x:0:0:root:/root:/bin/sh\npostgresql:x:7:7::/:\npostgres:x:104:112:,,,:/var/lib:/bin/sh\n";
        let found = find(passwd, "postgres").unwrap();
        assert_eq!((found.user, found.group), (104, 112));
        assert!(find(passwd, "nobody").is_none());
    }
}
