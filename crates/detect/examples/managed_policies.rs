//! Prints the table of the policies that AWS manages, for scripts/managed_policies.py, which passes
//! the documents by their paths and names on standard input: `{"job-function/Billing": {…}}`.

use std::collections::BTreeMap;
use std::error::Error;
use std::io;

use detect::power::Grants;
use serde_json::Value;

fn main() -> Result<(), Box<dyn Error>> {
    let documents: BTreeMap<String, Value> = serde_json::from_reader(io::stdin().lock())?;
    for (name, document) in documents {
        let grants = Grants::from_document(&document)?.grants;
        if !grants.allowed.is_empty() {
            println!("{name}\t{}", serde_json::to_string(&grants)?);
        }
    }
    Ok(())
}
