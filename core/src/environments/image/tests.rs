use std::io::Cursor;

use proptest::prelude::*;

use super::*;

fn outcome(bytes: &[u8]) -> Result<(Format, Option<Architecture>), String> {
    read_from(Cursor::new(bytes)).map(|image| (image.format, image.architecture))
}

/// One of each: the bytes, and what they are.
fn whole_images() -> Vec<(Vec<u8>, Format, Option<Architecture>)> {
    vec![
        (builder::elf(62), Format::Elf, Some(Architecture::X86_64)),
        (builder::elf(183), Format::Elf, Some(Architecture::Aarch64)),
        (builder::elf(243), Format::Elf, Some(Architecture::Riscv64)),
        (builder::elf(9999), Format::Elf, None),
        (builder::elf32_big_endian(40), Format::Elf, Some(Architecture::Arm)),
        (builder::pe(0x8664), Format::Pe, Some(Architecture::X86_64)),
        (builder::pe(0xaa64), Format::Pe, Some(Architecture::Aarch64)),
        (builder::mach_o(0x0100_0007), Format::MachO, Some(Architecture::X86_64)),
        (builder::mach_o(0x0100_000c), Format::MachO, Some(Architecture::Aarch64)),
        (
            builder::mach_o_universal(&[0x0100_0007, 0x0100_000c]),
            Format::MachO,
            Some(Architecture::Universal),
        ),
        (builder::mach_o_universal(&[0x0100_000c]), Format::MachO, Some(Architecture::Aarch64)),
    ]
}

#[test]
fn reads_whole_images() {
    for (bytes, format, architecture) in whole_images() {
        assert_eq!(outcome(&bytes), Ok((format, architecture)));
    }
}

#[test]
fn sees_that_any_end_is_cut_off() {
    for (bytes, format, architecture) in whole_images() {
        for length in 0..bytes.len() {
            assert!(
                outcome(&bytes[..length]).is_err(),
                "{format:?} {architecture:?}: {length} of {} bytes",
                bytes.len()
            );
        }
    }
}

#[test]
fn says_how_much_is_missing() {
    let bytes = builder::elf(62);
    assert_eq!(
        outcome(&bytes[..bytes.len() / 2]).unwrap_err(),
        "is truncated: a segment ends at byte 320, the file has 224 bytes"
    );
    let mut nul_end = bytes;
    let end = nul_end.len();
    nul_end[end - 128..].fill(0);
    assert_eq!(
        outcome(&nul_end).unwrap_err(),
        "is truncated: its table of sections is filled with NULs"
    );
}

#[test]
fn names_what_is_no_image() {
    let check = |bytes: &[u8], expected: &str| {
        assert_eq!(outcome(bytes).unwrap_err(), expected);
    };
    check(b"", "is empty");
    check(&[0; 9000], "is filled with NULs");
    check(
        b"python3.12",
        "is a text file of 10 bytes, as a link becomes in a zip or git checkout: `python3.12`",
    );
    check(b"<html>\n<body>\n", "is a text file of 14 bytes, not an executable image");
    check(
        b"version https://git-lfs.github.com/spec/v1\noid sha256:00\n",
        "is a Git LFS pointer: the file itself was never fetched",
    );
    check(b"\xca\xfe\xba\xbe\0\0\0\x34 a Java class", "is neither ELF nor PE nor Mach-O");
    check(b"\x89PNG\r\n\x1a\n", "is neither ELF nor PE nor Mach-O");
    check(b"PK\x03\x04\x14\0", "is neither ELF nor PE nor Mach-O");
}

#[test]
fn reads_scripts() {
    let image = read_from(Cursor::new(b"#! /usr/bin/env python3 \nimport sys\n")).unwrap();
    assert_eq!(image.format, Format::Script);
    assert_eq!(image.shebang.as_deref(), Some("/usr/bin/env python3"));
}

#[test]
fn what_is_no_file_is_an_error_at_once() {
    let folder = tempfile::tempdir().unwrap();
    assert_eq!(read(folder.path()).unwrap_err(), "is a folder, not a regular file");
    assert!(read(&folder.path().join("gone")).unwrap_err().starts_with("cannot be read: "));
    #[cfg(unix)]
    {
        let fifo = folder.path().join("fifo");
        assert!(std::process::Command::new("mkfifo").arg(&fifo).status().unwrap().success());
        assert_eq!(read(&fifo).unwrap_err(), "is a fifo, not a regular file");
    }
}

#[test]
fn reads_the_program_that_runs_this_test() {
    let image = read(&std::env::current_exe().unwrap()).unwrap();
    assert_ne!(image.format, Format::Script);
}

proptest! {
    #[test]
    fn survives_any_bytes(bytes in proptest::collection::vec(any::<u8>(), 0..512)) {
        let _ = outcome(&bytes);
    }

    #[test]
    fn survives_any_damage(which in 0..11_usize, at in 0..400_usize, damage in proptest::collection::vec(any::<u8>(), 1..16)) {
        let mut bytes = whole_images().swap_remove(which).0;
        let at = at.min(bytes.len() - damage.len());
        bytes[at..at + damage.len()].copy_from_slice(&damage);
        let _ = outcome(&bytes);
    }
}
