//! A base installation and virtual environments on it, as `python -m venv` and pip leave them.

use std::ffi::OsStr;
use std::fs;
use std::io::Write;
use std::path::{Path, PathBuf};

use base64::Engine;
use sha2::{Digest, Sha256};
use zip::ZipWriter;
use zip::write::SimpleFileOptions;

use super::home::native;
use super::system;

/// A whole ELF image of a few hundred bytes: a header and one segment that covers the file.
pub(crate) fn elf(machine: u16, marker: &str) -> Vec<u8> {
    let mut file = vec![0x7f, b'E', b'L', b'F', 2, 1, 1, 0, 0, 0, 0, 0, 0, 0, 0, 0];
    let size = 64 + 56 + marker.len() as u64;
    for half in [3_u16, machine] {
        file.extend(half.to_le_bytes());
    }
    file.extend(1_u32.to_le_bytes());
    // Entry, offset of the program headers, offset of the section headers.
    for word in [0_u64, 64, 0] {
        file.extend(word.to_le_bytes());
    }
    file.extend(0_u32.to_le_bytes());
    for half in [64_u16, 56, 1, 64, 0, 0] {
        file.extend(half.to_le_bytes());
    }
    // PT_LOAD, readable and executable.
    for half in [1_u32, 5] {
        file.extend(half.to_le_bytes());
    }
    for word in [0, 0, 0, size, size, 4096] {
        file.extend(word.to_le_bytes());
    }
    file.extend(marker.as_bytes());
    file
}

/// A whole PE image: its headers, and one section that holds the marker.
pub(crate) fn pe(machine: u16, marker: &str) -> Vec<u8> {
    const HEADER_BYTES: usize = 512;
    const OPTIONAL_BYTES: u16 = 112 + 16 * 8;
    let mut file = b"MZ".to_vec();
    file.resize(60, 0);
    file.extend(64_u32.to_le_bytes());
    file.extend(b"PE\0\0");
    for half in [machine, 1] {
        file.extend(half.to_le_bytes());
    }
    file.extend([0; 12]);
    // An executable that takes large addresses; PE32+.
    for half in [OPTIONAL_BYTES, 0x22, 0x20b] {
        file.extend(half.to_le_bytes());
    }
    let optional = file.len() - 2;
    file.resize(optional + usize::from(OPTIONAL_BYTES), 0);
    file[optional + 60..optional + 64].copy_from_slice(&(HEADER_BYTES as u32).to_le_bytes());
    file[optional + 108] = 16;
    file.extend(b".rdata\0\0");
    let size = marker.len() as u32;
    for word in [size, 0x1000, size, HEADER_BYTES as u32, 0, 0, 0, 0x4000_0040] {
        file.extend(word.to_le_bytes());
    }
    file.resize(HEADER_BYTES, 0);
    file.extend(marker.as_bytes());
    file
}

/// Writes a file and the folders above it.
pub(crate) fn write(path: &Path, content: impl AsRef<[u8]>) {
    fs::create_dir_all(path.parent().unwrap()).unwrap();
    fs::write(path, content).unwrap();
}

/// A base installation.
#[derive(Debug, Clone)]
pub(crate) struct Base {
    pub(crate) prefix: PathBuf,
    /// `3.12.3`
    pub(crate) version: String,
    /// `3.12`
    pub(crate) xy: String,
}

impl Base {
    /// Makes it, unless it is there.
    pub(crate) fn make(prefix: &Path, version: &str) -> Base {
        let xy = version.rsplit_once('.').unwrap().0.to_owned();
        let base = Base { prefix: prefix.to_path_buf(), version: version.to_owned(), xy };
        if base.executable().exists() {
            return base;
        }
        system::make_programs_of_base(&base);
        let library = base.library();
        for module in [
            "abc",
            "codecs",
            "io",
            "os",
            "site",
            "stat",
            "posixpath",
            "ntpath",
            "genericpath",
            "_collections_abc",
            "_sitebuiltins",
            "encodings/__init__",
            "encodings/aliases",
            "encodings/utf_8",
            "encodings/latin_1",
            "importlib/__init__",
            "importlib/_bootstrap",
            "collections/__init__",
            "re/__init__",
            "types",
            "functools",
            "enum",
        ] {
            write(&library.join(module).with_extension("py"), "# part of the standard library\n");
        }
        fs::create_dir_all(library.join("site-packages")).unwrap();
        for (name, content) in [
            ("__init__.py", "def quote_ps1(s): ...\n"),
            ("scripts/common/activate", "VIRTUAL_ENV=__VENV_DIR__\n"),
            ("scripts/posix/activate.csh", "setenv VIRTUAL_ENV __VENV_DIR__\n"),
            ("scripts/posix/activate.fish", "set -gx VIRTUAL_ENV __VENV_DIR__\n"),
            ("scripts/nt/activate.bat", "set \"VIRTUAL_ENV=__VENV_DIR__\"\r\n"),
        ] {
            write(&library.join("venv").join(name), content);
        }
        PIP.write_wheel(&library.join("ensurepip/_bundled"), &base.xy);
        let header = system::headers(prefix, &base.xy).join("patchlevel.h");
        let mut numbers = version.split('.');
        let mut number = || numbers.next().unwrap();
        write(
            &header,
            format!(
                "#define PY_MAJOR_VERSION        {}\n#define PY_MINOR_VERSION        {}\n\
                 #define PY_MICRO_VERSION        {}\n#define PY_VERSION              \"{version}\"\n",
                number(),
                number(),
                number()
            ),
        );
        base
    }

