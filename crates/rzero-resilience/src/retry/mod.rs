//! Whether, when and where a call is tried again.
