//! Keeps the promise of this version: `cargo run -p messages --example release -- candidate` writes it anew
//! as long as it is not released, `-- final` releases it. What is released is never written again.

use std::path::Path;

use messages::contracts::released;

/// Marks a folder that is not released yet.
const MARKER: &str = "CANDIDATE";

fn main() -> Result<(), Box<dyn std::error::Error>> {
    let version = env!("CARGO_PKG_VERSION");
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("released").join(version);
    let is_candidate = folder.join(MARKER).exists();
    if folder.exists() && !is_candidate {
        return Err(
            format!("{version} is released already; raise the version in the root Cargo.toml first").into()
        );
    }
    match std::env::args().nth(1).as_deref() {
        Some("candidate") => {
            if folder.exists() {
                std::fs::remove_dir_all(&folder)?;
            }
            std::fs::create_dir_all(&folder)?;
            std::fs::write(folder.join(MARKER), "Not released: this may still change in any way.\n")?;
            for released in released() {
                let text = format!("{:#}\n", released.contract);
                std::fs::write(folder.join(format!("{}.json", released.kind.name())), text)?;
            }
            println!("{version} is the candidate");
        }
        Some("final") => {
            if !is_candidate {
                return Err(format!("there is no candidate {version}; make it with `-- candidate`").into());
            }
            for released in released() {
                let path = folder.join(format!("{}.json", released.kind.name()));
                if std::fs::read_to_string(&path).ok() != Some(format!("{:#}\n", released.contract)) {
                    return Err(
                        format!("{} changed since; make the candidate again", released.kind.name()).into()
                    );
                }
            }
            std::fs::remove_file(folder.join(MARKER))?;
            println!("{version} is released");
        }
        _ => return Err("say `candidate` or `final`".into()),
    }
    Ok(())
}
