//! Where the calls go, in virtual time and from fixed seeds.

mod common;
mod consistent_hash;
mod load;
mod outlier;
mod outlier_load;
mod rules;
