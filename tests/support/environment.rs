//! A base installation and virtual environments on it, as `python -m venv` and pip leave them.

use std::ffi::OsStr;
use std::fs;
use std::os::unix::fs::{PermissionsExt, symlink};
use std::path::{Path, PathBuf};

use base64::Engine;
use sha2::{Digest, Sha256};

/// Machine number of x86-64 in an ELF header.
const X86_64: u16 = 62;

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

/// The machine number of the system that runs the test.
pub(crate) fn this_machine() -> u16 {
    match std::env::consts::ARCH {
        "aarch64" => 183,
        "riscv64" => 243,
        _ => X86_64,
    }
}

/// Writes a file and the folders above it.
pub(crate) fn write(path: &Path, content: impl AsRef<[u8]>) {
    fs::create_dir_all(path.parent().unwrap()).unwrap();
    fs::write(path, content).unwrap();
}

pub(crate) fn set_mode(path: &Path, mode: u32) {
    fs::set_permissions(path, fs::Permissions::from_mode(mode)).unwrap();
}

/// Writes a program.
fn write_program(path: &Path, content: impl AsRef<[u8]>) {
    write(path, content);
    set_mode(path, 0o755);
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
        write_program(&base.executable(), elf(this_machine(), &format!("\0{version}\0")));
        for name in ["python", "python3"] {
            symlink(base.executable().file_name().unwrap(), prefix.join("bin").join(name)).unwrap();
        }
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
        fs::create_dir_all(library.join("lib-dynload")).unwrap();
        fs::create_dir_all(library.join("site-packages")).unwrap();
        write(
            &library.join("ensurepip/_bundled/pip-24.0-py3-none-any.whl"),
            b"PK\x05\x06\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0",
        );
        let header = prefix.join("include").join(format!("python{}", base.xy)).join("patchlevel.h");
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
        self.prefix.join("bin").join(format!("python{}", self.xy))
    }

    /// `lib/python3.12`
    pub(crate) fn library(&self) -> PathBuf {
        self.prefix.join("lib").join(format!("python{}", self.xy))
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
            base.prefix.join("bin").as_os_str(),
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
        symlink("lib", prefix.join("lib64")).unwrap();
        symlink(base.executable(), venv.bin("python")).unwrap();
        symlink("python", venv.bin("python3")).unwrap();
        symlink("python", venv.bin(&format!("python{}", base.xy))).unwrap();
        for (name, start) in [
            ("activate", "# This file must be used with \"source bin/activate\"\nVIRTUAL_ENV="),
            ("activate.csh", "setenv VIRTUAL_ENV "),
            ("activate.fish", "set -gx VIRTUAL_ENV "),
        ] {
            let text = bytes(&[start.as_ref(), "'".as_ref(), here, "'\n".as_ref()]);
            write(&venv.bin(name), text);
        }
        venv
    }

    /// pip, a package that another one requires, and one with a native extension.
    pub(crate) fn install_usual(&self) {
        self.install(&Distribution {
            name: "pip",
            version: "24.0",
            files: &[
                ("pip/__init__.py", b"__version__ = '24.0'\n"),
                ("pip/__main__.py", b"from pip._internal.cli.main import main\n"),
                ("pip/_internal/__init__.py", b"# pip\n"),
                ("pip/_internal/cli/__init__.py", b"# pip\n"),
                ("pip/_internal/cli/main.py", b"def main(): ...\n"),
                ("pip/_vendor/__init__.py", b"# pip\n"),
            ],
            scripts: &["pip", "pip3"],
            ..Distribution::default()
        });
        self.install(&Distribution {
            name: "idna",
            version: "3.7",
            files: &[("idna/__init__.py", b"from .core import encode\n"), ("idna/core.py", CORE)],
            ..Distribution::default()
        });
        self.install(&Distribution {
            name: "webtool",
            version: "1.2.0",
            requires: &["idna>=3"],
            files: &[("webtool/__init__.py", b"import idna\ndef main(): ...\n")],
            scripts: &["webtool"],
        });
        self.install(&Distribution {
            name: "speedups",
            version: "0.4",
            files: &[
                ("speedups/__init__.py", b"from ._fast import run\n"),
                (&self.extension("_fast"), &elf(this_machine(), "PyInit__fast\0")),
            ],
            ..Distribution::default()
        });
    }

    /// Installs as pip does, with METADATA, RECORD and scripts.
    pub(crate) fn install(&self, distribution: &Distribution<'_>) {
        let Distribution { name, version, requires, files, scripts } = distribution;
        let info = format!("{name}-{version}.dist-info");
        let mut record = Vec::new();
        let mut put = |path: String, content: &[u8]| {
            write(&self.site_packages().join(&path), content);
            record.push(line_of_record(&path, content));
        };
        for (path, content) in *files {
            put((*path).to_owned(), content);
        }
        let mut metadata = format!("Metadata-Version: 2.1\nName: {name}\nVersion: {version}\n");
        for requirement in *requires {
            metadata.push_str(&format!("Requires-Dist: {requirement}\n"));
        }
        put(format!("{info}/METADATA"), metadata.as_bytes());
        put(format!("{info}/INSTALLER"), b"pip\n");
        let native = files.iter().any(|(path, _)| path.ends_with(".so"));
        let (pure, tag) = match native {
            true => {
                let xy = self.base.xy.replace('.', "");
                (false, format!("cp{xy}-cp{xy}-linux_{}", std::env::consts::ARCH))
            }
            false => (true, "py3-none-any".to_owned()),
        };
        put(
            format!("{info}/WHEEL"),
            format!("Wheel-Version: 1.0\nGenerator: test\nRoot-Is-Purelib: {pure}\nTag: {tag}\n")
                .as_bytes(),
        );
        if !scripts.is_empty() {
            let lines: String =
                scripts.iter().map(|script| format!("{script} = {name}:main\n")).collect();
            put(
                format!("{info}/entry_points.txt"),
                format!("[console_scripts]\n{lines}").as_bytes(),
            );
        }
        for script in *scripts {
            let content = format!(
                "#!{}\n# -*- coding: utf-8 -*-\nimport re\nimport sys\nfrom {name} import main\n\
                 if __name__ == '__main__':\n    \
                 sys.argv[0] = re.sub(r'(-script\\.pyw|\\.exe)?$', '', sys.argv[0])\n    \
                 sys.exit(main())\n",
                self.bin("python").display()
            );
            write_program(&self.bin(script), &content);
            record.push(line_of_record(&format!("../../../bin/{script}"), content.as_bytes()));
        }
        record.push(format!("{info}/RECORD,,\n"));
        write(&self.site_packages().join(&info).join("RECORD"), record.concat());
    }

    pub(crate) fn cfg(&self) -> PathBuf {
        self.prefix.join("pyvenv.cfg")
    }

    pub(crate) fn bin(&self, name: &str) -> PathBuf {
        self.prefix.join("bin").join(name)
    }

    pub(crate) fn site_packages(&self) -> PathBuf {
        self.prefix.join("lib").join(format!("python{}", self.base.xy)).join("site-packages")
    }

    /// `site-packages/<path>`
    pub(crate) fn site(&self, path: &str) -> PathBuf {
        self.site_packages().join(path)
    }

    /// The path of an extension of the distribution `speedups`.
    pub(crate) fn extension(&self, name: &str) -> String {
        format!(
            "speedups/{name}.cpython-{}-{}-linux-gnu.so",
            self.base.xy.replace('.', ""),
            std::env::consts::ARCH
        )
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
