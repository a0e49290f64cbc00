//! The server side put together: services, layers, lifecycle, drain
