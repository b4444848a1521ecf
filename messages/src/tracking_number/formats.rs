//! The number formats and check digits of the carriers, after jkeen/tracking_number_data and USPS Publication
//! 199. It must never see a number that is not upper-case letters and digits.

use super::Carrier;
use crate::address::is_country;

/// How a number stands to one format, the best last.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Fit {
    No,
    WrongCheckDigit,
    Yes,
}

/// `number` against every format; the formats of one carrier follow each other.
pub(super) fn fits(number: &str) -> impl Iterator<Item = (Carrier, Fit)> {
    FORMATS.iter().map(move |(carrier, format)| (*carrier, format(number)))
}

type Format = fn(&str) -> Fit;

const FORMATS: [(Carrier, Format); 16] = [
    (Carrier::Usps, usps_impb),
    (Carrier::Usps, usps_20),
    (Carrier::Ups, ups_1z),
    (Carrier::Ups, ups_waybill),
    (Carrier::Fedex, fedex_express_12),
    (Carrier::Fedex, fedex_express_34),
    (Carrier::Fedex, fedex_astra_32),
    (Carrier::Fedex, fedex_ground_15),
    (Carrier::Fedex, fedex_sscc_18),
    (Carrier::Fedex, fedex_ground_96),
    (Carrier::Fedex, fedex_ground_gsn),
    (Carrier::Dhl, dhl_express),
    (Carrier::Dhl, dhl_piece),
    (Carrier::Dhl, dhl_ecommerce),
    (Carrier::Dhl, dhl_ecommerce_14),
    (Carrier::Postal, s10),
];

/// Intelligent Mail package barcode, alone or after `420` and the ZIP code (5 or 9 digits).
fn usps_impb(number: &str) -> Fit {
    if !is_digits(number) {
        return Fit::No;
    }
    let Some(routed) = number.strip_prefix("420") else { return usps_impb_alone(number) };
    let readings = [5, 9].map(|zip| routed.get(zip..).map_or(Fit::No, usps_impb_alone));
    readings[0].max(readings[1])
}

/// Publication 199: constructs C (92 with a 9-digit mailer id, 93 with a 6-digit one, 95 retail) and N (94),
/// and the older 91. Mailer ids of nine digits start with 9, those of six do not.
fn usps_impb_alone(number: &str) -> Fit {
    let Some((application, mailer)) = number.get(..2).zip(number.get(5..6)) else { return Fit::No };
    let fits = match (application, mailer, number.len()) {
        ("92", "9", 22 | 26) | ("91" | "95", _, 22 | 26) | ("94", _, 22 | 26 | 30) => true,
        ("93", mailer, 22 | 26) => mailer != "9",
        _ => false,
    };
    if fits { judge(gs1(number, 0)) } else { Fit::No }
}

/// Twenty digits: checked as they stand, or as an older number whose leading 91 is not printed.
fn usps_20(number: &str) -> Fit {
    if !(is_digits(number) && number.len() == 20) {
        return Fit::No;
    }
    judge(gs1(number, 0) || gs1(&format!("91{number}"), 0))
}

fn ups_1z(number: &str) -> Fit {
    match number.strip_prefix("1Z") {
        Some(rest) if rest.len() == 16 && is_digits(&rest[15..]) => judge(ups_check(rest)),
        Some(_) | None => Fit::No,
    }
}

/// A letter for the service and ten digits.
fn ups_waybill(number: &str) -> Fit {
    match number.strip_prefix(|c: char| c.is_ascii_uppercase()) {
        Some(rest) if rest.len() == 10 && is_digits(rest) => judge(ups_check(rest)),
        Some(_) | None => Fit::No,
    }
}

fn fedex_express_12(number: &str) -> Fit {
    if is_digits(number) && number.len() == 12 { judge(fedex_check(number, [3, 1, 7])) } else { Fit::No }
}

fn fedex_express_34(number: &str) -> Fit {
    // 9 leads the ground numbers, and 420 a USPS routing code.
    if is_digits(number) && number.len() == 34 && !number.starts_with('9') && !number.starts_with("420") {
        judge(fedex_check(&number[20..], [1, 7, 3]))
    } else {
        Fit::No
    }
}

/// The twelve-digit number stands within, after sixteen digits.
fn fedex_astra_32(number: &str) -> Fit {
    if is_digits(number) && number.len() == 32 && number.starts_with('3') {
        judge(fedex_check(&number[16..28], [3, 1, 7]))
    } else {
        Fit::No
    }
}

fn fedex_ground_15(number: &str) -> Fit {
    if is_digits(number) && number.len() == 15 { judge(gs1(number, 0)) } else { Fit::No }
}

