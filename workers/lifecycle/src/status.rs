//! What the facts of an order amount to, pure: the status of each line by rank, and of the order by its lines. It
//! must never look at when a fact came, or in which order facts are listed.

use std::collections::BTreeMap;

use messages::case::CaseEnd;
use messages::id::{ReleaseId, ShipmentId};
use messages::item::ItemNumber;
use messages::order::Line;
use messages::stock::{LineUnits, Tally};
use serde::Serialize;

use crate::fact::{Fact, ReleaseFact, What};
pub use crate::ranks::{LineStatus, OrderStatus};

/// Where an order is.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Progress {
    pub status: OrderStatus,
    /// Empty as long as the order itself is not known.
    pub lines: Vec<LineProgress>,
}

/// Where the units of one line are.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct LineProgress {
    pub line: u16,
    pub item: ItemNumber,
    pub quantity: u32,
    /// The slowest of its parts that still goes on, or how the line ended.
    pub status: LineStatus,
    /// A line may be split; the parts' units sum to its quantity.
    pub parts: Vec<Part>,
}

/// Units of one line that are at the same place.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Part {
    pub units: u32,
    pub status: LineStatus,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub release: Option<ReleaseId>,
}

/// Where the order of these facts is.
#[must_use]
pub fn progress<'a>(facts: impl IntoIterator<Item = &'a Fact>) -> Progress {
    let known = Known::of(facts);
    let lines: Vec<LineProgress> = known.lines.iter().map(|line| known.line(line)).collect();
    let parts = lines.iter().flat_map(|line| line.parts.iter().map(|part| part.status));
    let status = match known.folder {
        Folder::Unknown => OrderStatus::Early,
        Folder::Refused => OrderStatus::Refused,
        Folder::Held | Folder::Accepted => OrderStatus::of(parts),
    };
    Progress { status, lines }
}

/// How far the order itself has come, apart from its lines.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, PartialOrd, Ord)]
enum Folder {
    #[default]
    Unknown,
    Held,
    Accepted,
    Refused,
}

/// The facts, sorted by what they are about.
#[derive(Debug, Default)]
struct Known<'a> {
    folder: Folder,
    lines: &'a [Line],
    stock: BTreeMap<u16, Stock>,
    releases: BTreeMap<ReleaseId, Released<'a>>,
    /// The releases that go on all the same.
    cancelled: Option<&'a [ReleaseId]>,
}

/// What inventory said about a line, in units.
#[derive(Debug, Default)]
struct Stock {
    reserved: u32,
    limited: u32,
    unavailable: u32,
    /// The furthest status of units that wait.
    waits: Option<LineStatus>,
}

#[derive(Debug, Default)]
struct Released<'a> {
    /// Known from `release.ready` or `payment.authorized`; what is said of its parcel before has no effect yet.
    units: Option<&'a [LineUnits]>,
    /// The same missing units are told by fulfillment and by payment, and counted once.
    shorted: Tally,
    adjusted: BTreeMap<u16, u32>,
    /// The latest parcel, 0 before there is one, and how far that one came.
    reached: Option<(u16, LineStatus)>,
    /// Left out of a parcel that was sent again with the rest.
    left_out: Tally,
    /// Whether money went back, and whether a case said so, which means all of its parcel.
    refunded: bool,
    refunded_by_case: bool,
}

impl Released<'_> {
    fn reach(&mut self, parcel: u16, status: LineStatus) {
        self.reached = self.reached.max(Some((parcel, status)));
    }

    /// Money that went back for what was left out says nothing of the rest.
    fn status(&self) -> LineStatus {
        if self.refunded && (self.left_out.is_empty() || self.refunded_by_case) {
            return LineStatus::Refunded;
        }
        self.reached.map_or(LineStatus::Ready, |(_, status)| status)
    }

    /// Units of a line that were left out and paid back.
    fn paid_back(&self, line: u16) -> u32 {
        if self.refunded { self.left_out.of_line(line) } else { 0 }
    }

    fn units(&self, line: u16) -> u32 {
        let units = self.units.unwrap_or_default().iter().filter(|units| units.line == line);
        units.map(|units| units.quantity).sum()
    }

    fn missing(&self, line: u16) -> u32 {
        let told = |by: &BTreeMap<u16, u32>| by.get(&line).copied().unwrap_or_default();
        self.shorted.of_line(line).max(told(&self.adjusted)).min(self.units(line))
    }
}

