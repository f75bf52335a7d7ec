//! Environments as `python -m venv` and pip make them on Windows: copies and launchers, no links.

use std::ffi::OsString;
use std::fs;
use std::path::{Path, PathBuf};

use super::environment::{Base, Venv, elf, pe, write};

/// Where scripts are in an environment.
pub(crate) const SCRIPTS: &str = "Scripts";
/// The interpreter that everything starts.
pub(crate) const PYTHON: &str = "Scripts/python.exe";
/// All names of the interpreter of a virtual environment.
pub(crate) const INTERPRETERS: &[&str] = &["python.exe", "pythonw.exe"];
/// From `site-packages` to the scripts.
pub(crate) const TO_SCRIPTS: &str = "../../Scripts";
/// Where uv installs Python 3.12.3, below the home folder.
pub(crate) const UV_PYTHON: &str = "AppData/Roaming/uv/python/cpython-3.12.3-windows-x86_64-none";
/// Where uv puts environments of tools, below the home folder.
pub(crate) const UV_TOOLS: &str = "AppData/Roaming/uv/tools";
/// Scripts that name their environment, and how: before its path and after.
pub(crate) const ACTIVATE: &[(&str, &str, &str)] = &[
    ("activate", "# This file must be used with \"source bin/activate\"\nVIRTUAL_ENV='", "'\n"),
    ("activate.fish", "set -gx VIRTUAL_ENV '", "'\n"),
    ("activate.bat", "@echo off\r\nset \"VIRTUAL_ENV=", "\"\r\n"),
];

/// Names a home folder.
pub(crate) const HOME_VARIABLE: &str = "USERPROFILE";
/// Names the folder of caches, and where it is without it, below the home folder.
pub(crate) const CACHE_VARIABLE: &str = "LOCALAPPDATA";
pub(crate) const CACHES: &str = "AppData/Local";
/// Where is remembered what was seen, below the home folder.
pub(crate) const REMEMBERED: &str = "AppData/Local/aios";
/// `IMAGE_FILE_MACHINE_AMD64`
const X86_64: u16 = 0x8664;
const AARCH64: u16 = 0xaa64;

/// A whole image for this machine.
pub(crate) fn image(marker: &str) -> Vec<u8> {
    pe(if cfg!(target_arch = "aarch64") { AARCH64 } else { X86_64 }, marker)
}

/// A whole image that does not run here.
pub(crate) fn foreign_image(marker: &str) -> Vec<u8> {
    pe(if cfg!(target_arch = "aarch64") { X86_64 } else { AARCH64 }, marker)
}

/// A program that does not run here: Windows translates those of other processors.
pub(crate) fn foreign_program() -> Vec<u8> {
    elf(62, "\x003.12.3\0")
}

/// Mode, owner and group: none of them is judged.
pub(crate) fn rights(_: &fs::Metadata) -> (u32, u32, u32) {
    (0, 0, 0)
}

/// The `file:` URL of a path that needs no escapes.
pub(crate) fn url_of(path: &Path) -> String {
    format!("file:///{}", path.to_str().unwrap().replace('\\', "/"))
}

/// The standard library of a base, and what holds `site-packages` of an environment.
pub(crate) fn library(prefix: &Path, _xy: &str) -> PathBuf {
    prefix.join("Lib")
}

/// The folder of header files of a base.
pub(crate) fn headers(prefix: &Path, _xy: &str) -> PathBuf {
    prefix.join("include")
}

pub(crate) fn executable_of_base(prefix: &Path, _xy: &str) -> PathBuf {
    prefix.join("python.exe")
}

/// What `home` of `pyvenv.cfg` names.
pub(crate) fn home_of_base(prefix: &Path) -> PathBuf {
    prefix.to_path_buf()
}

/// The programs of a base: the interpreter is in a library that its program loads.
pub(crate) fn make_programs_of_base(base: &Base) {
    for name in ["python.exe", "pythonw.exe"] {
        write(&base.prefix.join(name), image("a program"));
    }
    // Those that environments get.
    for name in ["python.exe", "pythonw.exe"] {
        write(&base.library().join("venv/scripts/nt").join(name), image("a program"));
    }
    let library = format!("python{}.dll", base.xy.replace('.', ""));
    write(&base.prefix.join(library), image(&format!("\0{}\0", base.version)));
    write(&base.prefix.join("python3.dll"), image("a library"));
    fs::create_dir_all(base.prefix.join("DLLs")).unwrap();
}

/// The interpreters of a virtual environment: small programs that start those of the base.
pub(crate) fn make_interpreters(venv: &Venv) {
    for name in INTERPRETERS {
        write(&venv.bin(name), image("a program"));
    }
}

/// What tells the version of an environment beside its marker: the library beside a copied interpreter.
pub(crate) fn tell_version(venv: &Venv) {
    write(&venv.bin("python312.dll"), image("a library"));
}

/// The file name of a console script.
pub(crate) fn script(name: &str) -> String {
    format!("{name}.exe")
}

