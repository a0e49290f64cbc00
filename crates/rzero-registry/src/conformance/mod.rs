//! What every back end must hold.
