//! The program `trailbell`.

use std::process::ExitCode;

fn main() -> ExitCode {
    trailbell_cli::commands::run()
}
