//! Smallest images of each format, for tests: headers, and as many bytes as they point to.

/// A 64-bit little-endian ELF library: one segment over the file, a table of two sections at the end.
pub(crate) fn elf(machine: u16) -> Vec<u8> {
    let (phoff, shoff) = (64_u64, 64 + 56 + 200_u64);
    let mut file = b"\x7fELF\x02\x01\x01\0\0\0\0\0\0\0\0\0".to_vec();
    push16(&mut file, &[3, machine]);
    push32(&mut file, &[1]);
    push64(&mut file, &[0, phoff, shoff]);
    push32(&mut file, &[0]);
    push16(&mut file, &[64, 56, 1, 64, 2, 0]);
    push32(&mut file, &[1, 5]);
    push64(&mut file, &[0, 0, 0, shoff, shoff, 0x1000]);
    file.resize(shoff as usize, 0x90);
    file.resize(shoff as usize + 64, 0);
    push32(&mut file, &[0, 1]);
    push64(&mut file, &[0, 0, 120, 100]);
    push32(&mut file, &[0, 0]);
    push64(&mut file, &[0, 0]);
    file
}

/// The same for 32 bits and big-endian, without sections.
pub(crate) fn elf32_big_endian(machine: u16) -> Vec<u8> {
    let mut file = b"\x7fELF\x01\x02\x01\0\0\0\0\0\0\0\0\0".to_vec();
    let big16 = |file: &mut Vec<u8>, value: u16| file.extend([(value >> 8) as u8, value as u8]);
    let big32 = |file: &mut Vec<u8>, value: u32| {
        file.extend([(value >> 24) as u8, (value >> 16) as u8, (value >> 8) as u8, value as u8]);
    };
    [3, machine].into_iter().for_each(|value| big16(&mut file, value));
    [1, 0, 52, 0, 0].into_iter().for_each(|value| big32(&mut file, value));
    [52, 32, 1, 40, 0, 0].into_iter().for_each(|value| big16(&mut file, value));
    [1, 0, 0, 0, 200, 200, 5, 0x1000].into_iter().for_each(|value| big32(&mut file, value));
    file.resize(200, 0x90);
    file
}

/// A 64-bit Windows library with one section of 512 bytes.
pub(crate) fn pe(machine: u16) -> Vec<u8> {
    let mut file = b"MZ".to_vec();
    file.resize(60, 0);
    push32(&mut file, &[64]);
    file.extend_from_slice(b"PE\0\0");
    push16(&mut file, &[machine, 1]);
    push32(&mut file, &[0, 0, 0]);
    push16(&mut file, &[112 + 16 * 8, 0x2022, 0x20b]);
    // The rest of the optional header; its 58th byte from here is `SizeOfHeaders`.
    let optional = file.len() - 2;
    file.resize(optional + 112 + 16 * 8, 0);
    file[optional + 60..optional + 62].copy_from_slice(&[0, 2]);
    file[optional + 108] = 16;
    file.extend_from_slice(b".text\0\0\0");
    push32(&mut file, &[512, 0x1000, 512, 512, 0, 0, 0, 0x6000_0020]);
    file.resize(1024, 0xcc);
    file
}

/// A 64-bit little-endian macOS library with one segment of 256 bytes.
pub(crate) fn mach_o(cpu: u32) -> Vec<u8> {
    let mut file = Vec::new();
    push32(&mut file, &[0xfeed_facf, cpu, 0, 6, 1, 72, 0, 0, 0x19, 72]);
    file.extend_from_slice(b"__TEXT\0\0\0\0\0\0\0\0\0\0");
    push64(&mut file, &[0, 0x1000, 0, 256]);
    push32(&mut file, &[5, 5, 0, 0]);
    file.resize(256, 0xcc);
    file
}

/// Both in one file.
pub(crate) fn mach_o_universal(cpus: &[u32]) -> Vec<u8> {
    let big32 =
        |value: u32| [(value >> 24) as u8, (value >> 16) as u8, (value >> 8) as u8, value as u8];
    let mut file: Vec<u8> = Vec::new();
    file.extend(big32(0xcafe_babe));
    file.extend(big32(cpus.len() as u32));
    for (index, cpu) in cpus.iter().enumerate() {
        for value in [*cpu, 0, 4096 * (index as u32 + 1), 256, 12] {
            file.extend(big32(value));
        }
    }
    for (index, cpu) in cpus.iter().enumerate() {
        file.resize(4096 * (index + 1), 0);
        file.extend(mach_o(*cpu));
    }
    file
}

fn push16(file: &mut Vec<u8>, values: &[u16]) {
    values.iter().for_each(|value| file.extend(value.to_le_bytes()));
}

fn push32(file: &mut Vec<u8>, values: &[u32]) {
    values.iter().for_each(|value| file.extend(value.to_le_bytes()));
}

fn push64(file: &mut Vec<u8>, values: &[u64]) {
    values.iter().for_each(|value| file.extend(value.to_le_bytes()));
}
