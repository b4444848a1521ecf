//! The desk that a case lies on while one event is decided: what follows for it, and what is told. Pure. It holds
//! the rules of the classes, and none of the commands'.

use messages::case::{
    AddressFlagged, CaseAsked, CaseChange, CaseChanged, CaseClass, CaseEnd, CaseOpened, CaseReceived,
    CaseResolved, CaseWish, Condition,
};
use messages::id::{ShipmentId, UserId};
use messages::sealed::Sealed;
use messages::task::TaskKind;
use messages::{Kind, Timestamp};
use shell::worker::{Emit, Route, raw};
use shell::{At, Decision};

use crate::Undelivered;
use crate::case::{CaseState, Ended, Entry, Event, File, Open, OrderState, Parcel, Quiet, Step};
use crate::classes::Plan;
use crate::outside::Corrected;
use crate::read::CONTACTS_MAX;
use crate::store::{CONTACT, DECIDE};

/// Number of a release's first parcel; later ones were reshipped.
const FIRST_PARCEL: u16 = 1;

/// One case on the desk.
pub(crate) struct Desk<'a> {
    pub(crate) room: &'a Undelivered,
    pub(crate) at: &'a At<'a>,
    pub(crate) case: &'a ShipmentId,
    pub(crate) order: &'a OrderState,
    pub(crate) out: Decision<Undelivered>,
}

/// How a case ends.
pub(crate) struct Ending<'a> {
    pub(crate) resolution: CaseEnd,
    /// Absent: the rules end it.
    pub(crate) user: Option<&'a UserId>,
    pub(crate) reason: &'a str,
    /// Sealed corrected address, for a reship.
    pub(crate) correction: Option<Sealed>,
}

impl Ending<'_> {
    pub(crate) const fn by_rule(resolution: CaseEnd, reason: &str) -> Ending<'_> {
        Ending { resolution, user: None, reason, correction: None }
    }
}

