//! Contract comments as Rust documentation that is safe to build.
//!
//! A comment is prose somebody wrote for other tools. In Rust documentation a code block in it
//! would become a test, `[name]` a broken link, `<name>` a broken tag. So: each code block is
//! fenced as `text`, nothing is left indented far enough to count as code, brackets and angles are
//! escaped except in code spans and web links, and bare web addresses become links.

/// The deepest indentation that is not code in Markdown.
const MAX_INDENT: usize = 3;
const TAB: &str = "    ";

/// The lines of a documentation comment, without the comment signs. Empty for an empty comment.
pub(crate) fn lines(comment: &str) -> Vec<String> {
    let mut writer = Writer::default();
    for line in comment.lines() {
        writer.line(&clean(line));
    }
    writer.finish()
}

/// Tabs as spaces; no control characters, nor the ones that change the direction of text.
fn clean(line: &str) -> String {
    let line = line.replace('\t', TAB);
    let hidden = |c: char| {
        c.is_control()
            || matches!(c, '\u{200e}' | '\u{200f}' | '\u{202a}'..='\u{202e}' | '\u{2066}'..='\u{2069}')
    };
    line.chars()
        .filter(|c| !hidden(*c))
        .collect::<String>()
        .trim_end()
        .to_owned()
}

#[derive(Default)]
struct Writer {
    out: Vec<String>,
    /// The code block we are in, with its lines so far.
    block: Option<Block>,
    /// Whether an indented line here would start a code block.
    code_may_start: bool,
    started: bool,
}

enum Block {
    Fenced {
        mark: char,
        length: usize,
        indent: usize,
        lines: Vec<String>,
    },
    Indented {
        lines: Vec<String>,
    },
}

impl Writer {
    fn line(&mut self, line: &str) {
        if !self.started {
            self.started = true;
            self.code_may_start = true;
        }
        match self.block.take() {
            Some(Block::Fenced {
                mark,
                length,
                indent,
                mut lines,
            }) => {
                if closes(line, mark, length) {
                    self.emit_block(&lines);
                } else {
                    lines.push(unindent(line, indent).to_owned());
                    self.block = Some(Block::Fenced {
                        mark,
                        length,
                        indent,
                        lines,
                    });
                }
            }
            Some(Block::Indented { mut lines }) => {
                if line.is_empty() || indent(line) > MAX_INDENT {
                    lines.push(unindent(line, MAX_INDENT + 1).to_owned());
                    self.block = Some(Block::Indented { lines });
                } else {
                    self.emit_block(&lines);
                    self.outside(line);
                }
            }
            None => self.outside(line),
        }
    }

    fn outside(&mut self, line: &str) {
        let spaces = indent(line);
        let text = line.trim_start();
        if let Some((mark, length)) = fence(text) {
            self.block = Some(Block::Fenced {
                mark,
                length,
                indent: spaces,
                lines: Vec::new(),
            });
        } else if text.is_empty() {
            self.out.push(String::new());
            self.code_may_start = true;
        } else if spaces > MAX_INDENT && self.code_may_start {
            let first = unindent(line, MAX_INDENT + 1).to_owned();
            self.block = Some(Block::Indented { lines: vec![first] });
        } else {
            let spaces = " ".repeat(spaces.min(MAX_INDENT));
            self.out.push(format!("{spaces}{}", prose(text)));
            let rule = text
                .chars()
                .all(|c| matches!(c, '=' | '-' | '*' | '_' | ' '));
            self.code_may_start = text.starts_with('#') || rule;
        }
    }

    fn emit_block(&mut self, lines: &[String]) {
        let end = lines
            .iter()
            .rposition(|line| !line.is_empty())
            .map_or(0, |at| at + 1);
        let lines = &lines[..end];
        let longest = lines
            .iter()
            .map(|line| longest_run(line, '`'))
            .max()
            .unwrap_or(0);
        let fence = "`".repeat(3.max(longest + 1));
        self.out.push(format!("{fence}text"));
        self.out.extend(lines.iter().cloned());
        self.out.push(fence);
        self.code_may_start = true;
    }

