//! Why no code could be written.

/// A generator failure. Contracts that passed the checks of `rzero-idl` should not cause one.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum GenerateError {
    /// The message generator refused the descriptors.
    #[error("cannot write the messages: {reason}")]
    Messages {
        /// What it said.
        reason: String,
    },
    /// The written code is not Rust; a bug here.
    #[error("the code written for package `{package}` is not valid Rust")]
    Syntax {
        /// The package, empty for files without one.
        package: String,
        /// Where the syntax breaks.
        #[source]
        source: syn::Error,
    },
    /// The contracts hold messages only.
    #[error("the contracts hold no service")]
    NoService,
    /// A template failed; a bug in it.
    #[error("template `{name}` failed")]
    Template {
        /// Which one.
        name: String,
        /// What it said.
        #[source]
        source: minijinja::Error,
    },
    /// A name that cannot be a crate.
    #[error("`{name}` cannot be the name of a service: {reason}")]
    Name {
        /// The name.
        name: String,
        /// The rule it breaks.
        reason: &'static str,
    },
}
