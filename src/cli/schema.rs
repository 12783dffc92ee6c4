//! `payoutd schema`: the published contract.

use std::fs;
use std::path::{Path, PathBuf};

use anyhow::Context;
use clap::ValueEnum;

use crate::contract::Document;

use super::{Exit, output};

/// Shows a document of the contract; without a name, lists them.
#[derive(clap::Args)]
pub(super) struct Args {
    /// The document to show
    #[arg(value_name = "DOCUMENT")]
    document: Option<Name>,
    /// Write all documents into this folder instead, over those that are there
    #[arg(long, value_name = "DIR", conflicts_with = "document")]
    write: Option<PathBuf>,
}

#[derive(Clone, Copy, ValueEnum)]
enum Name {
    Commands,
    Events,
    Asyncapi,
}

impl Name {
    fn document(self) -> Document {
        match self {
            Self::Commands => Document::Commands,
            Self::Events => Document::Events,
            Self::Asyncapi => Document::AsyncApi,
        }
    }
}

pub(super) fn main(args: &Args) -> anyhow::Result<Exit> {
    match (&args.write, args.document) {
        (Some(dir), _) => write(dir)?,
        (None, Some(name)) => {
            output::line(name.document().text().trim_end());
        }
        (None, None) => list(),
    }
    Ok(Exit::Ok)
}

fn list() {
    for document in Document::ALL {
        if !output::line(&format!("{:9} {}", document.name(), document.what())) {
            break;
        }
    }
}

fn write(dir: &Path) -> anyhow::Result<()> {
    for document in Document::ALL {
        let path = dir.join(document.path());
        if let Some(folder) = path.parent() {
            fs::create_dir_all(folder)
                .with_context(|| format!("cannot make the folder {}", folder.display()))?;
        }
        fs::write(&path, document.text())
            .with_context(|| format!("cannot write {}", path.display()))?;
        output::line(&path.display().to_string());
    }
    Ok(())
}
