//! A backup is whole or an error: cut short, changed, forged, hostile; and it has no secrets.

use std::fs::{self, File};
use std::io::{Cursor, Write};
use std::path::{Path, PathBuf};

use serde_json::json;
use zip::write::SimpleFileOptions;
use zip::{CompressionMethod, ZipArchive, ZipWriter};

use super::read::{MANIFEST, comment};
use super::sealed::{Identity, Key, Lock, Passphrase, Recipient};
use super::*;
use crate::environments::health::Depth;
use crate::environments::inspection::{Inspection, Limits, Progress, Request, inspect};
use crate::fs::Seen;
use crate::{Host, Platform};

const SECRET: &str = "s3cret-of-mine";
const COMMIT: &str = "4f2c0123456789abcdef0123456789abcdef0123";

/// A project with an environment, written by hand.
struct Machine {
    folder: tempfile::TempDir,
    root: PathBuf,
}

impl Machine {
    fn new() -> Machine {
        let folder = tempfile::tempdir().unwrap();
        let root = crate::fs::canonical(folder.path()).unwrap();
        let machine = Machine { folder, root };
        let site = match Platform::CURRENT {
            Platform::Windows => "api/.venv/Lib/site-packages",
            _ => "api/.venv/lib/python3.12/site-packages",
        };
        machine.write("api/.venv/pyvenv.cfg", "home = /gone/bin\nversion = 3.12.3\n");
        machine.write(
            "api/requirements.txt",
            &format!("--index-url https://me:{SECRET}@index.example/simple\nidna\n"),
        );
        machine.write("api/.git/HEAD", COMMIT);
        machine.distribution(site, "idna", "3.7", None);
        let wheel = format!(
            r#"{{"url": "https://me:{SECRET}@example.org/six-1.0-py3-none-any.whl", "archive_info": {{}}}}"#
        );
        machine.distribution(site, "six", "1.0", Some(&wheel));
        let project = machine.root.join("api").to_string_lossy().into_owned();
        let url = crate::environments::distributions::direct_url::url_of_path(&project);
        let editable = format!(r#"{{"url": "{url}", "dir_info": {{"editable": true}}}}"#);
        machine.distribution(site, "api", "0.1", Some(&editable));
        machine
    }

    fn write(&self, path: &str, text: &str) {
        let path = self.root.join(path);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(path, text).unwrap();
    }

    fn distribution(&self, site: &str, name: &str, version: &str, direct_url: Option<&str>) {
        let info = format!("{name}-{version}.dist-info");
        self.write(
            &format!("{site}/{info}/METADATA"),
            &format!("Name: {name}\nVersion: {version}\n"),
        );
        self.write(&format!("{site}/{info}/INSTALLER"), "pip\n");
        self.write(&format!("{site}/{info}/REQUESTED"), "");
        self.write(&format!("{site}/{name}.pth"), "/home/me/api\n");
        self.write(
            &format!("{site}/{info}/RECORD"),
            &format!("{name}.pth,,\n{info}/METADATA,,\n{info}/RECORD,,\n"),
        );
        if let Some(text) = direct_url {
            self.write(&format!("{site}/{info}/direct_url.json"), text);
        }
    }

    fn look(&self) -> (Host, Inspection) {
        let host = Host::empty(Platform::CURRENT, &self.root);
        let request = Request {
            paths: vec![self.root.join("api")],
            workspaces: Vec::new(),
            depth: Depth::Usual,
            limits: Limits::default(),
            cache: None,
            progress: Progress::default().into(),
        };
        let seen = inspect(&host, &request);
        (host, seen)
    }

    fn file(&self) -> PathBuf {
        self.root.join("before.aiosb")
    }

    /// Makes one, with an image of so many bytes that nothing packs.
    fn back_up(&self, image_bytes: usize) -> Result<Backup, Error> {
        self.lock_up(image_bytes, None)
    }

    fn lock_up(&self, image_bytes: usize, lock: Option<&Lock>) -> Result<Backup, Error> {
        let (host, seen) = self.look();
        let mut number = 1_u64;
        let mut random = || {
            number = number
                .wrapping_mul(6_364_136_223_846_793_005)
                .wrapping_add(1_442_695_040_888_963_407);
            (number >> 56) as u8
        };
        let bytes = (0..image_bytes).map(|_| random()).collect();
        let created = "2026-11-22T06:14:09.123Z";
        let image = Image { number: 7, created: created.to_owned(), bytes };
        let image = Some(image).filter(|_| image_bytes > 0);
        let active = seen.environments.first().map(|one| one.environment.id.clone());
        let (host, seen) = (&host, &seen);
        let content = Content { host, seen, created, active, image, wheels: None, lock };
        create(&self.file(), &content)
    }
}

/// What reading and comparing all of it says.
fn read(path: &Path) -> Result<Vec<Damaged>, Error> {
    Ok(Backup::open(path, None)?.verify()?.damaged)
}

/// Every member with its bytes.
fn contents(backup: &Backup) -> Vec<(String, Vec<u8>)> {
    let names = backup.manifest().members.iter();
    names.map(|one| (one.name.clone(), backup.member(&one.name).unwrap())).collect()
}

#[test]
fn all_that_is_there_comes_back() {
    let machine = Machine::new();
    let backup = machine.back_up(5_000).unwrap();
    assert_eq!(backup.verify().unwrap().damaged, []);
    let manifest = backup.manifest();
    let [environment] = manifest.environments.as_slice() else { panic!("{manifest:?}") };
    assert_eq!(environment.prefix.as_path(), machine.root.join("api").join(".venv"));
    assert_eq!((environment.version.as_deref(), environment.is_own), (Some("3.12.3"), true));
    assert_eq!(manifest.active.as_ref(), Some(&environment.id));
    let [api, idna, six] = environment.distributions.as_slice() else { panic!("{environment:?}") };
    assert_eq!((idna.name.as_str(), idna.version.as_str(), idna.requested), ("idna", "3.7", true));
    assert_eq!(idna.installer.as_deref(), Some("pip"));
    assert_eq!(
        six.direct_url.as_ref().unwrap()["url"],
        "https://example.org/six-1.0-py3-none-any.whl"
    );
    assert_eq!(api.checkout.as_ref().unwrap().commit.as_deref(), Some(COMMIT));
    let links: Vec<&str> = api.links.iter().map(|link| link.path.as_str()).collect();
    assert_eq!(links, ["api.pth", "api-0.1.dist-info/METADATA"]);
    let [project] = manifest.projects.as_slice() else { panic!("{manifest:?}") };
    assert_eq!(project.checkout.as_ref().unwrap().commit.as_deref(), Some(COMMIT));
    let text = |name: &str| String::from_utf8(backup.member(name).unwrap()).unwrap();
    assert_eq!(text(&project.files[0].member), "--index-url https://index.example/simple\nidna\n");
    let lines = text(environment.requirements.as_ref().unwrap());
    // As a URL has it.
    let api = machine.root.join("api").to_string_lossy().replace('\\', "/");
    assert_eq!(
        lines,
        format!(
            "# api was at commit {COMMIT}\n-e {}\nidna==3.7\nsix @ https://example.org/six-1.0-py3-none-any.whl\n",
            api
        )
    );
    assert!(text(environment.pyvenv_cfg.as_ref().unwrap()).starts_with("home = /gone/bin"));
    let recover = text("RECOVER.txt");
    assert!(
        recover.contains("pip install --no-deps -r environments/01-api-venv/requirements.txt"),
        "{recover}"
    );
    assert!(recover.contains("3.12"), "{recover}");
}

#[test]
fn an_ordinary_archive_for_its_user_alone_without_secrets() {
    let machine = Machine::new();
    drop(machine.back_up(0).unwrap());
    let metadata = fs::metadata(machine.file()).unwrap();
    assert_eq!(Seen::from(&metadata).access.mode & 0o077, 0);
    let mut archive = ZipArchive::new(File::open(machine.file()).unwrap()).unwrap();
    assert!(archive.len() > 4, "{}", archive.len());
    for at in 0..archive.len() {
        let mut content = Vec::new();
        let mut member = archive.by_index(at).unwrap();
        std::io::copy(&mut member, &mut content).unwrap();
        let text = String::from_utf8(content).unwrap();
        assert!(!text.contains(SECRET), "{text}");
    }
    // Nothing of the way there is left.
    let names = crate::fs::list(&machine.root).unwrap();
    assert_eq!(names.iter().filter(|one| one.name.to_string_lossy().contains("aiosb")).count(), 1);
}

#[test]
fn nothing_is_written_over_and_what_a_kill_left_goes() {
    let machine = Machine::new();
    machine.write("before.aiosb", "mine");
    assert!(matches!(machine.back_up(0), Err(Error::Exists { .. })));
    assert_eq!(fs::read_to_string(machine.file()).unwrap(), "mine");
    fs::remove_file(machine.file()).unwrap();

    machine.write(".before.aiosb.12.part", "half");
    machine.write(".before.aiosb.13.part", "of somebody at work");
    machine.write(".before.aiosb.x.part", "another file");
    let locked =
        File::options().write(true).open(machine.root.join(".before.aiosb.13.part")).unwrap();
    locked.lock().unwrap();
    machine.back_up(0).unwrap();
    let there = |name: &str| machine.root.join(name).exists();
    assert!(!there(".before.aiosb.12.part"));
    assert!(there(".before.aiosb.13.part") && there(".before.aiosb.x.part"));

    let (host, seen) = machine.look();
    let (host, seen, created) = (&host, &seen, "");
    let content =
        Content { host, seen, created, active: None, image: None, wheels: None, lock: None };
    let nowhere = machine.root.join("none").join("x.aiosb");
    assert!(matches!(create(&nowhere, &content), Err(Error::NoFolder { .. })));
}

#[test]
fn cut_short_anywhere() {
    let machine = Machine::new();
    drop(machine.back_up(40_000).unwrap());
    let bytes = fs::read(machine.file()).unwrap();
    let cut = machine.folder.path().join("cut");
    let every_4_kib = (0..bytes.len()).step_by(4096);
    for length in every_4_kib.chain(bytes.len() - 300..bytes.len()) {
        fs::write(&cut, &bytes[..length]).unwrap();
        let error = read(&cut).unwrap_err();
        let expected = if length < 4 { "is no backup" } else { "was cut short" };
        assert!(error.to_string().contains(expected), "{length}: {error}");
    }
    // Something more at its end, or before its start.
    fs::write(&cut, [&bytes, &b"x"[..]].concat()).unwrap();
    assert!(matches!(read(&cut), Err(Error::NoEnd { .. })));
    fs::write(&cut, [&b"x"[..], &bytes].concat()).unwrap();
    assert!(matches!(read(&cut), Err(Error::Damaged { .. })));
    fs::write(&cut, &bytes).unwrap();
    assert_eq!(read(&cut).unwrap(), []);
}

/// Whatever byte is another one: an error, or what was written is read.
#[test]
fn every_byte_changed() {
    let machine = Machine::new();
    let backup = machine.back_up(0).unwrap();
    let (manifest, expected) = (backup.manifest().clone(), contents(&backup));
    drop(backup);
    let bytes = fs::read(machine.file()).unwrap();
    let mut archive = ZipArchive::new(Cursor::new(&bytes)).unwrap();
    let member = archive.by_name(MANIFEST).unwrap();
    let start = member.data_start().unwrap() as usize;
    let of_manifest = start..start + member.compressed_size() as usize;
    let changed = machine.folder.path().join("changed");
    let mut harmless = 0;
    for at in 0..bytes.len() {
        let mut other = bytes.clone();
        other[at] ^= if at % 2 == 0 { 0x01 } else { 0x80 };
        fs::write(&changed, &other).unwrap();
        let Ok(backup) = Backup::open(&changed, None) else { continue };
        assert!(!of_manifest.contains(&at), "byte {at} of the manifest");
        if backup.verify().unwrap().damaged.is_empty() {
            assert_eq!(
                (backup.manifest(), contents(&backup)),
                (&manifest, expected.clone()),
                "byte {at}"
            );
            harmless += 1;
        }
    }
    // Times, versions and rights of members, which nobody reads.
    assert!(harmless * 10 < bytes.len(), "{harmless} of {}", bytes.len());
}

/// An archive with these members and a manifest that lists them.
struct Forged {
    members: Vec<(String, Vec<u8>)>,
    manifest: Vec<u8>,
}

impl Forged {
    fn new(members: &[(&str, &[u8])]) -> Forged {
        let listed: Vec<serde_json::Value> = members
            .iter()
            .map(|(name, bytes)| {
                use sha2::{Digest, Sha256};
                let sha256 = super::read::hex(&Sha256::digest(bytes));
                json!({"name": name, "bytes": bytes.len(), "sha256": sha256})
            })
            .collect();
        Forged {
            members: members
                .iter()
                .map(|(name, bytes)| ((*name).to_owned(), bytes.to_vec()))
                .collect(),
            manifest: manifest(json!(listed)).to_string().into_bytes(),
        }
    }

