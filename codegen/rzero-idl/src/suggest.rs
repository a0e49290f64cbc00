//! "Did you mean": the nearest known name.

/// Shorter names are near to too many others.
const MIN_LETTERS: usize = 3;

/// The candidate nearest to `wrong`, when it is near enough to be a slip: at most a third of the
/// letters differ. Ties go to a first letter of the same case, then to the alphabet.
pub(crate) fn nearest<'a>(
    wrong: &str,
    candidates: impl IntoIterator<Item = &'a str>,
) -> Option<&'a str> {
    let letters = wrong.chars().count();
    let limit = (letters / 3).max(1);
    candidates
        .into_iter()
        .filter(|candidate| letters >= MIN_LETTERS && candidate.chars().count() >= MIN_LETTERS)
        .map(|candidate| (distance(wrong, candidate), candidate))
        .filter(|(distance, _)| *distance <= limit)
        .min_by_key(|(distance, candidate)| {
            (*distance, !same_initial(wrong, candidate), *candidate)
        })
        .map(|(_, candidate)| candidate)
}

fn same_initial(a: &str, b: &str) -> bool {
    let capital = |name: &str| name.starts_with(char::is_uppercase);
    capital(a) == capital(b)
}

/// Edits (insert, delete, replace, swap of neighbours) between two names; a change of case counts
/// nothing.
fn distance(a: &str, b: &str) -> usize {
    let a: Vec<char> = a.chars().flat_map(char::to_lowercase).collect();
    let b: Vec<char> = b.chars().flat_map(char::to_lowercase).collect();
    let mut rows = vec![vec![0; b.len() + 1]; a.len() + 1];
    for (i, row) in rows.iter_mut().enumerate() {
        row[0] = i;
    }
    rows[0] = (0..=b.len()).collect();
    for i in 1..=a.len() {
        for j in 1..=b.len() {
            let replaced = rows[i - 1][j - 1] + usize::from(a[i - 1] != b[j - 1]);
            let mut least = replaced.min(rows[i - 1][j] + 1).min(rows[i][j - 1] + 1);
            let swapped = i > 1 && j > 1 && a[i - 1] == b[j - 2] && a[i - 2] == b[j - 1];
            if swapped {
                least = least.min(rows[i - 2][j - 2] + 1);
            }
            rows[i][j] = least;
        }
    }
    rows[a.len()][b.len()]
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn slip_of_one_letter_is_found() {
        assert_eq!(
            nearest("HelloRequst", ["Event", "HelloRequest"]),
            Some("HelloRequest")
        );
    }

    #[test]
    fn swapped_letters_are_one_slip() {
        assert_eq!(nearest("Itme", ["Item", "Time"]), Some("Item"));
    }

    #[test]
    fn case_of_the_first_letter_decides_between_equals() {
        assert_eq!(nearest("strng", ["String", "string"]), Some("string"));
        assert_eq!(nearest("Strng", ["String", "string"]), Some("String"));
    }

    #[test]
    fn unrelated_name_is_not_suggested() {
        assert_eq!(nearest("Order", ["HelloRequest", "Event"]), None);
    }
}
