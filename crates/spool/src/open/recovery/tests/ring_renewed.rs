//! Tests a ring whose file others removed or replaced while it was in use.

use std::time::Duration;

use tracing_spool_fileset::sim::Fault;
use tracing_spool_fileset::{Op, OsError};

use super::{Process, World};
use crate::account::rank::Rank;
use crate::hand_off::draft::Draft;

/// Rounds until nothing waits.
fn drain(world: &World, process: &mut Process) {
    for _ in 0..100 {
        world.rounds(process, 1);
        if process.shared.queue.waiting().records == 0 {
            return;
        }
    }
    panic!("{:?}", process.shared.queue.waiting());
}

#[test]
fn a_ring_that_is_removed_is_made_anew_and_nothing_that_is_mapped_is_lost() {
    for deed in ["removed", "replaced"] {
        let mut world = World::new();
        let mut process = world.start(|builder| builder).unwrap();
        world.log(&process, 3);
        drain(&world, &mut process);
        // One of them waits in the old ring when the new one comes, and is begun in the file.
        world.log(&process, 5);
        let aside = world.dir.path().join("aside");
        match deed {
            "removed" => std::fs::remove_file(world.ring()).unwrap(),
            _ => {
                std::fs::rename(world.ring(), &aside).unwrap();
                std::fs::write(world.ring(), b"").unwrap();
                std::fs::set_permissions(world.ring(), std::os::unix::fs::PermissionsExt::from_mode(0o600))
                    .unwrap();
            }
        }
        world.clock.advance(Duration::from_secs(1));
        world.rounds(&mut process, 1);
        let alerts = process.shared.health().alerts;
        assert!(
            alerts.len() == 1 && alerts[0].detail.contains(&format!("{deed}; it is made anew")),
            "{alerts:?}"
        );
        world.log(&process, 4);
        drain(&world, &mut process);
        world.clock.advance(Duration::from_secs(1));
        world.rounds(&mut process, 2);
        assert_eq!(process.shared.health().alerts, [], "the next look finds it in its place");
        // What waits in the new one outlives the process.
        world.log(&process, 6);
        let stats = process.shared.stats();
        assert_eq!((stats.written, stats.queue.records, stats.dropped.total()), (12, 6, 0));
        drop(process);
        assert_eq!(world.finish().records, 6, "{deed}");
        world.assert_each_once();
    }
}

#[test]
fn a_ring_that_cannot_be_made_anew_is_tried_again_each_second() {
    let mut world = World::new();
    let mut process = world.start(|builder| builder).unwrap();
    for _ in 0..3 {
        std::fs::remove_file(world.ring()).unwrap();
        std::fs::create_dir(world.ring()).unwrap();
        world.clock.advance(Duration::from_secs(1));
        world.rounds(&mut process, 1);
        let alerts = process.shared.health().alerts;
        assert!(alerts.len() == 1 && alerts[0].detail.contains("not made anew"), "{alerts:?}");
        world.log(&process, 2);
        drain(&world, &mut process);
        std::fs::remove_dir(world.ring()).unwrap();
        for _ in 0..2 {
            world.clock.advance(Duration::from_secs(1));
            world.rounds(&mut process, 2);
        }
        assert_eq!(process.shared.health().alerts, []);
    }
    drop(process);
    world.finish();
    world.assert_each_once();
}

#[test]
fn losses_are_carried_to_the_ring_that_takes_the_place() {
    let mut world = World::new();
    let mut process = world.start(|builder| builder.queue_records(1)).unwrap();
    world.log(&process, 1);
    let mut draft = Draft::new(Rank::Error);
    draft.push(b"lost", 100);
    let _ = process.shared.submit(&draft);
    std::fs::remove_file(world.ring()).unwrap();
    world.clock.advance(Duration::from_secs(1));
    // The disk takes nothing, so the loss is not stated before the death.
    world.disk.fault(Fault::on(Op::Write).path_ends("app.log").fails(OsError::EIO).until_cleared());
    world.rounds(&mut process, 2);
    drop(process);
    world.disk.clear_faults();
    let recovered = world.finish();
    assert_eq!(recovered.dropped, 1);
}
