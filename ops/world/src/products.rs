//! The catalogue of the outside world: what `oms products apply` defines and what the store sells. It must never be
//! read by a room; there, products come in as messages only.

use std::path::Path;

use anyhow::{Context, anyhow};
use messages::Timestamp;
use messages::item::ItemNumber;
use messages::product::{Mintage, Product};
use serde::{Deserialize, Serialize};

/// Real products with their real caps; prices and dates that are not public are plausible ones.
const BUILT_IN: &str = include_str!("../products.json");

/// A file of products and of the units that have arrived.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Catalogue {
    pub products: Vec<Product>,
    pub stock: Vec<Stock>,
}

/// Units of one item that are on the shelf at the beginning.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Stock {
    pub item: ItemNumber,
    pub quantity: u32,
}

impl Catalogue {
    /// The file `ops/world/products.json`, as it was when this program was built.
    ///
    /// # Errors
    /// None that a test has not found.
    pub fn built_in() -> anyhow::Result<Self> {
        serde_json::from_str(BUILT_IN).context("the built-in catalogue is not readable")
    }

    /// # Errors
    /// The file is missing or has another form.
    pub fn read(path: &Path) -> anyhow::Result<Self> {
        let text = std::fs::read_to_string(path)
            .with_context(|| format!("cannot read the catalogue {}", path.display()))?;
        serde_json::from_str(&text).with_context(|| format!("{} is no catalogue", path.display()))
    }

    /// # Errors
    /// The catalogue has no such item.
    pub fn product(&self, item: &ItemNumber) -> anyhow::Result<&Product> {
        self.products
            .iter()
            .find(|product| product.item == *item)
            .ok_or_else(|| anyhow!("the catalogue has no item {item}"))
    }

    /// The units of an item that can be sold: the least of its cap, its coins and, unless more is expected, its stock.
    ///
    /// # Errors
    /// The catalogue has no such item.
    pub fn units(&self, item: &ItemNumber) -> anyhow::Result<u64> {
        let product = self.product(item)?;
        let on_shelf: u64 = self
            .stock
            .iter()
            .filter(|stock| stock.item == *item)
            .map(|stock| u64::from(stock.quantity))
            .sum();
        // More is expected, and what is expected may be promised.
        let on_shelf = if product.backorder_expected_at.is_some() { u64::MAX } else { on_shelf };
        let struck = product
            .mintage
            .as_ref()
            .map_or(u64::MAX, |mintage| mintage.limit / u64::from(mintage.coins_per_unit.max(1)));
        Ok(on_shelf.min(struck).min(product.product_limit.unwrap_or(u64::MAX)))
    }

    /// Makes a launch of one item smaller or larger: cap, coins and stock are `units`. Whatever shares its coins
    /// keeps naming the same number of them.
    ///
    /// # Errors
    /// The catalogue has no such item.
    pub fn scale(&mut self, item: &ItemNumber, units: u32) -> anyhow::Result<()> {
        let product = self.product_mut(item)?;
        product.product_limit = Some(u64::from(units));
        if let Some(Mintage { pool, coins_per_unit, .. }) = product.mintage.clone() {
            let sharers = self.products.iter_mut().filter_map(|product| product.mintage.as_mut());
            for mintage in sharers.filter(|mintage| mintage.pool == pool) {
                mintage.limit = u64::from(units) * u64::from(coins_per_unit);
            }
        }
        self.stock.retain(|stock| stock.item != *item);
        self.stock.push(Stock { item: item.clone(), quantity: units });
        Ok(())
    }

    /// Keeps `later` of an item's units for a second delivery: what is then missing may be ordered and is expected on
    /// that day, and once the cap is reached `waitlist` units may wait for what others give back.
    ///
    /// # Errors
    /// The catalogue has no such item.
    pub fn deliver_later(
        &mut self,
        item: &ItemNumber,
        later: u32,
        expected_at: Timestamp,
        waitlist: u64,
    ) -> anyhow::Result<()> {
        let product = self.product_mut(item)?;
        product.backorder_expected_at = Some(expected_at);
        product.waitlist_units = Some(waitlist);
        let on_shelf = self.stock.iter_mut().filter(|stock| stock.item == *item);
        on_shelf.for_each(|stock| stock.quantity = stock.quantity.saturating_sub(later));
        Ok(())
    }

    /// Sets when an item goes on sale.
    ///
    /// # Errors
    /// The catalogue has no such item.
    pub fn launch_at(&mut self, item: &ItemNumber, at: Timestamp) -> anyhow::Result<()> {
        self.product_mut(item)?.on_sale_at = at;
        Ok(())
    }

    fn product_mut(&mut self, item: &ItemNumber) -> anyhow::Result<&mut Product> {
        self.products
            .iter_mut()
            .find(|product| product.item == *item)
            .ok_or_else(|| anyhow!("the catalogue has no item {item}"))
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use super::*;

    #[test]
    fn the_built_in_catalogue_holds_together() {
        let catalogue = Catalogue::built_in().unwrap();
        let mut pools = BTreeMap::new();
        for product in &catalogue.products {
            let item = &product.item;
            assert_eq!(catalogue.products.iter().filter(|other| other.item == *item).count(), 1, "{item}");
            assert!(catalogue.units(item).unwrap() > 0, "{item} has stock");
            if let Some(mintage) = &product.mintage {
                let limit = pools.entry(mintage.pool.clone()).or_insert(mintage.limit);
                assert_eq!(*limit, mintage.limit, "one pool, one limit: {item}");
            }
        }
        assert!(catalogue.stock.iter().all(|stock| catalogue.product(&stock.item).is_ok()));
        assert_eq!(catalogue.units(&item("19XE")).unwrap(), 30_000);
    }

    #[test]
    fn a_scaled_launch_has_one_cap_everywhere() {
        let mut catalogue = Catalogue::built_in().unwrap();
        let at = Timestamp::parse("2026-11-24T08:00:00Z").unwrap();
        catalogue.scale(&item("19XE"), 300).unwrap();
        catalogue.launch_at(&item("19XE"), at).unwrap();
        let product = catalogue.product(&item("19XE")).unwrap();
        assert_eq!((product.product_limit, product.on_sale_at), (Some(300), at));
        assert_eq!(product.mintage.as_ref().map(|mintage| mintage.limit), Some(300));
        assert_eq!(catalogue.units(&item("19XE")).unwrap(), 300);
        assert!(catalogue.scale(&item("99ZZ"), 1).is_err());
        let again: Catalogue = serde_json::from_str(&serde_json::to_string(&catalogue).unwrap()).unwrap();
        assert_eq!(again, catalogue);
    }

    #[test]
    fn what_comes_later_is_not_on_the_shelf_but_under_the_cap() {
        let mut catalogue = Catalogue::built_in().unwrap();
        let at = Timestamp::parse("2026-12-24T08:00:00Z").unwrap();
        catalogue.scale(&item("19XE"), 300).unwrap();
        catalogue.deliver_later(&item("19XE"), 60, at, 30).unwrap();
        let product = catalogue.product(&item("19XE")).unwrap();
        assert_eq!((product.product_limit, product.waitlist_units), (Some(300), Some(30)));
        assert_eq!(product.backorder_expected_at, Some(at));
        let on_shelf = |stock: &&Stock| stock.item == item("19XE");
        assert_eq!(catalogue.stock.iter().find(on_shelf).unwrap().quantity, 240);
        assert_eq!(catalogue.units(&item("19XE")).unwrap(), 300, "back orders are promised too");
    }

    fn item(text: &str) -> ItemNumber {
        ItemNumber::parse(text).unwrap()
    }
}
