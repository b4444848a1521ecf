//! Invented customers: plausible names, addresses, telephone numbers and cards. Nobody in here lives; telephone
//! numbers are of the range that is kept for fiction, e-mail goes to example.com, and no two households share an
//! address or a card.

use messages::card::CardBrand;
use messages::order::SubmittedAddress;

use crate::chance::Chance;

/// One household: whoever orders from it has its address and its card.
#[derive(Debug, Clone)]
pub(super) struct Household {
    pub(super) name: String,
    pub(super) email: String,
    pub(super) phone: String,
    /// Absent for guests.
    pub(super) account: Option<String>,
    pub(super) address: SubmittedAddress,
    pub(super) card: Card,
}

#[derive(Debug, Clone)]
pub(super) struct Card {
    pub(super) brand: CardBrand,
    pub(super) last_four: String,
    pub(super) expiry: String,
    pub(super) fingerprint: String,
}

/// Draws households, each once.
pub(super) struct Town {
    run: u64,
    next: u64,
    chance: Chance,
}

/// Runs whose addresses lie apart, so that a second launch is not limited by the first.
const RUNS: u64 = 499;
const HOUSEHOLDS_PER_RUN: u64 = 100_000;

impl Town {
    pub(super) fn new(seed: u64) -> Self {
        Self { run: seed, next: 0, chance: Chance::new(seed ^ 0x7077_6E00) }
    }

    pub(super) fn household(&mut self) -> Household {
        let number = self.next;
        self.next += 1;
        let first = self.chance.pick(FIRST_NAMES);
        let last = self.chance.pick(LAST_NAMES);
        let (city, state, zip, area) = self.chance.pick(CITIES);
        let line2 = self.chance.permille(250).then(|| format!("Apt {}", 1 + self.chance.below(40)));
        let plot = (self.run % RUNS) * HOUSEHOLDS_PER_RUN + number;
        let streets = STREETS.len() as u64;
        let street = STREETS[usize::try_from(plot % streets).unwrap_or(0)];
        let brand = *self.chance.pick(&[
            CardBrand::Visa,
            CardBrand::Visa,
            CardBrand::Mastercard,
            CardBrand::Amex,
            CardBrand::Discover,
        ]);
        Household {
            name: format!("{first} {last}"),
            email: format!("{}.{}{number}@example.com", first.to_lowercase(), plain(last)),
            phone: format!("+1{area}55501{:02}", self.chance.below(100)),
            account: self.chance.permille(700).then(|| format!("C-{:x}-{number}", self.run & 0xFFFF_FFFF)),
            address: SubmittedAddress {
                line1: format!("{} {street}", 1 + plot / streets),
                line2,
                city: (*city).to_owned(),
                state: Some((*state).to_owned()),
                postal_code: (*zip).to_owned(),
                country: "US".to_owned(),
            },
            card: Card {
                brand,
                last_four: format!("{:04}", self.chance.below(10_000)),
                expiry: format!("{}-{:02}", 2028 + self.chance.below(4), 1 + self.chance.below(12)),
                fingerprint: format!("fpr_{:x}x{number}", self.run & 0xFFFF_FFFF),
            },
        }
    }
}

/// The same address as another person of the household writes it.
pub(super) fn written_otherwise(address: &SubmittedAddress) -> SubmittedAddress {
    let mut other = address.clone();
    for (long, short) in
        [(" Street", " St."), (" Avenue", " Ave"), (" Road", " Rd"), (" Lane", " LN"), (" Drive", " dr")]
    {
        other.line1 = other.line1.replace(long, short);
    }
    other.line1 = other.line1.to_uppercase();
    other.line2 = other.line2.map(|line| line.replace("Apt ", "# "));
    other
}

fn plain(name: &str) -> String {
    name.chars().filter(char::is_ascii_alphabetic).collect::<String>().to_ascii_lowercase()
}

#[rustfmt::skip]
const FIRST_NAMES: &[&str] = &[
    "Ada", "Alan", "Alice", "Amir", "Anita", "Arthur", "Beatriz", "Bernard", "Carla", "Cecil", "Chen", "Clara",
    "Daniel", "Deborah", "Diego", "Dora", "Edith", "Elias", "Emma", "Felix", "Fiona", "Frank", "George", "Grace",
    "Hana", "Harold", "Helen", "Hugo", "Ida", "Ines", "Irene", "Ivan", "Jack", "Jane", "Joel", "Joyce", "Karl",
    "Keiko", "Laura", "Leon", "Lena", "Louis", "Luis", "Mabel", "Marta", "Miles", "Mona", "Nadia", "Nora", "Omar",
    "Oscar", "Paula", "Pearl", "Peter", "Priya", "Ralph", "Rosa", "Ruth", "Sam", "Sofia", "Thomas", "Vera", "Wanda",
];

