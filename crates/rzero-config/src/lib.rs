//! Layered, strictly checked, hot-reloadable configuration
