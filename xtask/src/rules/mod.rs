//! The rules of the house. Each takes the workspace and returns complaints; each complaint names its cure.

pub(crate) mod layering;
pub(crate) mod links;
pub(crate) mod purity;
pub(crate) mod tidy;

/// Line number, from 1, of a byte offset.
fn line_of(text: &str, offset: usize) -> usize {
    text[..offset].matches('\n').count() + 1
}

/// Byte offsets at which `word` stands as a whole word.
fn words<'a>(code: &'a str, word: &'a str) -> impl Iterator<Item = usize> + 'a {
    let part = |c: char| c.is_alphanumeric() || c == '_';
    let open_start = word.starts_with(part);
    let open_end = word.ends_with(part);
    code.match_indices(word).map(|(offset, _)| offset).filter(move |offset| {
        let before = code[..*offset].chars().next_back();
        let after = code[offset + word.len()..].chars().next();
        let longer_left = open_start && before.is_some_and(part);
        let longer_right = open_end && after.is_some_and(part);
        !longer_left && !longer_right
    })
}
