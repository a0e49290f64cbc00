//! Servers that somebody else started and named in the environment.

use std::env;

/// Name of the variable with the endpoints of a shared etcd, set by `cargo xtask test`.
pub const ETCD_ENV: &str = "RZ_TEST_ETCD";

/// The endpoints (`127.0.0.1:port`) of the etcd that tests share, from [`ETCD_ENV`].
///
/// `None` when the variable is unset or names nothing. A test that uses a shared server owns a
/// unique key prefix and never assumes an empty store; a test that breaks its server starts an
/// [`EtcdCluster`](crate::EtcdCluster) of its own.
pub fn etcd_from_env() -> Option<Vec<String>> {
    parse_endpoints(&env::var(ETCD_ENV).ok()?)
}

fn parse_endpoints(list: &str) -> Option<Vec<String>> {
    let endpoints: Vec<String> = list
        .split(',')
        .map(|part| part.trim().trim_start_matches("http://").to_owned())
        .filter(|part| !part.is_empty())
        .collect();
    (!endpoints.is_empty()).then_some(endpoints)
}

#[cfg(test)]
mod tests {
    use super::parse_endpoints;

    #[test]
    fn endpoints_are_split_at_commas() {
        let parsed = parse_endpoints("127.0.0.1:1, http://127.0.0.1:2,");
        assert_eq!(
            parsed,
            Some(vec!["127.0.0.1:1".into(), "127.0.0.1:2".into()])
        );
    }

    #[test]
    fn blank_variable_counts_as_unset() {
        assert_eq!(parse_endpoints(" , "), None);
    }
}
