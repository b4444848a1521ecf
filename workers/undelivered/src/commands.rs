//! What outsiders say about a case: the customer's answer, staff's notes and rulings, the warehouse's scan. Each
//! is answered, and what is not done is refused by name. Pure.

use messages::answer::Outcome;
use messages::case::{
    CaseChange, CaseClass, CaseEnd, CaseNote, CaseReceive, CaseResolve, CaseWish, Condition,
};
use messages::id::UserId;

use crate::case::{Answered, CaseState, Ended, Event, File, Note, Open, Quiet, Received, Step};
use crate::desk::{Desk, Ending};
use crate::read::{Answer, Answerer, Wish};

/// Characters of a note or reason at most.
const TEXT_MAX: usize = 500;
/// Notes of one case at most.
const NOTES_MAX: usize = 100;

/// Why a command is not carried out.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Refusal {
    UnknownCase,
    UnknownShipment,
    TokenDoesNotFit,
    TokenExpired,
    AlreadyAnswered,
    AlreadyResolved,
    NotAsked,
    AddressNeeded,
    BadAddress(String),
    AlreadyReshipped,
    NotBack,
    CannotBeSentAgain,
    AlreadyReceived,
    BadText,
    TooManyNotes,
}

impl Refusal {
    const fn code(&self) -> &'static str {
        match self {
            Self::UnknownCase => "unknown_case",
            Self::UnknownShipment => "unknown_shipment",
            Self::TokenDoesNotFit => "token_does_not_fit",
            Self::TokenExpired => "token_expired",
            Self::AlreadyAnswered => "already_answered",
            Self::AlreadyResolved => "already_resolved",
            Self::NotAsked => "not_asked",
            Self::AddressNeeded => "address_needed",
            Self::BadAddress(_) => "bad_address",
            Self::AlreadyReshipped => "already_reshipped",
            Self::NotBack => "not_back",
            Self::CannotBeSentAgain => "cannot_be_sent_again",
            Self::AlreadyReceived => "already_received",
            Self::BadText => "bad_text",
            Self::TooManyNotes => "too_many_notes",
        }
    }

    fn text(self) -> String {
        let text = match self {
            Self::UnknownCase => "no case is or was open for this shipment",
            Self::UnknownShipment => "no shipment with this id is on its way or was",
            Self::TokenDoesNotFit => "the token is not one that was mailed for this case",
            Self::TokenExpired => "the time for an answer is over",
            Self::AlreadyAnswered => "the case was already answered, and an answer is taken once",
            Self::AlreadyResolved => "the case has already ended",
            Self::NotAsked => "the purchaser is not asked about this case",
            Self::AddressNeeded => "the address was at fault, so another one is needed to send it again",
            Self::BadAddress(why) => return why,
            Self::AlreadyReshipped => {
                "the parcel was sent again once already, so it can only be refunded or closed"
            }
            Self::NotBack => "the parcel is not back yet, so there is nothing to send again",
            Self::CannotBeSentAgain => "what came back cannot be sent again",
            Self::AlreadyReceived => "the parcel was already scanned in, in another condition",
            Self::BadText => "the text has 1 to 500 characters",
            Self::TooManyNotes => "the case has as many notes as it can hold",
        };
        text.to_owned()
    }
}

/// The row to be stored; absent: it stays.
type Next = Option<CaseState>;