#[rustfmt::skip]
const LAST_NAMES: &[&str] = &[
    "Abbott", "Alvarez", "Archer", "Baker", "Barnes", "Becker", "Bell", "Bishop", "Bowen", "Brandt", "Burke", "Carter",
    "Castillo", "Chavez", "Cole", "Cooper", "Cruz", "Dalton", "Dawson", "Diaz", "Doyle", "Ellis", "Farmer", "Fischer",
    "Flores", "Foster", "Fox", "Garner", "Gibson", "Grant", "Greene", "Hale", "Harper", "Hayes", "Hoffman", "Holt",
    "Hughes", "Ibrahim", "Jensen", "Keller", "Kim", "Lang", "Larsen", "Lowe", "Marsh", "Mason", "Mendez", "Meyer",
    "Miller", "Moreno", "Nash", "Nguyen", "Norris", "O'Brien", "Ortiz", "Park", "Patel", "Perez", "Porter", "Quinn",
    "Ramos", "Reed", "Rivera", "Rossi", "Sato", "Schmidt", "Shaw", "Silva", "Stone", "Tanaka", "Turner", "Vance",
    "Vargas", "Wagner", "Walsh", "Ward", "Weaver", "Webb", "Wolfe", "Young",
];

#[rustfmt::skip]
const STREETS: &[&str] = &[
    "Maple Street", "Oak Avenue", "Cedar Lane", "Elm Street", "Walnut Avenue", "Birch Road", "Chestnut Street",
    "Spruce Drive", "Willow Lane", "Sycamore Avenue", "Juniper Road", "Hickory Street", "Laurel Drive", "Aspen Lane",
    "Magnolia Avenue", "Poplar Street", "Dogwood Drive", "Hawthorn Road", "Linden Avenue", "Redwood Lane",
    "Washington Street", "Franklin Avenue", "Jefferson Road", "Lincoln Street", "Madison Avenue", "Monroe Street",
    "Jackson Road", "Harrison Drive", "Taylor Lane", "Grant Avenue", "Mill Road", "Church Street", "School Lane",
    "Station Road", "Market Street", "Prospect Avenue", "Liberty Street", "Union Avenue", "Commerce Street",
    "Orchard Road",
];

/// City, state, ZIP code, area code.
#[rustfmt::skip]
const CITIES: &[(&str, &str, &str, &str)] = &[
    ("Philadelphia", "PA", "19106", "215"), ("Denver", "CO", "80204", "303"), ("San Francisco", "CA", "94102", "415"),
    ("West Point", "NY", "10996", "845"), ("Washington", "DC", "20220", "202"), ("Boston", "MA", "02108", "617"),
    ("Chicago", "IL", "60604", "312"), ("Austin", "TX", "78701", "512"), ("Seattle", "WA", "98101", "206"),
    ("Portland", "OR", "97204", "503"), ("Phoenix", "AZ", "85003", "602"), ("Atlanta", "GA", "30303", "404"),
    ("Miami", "FL", "33131", "305"), ("Nashville", "TN", "37203", "615"), ("Columbus", "OH", "43215", "614"),
    ("Detroit", "MI", "48226", "313"), ("Minneapolis", "MN", "55401", "612"), ("Omaha", "NE", "68102", "402"),
    ("Salt Lake City", "UT", "84101", "801"), ("Boise", "ID", "83702", "208"), ("Richmond", "VA", "23219", "804"),
    ("Raleigh", "NC", "27601", "919"), ("Louisville", "KY", "40202", "502"), ("New Orleans", "LA", "70112", "504"),
    ("Kansas City", "MO", "64106", "816"), ("Honolulu", "HI", "96813", "808"), ("Anchorage", "AK", "99501", "907"),
    ("San Juan", "PR", "00901", "787"),
];

#[cfg(test)]
mod tests {
    use std::collections::HashSet;

    use messages::address::PostalAddress;
    use messages::card::find_card_number;
    use messages::email::Email;
    use messages::person::PersonName;
    use messages::phone::Phone;

    use super::*;

    #[test]
    fn every_household_is_valid_and_its_own() {
        let mut homes = HashSet::new();
        let mut cards = HashSet::new();
        for seed in [1, 2] {
            let mut town = Town::new(seed);
            for _ in 0..2_000 {
                let household = town.household();
                assert!(homes.insert(parsed(&household.address).normalized()), "{}", household.address.line1);
                assert!(cards.insert(household.card.fingerprint.clone()));
                PersonName::parse(&household.name).unwrap();
                Email::parse(&household.email).unwrap();
                Phone::parse(&household.phone).unwrap();
                assert_eq!(find_card_number(&household.card.fingerprint), None);
            }
        }
    }

    #[test]
    fn one_household_written_otherwise_is_the_same_household() {
        let mut town = Town::new(3);
        for _ in 0..200 {
            let address = town.household().address;
            let other = written_otherwise(&address);
            assert_ne!(address.line1, other.line1);
            assert_eq!(parsed(&address).normalized(), parsed(&other).normalized());
        }
    }

    fn parsed(address: &SubmittedAddress) -> PostalAddress {
        serde_json::from_value(serde_json::to_value(address).unwrap()).unwrap()
    }
}