    fn finish(mut self) -> Vec<String> {
        match self.block.take() {
            Some(Block::Fenced { lines, .. } | Block::Indented { lines }) => {
                self.emit_block(&lines);
            }
            None => {}
        }
        let start = self
            .out
            .iter()
            .position(|line| !line.is_empty())
            .unwrap_or(self.out.len());
        let end = self
            .out
            .iter()
            .rposition(|line| !line.is_empty())
            .map_or(start, |at| at + 1);
        self.out[start..end].to_vec()
    }
}

fn indent(line: &str) -> usize {
    line.len() - line.trim_start_matches(' ').len()
}

fn unindent(line: &str, by: usize) -> &str {
    &line[indent(line).min(by)..]
}

fn longest_run(text: &str, of: char) -> usize {
    text.split(|c| c != of).map(str::len).max().unwrap_or(0)
}

/// The mark and length of an opening fence.
fn fence(text: &str) -> Option<(char, usize)> {
    let mark = text.chars().next().filter(|c| matches!(c, '`' | '~'))?;
    let length = text.chars().take_while(|c| *c == mark).count();
    let info = &text[length..];
    (length >= 3 && !(mark == '`' && info.contains('`'))).then_some((mark, length))
}

fn closes(line: &str, mark: char, length: usize) -> bool {
    let text = line.trim();
    text.len() >= length && text.chars().all(|c| c == mark)
}

/// One line of prose: list and quote marks with a single space behind, then safe text.
fn prose(text: &str) -> String {
    let mut out = String::new();
    let mut rest = text;
    while let Some(length) = container(rest) {
        out.push_str(&rest[..length]);
        out.push(' ');
        rest = rest[length..].trim_start();
    }
    // A fence behind a list mark would open a code block.
    if fence(rest).is_some() {
        out.push('\\');
    }
    escape(rest, &mut out);
    out.trim_end().to_owned()
}

/// Length of a list or quote mark that starts the text.
fn container(text: &str) -> Option<usize> {
    let first = text.chars().next()?;
    if first == '>' {
        return Some(1);
    }
    let length = if matches!(first, '-' | '*' | '+') {
        1
    } else {
        let digits = text.chars().take_while(char::is_ascii_digit).count();
        let mark = text[digits..].starts_with(['.', ')']);
        if digits == 0 || digits > 9 || !mark {
            return None;
        }
        digits + 1
    };
    text[length..].starts_with(' ').then_some(length)
}

fn escape(text: &str, out: &mut String) {
    let mut rest = text;
    let mut previous = ' ';
    while let Some(c) = rest.chars().next() {
        let taken = if c == '`' {
            code_span(rest, out)
        } else if c == '\\' && rest[1..].starts_with(|c: char| c.is_ascii_punctuation()) {
            out.push_str(&rest[..2]);
            2
        } else if !previous.is_alphanumeric() && is_url(rest) {
            url(rest, out)
        } else if c == '[' {
            link(rest, out)
        } else if matches!(c, ']' | '<' | '>') {
            out.push('\\');
            out.push(c);
            1
        } else {
            out.push(c);
            c.len_utf8()
        };
        previous = rest[..taken].chars().next_back().unwrap_or(' ');
        rest = &rest[taken..];
    }
}

/// Copies a code span; a run of backticks without a partner is escaped.
fn code_span(text: &str, out: &mut String) -> usize {
    let length = text.chars().take_while(|c| *c == '`').count();
    let mut at = length;
    while let Some(found) = text[at..].find('`') {
        let start = at + found;
        let run = text[start..].chars().take_while(|c| *c == '`').count();
        if run == length {
            let end = start + run;
            out.push_str(&text[..end]);
            return end;
        }
        at = start + run;
    }
    out.push_str(&"\\`".repeat(length));
    length
}

fn is_url(text: &str) -> bool {
    text.starts_with("https://") || text.starts_with("http://")
}

/// Writes a bare address as a link, without the punctuation behind it.
fn url(text: &str, out: &mut String) -> usize {
    let end = text
        .find(|c: char| c.is_whitespace() || matches!(c, '<' | '>' | '"' | '`' | ')' | ']' | '|'))
        .unwrap_or(text.len());
    let address = text[..end].trim_end_matches(['.', ',', ';', ':', '!', '?', '\'', '*']);
    out.push_str(&format!("<{address}>"));
    address.len()
}

