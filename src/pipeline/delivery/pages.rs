//! The page of an alert: written before the alert is sent, which then says where it is. A page that
//! cannot be written in time is counted, and the alert is sent without it.

use std::sync::Arc;
use std::time::Duration;

use alert::Alert;
use detect::text::error::error_chain;
use futures::future::join_all;
use report::Report;
use report::data::{self, Input, Origin, Scope};
use report::page::alert_page;
use tokio::time::timeout_at;

use super::{Delivery, Rendered};
use crate::ledger::Content;
use crate::pages::{Pages, add_surroundings};
use crate::pipeline::invocation::Invocation;
use crate::pipeline::outcomes::DeliveryReport;

/// How long a batch of alerts waits for its pages.
const MAX_WAIT: Duration = Duration::from_secs(2);

/// What became of the alert, as far as anyone knows before it is sent.
const STATE: &str = "as it was when the alert was sent";

/// Writes the pages of alerts, if there is a place for pages, and adds it to the alerts. After a
/// page was not written in time once, the invocation writes none.
pub(super) async fn add_pages<'a>(
    invocation: &Invocation,
    alerts: Vec<Rendered<'a>>,
    report: &mut DeliveryReport,
) -> Vec<Rendered<'a>> {
    let Some(pages) = &invocation.pipeline.pages else { return alerts };
    let writes = alerts.iter().map(|it| write_in_time(invocation, pages, it));
    let written = join_all(writes).await;
    alerts.into_iter().zip(written).map(|(it, written)| add_page(it, written, report)).collect()
}

fn add_page<'a>(
    rendered: Rendered<'a>,
    written: Option<Result<String, String>>,
    report: &mut DeliveryReport,
) -> Rendered<'a> {
    match written {
        None => rendered,
        Some(Ok(place)) => {
            report.pages_written += 1;
            Rendered { alert: rendered.alert.with_page(&place), ..rendered }
        }
        Some(Err(why)) => {
            report.fail_page(rendered.delivery, why);
            rendered
        }
    }
}

/// Returns `None` for an alert of last resort: something in its page may be what workers die of.
async fn write_in_time(
    invocation: &Invocation,
    pages: &Pages,
    rendered: &Rendered<'_>,
) -> Option<Result<String, String>> {
    if rendered.delivery.is_minimal() {
        return None;
    }
    if invocation.has_slow_pages() {
        return Some(Err("not tried, since a page was not written in time before".to_owned()));
    }
    let writing = write(invocation, pages, rendered.delivery, &rendered.alert);
    Some(timeout_at(invocation.wait_until(MAX_WAIT), writing).await.unwrap_or_else(|_| {
        invocation.note_slow_pages();
        Err(format!("it was not written within {} seconds", MAX_WAIT.as_secs()))
    }))
}

async fn write(
    invocation: &Invocation,
    pages: &Pages,
    delivery: &Delivery,
    alert: &Alert,
) -> Result<String, String> {
    let report = Report::new(read_input(invocation, pages, delivery).await?);
    let page = alert_page(alert, &report, STATE).map_err(|error| error_chain(&error))?;
    pages.write_alert(&alert.finding, page).await.map_err(|error| error_chain(&error))
}

async fn read_input(
    invocation: &Invocation,
    pages: &Pages,
    delivery: &Delivery,
) -> Result<Input, String> {
    let pipeline = &invocation.pipeline;
    let origin = Origin {
        version: env!("CARGO_PKG_VERSION").to_owned(),
        sources: vec![pages.source.clone()],
        ..Origin::default()
    };
    let accounts = pipeline.accounts.clone();
    let mut input = Input::new(Scope::default(), origin, accounts, invocation.now());
    let content = delivery.content();
    let own = data::Delivery::Alerted;
    match (pipeline.ledger.history(), content) {
        (Some(ledger), _) => {
            let added = add_surroundings(ledger, content, own, &mut input).await;
            added.map_err(|error| error_chain(&error))?;
        }
        (None, Content::Finding(finding)) => input.add(Arc::clone(finding), own),
        (None, Content::Summary(_) | Content::Correlation(_)) => {}
    }
    Ok(input)
}
