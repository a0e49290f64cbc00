//! Patterns of callers; those of methods are `rzero_core::glob_method`.

use rzero_core::glob;

/// Whether `pattern` fits a caller, `service@version`: the whole, or the service alone.
pub(crate) fn matches_caller(pattern: &str, caller: &str) -> bool {
    let service = caller
        .split_once('@')
        .map_or(caller, |(service, _)| service);
    glob(pattern, caller) || glob(pattern, service)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn callers_match_with_and_without_version() {
        for pattern in ["batch-*", "batch-nightly", "batch-nightly@1.*", "*@1.2"] {
            assert!(matches_caller(pattern, "batch-nightly@1.2"), "{pattern}");
        }
        assert!(!matches_caller("batch", "batch-nightly@1.2"));
        assert!(!matches_caller("*@2*", "batch-nightly@1.2"));
        assert!(matches_caller("web", "web"));
    }
}
