//! Load shedding: a server that has too much refuses some of it.
