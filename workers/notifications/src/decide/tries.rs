//! What follows from a try to mail a notice: it is over, or it is tried again, or a person looks.

use messages::notice::NoticeWay;
use messages::task::TaskKind;
use shell::{At, Decision, World};

use super::{Way, letter, notice_row, order_row, tell};
use crate::Notifications;
use crate::read::{Answer, MAIL, Mail};
use crate::store::{Key, Notice, NoticeId, State, Status};

/// Seconds before the next try, by the number of tries that failed; the last one for all further ones.
const RETRY_SECONDS: [i64; 4] = [30, 120, 600, 3_600];
/// From this try on, about five days after the first, a notice that is put off again is given up (RFC 5321 §4.5.4.1).
pub(super) const PUT_OFF_MAX: i32 = 123;
/// Tries of unknown outcome after which a person looks.
pub(super) const UNCLEAR_MAX: u8 = 2;

pub(super) fn answered(
    world: &World<Notifications>,
    mail: &Mail,
    attempt: i32,
    answer: Answer,
    at: &At<'_>,
) -> Decision<Notifications> {
    let id = mail.id();
    let key = Key::Notice(id.clone());
    let mut decision = Decision::nothing();
    let Some(notice) = notice_row(world, &id) else { return decision };
    match notice.status {
        Status::Pending => {}
        // It was under way when it should have been stopped: what went out is told.
        Status::Withheld if answer == Answer::Sent => {}
        Status::Sent
        | Status::Letter
        | Status::Unclear
        | Status::Failed
        | Status::Bounced
        | Status::Withheld => return decision,
    }
    let mut notice = notice.clone();
    match answer {
        Answer::Sent => {
            notice.status = Status::Sent;
            tell(&id, NoticeWay::Email, &mut decision);
        }
        Answer::NoEmail => {
            notice.status = Status::Letter;
            letter(&id, "the order has no e-mail address: print this notice and post it", &mut decision);
        }
        Answer::Refused { code } => {
            let reason = format!("the mail relay refused this notice for good, with code {code}");
            fail(&mut notice, &id, reason, &mut decision);
        }
        Answer::Unsendable => {
            let reason = "no mail can be made of this notice: the order's contact does not open, or its address does not fit into a mail";
            fail(&mut notice, &id, reason.to_owned(), &mut decision);
        }
        Answer::PutOff if attempt >= PUT_OFF_MAX => {
            let reason = "the mail relay has put this notice off for days";
            fail(&mut notice, &id, reason.to_owned(), &mut decision);
        }
        Answer::TryLater | Answer::PutOff => again(world, &mut notice, mail, attempt, at, &mut decision),
        Answer::Unclear => {
            notice.unclear += 1;
            if notice.unclear < UNCLEAR_MAX {
                again(world, &mut notice, mail, attempt, at, &mut decision);
            } else {
                notice.status = Status::Unclear;
                let reason = "this notice was tried twice and may have gone out once, twice or never: look before you send it again";
                decision.open_task(TaskKind::MailUnclear, &id, Some(&id.order), reason);
            }
        }
    }
    decision.set(key, State::Notice(Some(notice)));
    decision
}

fn fail(notice: &mut Notice, id: &NoticeId, reason: String, decision: &mut Decision<Notifications>) {
    notice.status = Status::Failed;
    decision.open_task(TaskKind::MailFailed, id, Some(&id.order), reason);
}

/// The same mail under the same Message-ID, later; or never, if somebody has died meanwhile.
fn again(
    world: &World<Notifications>,
    notice: &mut Notice,
    mail: &Mail,
    attempt: i32,
    at: &At<'_>,
    decision: &mut Decision<Notifications>,
) {
    if order_row(world, &mail.order).is_some_and(|row| Way::of(row, world) == Way::Nothing) {
        notice.status = Status::Withheld;
        return;
    }
    let next = attempt.saturating_add(1);
    notice.attempt = next;
    let last = RETRY_SECONDS.len() - 1;
    let seconds = RETRY_SECONDS[usize::try_from(attempt).map_or(last, |attempt| attempt.min(last))];
    decision.due_again(mail.id(), MAIL, 0, next, at.now.plus_seconds(seconds), mail);
}
