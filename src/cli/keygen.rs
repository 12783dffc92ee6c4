//! `payoutd keygen`: key pairs for the partner and for a simulated bank.

use std::fs::{self, OpenOptions};
use std::io::Write;
use std::os::unix::fs::OpenOptionsExt;
use std::path::{Path, PathBuf};

use anyhow::Context;
use secrecy::ExposeSecret;
use serde_json::json;

use crate::bank::keygen::{KeyPair, generate};

use super::{BadInput, Exit, output};

/// Writes two RSA-2048 key pairs: yours (give partner_public.pem to the bank) and one for a
/// simulated bank.
#[derive(clap::Args)]
pub(super) struct Args {
    /// The folder to write to; it is made if it is not there
    #[arg(value_name = "DIR", default_value = ".")]
    dir: PathBuf,
    /// One line of JSON instead of text: the files by what they are for
    #[arg(long)]
    json: bool,
}

pub(super) fn main(args: &Args) -> anyhow::Result<Exit> {
    write_keys(&args.dir)?;
    if args.json {
        output::json(&json!({
            "bank.private_key_file": args.dir.join("partner_private.pem"),
            "bank.public_key_files": [args.dir.join("bank_public.pem")],
            "for_the_bank": args.dir.join("partner_public.pem"),
            "for_bank_sim": args.dir.join("bank_private.pem"),
        }));
        return Ok(Exit::Ok);
    }
    let dir = args.dir.display();
    println!("{dir}/partner_private.pem  yours, secret: bank.private_key_file");
    println!("{dir}/partner_public.pem   give it to the bank");
    println!("{dir}/bank_private.pem     for `payoutd bank-sim` only");
    println!("{dir}/bank_public.pem      the simulator's: bank.public_key_files");
    Ok(Exit::Ok)
}

/// Both pairs, under their fixed names: all four files or, if one of them exists, none.
pub(super) fn write_keys(dir: &Path) -> anyhow::Result<()> {
    let names = ["partner_private", "partner_public", "bank_private", "bank_public"];
    let taken = names.map(|name| dir.join(format!("{name}.pem"))).into_iter().find(|p| p.exists());
    if let Some(path) = taken {
        return Err(exists(&path));
    }
    fs::create_dir_all(dir).with_context(|| format!("cannot make the folder {}", dir.display()))?;
    for who in ["partner", "bank"] {
        let KeyPair { private_pem, public_pem } = generate()?;
        write_new(
            &dir.join(format!("{who}_private.pem")),
            private_pem.expose_secret().as_bytes(),
            0o600,
        )?;
        write_new(&dir.join(format!("{who}_public.pem")), public_pem.as_bytes(), 0o644)?;
    }
    Ok(())
}

/// Never over an existing file: a lost key cannot be had again.
fn write_new(path: &Path, contents: &[u8], mode: u32) -> anyhow::Result<()> {
    let file = OpenOptions::new().write(true).create_new(true).mode(mode).open(path);
    let mut file = match file {
        Ok(file) => file,
        Err(e) if e.kind() == std::io::ErrorKind::AlreadyExists => {
            return Err(exists(path));
        }
        Err(e) => return Err(e).with_context(|| format!("cannot write {}", path.display())),
    };
    file.write_all(contents).with_context(|| format!("cannot write {}", path.display()))
}

fn exists(path: &Path) -> anyhow::Error {
    BadInput(format!("{} exists; move it away or name another folder", path.display())).into()
}
