//! Staff: they look after orders that are held and cases that nobody else ends, sometimes two of them at once, and bring a
//! campaign on its way step by step, each when the last one was answered. They never see a customer's data.

use std::sync::{Arc, PoisonError};

use messages::answer::{CommandAnswered, Outcome};
use messages::case::{CaseChange, CaseChanged, CaseClass, CaseOpened};
use messages::envelope::read_body;
use messages::id::OrderNumber;
use messages::{Event, Kind};
use serde_json::{Value, json};
use world::chance::of_text;

use crate::trade::Trade;

/// The one campaign of a world.
pub(crate) const CAMPAIGN: &str = "EAGLES";

/// How far staff have come with the campaign.
#[derive(Default)]
pub(crate) struct Staff {
    /// Steps that were asked for and not answered, first the one that is under way.
    steps: Vec<(String, &'static str, Value)>,
    /// Answers that nobody expects.
    pub wrong: Vec<String>,
}

impl Trade {
    /// A writer drafts, a reader approves and starts; some campaigns rest for a while, and some are stopped for good.
    pub(crate) fn open_campaign(self: &Arc<Self>) {
        let control = |verb: &str, user: &str| {
            let mut body =
                json!({ "campaign": CAMPAIGN, "verb": verb, "user": user, "reason": "as planned" });
            if verb == "approve" {
                body["version"] = json!(1);
            }
            ("campaign.control.v1", body)
        };
        let draft = json!({
            "campaign": CAMPAIGN, "topic": "numismatic_products", "subject": "The new Eagle", "text": "It is here.",
            "per_minute": 8, "user": "a.writer",
        });
        let mut steps =
            vec![("campaign.define.v1", draft), control("approve", "b.reader"), control("start", "b.reader")];
        match self.sim.below(10) {
            0..4 => steps.extend([control("pause", "b.reader"), control("resume", "a.writer")]),
            4 => steps.push(control("stop", "a.writer")),
            _ => {}
        }
        let numbered = steps.into_iter().enumerate();
        let steps =
            numbered.map(|(number, (kind, body))| (format!("campaign-{number}"), kind, body)).collect();
        self.staff.lock().unwrap_or_else(PoisonError::into_inner).steps = steps;
        self.take_step(8_000);
    }

    /// Sends the step that is under way, now and then twice; a later repeat would be another wish.
    fn take_step(self: &Arc<Self>, after_ms: u64) {
        let first = self.staff.lock().unwrap_or_else(PoisonError::into_inner).steps.first().cloned();
        if let Some((id, kind, body)) = first {
            let at = after_ms + self.sim.below(6_000);
            if self.sim.permille(100) {
                self.send("operator", kind, id.clone(), body.clone(), at + self.sim.below(2_000));
            }
            self.send("operator", kind, id, body, at);
        }
    }

    pub(crate) fn staff_are_answered(self: &Arc<Self>, event: &Event) {
        let Ok(CommandAnswered { answers: Some(id), outcome, code, .. }) = read_body(&event.data) else {
            return;
        };
        {
            let mut staff = self.staff.lock().unwrap_or_else(PoisonError::into_inner);
            if staff.steps.first().is_none_or(|(step, ..)| *step != id) {
                return;
            }
            // A campaign may be over before it is paused.
            let is_done = matches!(outcome, Outcome::Done | Outcome::Accepted)
                || matches!(code.as_deref(), Some("is_over" | "not_running"));
            if !is_done {
                staff.wrong.push(format!("{id}: {outcome:?} {code:?}"));
            }
            staff.steps.remove(0);
        }
        self.take_step(1_000);
    }

    /// Somebody rules on a held order; now and then two rule, and not alike.
    pub(crate) fn is_held(self: &Arc<Self>, order: &OrderNumber) {
        let mut chance = of_text(&format!("rule {order}"));
        let rulings: &[&str] = match chance.below(10) {
            0..6 => &["hold.release.v1"],
            6..8 => &["hold.refuse.v1"],
            _ => &["hold.release.v1", "hold.refuse.v1"],
        };
        for kind in rulings {
            let body = json!({ "order": order, "user": "m.rivera", "reason": "rang them" });
            self.say("operator", kind, body, 500, 8_000);
        }
    }

    /// Staff hear of every case, and end those that nobody else will, and some that somebody might.
    pub(crate) fn staff_see(self: &Arc<Self>, event: &Event) {
        let read = "rooms write what they say";
        let (case, class, is_new) = if event.kind == Kind::CaseOpened.name() {
            let CaseOpened { case, class, .. } = read_body(&event.data).expect(read);
            (case, class, true)
        } else if event.kind == Kind::CaseChanged.name()
            && let CaseChanged { case, change: CaseChange::Reclassified { class, .. }, .. } =
                read_body(&event.data).expect(read)
        {
            (case, class, false)
        } else {
            return;
        };
        let mut chance = of_text(&format!("case {case}"));
        let is_theirs = matches!(class, CaseClass::Suspicious | CaseClass::Deceased);
        if !(is_theirs || is_new && chance.permille(200)) {
            return;
        }
        let ends = ["refund", "refund", "reship", "closed"];
        let end = ends[usize::try_from(chance.below(4)).expect("few")];
        let body = json!({ "case": case, "user": "m.rivera", "reason": "looked into it", "resolution": end });
        self.say("operator", "case.resolve.v1", body, 1_000, 30_000);
        if is_theirs {
            // What could not be done at first is done otherwise.
            let body =
                json!({ "case": case, "user": "m.rivera", "reason": "once more", "resolution": "refund" });
            self.say("operator", "case.resolve.v1", body, 40_000, 60_000);
        }
    }
}
