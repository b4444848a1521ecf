//! One spelling per address, after USPS Publication 28 (postal addressing standards). It must never be
//! printed: it drops what a reader needs and keeps what tells two homes apart.

use super::PostalAddress;

/// `street lines|city|state|postal code|country`.
pub(super) fn normalized(address: &PostalAddress) -> String {
    let street = match address.line2() {
        Some(line2) => format!("{} {line2}", address.line1()),
        None => address.line1().to_owned(),
    };
    let city = abbreviated(words(address.city())).join(" ");
    let state = words(address.state().unwrap_or_default()).join(" ");
    let code: String = if address.country() == "US" {
        address.postal_code().chars().take(5).collect()
    } else {
        address.postal_code().chars().filter(char::is_ascii_alphanumeric).collect()
    };
    [&street_line(&street), &city, &state, &code, address.country()].join("|")
}

fn street_line(street: &str) -> String {
    let mut words = words(street);
    join_post_office_box(&mut words);
    let mut words = with_units_marked(words);
    let unit = take_unit(&mut words);
    let mut words = abbreviated(words);
    words.extend(unit);
    words.join(" ")
}

/// Upper-case words of letters and digits; `#` is a word of its own. A mark between two digits stays, because
/// 12-3, 1/2 and 39.2 are house numbers; `O'Neil` and `P.O.` lose theirs, and any other mark parts two words.
fn words(text: &str) -> Vec<String> {
    let folded = fold(text);
    let chars: Vec<char> = folded.chars().collect();
    let mut spaced = String::with_capacity(folded.len());
    for (at, &c) in chars.iter().enumerate() {
        let is_digit = |c: Option<&char>| c.is_some_and(char::is_ascii_digit);
        let between_digits = at > 0 && is_digit(chars.get(at - 1)) && is_digit(chars.get(at + 1));
        match c {
            '.' | '-' | '/' if between_digits => spaced.push(c),
            '.' | '\'' | '’' => {}
            '#' => spaced.push_str(" # "),
            '&' => spaced.push_str(" AND "),
            c if c.is_alphanumeric() => spaced.push(c),
            _ => spaced.push(' '),
        }
    }
    spaced.split_whitespace().map(str::to_owned).collect()
}

/// Upper case, with the letters of Latin-1 and combining marks reduced to plain letters.
fn fold(text: &str) -> String {
    let mut folded = String::with_capacity(text.len());
    for c in text.chars().flat_map(char::to_uppercase) {
        match c {
            'À'..='Å' => folded.push('A'),
            'Æ' => folded.push_str("AE"),
            'Ç' => folded.push('C'),
            'È'..='Ë' => folded.push('E'),
            'Ì'..='Ï' => folded.push('I'),
            'Ð' => folded.push('D'),
            'Ñ' => folded.push('N'),
            'Ò'..='Ö' | 'Ø' => folded.push('O'),
            'Ù'..='Ü' => folded.push('U'),
            'Ý' | 'Ÿ' => folded.push('Y'),
            'Þ' => folded.push_str("TH"),
            '\u{300}'..='\u{36F}' => {}
            c => folded.push(c),
        }
    }
    folded
}

/// `P O BOX 5`, `POB 5`, `POST OFFICE BOX 5` and `PO BOX #5` become `PO BOX 5`.
fn join_post_office_box(words: &mut Vec<String>) {
    const SPELLINGS: [&[&str]; 5] =
        [&["PO", "BOX"], &["P", "O", "BOX"], &["POST", "OFFICE", "BOX"], &["POB"], &["POBOX"]];
    for at in 0..words.len() {
        let Some(spelling) = SPELLINGS.iter().find(|spelling| starts_with(&words[at..], spelling)) else {
            continue;
        };
        let mut end = at + spelling.len();
        if words.get(end).is_some_and(|word| word == "#") {
            end += 1;
        }
        words.splice(at..end, ["PO".to_owned(), "BOX".to_owned()]);
        return;
    }
}

