//! First listings, from CSV.
//!
//! The columns `name`, `price` and `quantity` must be there, in any sequence; `restock` (true or false) marks listings that
//! are refilled; other columns are left alone. Prices are exact: `15.99` is 1599 cents, never a float.

use std::collections::BTreeMap;
use std::fmt;
use std::path::{Path, PathBuf};

use market::limits::{MAX_LISTINGS, MAX_STOCK};
use market::listing::{Kind, NewListing};
use market::money::Price;
use market::name::Name;

use super::types::{CatalogGroup, ListingsSource};

const SAMPLE_STOCKS: &str = include_str!("../../catalogs/stocks.csv");
const SAMPLE_TOYS: &str = include_str!("../../catalogs/toys.csv");

/// Most rows that are complained about: whoever mixed up the columns need not read a million lines.
const MAX_COMPLAINTS: usize = 20;

/// A row that is no listing.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct BadRow {
    /// The file; none for a sample.
    pub file: Option<PathBuf>,
    /// The line, from 1.
    pub line: usize,
    /// What is wrong with it.
    pub message: String,
}

impl fmt::Display for BadRow {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let file = self.file.as_deref().unwrap_or(Path::new("sample"));
        write!(f, "{}:{}: {}", file.display(), self.line, self.message)
    }
}

/// Why there are no first listings.
#[derive(Debug, thiserror::Error)]
pub enum ListingsError {
    /// A file cannot be read.
    #[error("{}: {source}; correct `{setting}`", file.display())]
    Unreadable {
        /// The file.
        file: PathBuf,
        /// The setting that names it.
        setting: &'static str,
        /// Why.
        source: std::io::Error,
    },
    /// Rows are wrong.
    #[error("{}", .0.iter().map(BadRow::to_string).collect::<Vec<_>>().join("\n"))]
    Rows(Vec<BadRow>),
}

/// All first listings of a catalog, stocks before toys.
pub fn read_listings(catalog: &CatalogGroup) -> Result<Vec<NewListing>, ListingsError> {
    let mut reader = Reader::default();
    let sources = [
        (&catalog.stocks, Kind::Stock, "catalog.stocks", SAMPLE_STOCKS),
        (&catalog.toys, Kind::Toy, "catalog.toys", SAMPLE_TOYS),
    ];
    for (source, kind, setting, sample) in sources {
        match source {
            None => {}
            Some(ListingsSource::Sample) => reader.read(None, kind, sample),
            Some(ListingsSource::File(file)) => {
                let bytes = std::fs::read(file).map_err(|source| ListingsError::Unreadable {
                    file: file.clone(),
                    setting,
                    source,
                })?;
                reader.read(Some(file), kind, &String::from_utf8_lossy(&bytes));
            }
        }
    }
    if reader.bad.is_empty() { Ok(reader.listings) } else { Err(ListingsError::Rows(reader.bad)) }
}

#[derive(Default)]
struct Reader {
    listings: Vec<NewListing>,
    /// Where each name stands first.
    seen: BTreeMap<Name, usize>,
    bad: Vec<BadRow>,
}

/// At which place of a row each column stands.
struct Columns {
    name: usize,
    price: usize,
    quantity: usize,
    restock: Option<usize>,
}

impl Reader {
    fn read(&mut self, file: Option<&Path>, kind: Kind, text: &str) {
        // Spreadsheets like to put a byte-order mark in front.
        let text = text.strip_prefix('\u{feff}').unwrap_or(text);
        let mut rows = csv::ReaderBuilder::new()
            .has_headers(false)
            .flexible(true)
            .trim(csv::Trim::All)
            .from_reader(text.as_bytes());
        let mut columns = None;
        for row in rows.records() {
            if self.bad.len() >= MAX_COMPLAINTS {
                return;
            }
            let outcome = match row {
                Ok(row) => {
                    let line = row.position().map_or(0, csv::Position::line) as usize;
                    let taken = match &columns {
                        None => Columns::of(&row).map(|found| columns = Some(found)),
                        Some(columns) => self.row(columns, kind, line, &row),
                    };
                    taken.map_err(|message| (line, message))
                }
                Err(error) => {
                    let line = error.position().map_or(0, csv::Position::line) as usize;
                    Err((line, error.to_string()))
                }
            };
            if let Err((line, message)) = outcome {
                self.bad.push(BadRow { file: file.map(Path::to_owned), line, message });
                if columns.is_none() {
                    return;
                }
            }
        }
    }

    fn row(
        &mut self,
        columns: &Columns,
        kind: Kind,
        line: usize,
        row: &csv::StringRecord,
    ) -> Result<(), String> {
        let listing = columns.listing(kind, row)?;
        if let Some(first) = self.seen.insert(listing.name.clone(), line) {
            return Err(format!("`{}` is listed already, in line {first}", listing.name));
        }
        if self.listings.len() >= MAX_LISTINGS {
            return Err(format!("more than {MAX_LISTINGS} listings"));
        }
        self.listings.push(listing);
        Ok(())
    }
}

