//! What may be said after `trailbell ledger`.

use clap::{Args, Subcommand, ValueEnum};
use trailbell::ledger::EntryState;

/// Look at what was found, and what became of it. Nothing in the ledger changes.
#[derive(Debug, Args)]
pub struct LedgerArgs {
    #[command(subcommand)]
    pub command: Command,
}

#[derive(Debug, Subcommand)]
pub enum Command {
    List(ListArgs),
    Show(ShowArgs),
    Stats(StatsArgs),
}

/// Which ledger.
#[derive(Debug, Args)]
pub struct PlaceArgs {
    /// The ledger, instead of TRAILBELL_LEDGER: s3://BUCKET/PREFIX or dir:PATH
    #[arg(long, value_name = "PLACE")]
    pub ledger: Option<String>,
}

/// Which findings.
#[derive(Debug, Args)]
pub struct FilterArgs {
    /// Leave out calls before: 90m, 24h or 7d ago, a date or an RFC 3339 time
    #[arg(long, value_name = "TIME")]
    pub since: Option<String>,

    /// Leave out calls after: as --since; of a date, the whole day in UTC counts
    #[arg(long, value_name = "TIME")]
    pub until: Option<String>,

    /// Only of this account (12 digits)
    #[arg(long, value_name = "ID")]
    pub account: Option<String>,

    /// Only about the IAM group of this name, in any case
    #[arg(long, value_name = "NAME")]
    pub group: Option<String>,

    /// Only of a caller: the whole key (an ARN as a rule) is fastest, a part of key or name will do
    #[arg(long, value_name = "TEXT")]
    pub principal: Option<String>,

    /// Only of a rule: its id, or a part of its name
    #[arg(long, value_name = "RULE")]
    pub rule: Option<String>,

    /// Only in this state (repeatable)
    #[arg(long, value_name = "STATE", value_enum)]
    pub state: Vec<StateArg>,
}

/// List findings and summaries, those of the latest calls first.
///
/// With --group or the whole key of an --actor only their index is read; else every entry is, and
/// in a ledger of many thousands that takes a while. Summaries are listed unless a group, an actor
/// or an account is asked for: their members are listed then.
///
/// Exit codes: 0 done, also where nothing is found; 1 an entry cannot be read (it is named, the
/// others are listed); 2 the ledger cannot be read, or wrong usage.
#[derive(Debug, Args)]
pub struct ListArgs {
    #[command(flatten)]
    pub place: PlaceArgs,

    #[command(flatten)]
    pub filter: FilterArgs,

    /// At most so many, the latest; all unless told
    #[arg(long, value_name = "N")]
    pub limit: Option<usize>,

    /// How they are printed
    #[arg(long, value_enum, default_value_t = Format::Table)]
    pub format: Format,
}

/// Show all that is known of one finding or summary.
///
/// Exit codes: 0 shown; 1 the entry is damaged or of a newer version; 2 there is no such entry, or
/// more than one, or the ledger cannot be read.
#[derive(Debug, Args)]
pub struct ShowArgs {
    /// The id, or as much of its start as no other has; `entries/` before it does not matter
    pub id: String,

    #[command(flatten)]
    pub place: PlaceArgs,

    /// Print the alert too, as it would be written of the finding alone
    #[arg(long)]
    pub alert: bool,

    /// How it is printed: json is the entry itself
    #[arg(long, value_enum, default_value_t = Format::Table)]
    pub format: Format,
}

/// Count findings by state, rule and day, and tell what is not done and how sweeps go.
///
/// Not done: markers of what somebody still has to see through. Last sweep: what its heartbeat
/// says; the backlog is what it left to the next. Trail: how far sweeps have come.
///
/// Exit codes: 0 done; 1 an entry cannot be read (it is named, the others are counted); 2 the
/// ledger cannot be read, or wrong usage.
#[derive(Debug, Args)]
pub struct StatsArgs {
    #[command(flatten)]
    pub place: PlaceArgs,

    #[command(flatten)]
    pub filter: FilterArgs,

    /// How it is printed
    #[arg(long, value_enum, default_value_t = Format::Table)]
    pub format: Format,
}

/// How something of the ledger is printed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum Format {
    /// For people
    Table,
    /// One JSON object a line
    Json,
}

/// A state to look for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum StateArg {
    /// Not seen through: claimed, released or failed
    Open,
    /// A worker has it, or had it and died
    Claimed,
    /// Publishing failed: to be tried again
    Released,
    /// Not even the minimal alert could be sent
    Failed,
    /// The topic accepted it
    Alerted,
    /// Nobody was told, because of an exception
    Suppressed,
    /// It waits for a summary
    Grouped,
    /// A summary told of it
    Summarised,
}

impl StateArg {
    pub fn takes(self, state: EntryState) -> bool {
        match self {
            StateArg::Open => !state.is_final(),
            StateArg::Claimed => state == EntryState::Claimed,
            StateArg::Released => state == EntryState::Released,
            StateArg::Failed => state == EntryState::Failed,
            StateArg::Alerted => state == EntryState::Alerted,
            StateArg::Suppressed => state == EntryState::Suppressed,
            StateArg::Grouped => state == EntryState::Grouped,
            StateArg::Summarised => state == EntryState::Summarised,
        }
    }
}
