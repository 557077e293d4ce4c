//! How much is printed, and in which colours: options of the program, before or after its command.

use std::io::{self, IsTerminal};
use std::sync::OnceLock;

use clap::ValueEnum;
use comfy_table::{Cell, Color, Table};

/// The columns of a table that no terminal shows.
const DEFAULT_COLUMNS: u16 = 120;

/// When results have colours.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, ValueEnum)]
pub enum ColorChoice {
    /// On a terminal, unless `NO_COLOR` is set
    #[default]
    Auto,
    Always,
    Never,
}

/// Options of every command.
#[derive(Debug, Clone, Copy, Default, clap::Args)]
pub struct StyleArgs {
    /// Print results and errors only: no progress, notes or warnings
    #[arg(long, short, global = true)]
    quiet: bool,
    /// Colour severities: auto (on a terminal, unless NO_COLOR is set), always or never
    #[arg(
        long,
        global = true,
        value_name = "WHEN",
        value_enum,
        default_value_t = ColorChoice::Auto,
        hide_default_value = true,
        hide_possible_values = true
    )]
    color: ColorChoice,
}

/// What was chosen. Set once, before the command runs.
static CHOSEN: OnceLock<StyleArgs> = OnceLock::new();

impl StyleArgs {
    /// Makes this the style of everything that is printed from now on.
    pub fn apply(self) {
        // Only a second call fails, and there is none.
        let _ = CHOSEN.set(self);
    }
}

/// Returns true if only results and errors are printed.
pub fn is_quiet() -> bool {
    CHOSEN.get().is_some_and(|chosen| chosen.quiet)
}

fn is_colored() -> bool {
    match CHOSEN.get().map(|chosen| chosen.color).unwrap_or_default() {
        ColorChoice::Always => true,
        ColorChoice::Never => false,
        ColorChoice::Auto => {
            let is_off = std::env::var_os("NO_COLOR").is_some_and(|value| !value.is_empty());
            !is_off && io::stdout().is_terminal()
        }
    }
}

/// Sets the width and the colours of a table: those of the terminal, or without one `COLUMNS`.
pub fn fit(table: &mut Table) {
    let width = match io::stdout().is_terminal() {
        true => table.width(),
        false => std::env::var("COLUMNS").ok().and_then(|columns| columns.parse().ok()),
    };
    table.set_width(width.filter(|width| *width > 0).unwrap_or(DEFAULT_COLUMNS));
    match is_colored() {
        true => table.enforce_styling(),
        false => table.force_no_tty(),
    };
}

/// A cell that names a severity.
pub fn severity_cell(severity: &str) -> Cell {
    let cell = Cell::new(severity);
    match severity {
        "critical" => cell.fg(Color::Magenta),
        "high" => cell.fg(Color::Red),
        "medium" => cell.fg(Color::Yellow),
        _ => cell,
    }
}
