//! The demo's data folder: a temporary one, or one to look around in afterwards.

use std::fs;
use std::path::{Path, PathBuf};

use super::super::BadInput;
use super::Args;

/// The data folder, kept or not.
pub(super) enum Folder {
    Kept(PathBuf),
    Temporary(tempfile::TempDir),
}

impl Folder {
    pub(super) fn make(args: &Args) -> anyhow::Result<Self> {
        let named = args.data.clone().or_else(|| args.keep.then(|| "payoutd-demo".into()));
        let Some(path) = named else {
            return Ok(Self::Temporary(
                tempfile::Builder::new().prefix("payoutd-demo-").tempdir()?,
            ));
        };
        if path.exists() {
            let path = path.display();
            let cure = "remove it, or name another with --data";
            return Err(BadInput(format!("{path} exists; {cure}")).into());
        }
        fs::create_dir_all(&path)?;
        Ok(Self::Kept(path.canonicalize()?))
    }

    pub(super) fn path(&self) -> &Path {
        match self {
            Self::Kept(path) => path,
            Self::Temporary(folder) => folder.path(),
        }
    }

    /// Says what can be looked at. Where servers are, stays with whoever named them: the settings
    /// in the folder hold no credentials.
    pub(super) fn say_where(&self, on_servers: bool) {
        let Self::Kept(path) = self else { return };
        let path = path.display();
        println!("\nLook around:");
        if on_servers {
            println!("  (with PAYOUTD_BACKEND__AMQP_URL and PAYOUTD_BACKEND__REDIS_URL as before)");
        }
        println!("  payoutd --config {path}/payoutd.toml list");
        println!("  payoutd --config {path}/payoutd.toml show card-by-hash");
        if on_servers {
            println!("  less {path}/decider-1.log");
        } else {
            println!("  sqlite3 {path}/payoutd.db .tables");
        }
    }
}
