//! What only this backend can get wrong, and what needs to reach inside it.