fn starts_with(words: &[String], beginning: &[&str]) -> bool {
    words.len() >= beginning.len() && words.iter().zip(beginning).all(|(word, other)| word == other)
}

/// `APT4` is `# 4`, as `APT 4` is.
fn with_units_marked(words: Vec<String>) -> Vec<String> {
    let mut marked = Vec::with_capacity(words.len());
    for word in words {
        let number = UNITS
            .iter()
            .filter_map(|unit| word.strip_prefix(unit))
            .find(|rest| rest.is_empty() || rest.starts_with(|c: char| c.is_ascii_digit()));
        match number {
            Some(number) => {
                marked.extend(["#", number].map(str::to_owned).into_iter().filter(|word| !word.is_empty()))
            }
            None => marked.push(word),
        }
    }
    marked
}

/// Takes the first unit out, for Publication 28 puts it last but people put it anywhere. `# # 4` (from `APT
/// #4`) is one.
fn take_unit(words: &mut Vec<String>) -> Option<String> {
    let at = words.iter().position(|word| word == "#")?;
    let marks = words[at..].iter().take_while(|word| *word == "#" || *word == "NO").count();
    words.drain(at..at + marks);
    (at < words.len()).then(|| format!("#{}", words.remove(at)))
}

fn abbreviated(words: Vec<String>) -> Vec<String> {
    let short = |word: String| match ABBREVIATIONS.iter().find(|(_, spellings)| spellings.contains(&&*word)) {
        Some((short, _)) => (*short).to_owned(),
        None => word,
    };
    words.into_iter().map(short).collect()
}

/// Words before the number of a home within a house: the same home is called any of these.
const UNITS: [&str; 7] = ["#", "APT", "APARTMENT", "UNIT", "STE", "SUITE", "CONDO"];

