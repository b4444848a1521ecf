//! One log line per event, so that an order can be followed from desk to desk by `trace_id` or `order.id`: at level debug
//! under the name `oms_events` (`OMS_LOG=info,oms_events=debug`), and as a warning for what is parked. It names ids only.

use messages::id::OrderNumber;

use super::trace;
use crate::settle::{Cause, Entry, Work};
use crate::worker::Worker;

const TARGET: &str = "oms_events";

/// Tells what was settled.
pub(crate) fn tell<W: Worker>(entries: &[Entry<W>]) {
    let is_full = tracing::enabled!(target: TARGET, tracing::Level::DEBUG);
    for Entry { cause, work } in entries {
        match work {
            Work::Park(parked) => {
                let (order, trace) = (order_of(cause), trace_of(cause));
                tracing::warn!(target: TARGET, room = %W::ROOM, message.id = %cause.id, order.id = order, trace_id = trace, reason = parked.reason.name(), "parked");
            }
            Work::Decide(_) | Work::Timer(_) | Work::Answer(_) | Work::CloseTask(_) | Work::Control(_)
                if is_full =>
            {
                let (order, trace) = (order_of(cause), trace_of(cause));
                let kind = cause.original.as_ref().map(|original| original.event.kind.as_str());
                let due = cause.due.as_ref().map(|due| due.kind.as_str());
                tracing::debug!(target: TARGET, room = %W::ROOM, message.id = %cause.id, order.id = order, trace_id = trace, kind, due.kind = due, "settled");
            }
            Work::Decide(_) | Work::Timer(_) | Work::Answer(_) | Work::CloseTask(_) | Work::Control(_) => {}
        }
    }
}

/// The order that an event is about: releases and shipments are named after their order.
pub(super) fn order_of(cause: &Cause) -> Option<&str> {
    let subject = cause.original.as_ref().and_then(|original| original.event.subject.as_deref());
    order_in(subject.or(cause.due.as_ref().map(|due| due.key.as_str()))?)
}

/// The order that a key or a subject begins with.
pub(super) fn order_in(about: &str) -> Option<&str> {
    let number = about.split(['.', '/']).next().unwrap_or_default();
    // Anything else may be a person's own words.
    OrderNumber::parse(number).is_ok().then_some(number)
}

fn trace_of(cause: &Cause) -> Option<&str> {
    trace::id(cause.traceparent.as_deref()?)
}
