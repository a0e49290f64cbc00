//! The client side put together: discovery, connections, balanced calls
