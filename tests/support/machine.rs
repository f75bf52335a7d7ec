//! A machine of which something is remembered, as a library sees it.

use std::path::{Path, PathBuf};
use std::sync::Arc;

use aios_core::environments::inspection::{Inspection, Limits, Request, inspect};
use aios_core::{Depth, Host, Platform};

use super::Home;

/// A home folder, and the machine that has no other folders.
pub(crate) struct Machine {
    pub(crate) home: Home,
    pub(crate) host: Host,
}

impl Machine {
    pub(crate) fn new() -> Machine {
        let home = Home::new();
        let mut host = Host::empty(Platform::CURRENT, home.path());
        host.home = Some(home.path().to_path_buf());
        host.user = Host::current().unwrap().user;
        Machine { home, host }
    }

    /// The folder of what is remembered.
    pub(crate) fn memory(&self) -> PathBuf {
        self.home.join("memory")
    }

    /// Looks without a cache.
    pub(crate) fn look(&self, paths: &[&Path], workspaces: &[&Path], depth: Depth) -> Inspection {
        let owned = |paths: &[&Path]| paths.iter().map(|path| path.to_path_buf()).collect();
        let request = Request {
            paths: owned(paths),
            workspaces: owned(workspaces),
            depth,
            limits: Limits::default(),
            cache: None,
            progress: Arc::default(),
        };
        inspect(&self.host, &request)
    }
}
