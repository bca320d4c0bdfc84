//! Which listings are traded, with the requests for them made once.

use std::path::Path;

use hyper::Uri;

use super::TradeError;
use super::args::TradeArgs;

/// The sample catalog's stocks.
const STOCKS: [&str; 10] = [
    "GameStart",
    "RottenFishCo",
    "BoarCo",
    "MenhirCo",
    "CaesarTech",
    "Reneium",
    "Goscinnyium",
    "PiloteCo",
    "DogmatixCo",
    "LutetiaTech",
];

/// A listing to trade.
#[derive(Clone, Debug)]
pub(super) struct Known {
    /// Its name.
    pub(super) name: String,
    /// Where it is looked up.
    pub(super) path: Uri,
}

/// The listings of a run; never empty.
#[derive(Clone, Debug)]
pub(super) struct Catalog(pub(super) Vec<Known>);

impl Catalog {
    pub(super) fn of(args: &TradeArgs) -> Result<Self, TradeError> {
        if let Some(path) = &args.listings {
            return from_file(path, args.products);
        }
        let hot = args.listing.as_deref();
        let names = hot.map_or(STOCKS.to_vec(), |name| vec![name]);
        let known: Option<Vec<Known>> =
            names.into_iter().map(|name| known(name, args.products)).collect();
        let bad = || TradeError::Arguments("--listing is no listing name".to_owned());
        known.map(Catalog).ok_or_else(bad)
    }
}

fn from_file(path: &Path, products: bool) -> Result<Catalog, TradeError> {
    let refuse = |reason: String| TradeError::Listings { path: path.to_owned(), reason };
    let mut reader = csv::ReaderBuilder::new()
        .trim(csv::Trim::All)
        .flexible(true)
        .from_path(path)
        .map_err(|error| refuse(error.to_string()))?;
    let headers = reader.headers().map_err(|error| refuse(error.to_string()))?;
    let column = |wanted: &str| headers.iter().position(|header| header == wanted);
    let name = column("name").ok_or_else(|| refuse("there is no column `name`".to_owned()))?;
    let kind = column("kind");
    let mut listings = Vec::new();
    for row in reader.records() {
        let row = row.map_err(|error| refuse(error.to_string()))?;
        let said = kind.and_then(|kind| row.get(kind)).filter(|kind| !kind.is_empty());
        let toy = said.map_or(products, |kind| kind == "toy");
        let name = row.get(name).unwrap_or("");
        let bad = || refuse(format!("`{name}` is no listing name"));
        listings.push(known(name, toy).ok_or_else(bad)?);
    }
    if listings.is_empty() {
        return Err(refuse("there are no listings in it".to_owned()));
    }
    Ok(Catalog(listings))
}

fn known(name: &str, toy: bool) -> Option<Known> {
    let name = market::name::Name::new(name).ok()?;
    let mut path = String::from(if toy { "/products/" } else { "/stocks/" });
    for byte in name.as_str().bytes() {
        if byte.is_ascii_alphanumeric() || b"-._~".contains(&byte) {
            path.push(char::from(byte));
        } else {
            path.push_str(&format!("%{byte:02X}"));
        }
    }
    Some(Known { name: name.into(), path: path.parse().ok()? })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn listings_of_a_file() {
        let folder = tempfile::tempdir().expect("folder");
        let path = folder.path().join("listings.csv");
        std::fs::write(&path, "name,price,quantity,kind\nA b,1.00,1,toy\nC/é,1.00,1,\n")
            .expect("written");
        let mut args = TradeArgs::against("x");
        args.listings = Some(path.clone());
        let catalog = Catalog::of(&args).expect("good");
        let paths: Vec<&str> = catalog.0.iter().map(|known| known.path.path()).collect();
        assert_eq!(paths, ["/products/A%20b", "/stocks/C%2F%C3%A9"]);
        for bad in ["", "name\n", "price\n1\n", "name\n\"\"\n"] {
            std::fs::write(&path, bad).expect("written");
            assert!(Catalog::of(&args).is_err(), "{bad:?}");
        }
    }
}
