//! The calls that change a disk, behind one trait: so that a test can fail or die at each of them.

use std::fs::File;
use std::io::{self, Write};
use std::path::Path;

use crate::system;

/// Writes what a file is to hold.
pub type Fill<'a> = dyn FnMut(&mut dyn Write) -> io::Result<()> + 'a;

/// Changes of the disk. Each call is done or not done; none leaves a half behind under a final name.
pub trait Disk: std::fmt::Debug + Sync {
    /// A new file with these bytes, durable when this returns. Fails when something stands there.
    fn create(&self, path: &Path, content: &[u8], mode: u32) -> io::Result<()>;
    /// A new file with what `fill` writes, which may have ended early; durable once it is settled. Fails when something
    /// stands there.
    fn write(&self, path: &Path, mode: u32, fill: &mut Fill<'_>) -> io::Result<()> {
        let mut content = Vec::new();
        fill(&mut content)?;
        self.create(path, &content, mode)
    }
    /// Makes durable what was written in a folder and those below.
    fn settle(&self, folder: &Path) -> io::Result<()> {
        self.sync_folder(folder)
    }
    /// A copy of a file, durable when this returns. Fails when something stands there.
    fn copy(&self, from: &Path, to: &Path, mode: u32) -> io::Result<()>;
    /// Another name of a file.
    fn hard_link(&self, from: &Path, to: &Path) -> io::Result<()>;
    /// A symbolic link. Fails when something stands there.
    fn symlink(&self, target: &Path, path: &Path) -> io::Result<()>;
    /// Gives a file, link or folder another name, in the place of what stands there (no folder).
    fn rename(&self, from: &Path, to: &Path) -> io::Result<()>;
    /// Lets two folders change names at once. An error of kind `Unsupported` where the system cannot.
    fn exchange(&self, _a: &Path, _b: &Path) -> io::Result<()> {
        Err(io::ErrorKind::Unsupported.into())
    }
    /// Sets permission bits; nothing happens on systems without them.
    fn set_mode(&self, path: &Path, mode: u32) -> io::Result<()>;
    /// Gives a file the owner and group of another one, as far as this user may.
    fn take_owner(&self, path: &Path, of: &Path) -> io::Result<()>;
    /// A folder and those above it.
    fn make_folder(&self, path: &Path) -> io::Result<()>;
    /// Removes a file or link.
    fn remove_file(&self, path: &Path) -> io::Result<()>;
    /// Removes an empty folder.
    fn remove_folder(&self, path: &Path) -> io::Result<()>;
    /// Makes the names in a folder durable.
    fn sync_folder(&self, path: &Path) -> io::Result<()>;
}

/// The disk of this machine.
#[derive(Debug, Clone, Copy)]
pub struct RealDisk;

impl Disk for RealDisk {
    fn create(&self, path: &Path, content: &[u8], mode: u32) -> io::Result<()> {
        let mut file = system::new_file(path, mode)?;
        file.write_all(content)?;
        file.sync_all()
    }

    fn write(&self, path: &Path, mode: u32, fill: &mut Fill<'_>) -> io::Result<()> {
        let mut file = system::new_file(path, mode)?;
        fill(&mut file)?;
        if system::SETTLES_AT_ONCE { Ok(()) } else { file.sync_all() }
    }

    fn settle(&self, folder: &Path) -> io::Result<()> {
        system::settle(folder)
    }

    fn copy(&self, from: &Path, to: &Path, mode: u32) -> io::Result<()> {
        let mut source = File::open(from)?;
        let mut file = system::new_file(to, mode)?;
        io::copy(&mut source, &mut file)?;
        file.sync_all()
    }

    fn hard_link(&self, from: &Path, to: &Path) -> io::Result<()> {
        std::fs::hard_link(from, to)
    }

    fn symlink(&self, target: &Path, path: &Path) -> io::Result<()> {
        system::symlink(target, path)
    }

    fn rename(&self, from: &Path, to: &Path) -> io::Result<()> {
        std::fs::rename(from, to)
    }

    fn exchange(&self, a: &Path, b: &Path) -> io::Result<()> {
        system::exchange(a, b)
    }

    fn set_mode(&self, path: &Path, mode: u32) -> io::Result<()> {
        system::set_mode(path, mode)
    }

    fn take_owner(&self, path: &Path, of: &Path) -> io::Result<()> {
        system::take_owner(path, of)
    }

    fn make_folder(&self, path: &Path) -> io::Result<()> {
        std::fs::create_dir_all(path)
    }

    fn remove_file(&self, path: &Path) -> io::Result<()> {
        std::fs::remove_file(path)
    }

    fn remove_folder(&self, path: &Path) -> io::Result<()> {
        std::fs::remove_dir(path)
    }

    fn sync_folder(&self, path: &Path) -> io::Result<()> {
        system::sync_folder(path)
    }
}
