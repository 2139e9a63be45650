//! Proves that hooks run at `exit`, whichever thread calls it.

use std::sync::atomic::{AtomicU32, Ordering};
use std::thread;

use tracing_spool_process::{Process, at_exit};

use super::alone;
use super::forked::ask;

fn says_so() {
    println!("a word");
}

#[test]
fn the_word_is_said_at_exit_on_another_thread() {
    const TEST: &str = "endings::the_word_is_said_at_exit_on_another_thread";
    let Err(said) = alone(TEST) else {
        assert!(at_exit(says_so) && at_exit(says_so));
        let _never = thread::spawn(|| std::process::exit(0)).join();
        unreachable!("exit does not return");
    };
    assert_eq!(said.matches("a word").count(), 1, "{said}");
}

#[test]
fn the_word_is_said_at_a_return_from_main() {
    const TEST: &str = "endings::the_word_is_said_at_a_return_from_main";
    let Err(said) = alone(TEST) else {
        assert!(at_exit(says_so));
        return;
    };
    assert_eq!(said.matches("a word").count(), 1, "{said}");
}

#[test]
fn a_child_that_exits_says_it_too() {
    const TEST: &str = "endings::a_child_that_exits_says_it_too";
    static PARENT: AtomicU32 = AtomicU32::new(0);
    fn ends() {
        if PARENT.load(Ordering::Relaxed) != std::process::id() {
            // SAFETY: ends the process, and runs nothing.
            unsafe { nix::libc::_exit(if Process::here().number() > 1 { 7 } else { 8 }) }
        }
    }
    if alone(TEST).is_err() {
        return;
    }
    PARENT.store(std::process::id(), Ordering::Relaxed);
    let _here = Process::here();
    assert!(at_exit(ends));
    assert_eq!(ask(|| std::process::exit(0)), 7);
}
