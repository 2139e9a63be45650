//! Proves nothing yet, still to come.
