//! Where a service's `rzero` comes from.

/// The source of the framework's crates.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Dependency {
    /// A checkout: the path of its root, as it shall stand in the manifest.
    Path(String),
    /// A git repository: its URL.
    Git(String),
    /// Published crates: a version requirement such as `0.1`.
    Version(String),
    /// The workspace that the service is a member of declares them.
    Workspace,
}

impl Dependency {
    /// The right side of a dependency in a manifest.
    pub(super) fn line(&self, krate: &str, features: &[&str]) -> String {
        let mut keys = match self {
            Self::Path(root) => {
                let path = format!("{}/crates/{krate}", root.trim_end_matches('/'));
                vec![format!("path = {}", quoted(&path))]
            }
            Self::Git(url) => vec![format!("git = {}", quoted(url))],
            Self::Version(version) if features.is_empty() => return quoted(version),
            Self::Version(version) => vec![format!("version = {}", quoted(version))],
            Self::Workspace => vec!["workspace = true".to_owned()],
        };
        if !features.is_empty() {
            let features: Vec<String> = features.iter().map(|feature| quoted(feature)).collect();
            keys.push(format!("features = [{}]", features.join(", ")));
        }
        format!("{{ {} }}", keys.join(", "))
    }
}

/// A TOML string.
fn quoted(text: &str) -> String {
    let mut out = String::from("\"");
    for c in text.chars() {
        match c {
            '"' | '\\' => out.extend(['\\', c]),
            c if c.is_control() => out.push_str(&format!("\\u{:04X}", u32::from(c))),
            c => out.push(c),
        }
    }
    out.push('"');
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_source_has_its_own_form() {
        let line = |dependency: Dependency| dependency.line("rzero", &["etcd"]);
        assert_eq!(
            line(Dependency::Path("/src/rzero/".into())),
            r#"{ path = "/src/rzero/crates/rzero", features = ["etcd"] }"#
        );
        assert_eq!(
            line(Dependency::Version("0.1".into())),
            r#"{ version = "0.1", features = ["etcd"] }"#
        );
        assert_eq!(
            Dependency::Version("0.1".into()).line("rzero", &[]),
            r#""0.1""#
        );
        assert_eq!(
            Dependency::Git("https://x/y\"".into()).line("rzero", &[]),
            r#"{ git = "https://x/y\"" }"#
        );
    }
}
