//! The etcd registry
