//! Values of a section that replace the defaults of a wire, in their ranges.

use std::fmt::Display;
use std::ops::RangeInclusive;
use std::time::Duration;

use rzero_config::{ByteSize, duration};
use rzero_core::{Error, Result};

/// A section of the configuration, for the keys in messages.
pub(super) struct Section(String);

impl Section {
    pub(super) fn new(name: impl Into<String>) -> Self {
        Self(name.into())
    }

    /// The section `[<self>.<name>]`.
    pub(super) fn below(&self, name: &str) -> Self {
        Self(self.key(name))
    }

    pub(super) fn key(&self, name: &str) -> String {
        format!("{}.{name}", self.0)
    }

    /// Puts a number into its place, if there is one.
    pub(super) fn count<T: TryFrom<u64>>(
        &self,
        name: &str,
        value: Option<u64>,
        range: &RangeInclusive<u64>,
        place: &mut T,
    ) -> Result<()> {
        self.put(name, value, range, |count| count.to_string(), place)
    }

    /// Puts a number of bytes into its place, if there is one.
    pub(super) fn size<T: TryFrom<u64>>(
        &self,
        name: &str,
        value: Option<ByteSize>,
        range: &RangeInclusive<u64>,
        place: &mut T,
    ) -> Result<()> {
        let shown = |bytes| format!("{:?}", ByteSize::new(bytes).to_string());
        self.put(name, value.map(ByteSize::bytes), range, shown, place)
    }

    /// A time in its range, if there is one.
    pub(super) fn time(
        &self,
        name: &str,
        value: Option<Duration>,
        range: &RangeInclusive<Duration>,
    ) -> Result<Option<Duration>> {
        match value {
            Some(time) if !range.contains(&time) => {
                let shown = |time| format!("{:?}", duration::format(time));
                let (low, high) = (shown(*range.start()), shown(*range.end()));
                Err(self.out_of_range(name, shown(time), low, high))
            }
            value => Ok(value),
        }
    }

    fn put<T: TryFrom<u64>>(
        &self,
        name: &str,
        value: Option<u64>,
        range: &RangeInclusive<u64>,
        shown: impl Fn(u64) -> String,
        place: &mut T,
    ) -> Result<()> {
        let Some(value) = value else {
            return Ok(());
        };
        let fitting = range.contains(&value).then(|| T::try_from(value).ok());
        *place = fitting.flatten().ok_or_else(|| {
            let (low, high) = (shown(*range.start()), shown(*range.end()));
            self.out_of_range(name, shown(value), low, high)
        })?;
        Ok(())
    }

    fn out_of_range(
        &self,
        name: &str,
        value: impl Display,
        low: impl Display,
        high: impl Display,
    ) -> Error {
        let key = self.key(name);
        Error::invalid_input(format!(
            "{key} = {value} is out of range; write {low} to {high}"
        ))
    }
}