/// Publication 28, appendix C and directionals: the standard abbreviation, then what it stands for.
#[rustfmt::skip]
const ABBREVIATIONS: &[(&str, &[&str])] = &[
    ("ALY", &["ALLEY", "ALLEE", "ALLY"]), ("ANX", &["ANNEX", "ANEX"]), ("ARC", &["ARCADE"]),
    ("AVE", &["AVENUE", "AV", "AVEN", "AVENU", "AVN", "AVNUE"]), ("BCH", &["BEACH"]),
    ("BLDG", &["BUILDING", "BLD"]), ("BLF", &["BLUFF", "BLUF"]),
    ("BLVD", &["BOULEVARD", "BOUL", "BOULV", "BLV"]), ("BND", &["BEND"]), ("BR", &["BRANCH", "BRNCH"]),
    ("BRG", &["BRIDGE", "BRDGE"]), ("BRK", &["BROOK"]), ("BSMT", &["BASEMENT"]),
    ("BYP", &["BYPASS", "BYPA", "BYPS"]), ("CIR", &["CIRCLE", "CIRC", "CIRCL", "CRCL", "CRCLE"]),
    ("COR", &["CORNER"]), ("CRES", &["CRESCENT", "CRSENT", "CRSNT"]), ("CRK", &["CREEK"]),
    ("CT", &["COURT", "CRT"]), ("CTR", &["CENTER", "CENTRE", "CENT", "CEN", "CNTR"]), ("CTS", &["COURTS"]),
    ("CV", &["COVE"]), ("CYN", &["CANYON", "CNYN"]), ("DEPT", &["DEPARTMENT"]), ("DL", &["DALE"]),
    ("DR", &["DRIVE", "DRIV", "DRV"]), ("E", &["EAST"]), ("EST", &["ESTATE"]), ("ESTS", &["ESTATES"]),
    ("EXPY", &["EXPRESSWAY", "EXPRESS", "EXPR", "EXPW"]), ("EXT", &["EXTENSION", "EXTN"]),
    ("FL", &["FLOOR", "FLR"]), ("FLD", &["FIELD"]), ("FLS", &["FALLS"]), ("FRK", &["FORK"]),
    ("FRST", &["FOREST", "FORESTS"]), ("FRY", &["FERRY"]), ("FT", &["FORT", "FRT"]),
    ("FWY", &["FREEWAY", "FREEWY", "FRWAY"]), ("GDNS", &["GARDENS", "GRDNS"]), ("GLN", &["GLEN"]),
    ("GRN", &["GREEN"]), ("GRV", &["GROVE", "GROV"]), ("HBR", &["HARBOR", "HARBR", "HRBOR"]),
    ("HL", &["HILL"]), ("HLS", &["HILLS"]), ("HOLW", &["HOLLOW", "HLLW"]),
    ("HTS", &["HEIGHTS", "HT", "HGTS"]), ("HVN", &["HAVEN"]),
    ("HWY", &["HIGHWAY", "HIGHWY", "HIWAY", "HWAY"]), ("IS", &["ISLAND", "ISLND"]),
    ("JCT", &["JUNCTION", "JCTION", "JUNCTN"]), ("KNL", &["KNOLL", "KNOL"]), ("LK", &["LAKE"]),
    ("LKS", &["LAKES"]), ("LN", &["LANE", "LA"]), ("LNDG", &["LANDING", "LNDNG"]), ("LOOP", &["LOOPS"]),
    ("MDWS", &["MEADOWS"]), ("MNR", &["MANOR"]), ("MT", &["MOUNT", "MNT"]),
    ("MTN", &["MOUNTAIN", "MNTAIN", "MTIN"]), ("N", &["NORTH", "NO"]), ("NE", &["NORTHEAST"]),
    ("NW", &["NORTHWEST"]), ("ORCH", &["ORCHARD", "ORCHRD"]), ("PARK", &["PRK", "PARKS"]),
    ("PH", &["PENTHOUSE"]), ("PKWY", &["PARKWAY", "PARKWY", "PKWAY", "PKY"]), ("PL", &["PLACE"]),
    ("PLN", &["PLAIN"]), ("PLZ", &["PLAZA", "PLZA"]), ("PR", &["PRAIRIE"]), ("PT", &["POINT"]),
    ("RD", &["ROAD"]), ("RDG", &["RIDGE", "RDGE"]), ("RIV", &["RIVER", "RVR", "RIVR"]), ("RM", &["ROOM"]),
    ("RTE", &["ROUTE"]), ("S", &["SOUTH", "SO"]), ("SE", &["SOUTHEAST"]), ("SHR", &["SHORE", "SHOAR"]),
    ("SPG", &["SPRING", "SPNG"]), ("SPGS", &["SPRINGS", "SPNGS"]), ("SQ", &["SQUARE", "SQR", "SQRE"]),
    ("ST", &["STREET", "STR", "STRT", "SAINT"]), ("STA", &["STATION", "STATN", "STN"]),
    ("STRM", &["STREAM", "STREME"]), ("SW", &["SOUTHWEST"]), ("TER", &["TERRACE", "TERR"]),
    ("TPKE", &["TURNPIKE", "TRNPK", "TURNPK"]), ("TRCE", &["TRACE", "TRACES"]), ("TRL", &["TRAIL", "TRAILS"]),
    ("TRLR", &["TRAILER", "TRLRS"]), ("VIS", &["VISTA", "VIST", "VST"]), ("VL", &["VILLE"]),
    ("VLG", &["VILLAGE", "VILLAG", "VILL"]), ("VLY", &["VALLEY", "VALLY"]), ("VW", &["VIEW"]),
    ("W", &["WEST"]), ("WAY", &["WY"]), ("XING", &["CROSSING", "CRSSNG"]), ("1ST", &["FIRST"]),
    ("2ND", &["SECOND"]), ("3RD", &["THIRD"]), ("4TH", &["FOURTH"]), ("5TH", &["FIFTH"]), ("6TH", &["SIXTH"]),
    ("7TH", &["SEVENTH"]), ("8TH", &["EIGHTH"]), ("9TH", &["NINTH"]), ("10TH", &["TENTH"]),
];

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::super::AddressParts;
    use super::*;

    #[test]
    fn one_home_written_in_many_ways_is_one_key() {
        for group in [
            &[
                "12 Main St Apt 4",
                "12 MAIN STREET #4",
                "12 Main St., Apt. #4",
                "12 main street / Apt No. 4",
                "12 Main St / Unit 4",
                "Apt 4 / 12 Main St",
                "#4 12 Main Str",
                "12 Main St apt4",
                "12 Main St, Suite 4",
            ][..],
            &["P.O. Box 5", "PO BOX 5", "P. O. Box #5", "Post Office Box 5", "POB 5", "p o box 5"],
            &["801 9th St NW", "801 Ninth Street Northwest", "801 9TH ST N.W."],
            &["5 Rue de l'Église", "5 RUE DE L’EGLISE", "5 Rue de L'E\u{301}glise"],
            &["1 Saint John's Avenue", "1 ST JOHNS AVE"],
            &["3 O'Neil & Sons Blvd", "3 ONEIL AND SONS BOULEVARD"],
            &["7 Königstraße", "7 KONIGSTRASSE"],
        ] {
            for text in group {
                assert_eq!(key(text), key(group[0]), "{text}");
            }
        }
    }

    #[test]
    fn two_homes_are_two_keys() {
        for (one, other) in [
            ("12 Main St Apt 4", "12 Main St Apt 5"),
            ("12 Main St Apt 4", "12 Main St"),
            ("12 Main St Apt 4", "124 Main St"),
            ("12 Main St", "12 Main Ave"),
            ("12 N Main St", "12 S Main St"),
            ("12-3 Main St", "123 Main St"),
            ("12 1/2 Main St", "12 Main St"),
            ("PO Box 5", "5 Box St"),
        ] {
            assert_ne!(key(one), key(other), "{one}");
        }
    }

    #[test]
    fn the_key_has_the_city_the_state_and_the_zip_code_of_five_digits() {
        assert_eq!(key("12 Main St Apt 4"), "12 MAIN ST #4|FT WORTH|TX|76102|US");
    }

    #[test]
    fn each_spelling_stands_for_one_abbreviation_only() {
        let mut spellings: Vec<&str> =
            ABBREVIATIONS.iter().flat_map(|(short, long)| long.iter().copied().chain([*short])).collect();
        let all = spellings.len();
        spellings.sort_unstable();
        spellings.dedup();
        assert_eq!(spellings.len(), all);
    }

    proptest! {
        #[test]
        fn case_commas_and_spaces_do_not_count(text in "[A-Za-z0-9#]{1,6}( [A-Za-z0-9#]{1,6}){0,5}") {
            prop_assert_eq!(key(&text), key(&text.replace(' ', " , ").to_lowercase()));
        }

        #[test]
        fn no_text_makes_it_panic(text: String) {
            if let Some(address) = address(&text) {
                prop_assert!(address.normalized().ends_with("|FT WORTH|TX|76102|US"));
                let written = serde_json::to_value(&address).unwrap();
                prop_assert_eq!(serde_json::from_value::<PostalAddress>(written).unwrap(), address);
            }
        }
    }

    fn key(street: &str) -> String {
        address(street).unwrap().normalized()
    }

    /// ` / ` parts the two lines.
    fn address(street: &str) -> Option<PostalAddress> {
        let (line1, line2) = street.split_once(" / ").unwrap_or((street, ""));
        PostalAddress::parse(AddressParts {
            line1: line1.into(),
            line2: Some(line2.into()),
            city: "Fort Worth".into(),
            state: Some("TX".into()),
            postal_code: "76102-1234".into(),
            country: "US".into(),
        })
        .ok()
    }
}