impl Desk<'_> {
    pub(crate) fn answer(&mut self, state: &CaseState, said: &Answer) -> Next {
        // Before anything else, so that a guess learns nothing about the case.
        if said.by == Answerer::Nobody {
            return self.refuse_answer(said, Refusal::TokenDoesNotFit);
        }
        match state {
            CaseState::Quiet(_) => self.refuse_answer(said, Refusal::UnknownCase),
            CaseState::Ended(ended) => match &ended.file.answered {
                Some(answered) => self.answer_again(answered, said),
                None => self.refuse_answer(said, Refusal::AlreadyResolved),
            },
            CaseState::Open(open) => match (&open.step, &open.file.answered) {
                (_, Some(answered)) => self.answer_again(answered, said),
                (Step::Opened | Step::Asked { .. }, None) => self.answer_open(open, said),
                (Step::Awaiting { .. } | Step::Person, None) => self.refuse_answer(said, Refusal::NotAsked),
            },
        }
    }

    fn answer_open(&mut self, open: &Open, said: &Answer) -> Next {
        let (contacts, answer_by) = match open.step {
            Step::Asked { answer_by } => (open.file.contacts, answer_by),
            Step::Opened | Step::Awaiting { .. } | Step::Person => {
                (0, self.at.now.plus_seconds(self.room.decide_seconds))
            }
        };
        let user = match &said.by {
            Answerer::Customer { contact } if *contact > contacts => {
                return self.refuse_answer(said, Refusal::TokenDoesNotFit);
            }
            Answerer::Customer { .. } if self.at.now > answer_by => {
                return self.refuse_answer(said, Refusal::TokenExpired);
            }
            Answerer::Customer { .. } | Answerer::Nobody => None,
            Answerer::Staff(user) => Some(user),
        };
        let (wish, correction) = match &said.wish {
            Wish::BadAddress(why) => return self.refuse_answer(said, Refusal::BadAddress(why.clone())),
            Wish::Reship(None) if open.file.class == CaseClass::AddressFault => {
                return self.refuse_answer(said, Refusal::AddressNeeded);
            }
            Wish::Reship(correction) => (CaseWish::Reship, correction.clone()),
            Wish::Refund => (CaseWish::Refund, None),
        };
        let mut file = open.file.clone();
        file.answered = Some(Answered {
            sender: self.at.sender.unwrap_or_default().to_owned(),
            reference: said.reference.clone(),
            wish,
            address: correction.is_some(),
        });
        self.note_down(&mut file, Event::Answered, user);
        self.tell_change(CaseChange::Answered { wish, corrected: correction.is_some() }, user);
        self.reply(Some(said.reference.as_str()), Outcome::Done, None);
        // A lost parcel is not waited for; any other is on its way back, or may still be delivered.
        Some(if file.facts.is_back() || file.class == CaseClass::Lost {
            self.carry_out(file, wish, correction)
        } else {
            self.wait(file, wish, correction, answer_by)
        })
    }

    /// The same answer under a new message id is answered again. A sealed address cannot be compared; that there is
    /// one can.
    fn answer_again(&mut self, answered: &Answered, said: &Answer) -> Next {
        let (wish, address) = match &said.wish {
            Wish::Reship(correction) => (CaseWish::Reship, correction.is_some()),
            Wish::BadAddress(_) => (CaseWish::Reship, true),
            Wish::Refund => (CaseWish::Refund, false),
        };
        let sender = self.at.sender.unwrap_or_default();
        if (answered.sender.as_str(), &answered.reference, answered.wish, answered.address)
            == (sender, &said.reference, wish, address)
        {
            self.reply(
                Some(said.reference.as_str()),
                Outcome::Repeated,
                Some("the answer was already taken"),
            );
            return None;
        }
        self.refuse_answer(said, Refusal::AlreadyAnswered)
    }

    pub(crate) fn note(&mut self, state: &CaseState, note: &CaseNote) -> Next {
        if !is_text(&note.text) {
            return self.refuse(Refusal::BadText);
        }
        let mut state = state.clone();
        let file = match &mut state {
            CaseState::Quiet(_) => return self.refuse(Refusal::UnknownCase),
            CaseState::Open(open) => &mut open.file,
            CaseState::Ended(ended) => &mut ended.file,
        };
        if file.notes.iter().any(|known| known.user == note.user && known.text == note.text) {
            self.reply(None, Outcome::Repeated, Some("the note already stands in the case"));
            return None;
        }
        if file.notes.len() >= NOTES_MAX {
            return self.refuse(Refusal::TooManyNotes);
        }
        file.notes.push(Note { at: self.at.now, user: note.user.clone(), text: note.text.clone() });
        self.tell_change(CaseChange::Noted { text: note.text.clone() }, Some(&note.user));
        self.reply(None, Outcome::Done, None);
        Some(state)
    }

    pub(crate) fn resolve(&mut self, state: &CaseState, ruling: &CaseResolve) -> Next {
        if !is_text(&ruling.reason) {
            return self.refuse(Refusal::BadText);
        }
        let open = match state {
            CaseState::Quiet(_) => return self.refuse(Refusal::UnknownCase),
            CaseState::Ended(ended) => return self.resolve_again(ended, ruling),
            CaseState::Open(open) => open,
        };
        let correction = match (&open.step, ruling.resolution) {
            (Step::Awaiting { correction, .. }, CaseEnd::Reship) => correction.clone(),
            (
                Step::Opened | Step::Asked { .. } | Step::Awaiting { .. } | Step::Person,
                CaseEnd::Reship | CaseEnd::Refund | CaseEnd::Closed,
            ) => None,
        };
        if ruling.resolution == CaseEnd::Reship
            && let Some(refusal) = self.hinders_reship(&open.file)
        {
            return self.refuse(refusal);
        }
        self.reply(None, Outcome::Done, None);
        let (user, reason) = (Some(&ruling.user), ruling.reason.as_str());
        Some(self.end(open.file.clone(), Ending { resolution: ruling.resolution, user, reason, correction }))
    }

    fn resolve_again(&mut self, ended: &Ended, ruling: &CaseResolve) -> Next {
        let said: (CaseEnd, Option<&UserId>, &str) = (ruling.resolution, Some(&ruling.user), &ruling.reason);
        if (ended.resolution, ended.user.as_ref(), ended.reason.as_str()) == said {
            self.reply(None, Outcome::Repeated, Some("the case was already ended so"));
            return None;
        }
        self.refuse(Refusal::AlreadyResolved)
    }

    /// A reship needs the units of a first parcel, back and whole; a lost one is replaced.
    fn hinders_reship(&self, file: &File) -> Option<Refusal> {
        let received = file.facts.received.as_ref().map(|received| received.condition);
        if !self.is_first_parcel() {
            return Some(Refusal::AlreadyReshipped);
        }
        match received {
            Some(Condition::Damaged | Condition::WrongItem) => Some(Refusal::CannotBeSentAgain),
            None if !file.facts.is_back() && file.class != CaseClass::Lost => Some(Refusal::NotBack),
            Some(Condition::Restock) | None => None,
        }
    }

    pub(crate) fn receive(&mut self, state: &CaseState, scan: &CaseReceive) -> Next {
        let reference = Some(scan.reference.as_str());
        match &state.facts().received {
            Some(known) if known.condition == scan.condition => {
                self.reply(reference, Outcome::Repeated, Some("the parcel was already scanned in"));
                return None;
            }
            Some(_) => return self.refuse_as(reference, Refusal::AlreadyReceived),
            None => {}
        }
        let user = scan.user.clone();
        let received = Received { condition: scan.condition, at: scan.received_at, user, told: false };
        let next = match state.clone() {
            CaseState::Quiet(quiet) => match self.receive_silent(quiet, received) {
                Some(next) => next,
                None => return self.refuse_as(reference, Refusal::UnknownShipment),
            },
            CaseState::Open(open) => {
                let Open { mut file, step } = *open;
                file.facts.received = Some(received);
                self.unpack(file, Some(step), scan.condition)
            }
            CaseState::Ended(ended) => self.receive_ended(*ended, received),
        };
        self.reply(reference, Outcome::Done, None);
        Some(next)
    }

    /// It came back without a word: the case opens, and closes where nobody has to decide.
    fn receive_silent(&mut self, quiet: Quiet, received: Received) -> Option<CaseState> {
        let Quiet { parcel, mut facts } = quiet;
        let parcel = parcel?;
        let delivery = self.delivery_of(&parcel)?;
        let condition = received.condition;
        let known = facts.reason.as_ref().map(|reason| reason.class);
        let class = match (known, condition) {
            (Some(class @ (CaseClass::Deceased | CaseClass::Suspicious)), _) => class,
            (_, Condition::Damaged) => CaseClass::Damaged,
            (Some(class), Condition::Restock | Condition::WrongItem) => class,
            (None, Condition::Restock | Condition::WrongItem) => CaseClass::RefusedOrUnclaimed,
        };
        facts.received = Some(received);
        let file = self.file(facts, parcel, delivery, class);
        Some(self.unpack(file, None, condition))
    }

    fn receive_ended(&mut self, mut ended: Ended, received: Received) -> CaseState {
        let condition = received.condition;
        ended.file.facts.received = Some(received);
        if ended.is_by_delivery() {
            self.resume(&mut ended.file);
            return self.unpack(ended.file, None, condition);
        }
        self.note_received(&mut ended.file);
        self.tell_received(&mut ended.file);
        CaseState::Ended(Box::new(ended))
    }

    fn refuse_answer(&mut self, said: &Answer, refusal: Refusal) -> Next {
        self.refuse_as(Some(said.reference.as_str()), refusal)
    }

    fn refuse(&mut self, refusal: Refusal) -> Next {
        self.refuse_as(None, refusal)
    }

    fn refuse_as(&mut self, reference: Option<&str>, refusal: Refusal) -> Next {
        let reference = reference.unwrap_or(self.case.as_str());
        let code = Some(refusal.code());
        self.out.answer(self.at, Some(reference), Outcome::Refused, None, code, Some(refusal.text()));
        None
    }

    /// What has no reference of its sender's is named by its case.
    fn reply(&mut self, reference: Option<&str>, outcome: Outcome, text: Option<&str>) {
        let reference = reference.unwrap_or(self.case.as_str());
        let order = self.case.order();
        self.out.answer(self.at, Some(reference), outcome, Some(&order), None, text.map(str::to_owned));
    }
}

fn is_text(text: &str) -> bool {
    !text.trim().is_empty() && text.chars().count() <= TEXT_MAX
}
