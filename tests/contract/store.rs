//! What the store promises, on any backend.