    pub(crate) fn executable(&self) -> PathBuf {
        system::executable_of_base(&self.prefix, &self.xy)
    }

    /// Its standard library: `lib/python3.12`, `Lib`.
    pub(crate) fn library(&self) -> PathBuf {
        system::library(&self.prefix, &self.xy)
    }
}

/// A distribution to install.
#[derive(Debug, Default)]
pub(crate) struct Distribution<'a> {
    pub(crate) name: &'a str,
    pub(crate) version: &'a str,
    pub(crate) requires: &'a [&'a str],
    /// Paths below `site-packages`, and contents.
    pub(crate) files: &'a [(&'a str, &'a [u8])],
    /// Console scripts; each starts `name:main`.
    pub(crate) scripts: &'a [&'a str],
}

const PIP: Distribution<'static> = Distribution {
    name: "pip",
    version: "24.0",
    requires: &[],
    files: &[
        ("pip/__init__.py", b"__version__ = '24.0'\n"),
        ("pip/__main__.py", b"from pip._internal.cli.main import main\n"),
        ("pip/_internal/__init__.py", b"# pip\n"),
        ("pip/_internal/cli/__init__.py", b"# pip\n"),
        ("pip/_internal/cli/main.py", b"def main(): ...\n"),
        ("pip/_vendor/__init__.py", b"# pip\n"),
    ],
    scripts: &["pip", "pip3"],
};

impl Distribution<'_> {
    /// `idna-3.7.dist-info`
    fn info(&self) -> String {
        format!("{}-{}.dist-info", self.name, self.version)
    }

    /// `py3-none-any`, `cp312-cp312-linux_x86_64`
    fn tag(&self, xy: &str) -> String {
        let suffix = system::extension_suffix(xy);
        let digits = xy.replace('.', "");
        match self.files.iter().any(|(path, _)| path.ends_with(&suffix)) {
            true => format!("cp{digits}-cp{digits}-{}", system::wheel_platform()),
            false => "py3-none-any".to_owned(),
        }
    }

    /// What its wheel holds beside RECORD, and an installer puts below `site-packages`.
    fn members(&self, xy: &str) -> Vec<(String, Vec<u8>)> {
        let Distribution { name, version, requires, files, scripts } = self;
        let info = self.info();
        let files = files.iter().map(|(path, content)| ((*path).to_owned(), content.to_vec()));
        let requires = requires.iter().map(|one| format!("Requires-Dist: {one}\n"));
        let metadata = format!(
            "Metadata-Version: 2.1\nName: {name}\nVersion: {version}\n{}",
            requires.collect::<String>()
        );
        let tag = self.tag(xy);
        let wheel = format!(
            "Wheel-Version: 1.0\nGenerator: test\nRoot-Is-Purelib: {}\nTag: {tag}\n",
            tag.ends_with("any")
        );
        let lines: String = scripts.iter().map(|one| format!("{one} = {name}:main\n")).collect();
        let entry_points = (!lines.is_empty()).then(|| {
            (format!("{info}/entry_points.txt"), format!("[console_scripts]\n{lines}").into_bytes())
        });
        files
            .chain([
                (format!("{info}/METADATA"), metadata.into_bytes()),
                (format!("{info}/WHEEL"), wheel.into_bytes()),
            ])
            .chain(entry_points)
            .collect()
    }

    /// Its wheel, as an index has it.
    pub(crate) fn write_wheel(&self, folder: &Path, xy: &str) {
        fs::create_dir_all(folder).unwrap();
        let name = format!("{}-{}-{}.whl", self.name, self.version, self.tag(xy));
        let mut archive = ZipWriter::new(fs::File::create(folder.join(name)).unwrap());
        let mut members = self.members(xy);
        let record = format!("{}/RECORD", self.info());
        let lines = members.iter().map(|(path, content)| line_of_record(path, content));
        let lines = lines.chain([format!("{record},,\n")]).collect::<String>();
        members.push((record, lines.into_bytes()));
        for (path, content) in members {
            archive.start_file(path, SimpleFileOptions::default()).unwrap();
            archive.write_all(&content).unwrap();
        }
        archive.finish().unwrap();
    }
}

/// A virtual environment.
#[derive(Debug, Clone)]
pub(crate) struct Venv {
    pub(crate) prefix: PathBuf,
    pub(crate) base: Base,
}

