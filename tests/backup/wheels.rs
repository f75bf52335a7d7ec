//! `--wheels`: what is installed comes along, and installs what was installed.

use std::collections::BTreeMap;
use std::fs;
use std::io::Write;
use std::path::{Path, PathBuf};

use sha2::{Digest, Sha256};
use zip::ZipWriter;
use zip::write::SimpleFileOptions;

use super::unpacked;
use crate::support::python::{Python, succeeds};
use crate::support::{Home, write};

#[test]
fn each_once_and_what_was_edited_not_at_all() {
    let home = Home::forgetful();
    home.venv("work/one/.venv");
    home.venv("work/two/.venv");
    let edited = home.venv("work/three/.venv");
    write(&edited.site("idna/core.py"), "# mine\n");
    let made = home.aios(["backup", "create", "x.aiosb", "work", "--wheels", "--format", "json"]);
    let document = made.exits_with(0).json();
    home.aios(["backup", "verify", "x.aiosb"]).exits_with(0);

    let wheels: Vec<String> = unpacked(&home.join("x.aiosb"))
        .into_iter()
        .map(|(name, _)| name)
        .filter(|name| name.ends_with(".whl"))
        .collect();
    let idna = wheels.iter().filter(|name| name.starts_with("wheels/idna-3.7-"));
    assert_eq!(idna.count(), 1, "{wheels:?}");
    let environments = document["environments"].as_array().unwrap();
    let wheel_of = |at: usize| {
        let all = environments[at]["distributions"].as_array().unwrap();
        all.iter().find(|one| one["name"] == "idna").unwrap()["wheel"].clone()
    };
    // By prefix: one, three, two.
    assert_eq!(wheel_of(0)["rebuilt"], true);
    assert_eq!(wheel_of(0), wheel_of(2));
    assert_eq!(wheel_of(1), serde_json::Value::Null);
    let left_out = document["left_out"].as_array().unwrap();
    let said: Vec<&str> = left_out.iter().map(|one| one["message"].as_str().unwrap()).collect();
    assert_eq!(
        said,
        ["no wheel of idna==3.7 is in the backup: `idna/core.py` is not as it was installed"]
    );
}

/// One that `check` does not read without `--deep`.
#[test]
fn a_large_file_that_was_edited_is_named_and_the_rest_is_backed_up() {
    let home = Home::forgetful();
    let venv = home.venv("work/one/.venv");
    let mut large = vec![0; 17 << 20];
    let hex: String = Sha256::digest(&large).iter().map(|byte| format!("{byte:02x}")).collect();
    large[9 << 20] = 1;
    let record = venv.site("idna-3.7.dist-info/RECORD");
    let line = format!("idna/large.bin,sha256={},{}\n", base64_of(&hex), large.len());
    write(&venv.site("idna/large.bin"), large);
    let lines = fs::read_to_string(&record).unwrap() + &line;
    write(&record, lines);
    let made = home.aios(["backup", "create", "x.aiosb", "work", "--wheels", "--format", "json"]);
    let document = made.exits_with(0).json();
    let [left_out] = document["left_out"].as_array().unwrap().as_slice() else {
        panic!("{document}")
    };
    let said = left_out["message"].as_str().unwrap();
    assert!(said.contains("`idna/large.bin` is not as it was installed"), "{said}");
}

/// virtualenv puts pip into an environment so: no hashes, and a mark beside it.
#[test]
fn a_file_without_a_hash_is_taken_as_it_is() {
    let home = Home::forgetful();
    let [one, two] = ["work/one/.venv", "work/two/.venv"].map(|name| home.venv(name));
    for (venv, text) in [(&one, "mine = 1\n"), (&two, "mine = 2\n")] {
        write(&venv.site("idna/core.py"), text);
        write(&venv.site("idna-3.7.virtualenv"), "");
        let record = venv.site("idna-3.7.dist-info/RECORD");
        let lines = fs::read_to_string(&record).unwrap();
        let paths = lines.lines().map(|line| line.split(',').next().unwrap());
        let bare: String =
            paths.chain(["idna-3.7.virtualenv"]).map(|path| format!("{path},,\n")).collect();
        write(&record, bare);
    }
    let made = home.aios(["backup", "create", "x.aiosb", "work", "--wheels", "--format", "json"]);
    assert_eq!(made.exits_with(0).json()["left_out"].as_array().unwrap().len(), 0);
    let mut found = Vec::new();
    for (name, bytes) in unpacked(&home.join("x.aiosb")) {
        if name.contains("/idna-3.7-") {
            let mut wheel = zip::ZipArchive::new(std::io::Cursor::new(bytes)).unwrap();
            assert!(wheel.by_name("idna-3.7.virtualenv").is_err());
            let mut core = wheel.by_name("idna/core.py").unwrap();
            found.push(std::io::read_to_string(&mut core).unwrap());
        }
    }
    found.sort();
    assert_eq!(found, ["mine = 1\n", "mine = 2\n"]);
}

