//! Links between the documents of the house lead somewhere.

use std::path::Path;

use super::line_of;
use crate::tree;

/// Relative links in Markdown files whose target does not exist.
pub(crate) fn check(root: &Path) -> Vec<String> {
    let mut complaints = Vec::new();
    for source in tree::files(root, "", ".md") {
        let folder = root.join(&source.path).parent().map(Path::to_owned).unwrap_or_default();
        for (offset, target) in targets(&source.text) {
            if !folder.join(target).exists() {
                complaints.push(format!(
                    "{}:{}: the link to `{target}` leads nowhere; correct the path or remove the link",
                    source.path,
                    line_of(&source.text, offset)
                ));
            }
        }
    }
    complaints
}

/// The relative targets of `[text](target)`, without fragments, with their byte offsets.
fn targets(text: &str) -> impl Iterator<Item = (usize, &str)> {
    text.match_indices("](").filter_map(move |(offset, mark)| {
        let rest = &text[offset + mark.len()..];
        let target = rest.split(')').next()?;
        let target = target.split('#').next()?;
        let outside = target.contains("://") || target.starts_with("mailto:");
        (!target.is_empty() && !outside && !target.contains(char::is_whitespace))
            .then_some((offset, target))
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_relative_links_are_looked_at() {
        let text = "[a](b.md) [c](https://x.example/y) [d](#here)\n[e](../f.md#part)";
        let found: Vec<&str> = targets(text).map(|(_, target)| target).collect();
        assert_eq!(found, ["b.md", "../f.md"]);
    }
}
