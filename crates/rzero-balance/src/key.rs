//! Hashes that are the same in every process and on every machine.

/// The key of an instance id for [`Candidate::key`](crate::Candidate::key).
///
/// Stable over processes, machines and releases, so that all clients place a hash key on the same
/// node. It is not meant to resist collisions made on purpose.
#[must_use]
pub fn instance_key(id: &str) -> u64 {
    // FNV-1a gathers the bytes, the finalizer spreads them over all bits.
    let gathered = id.bytes().fold(0xcbf2_9ce4_8422_2325, |hash: u64, byte| {
        (hash ^ u64::from(byte)).wrapping_mul(0x0100_0000_01b3)
    });
    mix(gathered)
}

/// Spreads every bit of `x` over all bits (the finalizer of splitmix64); a bijection.
#[inline]
pub(crate) const fn mix(x: u64) -> u64 {
    let x = (x ^ (x >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    let x = (x ^ (x >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
    x ^ (x >> 31)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn keys_do_not_change_between_releases() {
        assert_eq!(instance_key("10.0.0.1:8080"), 16_626_783_001_958_982_370);
    }
}