/// Keeps `[text](http…)`; any other bracket is escaped.
fn link(text: &str, out: &mut String) -> usize {
    let kept = text.find("](").and_then(|middle| {
        let label = &text[1..middle];
        let target = &text[middle + 2..];
        let end = target.find(')')?;
        let plain = !label.contains(['[', ']', '<', '>', '`', '\\']) && !label.contains("://");
        let address = &target[..end];
        (plain && is_url(address) && !address.contains(['<', '>', ' ', '`', '\\']))
            .then_some(middle + 2 + end + 1)
    });
    match kept {
        Some(length) => {
            out.push_str(&text[..length]);
            length
        }
        None => {
            out.push_str("\\[");
            1
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn text(comment: &str) -> String {
        lines(comment).join("\n")
    }

    #[test]
    fn fences_become_text() {
        assert_eq!(
            text("See:\n```rust\nlet x = 1;\n```\nEnd"),
            "See:\n```text\nlet x = 1;\n```\nEnd"
        );
        assert_eq!(text("~~~\na```b\n"), "````text\na```b\n````");
        assert_eq!(text("```\nopen"), "```text\nopen\n```");
    }

    #[test]
    fn indented_code_is_fenced() {
        assert_eq!(
            text("Use:\n\n    let x = 1;\n\n    y\n\nEnd"),
            "Use:\n\n```text\nlet x = 1;\n\ny\n```\nEnd"
        );
        assert_eq!(text("    code at once"), "```text\ncode at once\n```");
        assert_eq!(text("# Head\n    code"), "# Head\n```text\ncode\n```");
    }

    #[test]
    fn code_in_lists_and_quotes_is_not_code() {
        assert_eq!(text("-     code"), "- code");
        assert_eq!(text(">     code"), "> code");
        assert_eq!(text("- ```rust"), "- \\\\`\\`\\`rust");
        assert_eq!(text("- a\n      b"), "- a\n   b");
    }

    #[test]
    fn brackets_and_angles_are_escaped() {
        assert_eq!(text("a [Foo] of Vec<T>"), "a \\[Foo\\] of Vec\\<T\\>");
        assert_eq!(text("`[Foo]` stays"), "`[Foo]` stays");
        assert_eq!(
            text("[docs](https://a.b/c) stay"),
            "[docs](https://a.b/c) stay"
        );
        assert_eq!(text("[docs](google.Foo)"), "\\[docs\\](google.Foo)");
    }

    #[test]
    fn bare_addresses_become_links() {
        assert_eq!(text("see https://a.b/c."), "see <https://a.b/c>.");
        assert_eq!(text("<https://a.b>"), "\\<<https://a.b>\\>");
    }

    /// Pieces that Markdown gives a meaning to, to be put in any order.
    const PIECES: &[&str] = &[
        "\n",
        "\n\n",
        "    ",
        "      ",
        "\t",
        " ",
        "a",
        "```",
        "````",
        "~~~",
        "```rust",
        "`",
        "- ",
        "1. ",
        "> ",
        "# ",
        "---",
        "===",
        "[",
        "]",
        "(",
        ")",
        "<",
        ">",
        "\\",
        "https://a.b",
        "*",
        "|",
        "\r",
        "\u{202e}",
        "\0",
        "é",
    ];

    proptest::proptest! {
        #[test]
        fn no_comment_has_code_that_would_run(
            pieces in proptest::collection::vec(proptest::sample::select(PIECES), 0..40)
        ) {
            let mut fence: Option<String> = None;
            for line in lines(&pieces.concat()) {
                let hidden = line.contains(['\r', '\n', '\0', '\u{202e}']);
                proptest::prop_assert!(!hidden);
                match &fence {
                    Some(open) if line == *open => fence = None,
                    Some(_) => {}
                    None if line.ends_with("```text") => {
                        fence = Some(line.trim_end_matches("text").to_owned());
                    }
                    None => {
                        proptest::prop_assert!(indent(&line) <= MAX_INDENT, "{line:?}");
                        let mut text = line.trim_start();
                        while let Some(length) = container(text) {
                            let rest = &text[length..];
                            proptest::prop_assert!(indent(rest) <= 1, "{line:?}");
                            text = rest.trim_start();
                        }
                        proptest::prop_assert!(super::fence(text).is_none(), "{line:?}");
                    }
                }
            }
            proptest::prop_assert!(fence.is_none());
        }
    }
}
