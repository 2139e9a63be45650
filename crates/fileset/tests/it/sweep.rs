//! Proves that no single failed call, once or for a while, loses, tears, repeats or reorders a record, breaks a cap or
//! leaves an alert behind: every call of a start, rotations, a prune and a restart, with each errno of the contract.

use std::collections::BTreeSet;

use tracing_spool_fileset::sim::Fault;
use tracing_spool_fileset::{Op, OsError, Settings};

use crate::world::{World, settings};

const ERRORS: [OsError; 16] = [
    OsError::EAGAIN,
    OsError::EBUSY,
    OsError::ETXTBSY,
    OsError::EINTR,
    OsError::ENOENT,
    OsError::ESTALE,
    OsError::EACCES,
    OsError::EPERM,
    OsError::ENOSPC,
    OsError::EDQUOT,
    OsError::EROFS,
    OsError::EFBIG,
    OsError::EIO,
    OsError::EMFILE,
    OsError::ENOMEM,
    OsError::EXDEV,
];

#[derive(Clone, Copy, Debug)]
enum Lasting {
    Once,
    UntilCleared,
}

/// A start, rotations, a restart, more rotations.
fn run(world: &mut World) {
    world.open();
    world.log(14);
    world.close();
    world.open();
    world.log(8);
    world.settle();
    // One more rotation, by which even a failed sync is over.
    world.log(5);
    world.settle();
}

/// How often each kind of call is made when nothing fails.
fn calls(settings: &Settings) -> Vec<(Op, u64)> {
    let mut world = World::new(settings.clone());
    run(&mut world);
    world.assert_rest();
    assert!(world.files().len() > 1, "too little happens: {:?}", world.files());
    let journal = world.disk.journal();
    Op::ALL
        .into_iter()
        .map(|op| (op, journal.iter().filter(|entry| entry.op == op).count() as u64))
        .filter(|(_, count)| *count > 0)
        .collect()
}

fn sweep(settings: &Settings, check: impl Fn(&mut World, OsError)) -> u32 {
    let mut runs = 0;
    for (op, count) in calls(settings) {
        for nth in 1..=count {
            for error in ERRORS {
                for lasting in [Lasting::Once, Lasting::UntilCleared] {
                    let mut world = World::new(settings.clone());
                    // A `stat` that denies what stands there cannot be told from its removal: the budget is kept
                    // for what is seen.
                    world.caps_hold = !(op == Op::Stat && error == OsError::ENOENT);
                    let fault = Fault::on(op).nth(nth).fails(error);
                    world.disk.fault(match lasting {
                        Lasting::Once => fault.once(),
                        Lasting::UntilCleared => fault.until_cleared(),
                    });
                    let what = format!("{op} number {nth} fails with {error:?}, {lasting:?}");
                    let outcome = std::panic::catch_unwind(std::panic::AssertUnwindSafe(|| {
                        run(&mut world);
                        world.assert_rest();
                        check(&mut world, error);
                    }));
                    assert!(outcome.is_ok(), "{what}: see above");
                    runs += 1;
                }
            }
        }
    }
    runs
}

#[test]
fn every_call_with_every_error_and_room_for_all() {
    let runs = sweep(&settings(9, 1 << 20), |world, error| {
        // On a full disk own backups go first: these are pruned, which is not lost.
        let pruned = matches!(error, OsError::ENOSPC | OsError::EDQUOT);
        let from = if pruned { world.oldest_kept() } else { 0 };
        world.assert_records(from, &BTreeSet::new());
        assert_eq!(world.finished, world.sent);
    });
    assert!(runs > 3_000, "{runs} runs");
    println!("{runs} runs");
}

#[test]
fn every_call_with_every_error_and_pruning() {
    let runs = sweep(&settings(2, 500), |world, _| {
        let from = world.oldest_kept();
        world.assert_records(from, &BTreeSet::new());
        assert_eq!(world.finished, world.sent);
    });
    assert!(runs > 3_000, "{runs} runs");
    println!("{runs} runs");
}