impl<'a> Known<'a> {
    fn of(facts: impl IntoIterator<Item = &'a Fact>) -> Self {
        let mut known = Self::default();
        for fact in facts {
            known.learn(&fact.what);
        }
        known
    }

    fn learn(&mut self, what: &'a What) {
        match what {
            What::Accepted(accepted) => self.folder(Folder::Accepted, &accepted.lines),
            What::Held(held) => self.folder(Folder::Held, &held.lines),
            What::Refused { .. } => self.folder = Folder::Refused,
            What::Reserved { lines } => self.stock(lines, |stock, units| stock.reserved += units),
            What::Limited { lines } => self.stock(lines, |stock, units| stock.limited += units),
            What::Unavailable { lines } => {
                self.stock(lines.iter().map(|line| &line.units), |stock, units| stock.unavailable += units);
            }
            What::Backordered { lines, .. } => self.waits(lines, LineStatus::Backordered),
            What::Waitlisted { lines } => self.waits(lines, LineStatus::Waitlisted),
            What::Ready(release) => self.release(release, LineStatus::Ready),
            What::Authorized { release, .. } => self.release(release, LineStatus::Authorized),
            What::Declined { release, .. } => self.reach(release, 0, LineStatus::PaymentDeclined),
            What::Delayed { release, .. } => self.reach(release, 0, LineStatus::PaymentDelayed),
            What::Adjusted { release, missing } => add(&mut self.released(release).adjusted, missing),
            // What is missing of a parcel that is sent again is in no line again: a person looks for it.
            What::Shorted { shipment, missing } if shipment.is_first() => {
                self.released(&shipment.release()).shorted.learn(missing);
            }
            What::Requested { shipment, .. } => self.parcel(shipment, LineStatus::Requested),
            What::Dispatched { shipment, .. } => self.parcel(shipment, LineStatus::Shipped),
            What::Progressed { shipment, status, .. } => {
                self.parcel(shipment, LineStatus::of_parcel(*status))
            }
            What::Delivered { shipment, .. } => self.parcel(shipment, LineStatus::Delivered),
            What::Undeliverable { shipment, .. } => self.parcel(shipment, LineStatus::Undeliverable),
            What::Returned { shipment, .. } | What::CaseReceived { case: shipment, .. } => {
                self.parcel(shipment, LineStatus::Returned)
            }
            What::Lost { shipment, .. } => self.parcel(shipment, LineStatus::Lost),
            What::Cancelled { handed_over, .. } => self.cancelled = Some(handed_over),
            What::CaseResolved { case, resolution: CaseEnd::Reship, .. } => {
                self.reach(&case.release(), parcel_number(case).saturating_add(1), LineStatus::Reshipped);
            }
            What::CaseResolved { case, resolution: CaseEnd::Refund, .. } => {
                self.released(&case.release()).refunded_by_case = true;
            }
            What::Refunded { release, .. } => self.released(release).refunded = true,
            What::ReshipReady { shipment, unavailable, .. } => {
                self.released(&shipment.release()).left_out.learn(unavailable);
            }
            What::ReshipUnavailable { shipment, .. } => self.parcel(shipment, LineStatus::Unavailable),
            What::CaseResolved { resolution: CaseEnd::Closed, .. }
            | What::CaseOpened { .. }
            | What::CaseAsked { .. }
            | What::CaseChanged { .. }
            | What::AddressFlagged { .. }
            | What::AddressSuppressed { .. }
            | What::SubscriberChanged { .. }
            | What::CampaignChanged { .. }
            | What::Shorted { .. }
            | What::HoldEnded { .. }
            | What::ProductDefined { .. }
            | What::StockChanged { .. }
            | What::Captured { .. }
            | What::CaptureFailed { .. }
            | What::Renewed { .. }
            | What::Voided { .. }
            | What::Noticed { .. }
            | What::TaskOpened { .. }
            | What::TaskClosed { .. } => {}
        }
    }

    fn folder(&mut self, folder: Folder, lines: &'a [Line]) {
        // An accepted order's lines are those that it was held with; either names them.
        if self.lines.is_empty() || folder == Folder::Accepted {
            self.lines = lines;
        }
        self.folder = self.folder.max(folder);
    }

    fn stock(&mut self, lines: impl IntoIterator<Item = &'a LineUnits>, add: impl Fn(&mut Stock, u32)) {
        for units in lines {
            add(self.stock.entry(units.line).or_default(), units.quantity);
        }
    }

    fn waits(&mut self, lines: &'a [LineUnits], status: LineStatus) {
        self.stock(lines, |stock, _| stock.waits = stock.waits.max(Some(status)));
    }

