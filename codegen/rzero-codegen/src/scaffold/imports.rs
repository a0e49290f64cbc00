//! `use` lines as rustfmt writes them.

use std::cmp::Ordering;
use std::collections::{BTreeMap, BTreeSet};

/// Line width of rustfmt's defaults.
pub(super) const WIDTH: usize = 100;

/// Names of the prelude that code in a scaffold may rely on.
const PRELUDE: &[&str] = &[
    "AsMut",
    "AsRef",
    "Box",
    "Clone",
    "Copy",
    "Default",
    "DoubleEndedIterator",
    "Drop",
    "Eq",
    "Err",
    "ExactSizeIterator",
    "Extend",
    "Fn",
    "FnMut",
    "FnOnce",
    "From",
    "FromIterator",
    "Future",
    "Into",
    "IntoFuture",
    "IntoIterator",
    "Iterator",
    "None",
    "Ok",
    "Option",
    "Ord",
    "PartialEq",
    "PartialOrd",
    "Result",
    "Self",
    "Send",
    "Sized",
    "Some",
    "String",
    "Sync",
    "ToOwned",
    "ToString",
    "TryFrom",
    "TryInto",
    "Unpin",
    "Vec",
    "Debug",
    "Hash",
];

/// Collects the imports of a file. A name that is taken is written as a path instead.
pub(super) struct Imports {
    krate: String,
    reserved: BTreeSet<String>,
    /// Identifier to the module it comes from.
    names: BTreeMap<String, String>,
    uses_api: bool,
    crate_names: BTreeSet<String>,
}

impl Imports {
    /// Imports from `krate`; `reserved` are names the file uses otherwise.
    pub(super) fn new(krate: &str, reserved: &[&str]) -> Self {
        let reserved = PRELUDE
            .iter()
            .chain(reserved)
            .map(|name| (*name).to_owned())
            .collect();
        Self {
            krate: krate.to_owned(),
            reserved,
            names: BTreeMap::new(),
            uses_api: false,
            crate_names: BTreeSet::new(),
        }
    }

    /// Imports an item of the crate's root.
    pub(super) fn always(&mut self, name: &str) {
        self.crate_names.insert(name.to_owned());
    }

    /// How the file writes an item of a generated module.
    pub(super) fn path(&mut self, module: &[String], name: &str) -> String {
        let module = module.join("::");
        let known = self.names.get(name).is_none_or(|from| *from == module);
        if known && !self.reserved.contains(name) && !name.starts_with("r#") {
            self.names.insert(name.to_owned(), module);
            return name.to_owned();
        }
        self.uses_api = true;
        if module.is_empty() {
            format!("api::{name}")
        } else {
            format!("api::{module}::{name}")
        }
    }

    /// How the file writes a type, given its path from the top of the generated code.
    pub(super) fn ty(&mut self, from_root: &str) -> String {
        if let Some(absolute) = from_root.strip_prefix("::") {
            return absolute
                .replace("rzero::prost::alloc::string::String", "String")
                .replace("rzero::prost::alloc::vec::Vec", "Vec");
        }
        let Some((module, name)) = from_root.rsplit_once("::") else {
            // A primitive or `()`.
            return from_root.to_owned();
        };
        let module: Vec<String> = module.split("::").map(str::to_owned).collect();
        self.path(&module, name)
    }

    /// What stands behind each `use`, in order.
    pub(super) fn lines(&self) -> Vec<String> {
        let mut modules: BTreeMap<String, Vec<String>> = BTreeMap::new();
        for (name, module) in &self.names {
            let path = format!("{}::api::{module}", self.krate);
            modules
                .entry(path.trim_end_matches("::").to_owned())
                .or_default()
                .push(name.clone());
        }
        let mut top: Vec<String> = self.crate_names.iter().cloned().collect();
        if self.uses_api {
            top.push("api".to_owned());
        }
        let mut lines: Vec<String> = modules
            .into_iter()
            .map(|(module, names)| group(&module, names))
            .collect();
        if !top.is_empty() {
            lines.push(group(&self.krate, top));
        }
        lines.sort_by(|a, b| by_version(a, b));
        lines
    }
}

/// `module::{A, B}` in one line, else filled lines.
pub(super) fn group(module: &str, mut names: Vec<String>) -> String {
    names.sort_by(|a, b| by_version(a, b));
    if let [name] = &names[..] {
        return format!("{module}::{name}");
    }
    let one_line = format!("{module}::{{{}}}", names.join(", "));
    // So much rustfmt leaves free after a list in one line.
    if "use ;".len() + one_line.len() <= WIDTH - 2 {
        return one_line;
    }
    let mut lines = vec![String::from("   ")];
    for name in names {
        let line = lines.last().map_or(0, String::len);
        // Inside the braces rustfmt leaves the last column free.
        if line > 3 && line + name.len() + 2 >= WIDTH {
            lines.push(String::from("   "));
        }
        if let Some(line) = lines.last_mut() {
            line.push_str(&format!(" {name},"));
        }
    }
    format!("{module}::{{\n{}\n}}", lines.join("\n"))
}

/// The order of rustfmt's 2024 style: runs of digits compare as numbers, raw marks do not count.
pub(super) fn by_version(a: &str, b: &str) -> Ordering {
    let (a, b) = (a.replace("r#", ""), b.replace("r#", ""));
    let (mut a, mut b) = (a.as_str(), b.as_str());
    loop {
        let digits = |text: &str| text.chars().take_while(char::is_ascii_digit).count();
        match (digits(a), digits(b)) {
            (0, _) | (_, 0) => {
                let (Some(left), Some(right)) = (a.chars().next(), b.chars().next()) else {
                    return a.len().cmp(&b.len());
                };
                if left != right {
                    return left.cmp(&right);
                }
                a = &a[left.len_utf8()..];
                b = &b[right.len_utf8()..];
            }
            (left, right) => {
                let number = |text: &str| text.parse::<u128>().unwrap_or(u128::MAX);
                let order = number(&a[..left])
                    .cmp(&number(&b[..right]))
                    .then(left.cmp(&right));
                if order != Ordering::Equal {
                    return order;
                }
                a = &a[left..];
                b = &b[right..];
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn digits_sort_as_numbers() {
        let mut names = ["Item10", "Item2", "Item", "Apple"];
        names.sort_by(|a, b| by_version(a, b));
        assert_eq!(names, ["Apple", "Item", "Item2", "Item10"]);
    }

    #[test]
    fn taken_names_become_paths() {
        let mut imports = Imports::new("shop", &["Cx"]);
        let module = |name: &str| vec![name.to_owned()];
        assert_eq!(imports.path(&module("a"), "Item"), "Item");
        assert_eq!(imports.path(&module("b"), "Item"), "api::b::Item");
        assert_eq!(imports.path(&module("a"), "Option"), "api::a::Option");
        assert_eq!(imports.lines(), ["shop::api", "shop::api::a::Item"]);
    }
}
