//! The body of `POST /orders`, read strictly: what we do not understand we do not guess.

use std::fmt;

use market::limits::MAX_QUANTITY;
use market::name::Name;
use market::trade::Side;
use serde::Deserialize;
use serde::de::{Deserializer, IgnoredAny, MapAccess, SeqAccess, Visitor};

use super::answer::Fault;
use super::outcome::quantity_out_of_range;

/// Most fields looked at before a body is refused.
const MAX_FIELDS: usize = 16;

/// What a client wants traded.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct OrderBody {
    /// The listing.
    pub(super) name: Name,
    /// Buy or sell.
    pub(super) side: Side,
    /// How many, within the law's limits.
    pub(super) quantity: u64,
}

/// Reads a body.
pub(super) fn parse(body: &[u8]) -> Result<OrderBody, Fault> {
    if body.iter().all(u8::is_ascii_whitespace) {
        return Err(Fault::bad("empty_body", "the body is empty; a JSON object was expected"));
    }
    let Top(value) = serde_json::from_slice(body)
        .map_err(|error| Fault::bad("bad_json", format!("the body is not valid JSON: {error}")))?;
    let Json::Object(fields) = value else {
        return Err(Fault::bad("not_an_object", "the body must be a JSON object"));
    };
    let [mut name, mut quantity, mut side] = [None, None, None];
    for (field, value) in fields {
        let place = match field.as_str() {
            "name" => &mut name,
            "quantity" => &mut quantity,
            "type" => &mut side,
            _ => return Err(Fault::bad("unknown_field", unknown_field(&field))),
        };
        if place.replace(value).is_some() {
            return Err(Fault::bad("duplicate_field", format!("`{field}` is given twice")));
        }
    }
    Ok(OrderBody {
        name: read_name(name.ok_or_else(|| missing("name"))?)?,
        quantity: read_quantity(quantity.ok_or_else(|| missing("quantity"))?)?,
        side: side.map_or(Ok(Side::Buy), read_side)?,
    })
}

fn missing(field: &'static str) -> Fault {
    Fault::bad("missing_field", format!("`{field}` is missing"))
}

fn unknown_field(field: &str) -> String {
    let short: String = field.chars().take(32).collect();
    format!("unknown field `{short}`; known are `name`, `quantity` and `type`")
}

fn read_name(value: Json) -> Result<Name, Fault> {
    let Json::Text(text) = value else {
        return Err(Fault::bad("name_not_a_string", "`name` must be a string"));
    };
    Name::new(&text).map_err(|error| Fault::bad("invalid_name", error.to_string()))
}

fn read_quantity(value: Json) -> Result<u64, Fault> {
    match value {
        Json::Whole(quantity) if (1..=MAX_QUANTITY).contains(&quantity) => Ok(quantity),
        Json::Whole(_) | Json::Negative | Json::Huge => Err(quantity_out_of_range()),
        Json::Float => {
            let message = "`quantity` must be written as a whole number, without point or exponent";
            Err(Fault::bad("quantity_not_an_integer", message))
        }
        _ => Err(Fault::bad("quantity_not_a_number", "`quantity` must be a number")),
    }
}

fn read_side(value: Json) -> Result<Side, Fault> {
    match value {
        Json::Text(text) if text == "buy" => Ok(Side::Buy),
        Json::Text(text) if text == "sell" => Ok(Side::Sell),
        Json::Text(_) => Err(Fault::bad("unknown_type", "`type` must be `buy` or `sell`")),
        _ => Err(Fault::bad("type_not_a_string", "`type` must be a string")),
    }
}

/// As much of a JSON value as we look at.
enum Json {
    Whole(u64),
    Negative,
    /// Over 2^64, or written with point or exponent and as large.
    Huge,
    Float,
    Text(String),
    /// In the sequence of the text, doubles and all.
    Object(Vec<(String, Json)>),
    /// Null, booleans, arrays, and objects inside the object: nothing we take, so nothing we keep.
    Other,
}

/// The outermost value: the only object whose fields are looked at.
struct Top(Json);

/// A value inside it: read over without recursion, however deep it is.
struct Inner(Json);

impl<'de> Deserialize<'de> for Top {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_any(Reader { top: true }).map(Top)
    }
}

impl<'de> Deserialize<'de> for Inner {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_any(Reader { top: false }).map(Inner)
    }
}

struct Reader {
    top: bool,
}

impl<'de> Visitor<'de> for Reader {
    type Value = Json;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a JSON value")
    }

    fn visit_unit<E>(self) -> Result<Json, E> {
        Ok(Json::Other)
    }

    fn visit_bool<E>(self, _: bool) -> Result<Json, E> {
        Ok(Json::Other)
    }

    fn visit_u64<E>(self, value: u64) -> Result<Json, E> {
        Ok(Json::Whole(value))
    }

    fn visit_i64<E>(self, _: i64) -> Result<Json, E> {
        Ok(Json::Negative)
    }

    fn visit_f64<E>(self, value: f64) -> Result<Json, E> {
        Ok(if value.abs() >= 18_446_744_073_709_551_616.0 { Json::Huge } else { Json::Float })
    }

    fn visit_str<E>(self, value: &str) -> Result<Json, E> {
        Ok(Json::Text(value.to_owned()))
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut seq: A) -> Result<Json, A::Error> {
        while seq.next_element::<IgnoredAny>()?.is_some() {}
        Ok(Json::Other)
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Json, A::Error> {
        if !self.top {
            while map.next_entry::<IgnoredAny, IgnoredAny>()?.is_some() {}
            return Ok(Json::Other);
        }
        let mut fields = Vec::with_capacity(4);
        while let Some((name, Inner(value))) = map.next_entry()? {
            if fields.len() == MAX_FIELDS {
                return Err(serde::de::Error::custom("too many fields"));
            }
            fields.push((name, value));
        }
        Ok(Json::Object(fields))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn good_bodies() {
        let body = parse(br#" {"quantity":1000000,"name":"Tux \u00e9","type":"sell"} "#);
        let body = body.expect("good");
        assert_eq!(
            (body.name.as_str(), body.side, body.quantity),
            ("Tux é", Side::Sell, 1_000_000)
        );
        assert_eq!(parse(br#"{"name":"A","quantity":1}"#).expect("good").side, Side::Buy);
    }

    #[test]
    fn deep_nesting_is_read_over() {
        for (open, close) in [("[", "]"), (r#"{"a":"#, "}")] {
            let deep = format!("{}1{}", open.repeat(10_000), close.repeat(10_000));
            let body = format!(r#"{{"name":{deep},"quantity":1}}"#);
            let reason = parse(body.as_bytes()).expect_err("too deep").reason;
            assert_eq!(reason, "name_not_a_string");
            assert_eq!(parse(open.repeat(60_000).as_bytes()).expect_err("open").reason, "bad_json");
        }
    }
}
