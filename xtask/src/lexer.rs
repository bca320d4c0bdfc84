//! Blanks out what is not code: comments, strings, and modules that are only compiled for tests.
//!
//! Lines keep their numbers, so a rule that searches the result can say where it found something.

/// The code of a source file: comments and the contents of strings become blanks.
pub(crate) fn code(text: &str) -> String {
    let chars: Vec<char> = text.chars().collect();
    let mut out = String::with_capacity(text.len());
    let mut at = 0;
    while at < chars.len() {
        let end = match &chars[at..] {
            ['/', '/', ..] => line_end(&chars, at),
            ['/', '*', ..] => block_comment_end(&chars, at),
            ['"', ..] => string_end(&chars, at + 1),
            ['r', '"' | '#', ..] if !in_word(&chars, at) => raw_string_end(&chars, at),
            ['\'', ..] => char_end(&chars, at),
            _ => at,
        };
        if end == at {
            out.push(chars[at]);
            at += 1;
        } else {
            out.extend(chars[at..end].iter().map(|c| if *c == '\n' { '\n' } else { ' ' }));
            at = end;
        }
    }
    out
}

/// As [`code`], and without `#[cfg(test)]` items.
pub(crate) fn shipped_code(text: &str) -> String {
    const MARK: &str = "#[cfg(test)]";
    let mut code = code(text);
    while let Some(start) = code.find(MARK) {
        let end = item_end(&code, start + MARK.len());
        let blank: String =
            code[start..end].chars().map(|c| if c == '\n' { '\n' } else { ' ' }).collect();
        code.replace_range(start..end, &blank);
    }
    code
}

/// The end of the item that starts at `from`: its closing brace, or a semicolon before any brace opens.
fn item_end(code: &str, from: usize) -> usize {
    let mut depth = 0_usize;
    for (offset, c) in code[from..].char_indices() {
        match c {
            '{' => depth += 1,
            '}' if depth <= 1 => return from + offset + 1,
            '}' => depth -= 1,
            ';' if depth == 0 => return from + offset + 1,
            _ => {}
        }
    }
    code.len()
}

fn in_word(chars: &[char], at: usize) -> bool {
    at > 0 && (chars[at - 1].is_alphanumeric() || chars[at - 1] == '_')
}

fn line_end(chars: &[char], at: usize) -> usize {
    chars[at..].iter().position(|c| *c == '\n').map_or(chars.len(), |offset| at + offset)
}

fn block_comment_end(chars: &[char], at: usize) -> usize {
    let mut depth = 0_usize;
    let mut at = at;
    while at < chars.len() {
        match &chars[at..] {
            ['/', '*', ..] => (depth, at) = (depth + 1, at + 2),
            ['*', '/', ..] => {
                (depth, at) = (depth.saturating_sub(1), at + 2);
                if depth == 0 {
                    return at;
                }
            }
            _ => at += 1,
        }
    }
    chars.len()
}

fn string_end(chars: &[char], inside: usize) -> usize {
    let mut at = inside;
    while at < chars.len() {
        match chars[at] {
            '\\' => at += 2,
            '"' => return at + 1,
            _ => at += 1,
        }
    }
    chars.len()
}

/// The end of `r"…"` or `r#"…"#`; `at` itself if this is a raw identifier (`r#type`).
fn raw_string_end(chars: &[char], at: usize) -> usize {
    let hashes = chars[at + 1..].iter().take_while(|c| **c == '#').count();
    let open = at + 1 + hashes;
    if chars.get(open) != Some(&'"') {
        return at;
    }
    let mut end = open + 1;
    while end < chars.len() {
        let closing = &chars[(end + 1).min(chars.len())..];
        if chars[end] == '"' && closing.iter().take_while(|c| **c == '#').count() >= hashes {
            return (end + 1 + hashes).min(chars.len());
        }
        end += 1;
    }
    chars.len()
}

/// The end of a character literal; `at` itself if this is a lifetime.
fn char_end(chars: &[char], at: usize) -> usize {
    match &chars[at..] {
        ['\'', '\\', _, rest @ ..] => match rest.iter().position(|c| *c == '\'') {
            Some(offset) => at + 3 + offset + 1,
            None => at,
        },
        ['\'', _, '\'', ..] => at + 3,
        _ => at,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn comments_and_strings_vanish_and_lines_stay() {
        let text = "let a = \"HashMap\"; // HashMap\n/* HashMap /* x */\n */ let b: &'a str = r#\"Hash\"Map\"#;\nlet c = '\"'; HashMap";
        let code = code(text);
        assert_eq!(code.lines().count(), text.lines().count());
        assert_eq!(code.matches("HashMap").count(), 1);
        assert!(code.lines().last().is_some_and(|line| line.ends_with("HashMap")));
        assert!(code.contains("&'a str"));
    }

    #[test]
    fn tests_are_not_shipped() {
        let text = "fn a() {}\n#[cfg(test)]\nmod tests {\n fn b() { Instant::now(); }\n}\n#[cfg(test)]\nmod more;\nfn c() {}\n";
        let code = shipped_code(text);
        assert!(!code.contains("Instant") && !code.contains("more"));
        assert!(code.contains("fn a()") && code.contains("fn c()"));
        assert_eq!(code.lines().count(), text.lines().count());
    }
}
