//! Whether a deployment works, and what mends it: looked at through S3 and SNS alone, as the
//! operator sees them.
//!
//! Nothing is changed. One object is written, below `doctor/` in the ledger, and taken away again:
//! whether a ledger can be written, and keeps to conditions, nothing else can tell.
//!
//! Each part has an `examine`, which asks, and judges what it was told with functions that ask
//! nothing.

mod age;
mod bucket;
mod check;
mod deliveries;
mod detections;
mod identity;
mod ledger;
mod notification;
mod readable;
mod settings;
mod sweeps;
mod topic;
mod trail;

pub use age::format_age;
pub use check::{Check, DoctorReport, Level};
pub use identity::Identity;
pub use notification::Announced;
pub use settings::unusable;

use jiff::Timestamp;
use trailbell::app::config::{AlertsPlace, Config, LedgerPlace};
use trailbell::app::wiring::{self, Aws};
use trailbell::ledger::Ledger;
use trailbell::sink::SnsTopic;
use trailbell::store::S3Store;

/// What is examined, and how.
pub struct Deployment {
    /// What the function is told.
    pub config: Config,
    /// Who asks.
    pub identity: Identity,
    /// S3, as whoever asks sees it.
    pub store: S3Store,
    /// Where alerts go, if that is a topic.
    pub topic: Option<SnsTopic>,
    /// Where findings are remembered.
    pub ledger: Ledger,
    /// How the trails' objects should be announced; any way will do where this is not said.
    pub announced: Option<Announced>,
    /// The account that the trails' buckets must belong to.
    pub owner: Option<String>,
    /// Whether nothing at all may be written.
    pub read_only: bool,
}

impl Deployment {
    /// The deployment that a configuration describes. Nothing is asked of AWS yet.
    pub async fn new(
        aws: &Aws,
        config: Config,
        announced: Option<Announced>,
        owner: Option<String>,
        read_only: bool,
    ) -> Deployment {
        let topic = match &config.alerts {
            AlertsPlace::Topic(arn) => Some(SnsTopic::new(aws.sns(arn).await, arn.clone())),
            AlertsPlace::Stdout | AlertsPlace::Dir(_) => None,
        };
        let identity = Identity::from_credentials(aws.config().await).await;
        let store = S3Store::new(aws.s3().await);
        let ledger = wiring::build_ledger(&config.ledger, aws).await;
        Deployment { config, identity, store, topic, ledger, announced, owner, read_only }
    }

    /// Looks at everything. `now` is the time that ages are counted to.
    pub async fn examine(&self, now: Timestamp) -> DoctorReport {
        let mut checks = identity::judge(&self.identity);
        if checks.iter().any(|check| check.level == Level::Fail) {
            // Every other request would fail for the same reason.
            return DoctorReport(checks);
        }
        let (rules, told) = detections::examine(self, now).await;
        checks.extend(told);
        checks.extend(trail::examine(self, &rules, now).await);
        checks.extend(topic::examine(self).await);
        checks.extend(self.ledger(now).await);
        DoctorReport(checks)
    }

    async fn ledger(&self, now: Timestamp) -> Vec<Check> {
        let Ledger::Stored(ledger) = &self.ledger else { return vec![ledger::none()] };
        if let LedgerPlace::S3(place) = &self.config.ledger
            && let Err(check) =
                bucket::reachable(&self.store, &place.bucket, None, bucket::Use::Ledger).await
        {
            return vec![*check];
        }
        let mut checks = ledger::examine(self, ledger).await;
        checks.extend(sweeps::examine(ledger, &self.config, now).await);
        checks
    }
}