/// A wheel with everything that a wheel may have.
pub(super) fn write_tool(folder: &Path) {
    let files: [(&str, &str); 8] = [
        ("tool/__init__.py", "def main():\n    print('the command works')\n"),
        ("tool/a, \"b\".txt", "quoted\n"),
        ("tool-1.0.data/scripts/run-tool", "#!python\nimport tool\ntool.main()\n"),
        ("tool-1.0.data/data/share/tool/notes.txt", "notes\n"),
        ("tool-1.0.data/headers/tool.h", "int tool;\n"),
        ("tool-1.0.dist-info/METADATA", "Metadata-Version: 2.1\nName: tool\nVersion: 1.0\n"),
        (
            "tool-1.0.dist-info/WHEEL",
            "Wheel-Version: 1.0\nRoot-Is-Purelib: true\nTag: py2-none-any\nTag: py3-none-any\n",
        ),
        ("tool-1.0.dist-info/entry_points.txt", "[console_scripts]\ntool-command = tool:main\n"),
    ];
    write_wheel(&folder.join("tool-1.0-py2.py3-none-any.whl"), &files);
}

/// A wheel of these files, with a RECORD; they are named after the file.
pub(super) fn write_wheel(path: &Path, files: &[(&str, &str)]) {
    let name = path.file_name().unwrap().to_str().unwrap();
    let info = name.splitn(3, '-').take(2).collect::<Vec<_>>().join("-");
    let mut zip = ZipWriter::new(fs::File::create(path).unwrap());
    let mut record = String::new();
    for (name, text) in files {
        zip.start_file(*name, SimpleFileOptions::default()).unwrap();
        zip.write_all(text.as_bytes()).unwrap();
        let hash: String = Sha256::digest(text).iter().map(|byte| format!("{byte:02x}")).collect();
        let hash = base64_of(&hash);
        record.push_str(&format!(
            "\"{}\",sha256={hash},{}\n",
            name.replace('"', "\"\""),
            text.len()
        ));
    }
    let own = format!("{info}.dist-info/RECORD");
    zip.start_file(own.as_str(), SimpleFileOptions::default()).unwrap();
    zip.write_all(format!("{record}{own},,\n").as_bytes()).unwrap();
    zip.finish().unwrap();
}

/// As RECORD has hashes, of hexadecimal digits.
fn base64_of(hex: &str) -> String {
    use base64::Engine;
    let digits =
        (0..hex.len()).step_by(2).map(|at| u8::from_str_radix(&hex[at..at + 2], 16).unwrap());
    base64::engine::general_purpose::URL_SAFE_NO_PAD.encode(digits.collect::<Vec<u8>>())
}

/// Every file that an installer takes from a wheel, and what it does not write anew for each place.
fn installed(prefix: &Path) -> BTreeMap<PathBuf, Vec<u8>> {
    let mut files = BTreeMap::new();
    let mut open = vec![prefix.to_path_buf()];
    while let Some(folder) = open.pop() {
        for entry in fs::read_dir(folder).unwrap() {
            let path = entry.unwrap().path();
            let name = path.file_name().unwrap().to_string_lossy().into_owned();
            let is_of_place = ["__pycache__", "pyvenv.cfg", "RECORD", "lib64"];
            if path.is_dir() && name != "__pycache__" && name != "lib64" {
                open.push(path);
            } else if !is_of_place.contains(&name.as_str()) && !name.starts_with("python") {
                let bytes = fs::read(&path).unwrap();
                let text =
                    String::from_utf8_lossy(&bytes).replace(prefix.to_str().unwrap(), "PREFIX");
                files.insert(path.strip_prefix(prefix).unwrap().to_path_buf(), text.into_bytes());
            }
        }
    }
    files.retain(|path, _| !path.to_string_lossy().contains("ctivate"));
    files
}

/// As `RECOVER.txt` says, with nothing but Python and no network.
#[test]
fn what_was_installed_comes_back_without_this_program() {
    let Some(python) = Python::find("3.12") else { return };
    let home = Home::forgetful();
    let prefix = python.venv(&home, "work/api/.venv", &[]);
    let index = home.join("index");
    python.wheel(&home, &index, "first", "1.0", "def main():\n    print('first')\n");
    write_tool(&index);
    python.install(&home, &prefix, &index, &["first", "tool"]);
    home.aios(["backup", "create", "x.aiosb", "work", "--wheels"]).exits_with(0);

    let later = Home::forgetful();
    for (name, bytes) in unpacked(&home.join("x.aiosb")) {
        write(&later.join(name), bytes);
    }
    let recover = fs::read_to_string(later.join("RECOVER.txt")).unwrap();
    let list = "environments/01-api-venv/wheels.txt";
    assert!(recover.contains(&format!("-m pip install --no-deps -r {list}")), "{recover}");
    let again = python.venv(&later, "again/.venv", &[]);
    let program = again.join("bin/python");
    let pip = ["-I", "-m", "pip", "--python", program.to_str().unwrap()];
    let install = ["install", "--quiet", "--no-deps", "-r", list];
    python.run(&later, pip.iter().chain(&install));

    let (before, after) = (installed(&prefix), installed(&again));
    assert_eq!(before.keys().collect::<Vec<_>>(), after.keys().collect::<Vec<_>>());
    for (path, bytes) in &before {
        let [before, after] =
            [bytes, &after[path]].map(|bytes| String::from_utf8_lossy(bytes).into_owned());
        assert_eq!(before, after, "{}", path.display());
    }
    for command in ["run-tool", "tool-command"] {
        let said = succeeds(&again.join("bin").join(command), &later, [""; 0]);
        assert_eq!(said, "the command works\n");
    }
    let prefix = again.to_str().unwrap();
    let checked = later.aios(["check", "--deep", "--format", "json", prefix]).exits_with(0);
    assert!(checked.findings(&again).iter().all(|(_, severity)| severity == "info"), "{checked:?}");
}
