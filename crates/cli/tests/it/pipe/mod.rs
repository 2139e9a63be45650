//! Tests of `tspool pipe`, as a program among others.

mod basics;
mod commands;
mod kills;
mod signals;
mod support;
mod trouble;
