//! Environments as `python -m venv` and pip make them on Linux and macOS: links, modes, scripts.

use std::ffi::OsString;
use std::fs;
use std::os::unix::ffi::OsStringExt;
pub(crate) use std::os::unix::fs::symlink;
use std::os::unix::fs::{MetadataExt, PermissionsExt};
use std::path::{Path, PathBuf};
use std::process::Command;

use super::environment::{Base, Venv, elf, write};

/// Where scripts are in an environment.
pub(crate) const SCRIPTS: &str = "bin";
/// The interpreter that everything starts.
pub(crate) const PYTHON: &str = "bin/python";
/// All names of the interpreter of a virtual environment of Python 3.12.
pub(crate) const INTERPRETERS: &[&str] = &["python", "python3", "python3.12"];
/// From `site-packages` to the scripts.
pub(crate) const TO_SCRIPTS: &str = "../../../bin";
/// Where uv installs Python 3.12.3, below the home folder.
pub(crate) const UV_PYTHON: &str = ".local/share/uv/python/cpython-3.12.3-linux-x86_64-gnu";
/// Where uv puts environments of tools, below the home folder.
pub(crate) const UV_TOOLS: &str = ".local/share/uv/tools";
/// Scripts that name their environment, and how: before its path and after.
pub(crate) const ACTIVATE: &[(&str, &str, &str)] = &[
    ("activate", "# This file must be used with \"source bin/activate\"\nVIRTUAL_ENV='", "'\n"),
    ("activate.csh", "setenv VIRTUAL_ENV '", "'\n"),
    ("activate.fish", "set -gx VIRTUAL_ENV '", "'\n"),
];

/// Names a home folder.
pub(crate) const HOME_VARIABLE: &str = "HOME";
/// Names the folder of caches, and where it is without it, below the home folder.
pub(crate) const CACHE_VARIABLE: &str = "XDG_CACHE_HOME";
pub(crate) const CACHES: &str = if cfg!(target_os = "macos") { "Library/Caches" } else { ".cache" };
/// Where is remembered what was seen, below the home folder.
pub(crate) const REMEMBERED: &str = if cfg!(target_os = "macos") {
    "Library/Application Support/aios"
} else {
    ".local/share/aios"
};
/// Machine number of x86-64 in an ELF header.
const X86_64: u16 = 62;
const AARCH64: u16 = 183;

/// The machine number of the system that runs the test.
fn this_machine() -> u16 {
    match std::env::consts::ARCH {
        "aarch64" => AARCH64,
        "riscv64" => 243,
        _ => X86_64,
    }
}

/// A whole image for this machine.
pub(crate) fn image(marker: &str) -> Vec<u8> {
    elf(this_machine(), marker)
}

/// A whole image for another machine.
pub(crate) fn foreign_image(marker: &str) -> Vec<u8> {
    elf(if this_machine() == X86_64 { AARCH64 } else { X86_64 }, marker)
}

/// A Mach-O program for Apple's processors: a header, and no load commands.
pub(crate) fn macho() -> Vec<u8> {
    const ARM64: u32 = 0x0100_000c;
    const EXECUTE: u32 = 2;
    [0xfeed_facf_u32, ARM64, 0, EXECUTE, 0, 0, 0, 0]
        .iter()
        .flat_map(|word| word.to_le_bytes())
        .collect()
}

/// A program that does not run here.
pub(crate) fn foreign_program() -> Vec<u8> {
    foreign_image("\x003.12.3\0")
}

pub(crate) fn set_mode(path: &Path, mode: u32) {
    fs::set_permissions(path, fs::Permissions::from_mode(mode)).unwrap();
}

/// Mode, owner and group.
pub(crate) fn rights(metadata: &fs::Metadata) -> (u32, u32, u32) {
    (metadata.mode() & 0o7777, metadata.uid(), metadata.gid())
}

/// The `file:` URL of a path that needs no escapes.
pub(crate) fn url_of(path: &Path) -> String {
    format!("file://{}", path.display())
}

/// The standard library of a base, and what holds `site-packages` of an environment.
pub(crate) fn library(prefix: &Path, xy: &str) -> PathBuf {
    prefix.join("lib").join(format!("python{xy}"))
}

/// The folder of header files of a base.
pub(crate) fn headers(prefix: &Path, xy: &str) -> PathBuf {
    prefix.join("include").join(format!("python{xy}"))
}

