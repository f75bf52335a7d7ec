use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use super::*;

#[test]
fn a_full_disk_at_any_call_leaves_everything_as_it_was() {
    let (before, _, calls) = both_ends();
    for at in 0..calls {
        let (folder, plan) = staged();
        let ended = carry_out(&Faulty::new(at, false), &plan);
        let now = relative_tree(&folder, &plan);
        match ended {
            // Hard links have a fallback.
            Ok(_) => assert_ne!(now, before, "call {at}"),
            Err(_) => assert_eq!(now, before, "call {at}: {ended:?}"),
        }
        // And the next attempt works.
        if ended.is_err() {
            let session = Session::begin(&RealDisk, &plan.prefix).unwrap();
            if session.undo().unwrap().is_some() {
                assert_eq!(relative_tree(&folder, &plan), before, "call {at}");
            }
            assert!(
                matches!(session.carry_out(&plan, || Verdict::Keep), Ok(Ended::Kept)),
                "call {at}"
            );
        }
    }
}

#[test]
fn a_kill_at_any_call_is_undone_or_gone_on_with() {
    let (before, after, calls) = both_ends();
    let mut resumed = 0;
    for at in 0..calls {
        for go_on in [false, true] {
            let (folder, plan) = staged();
            let _ = carry_out(&Faulty::new(at, true), &plan);
            let session = Session::begin(&RealDisk, &plan.prefix).unwrap();
            let past = if go_on { session.resume(|| false) } else { session.undo() };
            let past = past.unwrap_or_else(|error| panic!("call {at}, go on {go_on}: {error}"));
            let now = relative_tree(&folder, &plan);
            match past.map(|past| past.end) {
                Some(End::Done) => assert_eq!(now, after, "call {at}"),
                // It was killed in its last call, and is done.
                None if go_on && list(&plan.prefix).unwrap().iter().any(|p| p.end == End::Done) => {
                    assert_eq!(now, after, "call {at}");
                }
                // Taken back, or it had not begun to change anything.
                Some(_) | None => assert_eq!(now, before, "call {at}, go on {go_on}"),
            }
            resumed += usize::from(go_on && now == after);
        }
    }
    assert!(resumed > 10, "most kills are within the changes: {resumed} of {calls}");
}

#[test]
fn a_kill_while_it_is_taken_back_loses_nothing_either() {
    let (before, after, _) = both_ends();
    let counting = Faulty::counting();
    let (_folder, plan) = staged();
    carry_out(&RealDisk, &plan).unwrap();
    Session::begin(&counting, &plan.prefix).unwrap().undo().unwrap();
    for at in 0..counting.calls() {
        for go_on in [false, true] {
            let (folder, plan) = staged();
            carry_out(&RealDisk, &plan).unwrap();
            if let Ok(session) = Session::begin(&Faulty::new(at, true), &plan.prefix) {
                let _ = session.undo();
            }
            let session = Session::begin(&RealDisk, &plan.prefix).unwrap();
            let ended = if go_on { session.resume(|| false) } else { session.undo() };
            ended.unwrap_or_else(|error| panic!("call {at}, go on {go_on}: {error}"));
            let now = relative_tree(&folder, &plan);
            assert!(now == before || now == after, "call {at}, go on {go_on}: {now:#?}");
            assert!(go_on || now == before, "call {at}");
        }
    }
}

#[test]
fn an_interrupted_repair_comes_first() {
    let (_folder, plan) = staged();
    let (_, _, calls) = both_ends();
    let _ = carry_out(&Faulty::new(calls - 4, true), &plan);
    assert_eq!(list(&plan.prefix).unwrap()[0].end, End::Interrupted);
    assert!(matches!(carry_out(&RealDisk, &plan), Err(Error::Interrupted { .. })));
}

#[test]
fn an_interrupt_at_any_call_is_taken_back() {
    let (before, after, calls) = both_ends();
    let mut stopped = 0;
    for at in 0..calls {
        let (folder, plan) = staged();
        let stop = Arc::new(AtomicBool::new(false));
        let disk = Faulty::stopping(at, &stop);
        let session = Session::begin(&disk, &plan.prefix).unwrap().stopped_by(&stop);
        let ended = session.carry_out(&plan, || Verdict::Keep);
        let now = relative_tree(&folder, &plan);
        match ended {
            Err(Error::Stopped) => {
                assert_eq!(now, before, "call {at}");
                stopped += 1;
            }
            // The press came after the last change.
            Ok(Ended::Kept) => assert_eq!(now, after, "call {at}"),
            other => panic!("call {at}: {other:?}"),
        }
        let past = list(&plan.prefix).unwrap();
        assert!(past.iter().all(|past| past.end != End::Interrupted), "call {at}: {past:?}");
    }
    assert!(stopped > calls / 2, "most presses are within the changes: {stopped} of {calls}");
}

#[test]
fn going_on_can_be_interrupted_and_gone_on_with() {
    let (_, after, calls) = both_ends();
    let (folder, plan) = staged();
    let _ = carry_out(&Faulty::new(calls / 2, true), &plan);
    let stop = AtomicBool::new(true);
    let session = Session::begin(&RealDisk, &plan.prefix).unwrap().stopped_by(&stop);
    assert!(matches!(session.resume(|| false), Err(Error::Stopped)));
    assert_eq!(list(&plan.prefix).unwrap()[0].end, End::Interrupted);
    stop.store(false, Ordering::Relaxed);
    assert_eq!(session.resume(|| false).unwrap().unwrap().end, End::Done);
    assert_eq!(relative_tree(&folder, &plan), after);
}
