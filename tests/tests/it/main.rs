//! Everything that needs a real disk, real threads or a real process: one binary, a module for each subject.
//! This file only lists. A module's first line says what it proves.

mod alone;
mod appender;
mod bad_input;
mod compression;
mod museum;
mod properties;
mod readers;
mod scenarios;
mod smoke;
mod support;
mod threads;
