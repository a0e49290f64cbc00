//! Methods that no contract describes.

use std::collections::HashMap;
use std::sync::{OnceLock, PoisonError, RwLock};

use rzero_core::{Class, Error, Idempotency, Kind, Method, Result};

use crate::contract::is_path;

/// The most methods, over all channels of the process, and the longest of their paths in bytes.
/// Their descriptions stay until the process ends, so neither may grow without end.
const METHODS_MAX: usize = 4096;
const PATH_BYTES_MAX: usize = 256;

/// Paths become methods once per process: what is leaked for one is there for all.
static METHODS: OnceLock<RwLock<HashMap<&'static str, Method>>> = OnceLock::new();

/// The method at `path`, of which nothing else is known.
pub(super) fn method(path: &str) -> Result<Method> {
    let methods = METHODS.get_or_init(RwLock::default);
    let known = methods.read().unwrap_or_else(PoisonError::into_inner);
    if let Some(method) = known.get(path) {
        return Ok(*method);
    }
    drop(known);
    if path.len() > PATH_BYTES_MAX || !is_path(path) {
        return Err(Error::invalid_input(format!(
            "the path of a method is /package.Service/Method, of at most {PATH_BYTES_MAX} bytes"
        )));
    }
    let mut known = methods.write().unwrap_or_else(PoisonError::into_inner);
    if let Some(method) = known.get(path) {
        return Ok(*method);
    }
    if known.len() >= METHODS_MAX {
        let text = format!("more than {METHODS_MAX} methods: give the channel their contract");
        return Err(Error::new(Class::RateLimited, text));
    }
    let method = Method::dynamic(path, Kind::Bidi, Idempotency::Unknown)?;
    known.insert(method.path(), method);
    Ok(method)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn one_method_is_made_per_path() {
        let first = method("/a.B/Once").unwrap();
        let second = method("/a.B/Once").unwrap();
        assert!(std::ptr::eq(first.path(), second.path()));
    }

    #[test]
    fn what_is_no_path_is_refused() {
        let long = format!("/a.B/{}", "x".repeat(PATH_BYTES_MAX));
        for path in ["", "/", "/a.B", "/a.B/C/D", "/a.B/C?d", &long] {
            assert_eq!(method(path).unwrap_err().class(), Class::InvalidInput);
        }
    }
}