/// A console script as pip writes it: a launcher, what it starts, and a zip archive.
pub(crate) fn content_of_script(venv: &Venv, _module: &str) -> Vec<u8> {
    let mut content = image("a launcher");
    content.extend(format!("#!{}\r\n", venv.bin("python.exe").display()).into_bytes());
    content.extend(b"PK\x05\x06\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0");
    content
}

/// How the name of an extension ends.
pub(crate) fn extension_suffix(xy: &str) -> String {
    format!(".cp{}-{}.pyd", xy.replace('.', ""), wheel_platform())
}

/// The platform of a wheel's tag.
pub(crate) fn wheel_platform() -> String {
    if cfg!(target_arch = "aarch64") { "win_arm64" } else { "win_amd64" }.to_owned()
}

/// Writes a program.
pub(crate) fn write_program(path: &Path, content: impl AsRef<[u8]>) {
    write(path, content);
}

/// Names that would break a line, a terminal, a document or a lookup. Windows allows no control
/// characters below 32 and no `"*/:<>?\|` in names, and none that ends in a dot or a blank.
pub(crate) fn unusual_names() -> Vec<OsString> {
    [
        "with space",
        "-rf",
        "--help",
        "environnement-\u{e9}\u{73af}\u{5883}",
        "right\u{202e}to-left",
        "c1-\u{9b}31m",
        "del-\u{7f}",
        "nul\u{fffd}",
        "%PATH%",
        "a^b&c",
        "{}",
        "a`b",
        "~",
        "$(x)",
        "UPPER lower",
    ]
    .map(OsString::from)
    .into()
}

/// A place in an environment of Python 3.12, given as Linux has it.
pub(crate) fn place(place: &str) -> String {
    let names = [
        ("lib/python3.12", "Lib"),
        ("lib64/python3.12", "Lib"),
        ("lib64", "Lib"),
        ("lib", "Lib"),
        ("bin/python3", "Scripts/pythonw.exe"),
        ("bin/python", "Scripts/python.exe"),
        ("bin/webtool", "Scripts/webtool.exe"),
        ("bin", "Scripts"),
    ];
    for (linux, windows) in names {
        if let Some((before, after)) = place.split_once(linux)
            && (before.is_empty() || before.ends_with('/'))
            && (after.is_empty() || after.starts_with('/'))
        {
            return format!("{before}{windows}{after}");
        }
    }
    place.to_owned()
}

/// A place in a home folder, given as Linux has it.
pub(crate) fn place_in_home(place: &str) -> String {
    let folders = [
        (".local/share/jupyter", "AppData/Roaming/jupyter"),
        (".config/hatch", "AppData/Local/hatch"),
        (".config/", "AppData/Roaming/"),
    ];
    for (linux, windows) in folders {
        if let Some(rest) = place.strip_prefix(linux) {
            return format!("{windows}{rest}");
        }
    }
    place.to_owned()
}

/// From `site-packages` to the prefix.
pub(crate) const UP_FROM_SITE_PACKAGES: &str = "../..";

/// Folders and files of a crowd. Wine looks through the whole folder for each name that is new.
pub(crate) const CROWD: usize = 2_000;

/// Not measured.
pub(crate) fn resident_kib(_: u32) -> u64 {
    0
}

/// What is no environment, and its names: nothing that the others do not have.
pub(crate) fn put_odd_files(_: &Path) -> &'static [&'static str] {
    &[]
}

/// There are no modules but files and folders: a folder where RECORD has a file.
pub(crate) fn put_odd_modules(folder: &Path, _elsewhere: &Path) {
    fs::create_dir_all(folder.join("fifo.py")).unwrap();
}

/// What a RECORD that lists them leads to.
pub(crate) const CODE_OF_ODD_MODULES: &str = "file-type-conflict";

/// There are no links: what stands there is empty.
pub(crate) fn put_dangling(path: &Path) {
    write(path, "");
}

/// Interpreters are copies that look into `pyvenv.cfg` for the one that they start.
pub(crate) fn lead_interpreter_to(venv: &Venv, folder: &Path) {
    write(&venv.cfg(), format!("home = {}\nversion = 3.12.3\n", folder.display()));
}

/// What is said of environments that stand on each other.
pub(crate) const CODE_OF_A_RING: &str = "pyvenv-cfg-home-stale";

/// Places, as [`place`] takes them, of which nothing is judged: `pythonw.exe`.
pub(crate) const NOT_JUDGED: &[&str] = &["bin/python3"];

/// A process cannot be stopped here.
pub(crate) fn stopped(_: u32) -> impl FnOnce() {
    || ()
}

/// Does something, then says so on the standard output and ends the process: calls cannot be forbidden here.
pub(crate) fn without_system_calls(run: impl FnOnce(), say: &[u8]) -> ! {
    run();
    print!("{}", String::from_utf8_lossy(say));
    std::process::exit(0);
}
