//! The edge: what arrives becomes an input, or is unreadable. It opens no section, since it holds no key to one.

use messages::Kind;
use messages::case::{CaseEnd, CaseReceived, CaseResolved};
use messages::envelope::{Unreadable, read_body};
use messages::id::{OrderNumber, ShipmentId};
use messages::item::ItemNumber;
use messages::money::Amount;
use messages::order::{Line, OrderAccepted, OrderCancelled};
use messages::payment::{PaymentAdjusted, PaymentDeclined};
use messages::product::{ProductDefine, StockAdjust, StockReceive};
use messages::shipment::{ReleaseShorted, ShipmentDispatched};
use shell::worker::{Arrival, DueRow, ReadError, Sender};

use crate::decide::waiting;

/// What the room reads.
#[derive(Debug, Clone)]
pub enum Input {
    Define {
        sender: String,
        body: Box<ProductDefine>,
    },
    Receive {
        sender: String,
        body: StockReceive,
    },
    Adjust {
        sender: String,
        body: StockAdjust,
    },
    /// It adds up: see [`check_order`].
    Accepted(Box<OrderAccepted>),
    Declined(PaymentDeclined),
    Adjusted(Box<PaymentAdjusted>),
    Dispatched(Box<ShipmentDispatched>),
    Returned(CaseReceived),
    /// A parcel that did not arrive is to be sent again.
    Reship {
        /// The parcel to come.
        shipment: ShipmentId,
        body: Box<CaseResolved>,
    },
    /// The warehouse misses units of a parcel that is sent again.
    Missed(Box<ReleaseShorted>),
    /// Nothing of stock follows: a case ended otherwise, or units are missing that payment takes off their release first.
    Nothing,
    Cancelled(OrderCancelled),
    /// Timer: something of an item came back, and others wait for it.
    Allocate {
        item: ItemNumber,
        attempt: i32,
    },
    /// Timer: the day of an order's lines has come.
    Release(OrderNumber),
}

/// Reads one arrival. The room calls nobody, so no answers are readable.
///
/// # Errors
/// It is none of the room's kinds, its body has another shape, or an order does not add up.
pub fn read(arrival: &Arrival<'_>) -> Result<Input, ReadError> {
    let (kind, event, sender) = match arrival {
        Arrival::Message { kind, event, sender } => (*kind, *event, *sender),
        Arrival::Timer { due } => return Ok(read_timer(due)?),
        Arrival::Answer { .. } => return Err(Unreadable::UnknownType.into()),
    };
    let data = &event.data;
    let input = match (kind, sender) {
        (Kind::ProductDefine, Sender::Outsider(sender)) => {
            Input::Define { sender: sender.clone(), body: read_body(data)? }
        }
        (Kind::StockReceive, Sender::Outsider(sender)) => {
            Input::Receive { sender: sender.clone(), body: read_body(data)? }
        }
        (Kind::StockAdjust, Sender::Outsider(sender)) => {
            Input::Adjust { sender: sender.clone(), body: read_body(data)? }
        }
        (Kind::OrderAccepted, _) => {
            let order: Box<OrderAccepted> = read_body(data)?;
            check_order(&order)?;
            Input::Accepted(order)
        }
        (Kind::PaymentDeclined, _) => Input::Declined(read_body(data)?),
        (Kind::PaymentAdjusted, _) => Input::Adjusted(read_body(data)?),
        (Kind::ShipmentDispatched, _) => Input::Dispatched(read_body(data)?),
        (Kind::CaseReceived, _) => Input::Returned(read_body(data)?),
        (Kind::CaseResolved, _) => read_resolved(read_body(data)?)?,
        (Kind::ReleaseShorted, _) => {
            let body: Box<ReleaseShorted> = read_body(data)?;
            if body.shipment.is_first() { Input::Nothing } else { Input::Missed(body) }
        }
        (Kind::OrderCancelled, _) => Input::Cancelled(read_body(data)?),
        // Every other kind belongs to another room, and a command from a room to nobody.
        _ => return Err(Unreadable::UnknownType.into()),
    };
    Ok(input)
}

fn read_resolved(body: Box<CaseResolved>) -> Result<Input, Unreadable> {
    match body.resolution {
        CaseEnd::Reship => {}
        CaseEnd::Refund | CaseEnd::Closed => return Ok(Input::Nothing),
    }
    let wrong = |problem| Unreadable::Body { path: "case".to_owned(), problem };
    if body.case.release() != body.release {
        return Err(wrong("is not a parcel of the release"));
    }
    let shipment = body.case.next().ok_or_else(|| wrong("has the last number of its release"))?;
    Ok(Input::Reship { shipment, body })
}

fn read_timer(due: &DueRow) -> Result<Input, Unreadable> {
    let wrong = |problem| Unreadable::Body { path: "key".to_owned(), problem };
    match due.kind.as_str() {
        waiting::ALLOCATE => ItemNumber::parse(&due.key)
            .map(|item| Input::Allocate { item, attempt: due.attempt })
            .map_err(|_| wrong("is not an item number")),
        waiting::RELEASE => {
            OrderNumber::parse(&due.key).map(Input::Release).map_err(|_| wrong("is not an order number"))
        }
        _ => Err(Unreadable::UnknownType),
    }
}

/// What the decision takes for granted of an accepted order: lines and recipients numbered in rising order, each
/// line for a recipient of the order, and a total that is the sum of the lines and the shipping charge.
///
/// # Errors
/// Names the first field that does not fit.
pub fn check_order(order: &OrderAccepted) -> Result<(), Unreadable> {
    let wrong = |path: &str, problem| Err(Unreadable::Body { path: path.to_owned(), problem });
    if !order.lines.is_sorted_by(|a, b| a.line < b.line) {
        return wrong("lines", "must be numbered in rising order");
    }
    if !order.deliveries.is_sorted_by(|a, b| a.number < b.number) {
        return wrong("deliveries", "must be numbered in rising order");
    }
    let is_known = |line: &Line| order.deliveries.iter().any(|delivery| delivery.number == line.delivery);
    if !order.lines.iter().all(is_known) {
        return wrong("lines", "names a recipient that the order does not have");
    }
    let lines: Option<Vec<Amount>> = order.lines.iter().map(Line::amount).collect();
    let sum = lines.and_then(Amount::sum).and_then(|lines| lines.checked_add(order.shipping));
    if sum != Some(order.total) {
        return wrong("total", "is not the sum of the lines and the shipping charge");
    }
    Ok(())
}
