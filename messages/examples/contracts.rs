//! Writes the schemas and samples anew: `cargo run -p messages --example contracts`.

use std::path::Path;

fn main() -> std::io::Result<()> {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let contracts = messages::contracts::contracts();
    for folder in ["schemas", "samples"] {
        std::fs::create_dir_all(root.join(folder))?;
        for entry in std::fs::read_dir(root.join(folder))? {
            std::fs::remove_file(entry?.path())?;
        }
    }
    for contract in &contracts {
        std::fs::write(root.join(&contract.path), &contract.text)?;
    }
    println!("{} files written", contracts.len());
    Ok(())
}