impl Desk<'_> {
    pub(crate) fn is_first_parcel(&self) -> bool {
        *self.case == ShipmentId::of(&self.case.release(), FIRST_PARCEL)
    }

    /// What follows after something new was seen of the parcel, or its order was accepted.
    pub(crate) fn heed(&mut self, state: CaseState) -> CaseState {
        match state {
            CaseState::Quiet(quiet) => self.heed_quiet(quiet),
            CaseState::Open(open) => self.heed_open(*open),
            CaseState::Ended(ended) => self.heed_ended(*ended),
        }
    }

    fn heed_quiet(&mut self, quiet: Quiet) -> CaseState {
        let class = quiet.facts.reason.as_ref().map(|reason| reason.class);
        let (Some(class), false, Some(parcel)) = (class, quiet.facts.is_delivered(), quiet.parcel.as_ref())
        else {
            return CaseState::Quiet(quiet);
        };
        let Some(delivery) = self.delivery_of(parcel) else { return CaseState::Quiet(quiet) };
        let file = self.file(quiet.facts, parcel.clone(), delivery, class);
        self.plan(file)
    }

    fn heed_open(&mut self, open: Open) -> CaseState {
        let Open { mut file, step } = open;
        let class = file.facts.reason.as_ref().map_or(file.class, |reason| reason.class);
        if file.facts.is_delivered() {
            return self.end(file, Ending::by_rule(CaseEnd::Closed, "the parcel was delivered after all"));
        }
        if class == CaseClass::Deceased && !file.mail_stopped {
            self.drop_timers();
            self.reclassify(&mut file, class);
            return self.plan(file);
        }
        match step {
            Step::Opened if class != file.class => {
                self.drop_timers();
                self.reclassify(&mut file, class);
                self.plan(file)
            }
            // The rules alone put it there; an answer stands.
            Step::Awaiting { .. } if class != file.class && file.answered.is_none() => {
                self.drop_timers();
                self.reclassify(&mut file, class);
                self.plan(file)
            }
            Step::Awaiting { then, correction, .. } if file.facts.is_back() => {
                self.carry_out(file, then, correction)
            }
            Step::Opened | Step::Asked { .. } | Step::Awaiting { .. } | Step::Person => {
                CaseState::Open(Box::new(Open { file, step }))
            }
        }
    }

    fn heed_ended(&mut self, mut ended: Ended) -> CaseState {
        let class = ended.file.facts.reason.as_ref().map_or(ended.file.class, |reason| reason.class);
        let is_news = class == CaseClass::Deceased && !ended.file.mail_stopped;
        if ended.is_by_delivery() && ended.file.facts.is_back() {
            let mut file = ended.file;
            self.resume(&mut file);
            if class != file.class {
                self.reclassify(&mut file, class);
            }
            // The tokens are used up, and what was asked for then may not be wanted now.
            if file.answered.is_some() {
                return self.hand(
                    file,
                    "the parcel came back after it was closed as delivered; the purchaser had answered",
                );
            }
            return self.plan(file);
        }
        if is_news {
            // How it ended, and as what, stays; that the recipient is deceased still stops the mail.
            self.tell_class(&ended.file, class);
            ended.file.mail_stopped = true;
            self.task("the recipient is deceased, which was heard after the case had ended");
        }
        CaseState::Ended(Box::new(ended))
    }

    /// The recipient's number of a parcel; none before the order is accepted.
    pub(crate) fn delivery_of(&self, parcel: &Parcel) -> Option<u16> {
        self.order.recipient_of(parcel).map(|recipient| recipient.number)
    }

    /// A new file: the case is opened and told.
    pub(crate) fn file(
        &mut self,
        facts: crate::case::Facts,
        parcel: Parcel,
        delivery: u16,
        class: CaseClass,
    ) -> File {
        let mut file = File {
            parcel,
            delivery,
            facts,
            class,
            opened_at: self.at.now,
            contacts: 0,
            mail_stopped: false,
            answered: None,
            notes: Vec::new(),
            history: Vec::new(),
        };
        self.note_down(&mut file, Event::Opened, None);
        self.tell_opened(&mut file);
        file
    }

    /// Does what the class says.
    pub(crate) fn plan(&mut self, file: File) -> CaseState {
        match Plan::of(file.class, !self.is_first_parcel()) {
            Plan::Ask if self.room.ask_after_seconds > 0 && file.contacts == 0 => {
                let at = self.at.now.plus_seconds(self.room.ask_after_seconds);
                self.out.due(self.case, CONTACT, 1, at, self.case);
                CaseState::Open(Box::new(Open { file, step: Step::Opened }))
            }
            Plan::Ask if file.contacts >= CONTACTS_MAX => {
                self.hand(file, "the purchaser was asked as often as we ask, before the parcel came back")
            }
            Plan::Ask => self.ask(file, None),
            Plan::RefundWhenBack if file.facts.is_back() => self.carry_out(file, CaseWish::Refund, None),
            Plan::RefundWhenBack => {
                let until = self.at.now.plus_seconds(self.room.decide_seconds);
                self.wait(file, CaseWish::Refund, None, until)
            }
            Plan::Refund => {
                let is_lost = file.class == CaseClass::Lost;
                let reason = if is_lost { "the second parcel is lost too" } else { "the parcel is damaged" };
                self.end(file, Ending::by_rule(CaseEnd::Refund, reason))
            }
            Plan::Person { flag } => {
                if flag {
                    self.flag(&file);
                }
                self.hand(file, "only a person may decide about a parcel with this reason")
            }
        }
    }

    /// Asks the purchaser, the first time or again; a case that goes on keeps the time it had for an answer.
    pub(crate) fn ask(&mut self, mut file: File, answer_by: Option<Timestamp>) -> CaseState {
        file.contacts = (file.contacts + 1).min(CONTACTS_MAX);
        let answer_by = answer_by.unwrap_or_else(|| self.at.now.plus_seconds(self.room.decide_seconds));
        let asked = CaseAsked {
            case: self.case.clone(),
            order: self.case.order(),
            class: file.class,
            contact: file.contacts,
            answer_by,
        };
        self.out.emit(&asked.order, &asked);
        if file.contacts < CONTACTS_MAX {
            let again = self.at.now.plus_seconds(self.room.contact_seconds);
            self.out.due(self.case, CONTACT, i32::from(CONTACTS_MAX), again, self.case);
            self.note_down(&mut file, Event::Asked, None);
        } else {
            self.note_down(&mut file, Event::AskedAgain, None);
        }
        self.out.due(self.case, DECIDE, 0, answer_by, self.case);
        CaseState::Open(Box::new(Open { file, step: Step::Asked { answer_by } }))
    }

    /// It is clear what is to be done once the parcel is back.
    pub(crate) fn wait(
        &mut self,
        file: File,
        then: CaseWish,
        correction: Option<Sealed>,
        until: Timestamp,
    ) -> CaseState {
        self.out.drop_due(self.case, CONTACT);
        self.out.due(self.case, DECIDE, 0, until, self.case);
        CaseState::Open(Box::new(Open { file, step: Step::Awaiting { then, correction, until } }))
    }

    /// The parcel is back, or need not be.
    pub(crate) fn carry_out(&mut self, file: File, then: CaseWish, correction: Option<Sealed>) -> CaseState {
        let (resolution, reason) = match (then, file.answered.is_some()) {
            (CaseWish::Reship, _) => (CaseEnd::Reship, "it was asked to be sent again"),
            (CaseWish::Refund, true) => (CaseEnd::Refund, "a refund was asked for"),
            (CaseWish::Refund, false) => (CaseEnd::Refund, "the parcel came back"),
        };
        self.end(file, Ending { correction, ..Ending::by_rule(resolution, reason) })
    }

    /// Hands the case to a person; nothing happens by itself from here on.
    pub(crate) fn hand(&mut self, mut file: File, reason: &str) -> CaseState {
        self.drop_timers();
        self.note_down(&mut file, Event::Handed, None);
        self.task(reason);
        CaseState::Open(Box::new(Open { file, step: Step::Person }))
    }

    /// Ends the case. Good units that were scanned in go back to the shelf now, and before a reship takes some from it.
    pub(crate) fn end(&mut self, mut file: File, ending: Ending<'_>) -> CaseState {
        let Ending { resolution, user, reason, correction } = ending;
        self.drop_timers();
        self.out.close_task(TaskKind::CaseDecision, self.case, user, reason);
        self.tell_received(&mut file);
        self.note_down(&mut file, Event::Ended, user);
        let address = match resolution {
            CaseEnd::Reship => self.order.recipient(file.delivery).map(|recipient| recipient.section.clone()),
            CaseEnd::Refund | CaseEnd::Closed => None,
        };
        let resolved = CaseResolved {
            case: self.case.clone(),
            release: self.case.release(),
            order: self.case.order(),
            delivery: file.delivery,
            gift: file.parcel.gift,
            class: file.class,
            resolution,
            returned: file.facts.is_back(),
            lines: file.parcel.lines.clone(),
            address,
            user: user.cloned(),
            reason: reason.to_owned(),
        };
        self.out.emit.push(Emit {
            route: Route::Oms,
            kind: Kind::CaseResolved,
            subject: Some(resolved.order.to_string()),
            data: raw(&Corrected { resolved, correction }),
        });
        let (user, reason) = (user.cloned(), reason.to_owned());
        CaseState::Ended(Box::new(Ended { file, resolution, user, reason, at: self.at.now }))
    }

    /// What follows when it was scanned in, which the facts say already. Good units wait for the case's end, as the
    /// purchaser may want them; anything else is told at once.
    pub(crate) fn unpack(&mut self, mut file: File, step: Option<Step>, condition: Condition) -> CaseState {
        self.note_received(&mut file);
        let by_rule = |step: &Option<Step>| !matches!(step, Some(Step::Person));
        match condition {
            Condition::Restock => match step {
                Some(Step::Awaiting { then, correction, .. }) => self.carry_out(file, then, correction),
                Some(step @ (Step::Opened | Step::Asked { .. } | Step::Person)) => {
                    CaseState::Open(Box::new(Open { file, step }))
                }
                None => match Plan::of(file.class, true) {
                    Plan::Person { .. } => self.plan(file),
                    Plan::Ask | Plan::RefundWhenBack | Plan::Refund => {
                        self.carry_out(file, CaseWish::Refund, None)
                    }
                },
            },
            Condition::Damaged if by_rule(&step) && file.facts.delivered_at.is_none() => {
                self.tell_received(&mut file);
                self.end(file, Ending::by_rule(CaseEnd::Refund, "the parcel came back damaged"))
            }
            Condition::Damaged | Condition::WrongItem => {
                self.tell_received(&mut file);
                self.hand(file, "the parcel came back, but not as it was sent")
            }
        }
    }

    /// Tells the rooms once what came back.
    pub(crate) fn tell_received(&mut self, file: &mut File) {
        let Some(received) = file.facts.received.as_mut().filter(|received| !received.told) else { return };
        received.told = true;
        let fact = CaseReceived {
            case: self.case.clone(),
            release: self.case.release(),
            order: self.case.order(),
            condition: received.condition,
            lines: file.parcel.lines.clone(),
            user: received.user.clone(),
        };
        self.out.emit(&fact.order, &fact);
    }

    pub(crate) fn note_received(&self, file: &mut File) {
        let user = file.facts.received.as_ref().and_then(|received| received.user.clone());
        self.note_down(file, Event::Received, user.as_ref());
    }

    /// It came back after it was closed as delivered.
    pub(crate) fn resume(&mut self, file: &mut File) {
        self.note_down(file, Event::Resumed, None);
        self.tell_change(CaseChange::Resumed, None);
    }

    pub(crate) fn tell_change(&mut self, change: CaseChange, user: Option<&UserId>) {
        let order = self.case.order();
        let fact = CaseChanged { case: self.case.clone(), order, change, user: user.cloned() };
        self.out.emit(&fact.order, &fact);
    }

    pub(crate) fn note_down(&self, file: &mut File, what: Event, user: Option<&UserId>) {
        file.history.push(Entry { at: self.at.now, what, user: user.cloned() });
    }

    pub(crate) fn task(&mut self, reason: &str) {
        self.out.open_task(TaskKind::CaseDecision, self.case, Some(&self.case.order()), reason);
    }

    fn reclassify(&mut self, file: &mut File, class: CaseClass) {
        file.class = class;
        file.mail_stopped |= class == CaseClass::Deceased;
        self.note_down(file, Event::Reclassified, None);
        self.tell_class(file, class);
    }

    fn tell_class(&mut self, file: &File, class: CaseClass) {
        let reason = file.facts.reason.as_ref().and_then(|reason| reason.word.clone());
        self.tell_change(CaseChange::Reclassified { class, reason }, None);
    }

    fn tell_opened(&mut self, file: &mut File) {
        let fact = CaseOpened {
            case: self.case.clone(),
            order: self.case.order(),
            class: file.class,
            reason: file.facts.reason.as_ref().and_then(|reason| reason.word.clone()),
            gift: file.parcel.gift,
        };
        self.out.emit(&fact.order, &fact);
        file.mail_stopped = file.class == CaseClass::Deceased;
    }

    fn flag(&mut self, file: &File) {
        let Some(recipient) = self.order.recipient(file.delivery) else { return };
        let word = file.facts.reason.as_ref().and_then(|reason| reason.word.as_deref());
        let fact = AddressFlagged {
            address: recipient.address.clone(),
            case: self.case.clone(),
            order: self.case.order(),
            reason: match word {
                Some(word) => format!("a parcel to this address came back as {word}"),
                None => "a parcel to this address came back".to_owned(),
            },
        };
        self.out.emit(&fact.order, &fact);
    }

    fn drop_timers(&mut self) {
        self.out.drop_due(self.case, CONTACT);
        self.out.drop_due(self.case, DECIDE);
    }
}