    fn bytes(&self) -> Vec<u8> {
        let mut zip = ZipWriter::new(Cursor::new(Vec::new()));
        let options = SimpleFileOptions::default().compression_method(CompressionMethod::Deflated);
        for (name, bytes) in &self.members {
            zip.start_file(name, options).unwrap();
            zip.write_all(bytes).unwrap();
        }
        zip.start_file(MANIFEST, options).unwrap();
        zip.write_all(&self.manifest).unwrap();
        zip.set_comment(comment(&self.manifest)).unwrap();
        zip.finish().unwrap().into_inner()
    }
}

fn manifest(members: serde_json::Value) -> serde_json::Value {
    json!({
        "schema": "aios.manifest/1", "written_by": "aios 0.1.0", "created": "",
        "machine": {"platform": "linux", "architecture": "x86_64", "home": null},
        "environments": [], "interpreters": [], "projects": [], "snapshot": null, "left_out": [],
        "members": members,
    })
}

/// What is said of these bytes.
#[track_caller]
fn refused(bytes: &[u8], expected: &str) {
    let file = tempfile::NamedTempFile::new().unwrap();
    fs::write(file.path(), bytes).unwrap();
    let error = read(file.path()).expect_err(expected).to_string();
    assert!(error.contains(expected), "{error}");
}

/// The bytes with a text in the place of another one of the same length, wherever it stands.
fn with(bytes: &[u8], from: &str, to: &str) -> Vec<u8> {
    assert_eq!(from.len(), to.len());
    let mut bytes = bytes.to_vec();
    let places: Vec<usize> = memchr::memmem::find_iter(&bytes, from).collect();
    assert!(!places.is_empty());
    for at in places {
        bytes[at..at + to.len()].copy_from_slice(to.as_bytes());
    }
    bytes
}

/// The offset of the entry of a member in the directory.
fn entry_of(bytes: &[u8], name: &str) -> usize {
    let at = memchr::memmem::rfind(bytes, name.as_bytes()).unwrap() - 46;
    assert_eq!(&bytes[at..at + 4], b"PK\x01\x02");
    at
}

#[test]
fn hostile_names() {
    let whole = Forged::new(&[("abc/def", b"x")]).bytes();
    let file = tempfile::NamedTempFile::new().unwrap();
    fs::write(file.path(), &whole).unwrap();
    assert_eq!(read(file.path()).unwrap(), []);

    for name in
        ["../defg", "/bc/def", "a/../bc", "abc\\def", "C:/defg", "abc//ef", "abc/de.", "ab\0/def"]
    {
        refused(&with(&whole, "abc/def", name), "no name of a backup");
    }
    let two = Forged::new(&[("one", b"x"), ("two", b"y")]).bytes();
    refused(&with(&two, "two", "one"), "has `one` twice");
    refused(&with(&two, "two", "ONE"), "has `ONE` twice");

    let mut link = whole.clone();
    let at = entry_of(&whole, "abc/def") + 38;
    link[at..at + 4].copy_from_slice(&0xa1ff_0000_u32.to_le_bytes());
    refused(&link, "no regular file");

    // What the header says is not what the directory says.
    let mut other = whole.clone();
    let at = entry_of(&whole, "abc/def") + 46;
    other[at] = b'x';
    refused(&other, "says two things");
}

#[test]
fn hostile_sizes() {
    let whole = Forged::new(&[("abc/def", b"x")]).bytes();
    let entry = entry_of(&whole, "abc/def");
    let changed = |at: usize, value: &[u8]| {
        let mut bytes = whole.clone();
        bytes[at..at + value.len()].copy_from_slice(value);
        bytes
    };
    // More than a bomb of this size could hold.
    refused(&changed(entry + 24, &0x7000_0000_u32.to_le_bytes()), "with a size");
    // Less than is listed.
    refused(&changed(entry + 24, &0_u32.to_le_bytes()), "another size than listed");
    // Beyond the end, and over another member.
    refused(&changed(entry + 20, &0x00ff_ffff_u32.to_le_bytes()), "says two things");
    refused(&changed(entry + 42, &7_u32.to_le_bytes()), "a gap or an overlap");

    // Ten million entries: said, in 16 bits and in 64, and there.
    let end = whole.len() - 22 - comment(b"").len();
    refused(&changed(end + 10, &60_001_u16.to_le_bytes()), "is a part of an archive");
    let many = [60_001_u16.to_le_bytes(), 60_001_u16.to_le_bytes()].concat();
    refused(&changed(end + 8, &many), "says that it has 60001 files");
    refused(&changed(end + 8, &[0, 0, 0, 0]), "something after its last entry");
    refused(&changed(end + 8, &[9, 0, 9, 0]), "cut short");
    let mut large = whole[..end].to_vec();
    let at = large.len() as u64;
    let start = u32::from_le_bytes(whole[end + 16..end + 20].try_into().unwrap());
    large.extend(b"PK\x06\x06");
    large.extend(44_u64.to_le_bytes());
    large.extend([0; 12]);
    for number in [10_000_000, 10_000_000, at - u64::from(start), u64::from(start)] {
        large.extend(number.to_le_bytes());
    }
    large.extend(b"PK\x06\x07\0\0\0\0");
    large.extend(at.to_le_bytes());
    large.extend(1_u32.to_le_bytes());
    large.extend(&whole[end..]);
    let small_end = large.len() - (whole.len() - end);
    large[small_end + 8..small_end + 20].fill(0xff);
    refused(&large, "says that it has 10000000 files");
    // The same with what is true: an archive of more than 4 GiB looks so.
    for field in [small_end - 20 - 56 + 24, small_end - 20 - 56 + 32] {
        large[field..field + 8].copy_from_slice(&2_u64.to_le_bytes());
    }
    let file = tempfile::NamedTempFile::new().unwrap();
    fs::write(file.path(), &large).unwrap();
    assert_eq!(read(file.path()).unwrap(), []);
}

#[test]
fn hostile_manifests() {
    let check = |manifest: &[u8], expected: &str| {
        let forged = Forged { members: Vec::new(), manifest: manifest.to_vec() };
        refused(&forged.bytes(), expected);
    };
    let of = |field: &str, value: serde_json::Value| {
        let mut whole = manifest(json!([]));
        whole[field] = value;
        whole.to_string().into_bytes()
    };
    check(b"", "is no manifest");
    check(&b"[".repeat(100_000), "is no manifest");
    check(br#"{"schema": "aios.manifest/1"}"#, "missing field");
    check(&of("schema", json!("other/1")), "is no manifest of a backup");
    check(&of("schema", json!("aios.manifest/2")), "of a newer program");
    check(&of("members", json!([{"name": "x", "bytes": 1, "sha256": ""}])), "lacks `x`");
    let twice = json!({"name": "x", "bytes": 1, "sha256": ""});
    check(&of("members", json!([twice, twice])), "lists a file twice");
    check(&of("snapshot", json!({"member": "x", "number": 1, "created": ""})), "does not list `x`");
    check(
        &of("machine", json!({"platform": "", "architecture": "", "home": "a\0b"})),
        "is no manifest",
    );
    let nested = format!(r#"{{"schema": "aios.manifest/1", "members": {}"#, "[".repeat(200_000));
    check(nested.as_bytes(), "is no manifest");

    // A member that nobody lists.
    let mut forged = Forged::new(&[]);
    forged.members.push(("more".to_owned(), b"x".to_vec()));
    refused(&forged.bytes(), "does not list");
    // One with other bytes of the same size, and a checksum of the archive that is right.
    let mut forged = Forged::new(&[("one", b"x")]);
    forged.members[0].1 = b"y".to_vec();
    let file = tempfile::NamedTempFile::new().unwrap();
    fs::write(file.path(), forged.bytes()).unwrap();
    let damaged = read(file.path()).unwrap();
    assert_eq!(
        (damaged[0].name.as_str(), damaged[0].what.as_str()),
        ("one", "does not match its checksum")
    );
}

#[test]
fn other_files() {
    refused(b"", "is no backup");
    refused(b"#!/bin/sh\n", "is no backup");
    refused(b"age-encryption.org/v1\n-> scrypt", "has no end");
    let mut zip = ZipWriter::new(Cursor::new(Vec::new()));
    zip.start_file("x", SimpleFileOptions::default()).unwrap();
    refused(&zip.finish().unwrap().into_inner(), "does not end as a backup does");
    let folder = tempfile::tempdir().unwrap();
    let said = read(folder.path()).unwrap_err().to_string();
    assert!(said.contains("a folder, not a regular file"), "{said}");
}

/// A pair of keys, as `age-keygen` makes them.
fn keys() -> (Lock, Key) {
    use age::secrecy::ExposeSecret;
    let identity = age::x25519::Identity::generate();
    let recipient: Recipient = identity.to_public().to_string().parse().unwrap();
    let identities = Identity::all(identity.to_string().expose_secret()).unwrap();
    (Lock::Recipients(vec![recipient]), Key::Identities(identities))
}

#[test]
fn encrypted_for_a_key() {
    let machine = Machine::new();
    let (lock, key) = keys();
    let made = machine.lock_up(100_000, Some(&lock)).unwrap();
    assert!(made.is_encrypted());
    let manifest = made.manifest().clone();
    drop(made);
    let bytes = fs::read(machine.file()).unwrap();
    for name in ["idna", "manifest.json", "RECOVER"] {
        assert!(!bytes.windows(name.len()).any(|part| part == name.as_bytes()), "{name}");
    }
    let read = Backup::open(&machine.file(), Some(&key)).unwrap();
    assert_eq!((read.manifest(), read.bytes()), (&manifest, bytes.len() as u64));
    assert_eq!(read.verify().unwrap().damaged, []);
    assert_eq!(contents(&read).len(), manifest.members.len());

    let open = |key: Option<&Key>| Backup::open(&machine.file(), key).unwrap_err();
    assert!(matches!(open(None), Error::Encrypted { by_passphrase: false, .. }));
    let passphrase = Key::Passphrase(Passphrase::from("x".to_owned()));
    assert!(matches!(open(Some(&passphrase)), Error::Encrypted { by_passphrase: false, .. }));
    assert!(matches!(open(Some(&keys().1)), Error::WrongKey { .. }));
}

/// An ordinary archive is in it, for who decrypts it without this program.
#[test]
fn decrypted_by_age_it_is_an_archive() {
    use std::io::Read;
    let machine = Machine::new();
    let own = age::x25519::Identity::generate();
    let lock = Lock::Recipients(vec![own.to_public().to_string().parse().unwrap()]);
    let made = machine.lock_up(300_000, Some(&lock)).unwrap();
    let file = File::open(machine.file()).unwrap();
    let decryptor = age::Decryptor::new(file).unwrap();
    let mut plain = Vec::new();
    let one: &dyn age::Identity = &own;
    decryptor.decrypt([one].into_iter()).unwrap().read_to_end(&mut plain).unwrap();
    let mut archive = ZipArchive::new(Cursor::new(&plain)).unwrap();
    assert_eq!(archive.len(), made.manifest().members.len() + 1);
    let mut text = String::new();
    archive.by_name("RECOVER.txt").unwrap().read_to_string(&mut text).unwrap();
    assert!(text.contains("idna") || text.contains("distributions"), "{text}");
    // And a backup that was decrypted is one.
    let decrypted = machine.folder.path().join("plain");
    fs::write(&decrypted, &plain).unwrap();
    assert_eq!(read(&decrypted).unwrap(), []);
    // Sizes after the bytes that are others than those of the directory.
    let after = plain.windows(4).position(|part| part == b"PK\x07\x08").unwrap();
    plain[after + 8] ^= 1;
    fs::write(&decrypted, &plain).unwrap();
    let error = read(&decrypted).unwrap_err();
    assert!(error.to_string().contains("says two things"), "{error}");
}

/// Cut short at every 4 KiB, and each byte of the header and one in so many of the rest another one: an error,
/// and nothing that was not written.
#[test]
fn encrypted_and_damaged() {
    let machine = Machine::new();
    let (lock, key) = keys();
    let expected = machine.lock_up(150_000, Some(&lock)).unwrap();
    let members = contents(&expected);
    let manifest = expected.manifest().clone();
    let bytes = fs::read(machine.file()).unwrap();
    let other = machine.folder.path().join("other");
    let read_other = || Backup::open(&other, Some(&key));
    for length in (0..bytes.len()).step_by(4096).chain(bytes.len() - 40..bytes.len()) {
        fs::write(&other, &bytes[..length]).unwrap();
        let error = read_other().unwrap_err();
        let is_told = matches!(error, Error::Damaged { .. } | Error::NotABackup { .. });
        assert!(is_told, "{length}: {error}");
    }
    fs::write(&other, [&bytes[..], b"x"].concat()).unwrap();
    assert!(matches!(read_other(), Err(Error::Damaged { .. })));
    let header = bytes.windows(5).position(|part| part == b"\n--- ").unwrap() + 70;
    let places = (0..header).chain((header..bytes.len()).step_by(997));
    let (mut as_written, mut of_members) = (0, 0);
    for at in places {
        let mut changed = bytes.clone();
        changed[at] ^= 0x20;
        fs::write(&other, &changed).unwrap();
        let Ok(backup) = read_other() else { continue };
        let damaged = backup.verify().unwrap().damaged;
        match damaged.is_empty() {
            true => {
                assert_eq!((backup.manifest(), contents(&backup)), (&manifest, members.clone()));
                as_written += 1;
            }
            false => of_members += 1,
        }
    }
    // Nothing of what age writes may be another one.
    assert_eq!(as_written, 0);
    assert!(of_members > 50, "{of_members}");
}

#[test]
fn encrypted_with_a_passphrase() {
    let machine = Machine::new();
    let key = |text: &str| Key::Passphrase(Passphrase::from(text.to_owned()));
    let lock = Lock::Passphrase(Passphrase::from("correct horse".to_owned()));
    drop(machine.lock_up(0, Some(&lock)).unwrap());
    let open = |key: Option<&Key>| Backup::open(&machine.file(), key);
    assert_eq!(open(Some(&key("correct horse"))).unwrap().verify().unwrap().damaged, []);
    assert!(matches!(open(Some(&key("wrong horse"))), Err(Error::WrongKey { .. })));
    assert!(matches!(open(None), Err(Error::Encrypted { by_passphrase: true, .. })));
    assert!(matches!(open(Some(&keys().1)), Err(Error::Encrypted { by_passphrase: true, .. })));

    // One that would take a machine's memory, and one whose header has no end.
    let bytes = fs::read(machine.file()).unwrap();
    let at = bytes.windows(4).position(|part| part == b" 18\n").unwrap();
    let mut costly = bytes.clone();
    costly[at + 1..at + 3].copy_from_slice(b"30");
    fs::write(machine.root.join("costly"), costly).unwrap();
    let error = Backup::open(&machine.root.join("costly"), Some(&key("x"))).unwrap_err();
    assert!(matches!(error, Error::TooMuchWork { power: 30, .. }), "{error}");
    let endless = [b"age-encryption.org/v1\n-> X25519 ".to_vec(), vec![b'a'; 1 << 20]].concat();
    fs::write(machine.root.join("endless"), endless).unwrap();
    let error = Backup::open(&machine.root.join("endless"), Some(&key("x"))).unwrap_err();
    assert!(error.to_string().contains("has no end"), "{error}");
}