    fn released(&mut self, release: &ReleaseId) -> &mut Released<'a> {
        self.releases.entry(release.clone()).or_default()
    }

    fn release(&mut self, fact: &'a ReleaseFact, status: LineStatus) {
        let released = self.released(&fact.release);
        released.units = Some(&fact.lines);
        released.reach(0, status);
    }

    fn reach(&mut self, release: &ReleaseId, parcel: u16, status: LineStatus) {
        self.released(release).reach(parcel, status);
    }

    fn parcel(&mut self, shipment: &ShipmentId, status: LineStatus) {
        self.reach(&shipment.release(), parcel_number(shipment), status);
    }

    /// Deals the line's units out: first to its releases, then to what inventory said, and the rest waits.
    fn line(&self, line: &Line) -> LineProgress {
        let parts = match self.folder {
            Folder::Refused => {
                vec![Part { units: line.quantity, status: LineStatus::Refused, release: None }]
            }
            Folder::Held => {
                // What was handed over was accepted before; we only have not heard of it yet.
                let is_over = self.cancelled.is_some_and(<[ReleaseId]>::is_empty);
                let status = if is_over { LineStatus::Cancelled } else { LineStatus::Held };
                vec![Part { units: line.quantity, status, release: None }]
            }
            Folder::Unknown | Folder::Accepted => self.parts(line),
        };
        let status =
            LineStatus::slowest(parts.iter().map(|part| part.status)).unwrap_or(LineStatus::Received);
        LineProgress { line: line.line, item: line.item.clone(), quantity: line.quantity, status, parts }
    }

    fn parts(&self, line: &Line) -> Vec<Part> {
        let mut deal = Deal { rest: line.quantity, parts: Vec::new() };
        let (mut released, mut missing) = (0, 0);
        for (id, release) in &self.releases {
            let units = release.units(line.line);
            let lost = release.missing(line.line);
            let paid_back = release.paid_back(line.line).min(units - lost);
            deal.out(paid_back, LineStatus::Refunded, Some(id));
            deal.out(units - lost - paid_back, self.release_status(id, release), Some(id));
            released += units;
            missing += lost;
        }
        let none = Stock::default();
        let stock = self.stock.get(&line.line).unwrap_or(&none);
        let shorted = (missing > 0).then_some(LineStatus::Shorted);
        let (reserved, waits) = if self.is_rest_cancelled() {
            (LineStatus::Cancelled, LineStatus::Cancelled)
        } else {
            (LineStatus::Reserved, shorted.max(stock.waits).unwrap_or(LineStatus::Received))
        };
        deal.out(stock.reserved.saturating_sub(released), reserved, None);
        deal.out(stock.limited, LineStatus::Limited, None);
        deal.out(stock.unavailable, LineStatus::Unavailable, None);
        deal.out(u32::MAX, waits, None);
        deal.parts
    }

    fn release_status(&self, id: &ReleaseId, release: &Released<'_>) -> LineStatus {
        let status = release.status();
        let goes_on = self.cancelled.is_none_or(|handed_over| handed_over.contains(id));
        // A payment that was declined had ended the release already.
        if goes_on || status == LineStatus::PaymentDeclined { status } else { LineStatus::Cancelled }
    }

    /// Whether what is in no release is cancelled. Units of releases that were handed over and are not known yet must
    /// not seem so.
    fn is_rest_cancelled(&self) -> bool {
        let is_known = |id: &ReleaseId| self.releases.get(id).is_some_and(|release| release.units.is_some());
        self.cancelled.is_some_and(|handed_over| handed_over.iter().all(is_known))
    }
}

/// Units of a line while they are dealt out.
struct Deal {
    rest: u32,
    parts: Vec<Part>,
}

impl Deal {
    fn out(&mut self, units: u32, status: LineStatus, release: Option<&ReleaseId>) {
        let units = units.min(self.rest);
        if units > 0 {
            self.rest -= units;
            self.parts.push(Part { units, status, release: release.cloned() });
        }
    }
}

fn add(sums: &mut BTreeMap<u16, u32>, lines: &[LineUnits]) {
    for units in lines {
        *sums.entry(units.line).or_default() += units.quantity;
    }
}

/// The parcel's number within its release, from 1; a parcel that is sent again has the next.
fn parcel_number(shipment: &ShipmentId) -> u16 {
    shipment.as_str().rsplit('.').next().and_then(|number| number.parse().ok()).unwrap_or_default()
}
