//! The program stopped at a call that changes the disk, and killed there: by the number of the call, so
//! that nothing depends on time. Linux on x86-64.

use std::process::{Child, Command, Stdio};

use nix::libc;
use nix::sys::ptrace;
use nix::sys::signal::{Signal, kill};
use nix::sys::wait::{WaitStatus, waitpid};
use nix::unistd::Pid;

use super::Home;

/// A moment of a program that changes the disk.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Moment {
    /// Before the call with this number.
    Before(usize),
    /// When it wrote a part of what it was to write.
    Within(usize),
}

/// A call that changes the disk.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Call {
    pub(crate) name: &'static str,
    /// It may end with a part of the bytes written.
    pub(crate) is_divisible: bool,
}

/// The program while it is traced; killed when this is dropped.
#[derive(Debug)]
pub(crate) struct Traced {
    _child: Child,
    pid: Pid,
    /// Between the start of a call and its end.
    inside: bool,
    ended: bool,
}

impl Drop for Traced {
    fn drop(&mut self) {
        if !self.ended {
            let _ = kill(self.pid, Signal::SIGKILL);
            while matches!(waitpid(self.pid, None), Ok(status) if !matches!(status, WaitStatus::Signaled(..)))
            {
            }
        }
    }
}

impl Traced {
    /// `aios` with these arguments, before its first call.
    pub(crate) fn start(home: &Home, args: &[&str]) -> Traced {
        // A shell that waits for its input becomes the program once it is traced.
        let mut command: Command =
            home.command_after(&["/bin/sh", "-c", "read go; exec \"$0\" \"$@\""]);
        command.args(args).stdin(Stdio::piped()).stdout(Stdio::null()).stderr(Stdio::null());
        let mut child = command.spawn().unwrap();
        let pid = Pid::from_raw(child.id() as i32);
        ptrace::attach(pid).unwrap();
        // It may still be on its way to be a shell, which stops it once more.
        while waitpid(pid, None).unwrap() != WaitStatus::Stopped(pid, Signal::SIGSTOP) {
            ptrace::cont(pid, None).unwrap();
        }
        let options = ptrace::Options::PTRACE_O_TRACESYSGOOD | ptrace::Options::PTRACE_O_TRACEEXEC;
        ptrace::setoptions(pid, options | ptrace::Options::PTRACE_O_EXITKILL).unwrap();
        // Its input ends.
        drop(child.stdin.take());
        let mut traced = Traced { _child: child, pid, inside: false, ended: false };
        while !matches!(traced.on(None), WaitStatus::PtraceEvent(..)) {
            assert!(!traced.ended, "the shell ended before it became the program");
        }
        traced
    }

    /// Goes on to where the program is stopped next.
    fn on(&mut self, signal: Option<Signal>) -> WaitStatus {
        ptrace::syscall(self.pid, signal).unwrap();
        let status = waitpid(self.pid, None).unwrap();
        match status {
            WaitStatus::PtraceSyscall(_) => self.inside = !self.inside,
            WaitStatus::Exited(..) | WaitStatus::Signaled(..) => self.ended = true,
            _ => {}
        }
        status
    }

    /// Goes on to the start of the next call that changes the disk; `None` when it ended before.
    pub(crate) fn next(&mut self) -> Option<Call> {
        let mut signal = None;
        loop {
            match self.on(signal.take()) {
                WaitStatus::PtraceSyscall(_) if self.inside => {
                    if let Some(call) = change(&ptrace::getregs(self.pid).unwrap()) {
                        return Some(call);
                    }
                }
                WaitStatus::Stopped(_, other) => signal = Some(other),
                WaitStatus::Exited(..) | WaitStatus::Signaled(..) => return None,
                _ => {}
            }
        }
    }

    /// All of them, to the end.
    pub(crate) fn rest(mut self) -> Vec<Call> {
        std::iter::from_fn(|| self.next()).collect()
    }

    /// Kills it there. Whether it got there.
    pub(crate) fn kill_at(mut self, moment: Moment) -> bool {
        let (Moment::Before(number) | Moment::Within(number)) = moment;
        for _ in 0..=number {
            if self.next().is_none() {
                return false;
            }
        }
        if let Moment::Within(_) = moment {
            let mut registers = ptrace::getregs(self.pid).unwrap();
            match registers.orig_rax as i64 {
                libc::SYS_copy_file_range => registers.r8 = 1,
                libc::SYS_sendfile => registers.r10 = 1,
                _ => registers.rdx /= 2,
            }
            ptrace::setregs(self.pid, registers).unwrap();
            while self.inside {
                self.on(None);
            }
        }
        // Killed when it is dropped, which is now.
        true
    }
}

/// What the call is that starts with these registers, when it changes the disk.
fn change(registers: &libc::user_regs_struct) -> Option<Call> {
    let call = |name| Some(Call { name, is_divisible: false });
    let is_file = registers.rdi > 2;
    let creates = |flags: u64| flags as i32 & libc::O_CREAT != 0;
    match registers.orig_rax as i64 {
        libc::SYS_write | libc::SYS_pwrite64 if is_file => {
            Some(Call { name: "write", is_divisible: registers.rdx > 1 })
        }
        libc::SYS_copy_file_range | libc::SYS_sendfile => {
            Some(Call { name: "copy", is_divisible: true })
        }
        libc::SYS_writev | libc::SYS_pwritev if is_file => call("write"),
        libc::SYS_open if creates(registers.rsi) => call("create"),
        libc::SYS_openat if creates(registers.rdx) => call("create"),
        libc::SYS_truncate | libc::SYS_ftruncate | libc::SYS_fallocate => call("truncate"),
        libc::SYS_rename | libc::SYS_renameat | libc::SYS_renameat2 => call("rename"),
        libc::SYS_link | libc::SYS_linkat => call("link"),
        libc::SYS_symlink | libc::SYS_symlinkat => call("symlink"),
        libc::SYS_unlink | libc::SYS_unlinkat => call("unlink"),
        libc::SYS_mkdir | libc::SYS_mkdirat => call("mkdir"),
        libc::SYS_rmdir => call("rmdir"),
        libc::SYS_chmod | libc::SYS_fchmod | libc::SYS_fchmodat => call("chmod"),
        libc::SYS_chown | libc::SYS_fchown | libc::SYS_lchown | libc::SYS_fchownat => call("chown"),
        libc::SYS_utimensat => call("utimes"),
        libc::SYS_fsync | libc::SYS_fdatasync => call("sync"),
        _ => None,
    }
}
