//! The store on Redis 7.0 to 8, or Valkey.
