//! Other processes of a test: it runs itself, and a variable says what each does there.

use std::ffi::OsString;
use std::io::{BufRead, BufReader, Write};
use std::path::{Path, PathBuf};
use std::process::{Child, ChildStdin, Command, Stdio};

const ROLE: &str = "AIOS_TEST_ROLE";
const FOLDER: &str = "AIOS_TEST_FOLDER";

/// Another process of the test; killed when it is dropped.
pub(crate) struct Peer {
    pub(crate) child: Child,
    pub(crate) input: Option<ChildStdin>,
    lines: std::io::Lines<BufReader<std::process::ChildStdout>>,
}

impl Peer {
    /// What this process is to do, and in which folder. `None` in the one that starts the others.
    pub(crate) fn role() -> Option<(String, PathBuf)> {
        Some((std::env::var(ROLE).ok()?, std::env::var_os(FOLDER)?.into()))
    }

    /// What tells a process its role.
    pub(crate) fn variables(role: &str, folder: &Path) -> [(&'static str, OsString); 2] {
        [(ROLE, role.into()), (FOLDER, folder.into())]
    }

    /// Starts a test, by its whole name, in another process.
    pub(crate) fn start(test: &str, role: &str, folder: &Path) -> Peer {
        let mut command = Command::new(std::env::current_exe().unwrap());
        command.args(["--exact", test, "--nocapture"]).envs(Peer::variables(role, folder));
        Peer::of(&mut command)
    }

    /// Starts another program.
    pub(crate) fn of(command: &mut Command) -> Peer {
        let mut child = command.stdin(Stdio::piped()).stdout(Stdio::piped()).spawn().unwrap();
        let lines = BufReader::new(child.stdout.take().unwrap()).lines();
        Peer { input: child.stdin.take(), child, lines }
    }

    /// The number after a word in the next line that has it.
    pub(crate) fn hear(&mut self, word: &str) -> Option<u64> {
        // The harness of the tests writes to the same stream, and in the same line before the first.
        self.lines.by_ref().map_while(Result::ok).find_map(|line| {
            let (_, number) = line.split_once(word)?;
            number.trim().parse().ok()
        })
    }

    pub(crate) fn tell(&mut self) {
        self.input.as_mut().unwrap().write_all(b"\n").unwrap();
    }

    pub(crate) fn kill(mut self) {
        self.child.kill().unwrap();
        self.child.wait().unwrap();
    }

    /// Ends its input, and waits for its end.
    pub(crate) fn end(mut self) -> bool {
        drop(self.input.take());
        self.child.wait().unwrap().success()
    }
}

impl Drop for Peer {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}
