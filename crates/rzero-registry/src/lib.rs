//! Service registration and discovery: the traits and the embedded back ends
