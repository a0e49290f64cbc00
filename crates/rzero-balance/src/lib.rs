//! Pure load-balancing decisions over node statistics
