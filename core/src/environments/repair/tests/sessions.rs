use super::*;

#[test]
fn one_repair_at_a_time() {
    let (_folder, plan) = staged();
    let first = Session::begin(&RealDisk, &plan.prefix).unwrap();
    let second = Session::begin(&RealDisk, &plan.prefix);
    assert!(matches!(second, Err(Error::Busy { .. })));
    drop(first);
    assert!(Session::begin(&RealDisk, &plan.prefix).is_ok());
}

/// What comes to light once a plan is in place.
fn later(plan: &Plan) -> Plan {
    Plan {
        prefix: plan.prefix.clone(),
        steps: vec![Step {
            action: Action::RestoreLayout,
            reasons: Vec::new(),
            what: String::new(),
            changes: vec![Change::Remove { path: plan.prefix.join("lib/data/x.txt") }],
        }],
        unsolved: Vec::new(),
    }
}

/// What is planned once a first plan is in place belongs to the same repair.
#[test]
fn rounds_are_taken_back_together() {
    let (_folder, plan) = staged();
    let before = tree(&plan.prefix);
    let session = Session::begin(&RealDisk, &plan.prefix).unwrap();
    session.carry_out(&plan, || Verdict::GoOn).unwrap();
    let ends = || list(&plan.prefix).unwrap().iter().map(|past| past.end).collect::<Vec<_>>();
    assert_eq!(ends(), [End::Interrupted], "it is not at its end");
    session.carry_out(&later(&plan), || Verdict::Keep).unwrap();
    assert_eq!(ends(), [End::Done, End::Done]);
    assert_eq!(session.prune(1).unwrap(), 0, "it is one repair");
    let undone = session.undo().unwrap().unwrap();
    assert_eq!(undone.steps.len(), plan.steps.len() + 1);
    assert_eq!(tree(&plan.prefix), before);
}

/// An earlier repair stays, and so does the first round where only the second is not accepted.
#[test]
fn all_rounds_or_the_last_one_are_rolled_back() {
    for verdict in [Verdict::TakeBack, Verdict::TakeAllBack] {
        let (_folder, plan) = staged();
        let first = Plan { steps: plan.steps[..1].to_vec(), ..plan.clone() };
        let second = Plan { steps: plan.steps[1..].to_vec(), ..plan.clone() };
        carry_out(&RealDisk, &first).unwrap();
        let repaired = tree(&plan.prefix);
        let session = Session::begin(&RealDisk, &plan.prefix).unwrap();
        session.carry_out(&second, || Verdict::GoOn).unwrap();
        let between = tree(&plan.prefix);
        let ended = session.carry_out(&later(&plan), || verdict);
        assert!(matches!(ended, Ok(Ended::RolledBack)), "{verdict:?}: {ended:?}");
        let (ends, expected) = match verdict {
            Verdict::TakeAllBack => ([End::Done, End::Undone, End::Undone], repaired),
            _ => ([End::Done, End::Done, End::Undone], between),
        };
        assert_eq!(tree(&plan.prefix), expected, "{verdict:?}");
        let past = list(&plan.prefix).unwrap();
        assert_eq!(past.iter().map(|past| past.end).collect::<Vec<_>>(), ends, "{verdict:?}");
    }
}

#[test]
fn old_repairs_are_pruned() {
    let (_folder, plan) = staged();
    for _ in 0..3 {
        let session = Session::begin(&RealDisk, &plan.prefix).unwrap();
        session.carry_out(&plan, || Verdict::TakeBack).unwrap();
    }
    let session = Session::begin(&RealDisk, &plan.prefix).unwrap();
    assert_eq!(session.prune(1).unwrap(), 2);
    assert_eq!(list(&plan.prefix).unwrap().len(), 1);
    assert_eq!(session.prune(0).unwrap(), 1);
}
