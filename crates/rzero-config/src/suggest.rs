//! "did you mean": the known name closest to a misspelt one.

/// At most this many known names are listed when none is close.
const NAMES_LISTED_MAX: usize = 12;

/// The help text for an unknown `name`; `None` when nothing is known.
pub(crate) fn help<'a>(name: &str, known: impl Iterator<Item = &'a str>) -> Option<String> {
    let mut known: Vec<&str> = known.filter(|candidate| !candidate.is_empty()).collect();
    known.sort_unstable();
    known.dedup();
    if let Some(best) = closest(name, &known) {
        return Some(format!("did you mean `{best}`?"));
    }
    if known.is_empty() {
        return None;
    }
    let listed: Vec<String> = known
        .iter()
        .take(NAMES_LISTED_MAX)
        .map(|name| format!("`{name}`"))
        .collect();
    let dots = if known.len() > NAMES_LISTED_MAX {
        ", …"
    } else {
        ""
    };
    Some(format!("known: {}{dots}", listed.join(", ")))
}

fn closest<'a>(name: &str, known: &[&'a str]) -> Option<&'a str> {
    let plain = |text: &str| text.to_lowercase().replace(['-', '_'], "");
    let wanted = plain(name);
    // A third of the letters may differ: `lisen` is `listen`, `foo` is not `bar`.
    let allowed = (wanted.chars().count() / 3).max(1);
    known
        .iter()
        .map(|candidate| (distance(&wanted, &plain(candidate)), *candidate))
        .filter(|(distance, candidate)| *distance <= allowed && *distance < candidate.len())
        .min()
        .map(|(_, candidate)| candidate)
}

/// Edits (insert, delete, replace, swap of neighbours) from one text to the other.
fn distance(a: &str, b: &str) -> usize {
    // Keys are short; a hostile one must not cost a quadratic table.
    let a: Vec<char> = a.chars().take(64).collect();
    let b: Vec<char> = b.chars().take(64).collect();
    let mut rows = vec![vec![0; b.len() + 1]; a.len() + 1];
    for (i, row) in rows.iter_mut().enumerate() {
        row[0] = i;
    }
    for (j, cell) in rows[0].iter_mut().enumerate() {
        *cell = j;
    }
    for i in 1..=a.len() {
        for j in 1..=b.len() {
            let replace = rows[i - 1][j - 1] + usize::from(a[i - 1] != b[j - 1]);
            let mut best = replace.min(rows[i - 1][j] + 1).min(rows[i][j - 1] + 1);
            if i > 1 && j > 1 && a[i - 1] == b[j - 2] && a[i - 2] == b[j - 1] {
                best = best.min(rows[i - 2][j - 2] + 1);
            }
            rows[i][j] = best;
        }
    }
    rows[a.len()][b.len()]
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn closest_name_is_suggested() {
        let known = ["listen", "timeout", "max_body"];
        for (typed, meant) in [
            ("lisen", Some("listen")),
            ("lsiten", Some("listen")),
            ("time_out", Some("timeout")),
            ("maxBody", Some("max_body")),
            ("weight", None),
            ("x", None),
        ] {
            assert_eq!(closest(typed, &known), meant, "{typed}");
        }
    }

    #[test]
    fn far_names_list_what_is_known() {
        let help = help("zzzzzz", ["b", "a"].into_iter());
        assert_eq!(help.as_deref(), Some("known: `a`, `b`"));
    }
}
