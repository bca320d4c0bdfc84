//! Decoding of the request target: percent-encoding, queries, numbers. Every failure is a 400 with a reason.

use std::borrow::Cow;

use super::answer::Fault;

/// Decodes a path segment. `+` is a plus sign here.
pub(super) fn segment(raw: &str) -> Result<Cow<'_, str>, Fault> {
    if !raw.bytes().any(|byte| byte == b'%') {
        return Ok(Cow::Borrowed(raw));
    }
    percent(raw.as_bytes()).map(Cow::Owned)
}

/// Finds the one parameter that goes by any of these names. Other parameters are ignored.
pub(super) fn parameter(query: Option<&str>, names: &[&str]) -> Result<String, Fault> {
    let mut found = None;
    for pair in query.unwrap_or("").split('&') {
        let (name, value) = pair.split_once('=').unwrap_or((pair, ""));
        if !names.contains(&form(name)?.as_str()) {
            continue;
        }
        if found.replace(form(value)?).is_some() {
            return Err(Fault::bad("duplicate_parameter", "the name is given more than once"));
        }
    }
    let missing = || Fault::bad("missing_parameter", "the query parameter `name` is missing");
    found.filter(|value| !value.is_empty()).ok_or_else(missing)
}

/// An order number: decimal digits. One that no order can have is still a number.
pub(super) fn number(raw: &str) -> Result<Option<u64>, Fault> {
    let text = segment(raw)?;
    if text.is_empty() || !text.bytes().all(|byte| byte.is_ascii_digit()) {
        return Err(Fault::bad("not_a_number", "an order number is a whole number from 0"));
    }
    Ok(text.parse().ok())
}

/// Decodes a part of a query. `+` is a blank here.
fn form(raw: &str) -> Result<String, Fault> {
    let blanks: Vec<u8> = raw.bytes().map(|b| if b == b'+' { b' ' } else { b }).collect();
    percent(&blanks)
}

fn percent(raw: &[u8]) -> Result<String, Fault> {
    let bad =
        || Fault::bad("bad_encoding", "the request target is not valid percent-encoded UTF-8");
    let mut bytes = Vec::with_capacity(raw.len());
    let mut rest = raw.iter();
    while let Some(byte) = rest.next() {
        if *byte != b'%' {
            bytes.push(*byte);
            continue;
        }
        let high = rest.next().and_then(|b| hex(*b)).ok_or_else(bad)?;
        let low = rest.next().and_then(|b| hex(*b)).ok_or_else(bad)?;
        bytes.push(high << 4 | low);
    }
    String::from_utf8(bytes).map_err(|_| bad())
}

fn hex(byte: u8) -> Option<u8> {
    char::from(byte).to_digit(16).and_then(|digit| u8::try_from(digit).ok())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn segments() {
        assert_eq!(segment("Game%53tart").expect("good"), "GameStart");
        assert_eq!(segment("a+b%2Fc%E2%82%AC").expect("good"), "a+b/c€");
        for bad in ["%", "%1", "%zz", "%+1", "%ff", "a%C3"] {
            assert_eq!(segment(bad).expect_err(bad).reason, "bad_encoding");
        }
    }

    #[test]
    fn parameters() {
        let names = ["name", "stock_name"];
        assert_eq!(parameter(Some("x=1&name=Game+Start%21"), &names).expect("ok"), "Game Start!");
        assert_eq!(parameter(Some("stock_name=A&&=&"), &names).expect("ok"), "A");
        for (query, reason) in [
            (None, "missing_parameter"),
            (Some("name="), "missing_parameter"),
            (Some("name"), "missing_parameter"),
            (Some("Name=A"), "missing_parameter"),
            (Some("name=A&stock_name=A"), "duplicate_parameter"),
            (Some("name=%f"), "bad_encoding"),
        ] {
            assert_eq!(parameter(query, &names).expect_err("bad").reason, reason, "{query:?}");
        }
    }

    #[test]
    fn numbers() {
        assert_eq!(number("0").expect("ok"), Some(0));
        assert_eq!(number("0012").expect("ok"), Some(12));
        assert_eq!(number("18446744073709551615").expect("ok"), Some(u64::MAX));
        assert_eq!(number("18446744073709551616").expect("a number, only too large"), None);
        for bad in ["", "-1", "+1", "1.0", "1e3", "0x1", "१", "1%00", " 1"] {
            assert_eq!(number(bad).expect_err(bad).reason, "not_a_number");
        }
    }
}