impl Columns {
    fn of(header: &csv::StringRecord) -> Result<Self, String> {
        let find = |name: &str| header.iter().position(|cell| cell.eq_ignore_ascii_case(name));
        let must = |name: &str| {
            find(name).ok_or_else(|| {
                format!("the first line names the columns, and `{name}` is not among them")
            })
        };
        Ok(Columns {
            name: must("name")?,
            price: must("price")?,
            quantity: must("quantity")?,
            restock: find("restock"),
        })
    }

    fn listing(&self, kind: Kind, row: &csv::StringRecord) -> Result<NewListing, String> {
        let cell = |at: usize, name: &str| {
            row.get(at).ok_or_else(|| format!("the row has no column `{name}`"))
        };
        let name = cell(self.name, "name")?;
        let price = cell(self.price, "price")?;
        let quantity = cell(self.quantity, "quantity")?;
        Ok(NewListing {
            name: Name::new(name).map_err(|error| format!("name `{name}`: {error}"))?,
            kind,
            price: price.parse::<Price>().map_err(|error| format!("price `{price}`: {error}"))?,
            quantity: units(quantity)?,
            restock: restock(self.restock.and_then(|at| row.get(at)).unwrap_or_default())?,
        })
    }
}

fn units(text: &str) -> Result<u64, String> {
    let digits = !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit());
    text.parse().ok().filter(|units| digits && *units <= MAX_STOCK).ok_or_else(|| {
        format!("quantity `{text}`: a quantity is a whole number, at most {MAX_STOCK}")
    })
}

fn restock(text: &str) -> Result<bool, String> {
    match text.to_ascii_lowercase().as_str() {
        "true" | "yes" | "1" => Ok(true),
        "false" | "no" | "0" | "" => Ok(false),
        _ => Err(format!("restock `{text}`: write true or false")),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(text: &str) -> Reader {
        let mut reader = Reader::default();
        reader.read(Some(Path::new("x.csv")), Kind::Stock, text);
        reader
    }

    fn complaints(text: &str) -> Vec<String> {
        read(text).bad.iter().map(BadRow::to_string).collect()
    }

    #[test]
    fn the_samples_are_as_the_contract_says() {
        let catalog = CatalogGroup {
            stocks: Some(ListingsSource::Sample),
            toys: Some(ListingsSource::Sample),
            ..CatalogGroup::default()
        };
        let listings = read_listings(&catalog).unwrap();
        let stocks: Vec<(String, String)> = listings
            .iter()
            .filter(|listing| listing.kind == Kind::Stock)
            .map(|listing| (listing.name.to_string(), listing.price.to_string()))
            .collect();
        let expected = [
            ("GameStart", "15.99"),
            ("RottenFishCo", "2.50"),
            ("BoarCo", "7.11"),
            ("MenhirCo", "20.00"),
            ("CaesarTech", "1.00"),
            ("Reneium", "14.99"),
            ("Goscinnyium", "22.50"),
            ("PiloteCo", "17.11"),
            ("DogmatixCo", "20.00"),
            ("LutetiaTech", "11.00"),
        ];
        assert_eq!(stocks, expected.map(|(name, price)| (name.to_owned(), price.to_owned())));
        assert_eq!(listings.len(), 20);
        assert!(listings.iter().all(|listing| listing.quantity == 100 && listing.restock));
    }

    #[test]
    fn columns_stand_in_any_sequence_and_more_are_allowed() {
        let reader = read("\u{feff}Quantity, colour ,name,price\n7,red,\"A, b\",0.5\n");
        assert_eq!(reader.bad, []);
        let listing = &reader.listings[0];
        assert_eq!((listing.name.as_str(), listing.price.minor()), ("A, b", 50));
        assert_eq!((listing.quantity, listing.restock), (7, false));
    }

    #[test]
    fn every_bad_row_is_named_by_line() {
        let text = "name,price,quantity,restock\nA,1.005,1\nB,1,x\nC,1\n ,1,1\nD,1,1,maybe\nE,1,1\nE,2,2\n";
        let found = complaints(text);
        let starts: Vec<&str> = found.iter().map(|line| line.split(' ').next().unwrap()).collect();
        assert_eq!(
            starts,
            ["x.csv:2:", "x.csv:3:", "x.csv:4:", "x.csv:5:", "x.csv:6:", "x.csv:8:"]
        );
        assert!(found[0].contains("a price is written like"));
        assert!(found[5].contains("listed already, in line 7"));
    }

    #[test]
    fn a_file_without_a_header_is_one_complaint() {
        let found = complaints("GameStart,15.99,100\nA,1,1\n");
        assert_eq!(found.len(), 1);
        assert!(found[0].contains("the first line names the columns"));
    }

    #[test]
    fn complaints_are_bounded() {
        let mut text = "name,price,quantity\n".to_owned();
        text.extend((0..1_000).map(|n| format!("N{n},x,1\n")));
        assert_eq!(complaints(&text).len(), MAX_COMPLAINTS);
    }
}