/// The check digit leaves out the two digits of the container type.
fn fedex_sscc_18(number: &str) -> Fit {
    if is_digits(number) && number.len() == 18 { judge(gs1(number, 2)) } else { Fit::No }
}

/// The check digit leaves out `96`, the label code and the service.
fn fedex_ground_96(number: &str) -> Fit {
    if is_digits(number) && number.len() == 22 && number.starts_with("96") {
        judge(gs1(number, 7))
    } else {
        Fit::No
    }
}

fn fedex_ground_gsn(number: &str) -> Fit {
    if is_digits(number) && number.len() == 34 && number.starts_with("96") {
        judge(fedex_check(&number[20..], [1, 7, 3]))
    } else {
        Fit::No
    }
}

fn dhl_express(number: &str) -> Fit {
    if !(is_digits(number) && matches!(number.len(), 10 | 11)) {
        return Fit::No;
    }
    let (serial, check) = number.split_at(number.len() - 1);
    judge(serial.bytes().fold(0, |rest, b| (rest * 10 + digit(b)) % 7) == digit(check.as_bytes()[0]))
}

/// Has no check digit.
fn dhl_piece(number: &str) -> Fit {
    let letters = number.bytes().take_while(u8::is_ascii_uppercase).count();
    let digits = &number[letters..];
    let fits = number.starts_with('J')
        && matches!(letters, 3 | 4)
        && matches!(digits.len(), 9 | 10)
        && is_digits(digits);
    if fits { Fit::Yes } else { Fit::No }
}

/// Has no check digit; a number of S10's shape is left to S10, which has one.
fn dhl_ecommerce(number: &str) -> Fit {
    const PREFIXES: [&str; 10] = ["GM", "LX", "RX", "UV", "CN", "SG", "TH", "IN", "HK", "MY"];
    let fits = PREFIXES.iter().any(|prefix| number.starts_with(prefix))
        && (12..=41).contains(&number.len())
        && is_digits(&number[2..3])
        && !has_s10_shape(number);
    if fits { Fit::Yes } else { Fit::No }
}

/// Has no check digit.
fn dhl_ecommerce_14(number: &str) -> Fit {
    if is_digits(number) && number.len() == 14 { Fit::Yes } else { Fit::No }
}

/// UPU S10: two letters for the service, eight digits, a check digit, and the country of the post.
fn s10(number: &str) -> Fit {
    if !has_s10_shape(number) || !is_country(&number[11..]) {
        return Fit::No;
    }
    let sum: u32 =
        number.bytes().skip(2).zip([8, 6, 4, 2, 3, 5, 9, 7]).map(|(b, weight)| digit(b) * weight).sum();
    let check = match 11 - sum % 11 {
        10 => 0,
        11 => 5,
        other => other,
    };
    judge(check == digit(number.as_bytes()[10]))
}

fn has_s10_shape(number: &str) -> bool {
    number.len() == 13
        && number.bytes().enumerate().all(|(place, b)| match place {
            0 | 1 | 11 | 12 => b.is_ascii_uppercase(),
            _ => b.is_ascii_digit(),
        })
}

fn judge(check_digit_fits: bool) -> Fit {
    if check_digit_fits { Fit::Yes } else { Fit::WrongCheckDigit }
}

/// Modulo 10 with weight 3 on every other digit from the right (GS1), the first `skip` digits left out.
fn gs1(number: &str, skip: usize) -> bool {
    let sum: u32 =
        number.bytes().skip(skip).rev().zip([1, 3].into_iter().cycle()).map(|(b, w)| digit(b) * w).sum();
    sum.is_multiple_of(10)
}

/// Modulo 10 with weight 2 on every second character; a letter counts as its place in ASCII less 3, modulo
/// 10.
fn ups_check(text: &str) -> bool {
    let value = |b: u8| if b.is_ascii_digit() { digit(b) } else { (u32::from(b) - 3) % 10 };
    let (serial, check) = text.split_at(text.len() - 1);
    let sum: u32 = serial.bytes().zip([1, 2].into_iter().cycle()).map(|(b, w)| value(b) * w).sum();
    (sum + digit(check.as_bytes()[0])).is_multiple_of(10)
}

/// Sum of the digits by repeating `weights`, modulo 11, modulo 10.
fn fedex_check(text: &str, weights: [u32; 3]) -> bool {
    let (serial, check) = text.split_at(text.len() - 1);
    let sum: u32 = serial.bytes().zip(weights.into_iter().cycle()).map(|(b, w)| digit(b) * w).sum();
    sum % 11 % 10 == digit(check.as_bytes()[0])
}

fn is_digits(text: &str) -> bool {
    text.bytes().all(|b| b.is_ascii_digit())
}

fn digit(b: u8) -> u32 {
    u32::from(b - b'0')
}
