use std::fs;
use std::os::unix::fs::PermissionsExt;

use aios_core::engine::{Engine, Error};

use crate::support::Machine;
use crate::support::system::set_mode;

// Not on Windows: owners and modes are of Unix.
#[test]
fn what_is_remembered_is_for_its_user_alone() {
    let mut machine = Machine::new();
    let folder = machine.memory();
    drop(machine.engine());
    let mode = || fs::metadata(&folder).unwrap().permissions().mode() & 0o777;
    assert_eq!(mode(), 0o700);
    set_mode(&folder, 0o755);
    drop(machine.engine());
    assert_eq!(mode(), 0o700);

    // Somebody else, in the folder and in the home of this user.
    machine.host.user.uid = machine.host.user.uid.map(|uid| uid + 1);
    let open = |folder| Engine::open(&machine.host, folder).unwrap_err();
    assert!(matches!(open(&folder), Error::Foreign { path } if path == folder));
    let home = machine.home.path();
    assert!(matches!(open(&home.join("new")), Error::Foreign { path } if path == home));
    assert!(!home.join("new").exists());
}
