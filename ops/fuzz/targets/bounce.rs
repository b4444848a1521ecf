//! Any report of a mail server.
#![no_main]

use notifications::report::{Report, ReportError};

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| {
    // The parser of mails may fall, which is caught; libFuzzer's own hook would take that for a finding.
    std::panic::set_hook(Box::new(|_| ()));
    match Report::parse(&String::from_utf8_lossy(bytes)) {
        Ok(Report::Failed(failure)) if failure.status.as_str().len() > 9 => std::process::abort(),
        Ok(Report::Failed(_) | Report::NoFailure) => {}
        Err(why @ (ReportError::TooLong | ReportError::NoReport | ReportError::NoRecipient | ReportError::NoStatus)) => {
            if std::panic::catch_unwind(|| messages::scrutiny::is_sentence(&why.to_string())).is_err() {
                std::process::abort();
            }
        }
    }
});
