use std::path::Path;
use std::sync::Arc;

use super::heard::Heard;
use super::places::{Because, Places};
use super::state::State;
use super::watches::Watches;
use super::*;
use crate::host::{Host, Platform};

#[test]
fn whom_a_change_in_a_workspace_concerns() {
    let folder = tempfile::tempdir().unwrap();
    let work = crate::fs::canonical(folder.path()).unwrap();
    let project = work.join("project");
    std::fs::create_dir_all(project.join("src")).unwrap();
    std::fs::write(project.join("main.py"), "").unwrap();
    let places = Places::of(&State::default(), &[work.clone(), project.clone()]);
    let check = |path: &Path, expected: Because<'_>| {
        assert_eq!(places.because(path), expected, "{}", path.display());
    };
    check(&project.join("main.py"), Because::Nothing);
    check(&project.join("gone"), Because::Nothing);
    check(&project.join("__pycache__"), Because::Nothing);
    check(&project.join("pyvenv.cfg"), Because::Folder(project.clone()));
    check(&project.join("src"), Because::Folder(project.join("src")));
    // As systems say it that tell of whole trees.
    check(&project.join("src/deep/env/pyvenv.cfg"), Because::Folder(project.join("src/deep/env")));
    check(&project, Because::Folder(project.clone()));
    check(&work.join("..").join("elsewhere"), Because::Nothing);
}

#[test]
fn what_is_watched_and_polled_has_bounds() {
    let folder = tempfile::tempdir().unwrap();
    let folders: Vec<_> = (0..6).map(|n| folder.path().join(n.to_string())).collect();
    folders.iter().for_each(|one| std::fs::create_dir(one).unwrap());
    let wanted: Vec<&Path> = folders.iter().map(PathBuf::as_path).collect();
    let host = Host::empty(Platform::CURRENT, folder.path());
    let heard = Arc::new(Heard::default());
    let bounds = Bounds { watches: 2, polled: 3, polled_at_once: 2, ..Bounds::default() };

    let mut told = Watches::new(&host, true, &bounds, &heard);
    assert_eq!(told.set(&wanted, &bounds).len(), told.watched());
    assert!(told.watched() <= 2 && told.polled() == 3, "{told:?}");
    assert_eq!(told.set(&[], &bounds), Vec::<PathBuf>::new());
    assert_eq!((told.watched(), told.polled()), (0, 0));

    let mut looked = Watches::new(&host, false, &bounds, &heard);
    looked.set(&wanted, &bounds);
    assert_eq!((looked.watched(), looked.polled()), (0, 3));
    std::fs::write(folders[1].join("pyvenv.cfg"), "home = /usr/bin\n").unwrap();
    let mut named = looked.poll(&bounds);
    named.extend(looked.poll(&bounds));
    assert_eq!(named, [folders[1].clone()]);
    assert_eq!(looked.poll(&bounds), Vec::<PathBuf>::new());
}

#[test]
fn what_the_system_should_tell_is_looked_at_too_where_it_may_not() {
    let folder = tempfile::tempdir().unwrap();
    let (above, below) = (folder.path().join("a"), folder.path().join("a/b"));
    std::fs::create_dir_all(&below).unwrap();
    let host = Host::empty(Platform::CURRENT, folder.path());
    let bounds = Bounds { check: Duration::from_secs(5), ..Bounds::default() };
    let mut told = Watches::new(&host, true, &bounds, &Arc::new(Heard::default()));
    told.set(&[&above, &below], &bounds);
    std::fs::write(below.join("pyvenv.cfg"), "home = /usr/bin\n").unwrap();
    let expected = if crate::system::TELLS_OF_TREES { vec![below] } else { Vec::new() };
    assert_eq!(told.checked(), 2 * expected.len());
    assert_eq!(told.check(&bounds), expected);
    assert_eq!(told.check(&bounds), Vec::<PathBuf>::new());
}

#[test]
fn more_than_is_kept_is_everything() {
    let heard = Heard::default();
    (0..10_000).for_each(|n| heard.changed(Path::new(&format!("/a/{n}")), false));
    let paths = heard.take();
    assert!(paths.lost && paths.changed.len() <= 4096, "{}", paths.changed.len());
    assert!(heard.woken().try_recv().is_ok() && heard.woken().try_recv().is_err());
    heard.changed(Path::new("/a"), true);
    let paths = heard.take();
    assert!(!paths.lost && paths.changed.len() == 1 && paths.removed.len() == 1);
}
