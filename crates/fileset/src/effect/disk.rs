//! x
/// The real disk.
#[derive(Debug)]
pub struct Disk;
