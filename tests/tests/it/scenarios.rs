//! Proves the eight scenarios that this project began with, on the machine's own disk: a test for each, of its name.
//! Each module is a part of the eight; what else can go wrong is proved by the museum.

mod failing;
mod full;
mod rotating;
mod sizes;