pub(crate) fn executable_of_base(prefix: &Path, xy: &str) -> PathBuf {
    prefix.join("bin").join(format!("python{xy}"))
}

/// What `home` of `pyvenv.cfg` names.
pub(crate) fn home_of_base(prefix: &Path) -> PathBuf {
    prefix.join("bin")
}

/// The programs of a base.
pub(crate) fn make_programs_of_base(base: &Base) {
    let executable = base.executable();
    write_program(&executable, image(&format!("\0{}\0", base.version)));
    for name in ["python", "python3"] {
        symlink(executable.file_name().unwrap(), executable.with_file_name(name)).unwrap();
    }
    fs::create_dir_all(base.library().join("lib-dynload")).unwrap();
}

/// The interpreters of a virtual environment, and `lib64`.
pub(crate) fn make_interpreters(venv: &Venv) {
    symlink("lib", venv.prefix.join("lib64")).unwrap();
    symlink(venv.base.executable(), venv.bin("python")).unwrap();
    symlink("python", venv.bin("python3")).unwrap();
    symlink("python", venv.bin(&format!("python{}", venv.base.xy))).unwrap();
}

/// What tells the version of an environment beside its marker: here `lib/python3.12` does.
pub(crate) fn tell_version(_: &Venv) {}

/// The file name of a console script.
pub(crate) fn script(name: &str) -> String {
    name.to_owned()
}

/// A console script as pip writes it.
pub(crate) fn content_of_script(venv: &Venv, module: &str) -> Vec<u8> {
    format!(
        "#!{}\n# -*- coding: utf-8 -*-\nimport re\nimport sys\nfrom {module} import main\n\
         if __name__ == '__main__':\n    \
         sys.argv[0] = re.sub(r'(-script\\.pyw|\\.exe)?$', '', sys.argv[0])\n    \
         sys.exit(main())\n",
        venv.bin("python").display()
    )
    .into_bytes()
}

/// Writes a program.
pub(crate) fn write_program(path: &Path, content: impl AsRef<[u8]>) {
    write(path, content);
    set_mode(path, 0o755);
}

/// How the name of an extension ends.
pub(crate) fn extension_suffix(xy: &str) -> String {
    format!(".cpython-{}-{}-linux-gnu.so", xy.replace('.', ""), std::env::consts::ARCH)
}

/// The platform of a wheel's tag.
pub(crate) fn wheel_platform() -> String {
    format!("linux_{}", std::env::consts::ARCH)
}

/// Names that would break a line, a terminal, a document or a lookup.
pub(crate) fn unusual_names() -> Vec<OsString> {
    let names: &[&[u8]] = &[
        b"with space",
        b"\x1b[31mred",
        b"right\xe2\x80\xaeto-left",
        b"quote\"back\\slash",
        "environnement-\u{e9}\u{73af}\u{5883}".as_bytes(),
        b"line\nbreak",
        b"\r",
        b"\x1b[2J\x1b]0;title\x07",
        b"\xc2\x9b31m",
        b"\xe2\x80\xaereversed",
        b"caf\xe9",
        b"\xff\xfe\xfd",
        b"\xed\xa0\x80",
        b"\"quoted\\\"",
        b"{}",
        b"a`b",
        b"-rf",
        b"--help",
        b" ",
        b"...",
        b"~",
        b"$(x)",
        b"*",
        b"\x7f",
        b"nul\xef\xbf\xbd",
    ];
    names.iter().map(|name| OsString::from_vec(name.to_vec())).collect()
}

/// A place in an environment of Python 3.12, given as Linux has it.
pub(crate) fn place(place: &str) -> String {
    place.to_owned()
}

/// A place in a home folder, given as Linux has it.
pub(crate) fn place_in_home(place: &str) -> String {
    place.to_owned()
}

/// From `site-packages` to the prefix.
pub(crate) const UP_FROM_SITE_PACKAGES: &str = "../../..";

/// Folders and files of a crowd.
pub(crate) const CROWD: usize = 50_000;

/// The most memory that the process had so far; nothing where there is no `/proc`.
pub(crate) fn resident_kib(id: u32) -> u64 {
    // Until it is the program, it is this test's process by another number.
    let own = fs::read_link(format!("/proc/{id}/exe")).is_ok_and(|path| path.ends_with("aios"));
    if !own {
        return 0;
    }
    let status = fs::read_to_string(format!("/proc/{id}/status")).unwrap_or_default();
    let line = status.lines().find_map(|line| line.strip_prefix("VmHWM:"));
    line.and_then(|line| line.trim().strip_suffix(" kB")?.parse().ok()).unwrap_or(0)
}

