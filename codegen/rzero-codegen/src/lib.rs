//! Source files from a checked contract model
