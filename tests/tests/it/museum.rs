//! Proves, row by row, that what breaks other loggers does not break this one: each test is called after its row.
//! It does not prove what only the writer's threads can get wrong: rows T are elsewhere.

mod disk;
#[cfg(target_os = "linux")]
mod forks;
mod found;
mod interference;
mod intruders;
mod limits;
#[cfg(target_os = "linux")]
mod manners;
#[cfg(target_os = "linux")]
mod missing;
mod mounts;
mod others;
mod owners;
#[cfg(target_os = "linux")]
mod process;
mod resources;
mod retention;
mod rotation;
mod scene;
mod starts;
mod streams;
mod stuck;