pub(crate) fn fifo(path: &Path) {
    assert!(Command::new("mkfifo").arg(path).status().unwrap().success());
}

/// What is no environment, and its names.
pub(crate) fn put_odd_files(folder: &Path) -> &'static [&'static str] {
    symlink("nowhere", folder.join("dangling")).unwrap();
    symlink("circle", folder.join("circle")).unwrap();
    fifo(&folder.join("fifo"));
    &["dangling", "circle", "fifo"]
}

/// What is no module: `fifo.py`, `zero.py`, `passwd.txt`, `link.py`, `root`.
pub(crate) fn put_odd_modules(folder: &Path, elsewhere: &Path) {
    fifo(&folder.join("fifo.py"));
    for (name, target) in [
        ("zero.py", Path::new("/dev/zero")),
        ("passwd.txt", Path::new("/etc/passwd")),
        ("link.py", elsewhere),
        ("root", Path::new("/")),
    ] {
        symlink(target, folder.join(name)).unwrap();
    }
}

/// What a RECORD that lists them leads to.
pub(crate) const CODE_OF_ODD_MODULES: &str = "file-type-conflict";

/// A name at which nothing stands, though a folder lists it.
pub(crate) fn put_dangling(path: &Path) {
    symlink("nowhere", path).unwrap();
}

/// Makes the interpreter one of another folder of interpreters, there or not.
pub(crate) fn lead_interpreter_to(venv: &Venv, folder: &Path) {
    let python = venv.python();
    fs::remove_file(&python).unwrap();
    symlink(folder.join("python"), &python).or_else(|_| symlink("nowhere", &python)).unwrap();
}

/// What is said of environments that stand on each other.
pub(crate) const CODE_OF_A_RING: &str = "interpreter-symlink-loop";

/// Places, as [`place`] takes them, of which nothing is judged.
pub(crate) const NOT_JUDGED: &[&str] = &[];

/// Stops a process; it goes on when what this gives is called.
pub(crate) fn stopped(id: u32) -> impl FnOnce() {
    use nix::sys::signal::{Signal, kill};
    let pid = nix::unistd::Pid::from_raw(id as i32);
    kill(pid, Signal::SIGSTOP).unwrap();
    move || kill(pid, Signal::SIGCONT).unwrap()
}

/// Does something, then says so on the standard output and ends the process; any other system call ends it
/// with a signal.
#[cfg(target_os = "linux")]
#[expect(unsafe_code, reason = "no library knows these calls")]
pub(crate) fn without_system_calls(run: impl FnOnce(), say: &[u8]) -> ! {
    use nix::libc::{self, sock_filter, sock_fprog};
    let step = |code: u32, jt: u8, k: u32| sock_filter { code: code as u16, jt, jf: 0, k };
    let is = libc::BPF_JMP | libc::BPF_JEQ | libc::BPF_K;
    let filter = [
        // The number of the call.
        step(libc::BPF_LD | libc::BPF_W | libc::BPF_ABS, 0, 0),
        step(is, 2, libc::SYS_write as u32),
        step(is, 1, libc::SYS_exit_group as u32),
        step(libc::BPF_RET | libc::BPF_K, 0, libc::SECCOMP_RET_KILL_PROCESS),
        step(libc::BPF_RET | libc::BPF_K, 0, libc::SECCOMP_RET_ALLOW),
    ];
    let program = sock_fprog { len: filter.len() as u16, filter: filter.as_ptr().cast_mut() };
    // SAFETY: the kernel copies the program, which lives until then.
    unsafe {
        assert_eq!(libc::prctl(libc::PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0), 0);
        let filtered =
            libc::prctl(libc::PR_SET_SECCOMP, libc::SECCOMP_MODE_FILTER, &raw const program);
        assert_eq!(filtered, 0);
    }
    run();
    // SAFETY: the bytes are a slice; the process ends without looking at anything of it.
    unsafe {
        libc::write(1, say.as_ptr().cast(), say.len());
        libc::_exit(0)
    }
}

/// The same, where calls cannot be forbidden.
#[cfg(not(target_os = "linux"))]
pub(crate) fn without_system_calls(run: impl FnOnce(), say: &[u8]) -> ! {
    run();
    print!("{}", String::from_utf8_lossy(say));
    std::process::exit(0);
}
