//! The engine from outside, on a real disk and on `SimDisk`.
//! Each module says what it proves.

mod real_disk;