impl Venv {
    /// What `python -m venv --without-pip` leaves.
    pub(crate) fn make(prefix: &Path, base: &Base) -> Venv {
        let venv = Venv { prefix: prefix.to_path_buf(), base: base.clone() };
        // Paths go into files as bytes: they need not be UTF-8.
        let bytes = |parts: &[&OsStr]| parts.join(OsStr::new("")).into_encoded_bytes();
        let here = prefix.as_os_str();
        let executable = base.executable();
        let mut cfg = bytes(&[
            "home = ".as_ref(),
            system::home_of_base(&base.prefix).as_os_str(),
            "\ninclude-system-site-packages = false\nversion = ".as_ref(),
            base.version.as_ref(),
            "\nexecutable = ".as_ref(),
            executable.as_os_str(),
            "\n".as_ref(),
        ]);
        // Pythons that write this line cannot make an environment whose path is not UTF-8.
        if let Some(here) = prefix.to_str() {
            cfg.extend(format!("command = {} -m venv {here}\n", executable.display()).into_bytes());
        }
        write(&venv.cfg(), cfg);
        fs::create_dir_all(venv.bin("")).unwrap();
        fs::create_dir_all(prefix.join("include")).unwrap();
        fs::create_dir_all(venv.site_packages()).unwrap();
        system::make_interpreters(&venv);
        for (name, start, end) in system::ACTIVATE {
            write(&venv.bin(name), bytes(&[start.as_ref(), here, end.as_ref()]));
        }
        venv
    }

    /// pip, a package that another one requires, and one with a native extension.
    pub(crate) fn install_usual(&self) {
        self.each_usual(|distribution| self.install(distribution));
    }

    /// Their wheels, in a folder.
    pub(crate) fn write_wheels(&self, folder: &Path) {
        self.each_usual(|distribution| distribution.write_wheel(folder, &self.base.xy));
    }

    fn each_usual(&self, mut each: impl FnMut(&Distribution<'_>)) {
        each(&PIP);
        each(&Distribution {
            name: "idna",
            version: "3.7",
            files: &[("idna/__init__.py", b"from .core import encode\n"), ("idna/core.py", CORE)],
            ..Distribution::default()
        });
        each(&Distribution {
            name: "webtool",
            version: "1.2.0",
            requires: &["idna>=3"],
            files: &[("webtool/__init__.py", b"import idna\ndef main(): ...\n")],
            scripts: &["webtool"],
        });
        each(&Distribution {
            name: "speedups",
            version: "0.4",
            files: &[
                ("speedups/__init__.py", b"from ._fast import run\n"),
                (&self.extension("_fast"), &system::image("PyInit__fast\0")),
            ],
            ..Distribution::default()
        });
    }

    /// Installs as pip does, with METADATA, RECORD and scripts.
    pub(crate) fn install(&self, distribution: &Distribution<'_>) {
        let info = distribution.info();
        let mut record = Vec::new();
        let installer = (format!("{info}/INSTALLER"), b"pip\n".to_vec());
        for (path, content) in distribution.members(&self.base.xy).into_iter().chain([installer]) {
            write(&self.site_packages().join(&path), &content);
            record.push(line_of_record(&path, &content));
        }
        for script in distribution.scripts {
            let content = system::content_of_script(self, distribution.name);
            system::write_program(&self.script(script), &content);
            let file = system::script(script);
            record.push(line_of_record(&format!("{}/{file}", system::TO_SCRIPTS), &content));
        }
        record.push(format!("{info}/RECORD,,\n"));
        write(&self.site_packages().join(&info).join("RECORD"), record.concat());
    }

    pub(crate) fn cfg(&self) -> PathBuf {
        self.prefix.join("pyvenv.cfg")
    }

    /// A file of the folder of scripts: `bin/<name>`, `Scripts/<name>`.
    pub(crate) fn bin(&self, name: &str) -> PathBuf {
        native(&self.prefix.join(system::SCRIPTS).join(name))
    }

    /// The interpreter.
    pub(crate) fn python(&self) -> PathBuf {
        native(&self.prefix.join(system::PYTHON))
    }

    /// A console script.
    pub(crate) fn script(&self, name: &str) -> PathBuf {
        self.bin(&system::script(name))
    }

    pub(crate) fn site_packages(&self) -> PathBuf {
        system::library(&self.prefix, &self.base.xy).join("site-packages")
    }

    /// `site-packages/<path>`
    pub(crate) fn site(&self, path: &str) -> PathBuf {
        native(&self.site_packages().join(path))
    }

    /// The path of an extension of the distribution `speedups`.
    pub(crate) fn extension(&self, name: &str) -> String {
        format!("speedups/{name}{}", system::extension_suffix(&self.base.xy))
    }

    /// Applies `edit` to the text of `pyvenv.cfg`.
    pub(crate) fn edit_cfg(&self, edit: impl FnOnce(String) -> String) {
        let text = fs::read_to_string(self.cfg()).unwrap();
        fs::write(self.cfg(), edit(text)).unwrap();
    }
}

/// Long enough that NULs of the same length are no accident.
const CORE: &[u8] = b"def encode(text):\n    return text.encode('ascii')\n\n\ndef decode(data):\n    return data.decode('ascii')\n";

/// `idna/core.py,sha256=...,95`
pub(crate) fn line_of_record(path: &str, content: &[u8]) -> String {
    let hash = base64::engine::general_purpose::URL_SAFE_NO_PAD.encode(Sha256::digest(content));
    format!("{path},sha256={hash},{}\n", content.len())
}
