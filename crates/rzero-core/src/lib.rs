//! The call and its shapes: method, metadata, deadline, lane, error, seams
