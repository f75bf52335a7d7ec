//! The program on a terminal of its own.

use std::fs::File;
use std::io::{Read, Write};
use std::process::{Child, Command, Stdio};

pub(crate) struct Terminal {
    pub(crate) child: Child,
    screen: File,
    /// What was shown, without carriage returns.
    pub(crate) seen: String,
}

impl Terminal {
    /// Of 24 lines with 80 columns.
    pub(crate) fn start(mut command: Command) -> Terminal {
        let size = nix::pty::Winsize { ws_row: 24, ws_col: 80, ws_xpixel: 0, ws_ypixel: 0 };
        let nix::pty::OpenptyResult { master, slave } =
            nix::pty::openpty(Some(&size), None).unwrap();
        let end = || Stdio::from(slave.try_clone().unwrap());
        let child = command.stdin(end()).stdout(end()).stderr(end()).spawn().unwrap();
        Terminal { child, screen: File::from(master), seen: String::new() }
    }

    /// Reads until this is shown, or the program ended.
    pub(crate) fn wait_for(&mut self, text: &str) -> bool {
        let mut piece = [0; 4096];
        while !self.seen.contains(text) {
            // Linux says EIO once nobody has the other end.
            let Ok(read @ 1..) = self.screen.read(&mut piece) else { return false };
            self.seen.push_str(&String::from_utf8_lossy(&piece[..read]).replace('\r', ""));
        }
        true
    }

    /// Waits until what is typed is not shown any more.
    #[cfg(target_os = "linux")]
    pub(crate) fn wait_until_hidden(&self) {
        use nix::sys::termios::{LocalFlags, tcgetattr};
        while tcgetattr(&self.screen).unwrap().local_flags.contains(LocalFlags::ECHO) {
            std::thread::sleep(std::time::Duration::from_millis(1));
        }
    }

    pub(crate) fn press(&mut self, keys: &str) {
        self.screen.write_all(keys.as_bytes()).unwrap();
    }
}
