//! What ELF, PE and Mach-O headers point to, checked against the size of the file.

use object::elf::{self, FileHeader32, FileHeader64};
use object::macho::{self, FatArch32, FatArch64, MachHeader32, MachHeader64};
use object::pe::{self, ImageNtHeaders32, ImageNtHeaders64};
use object::read::elf::{FileHeader, ProgramHeader, SectionHeader};
use object::read::macho::{FatArch, MachHeader, MachOFatFile, Segment};
use object::read::pe::{ImageNtHeaders, ImageOptionalHeader, optional_header_magic};
use object::{Endianness, LittleEndian, ReadRef};

use super::Architecture;

/// ELF counts sections in 16 bits; more than that is only ever seen in object files.
const MAX_TABLE_ENTRIES: u64 = 65_536;

/// The load commands of real images take some tens of kilobytes.
const MAX_LOAD_COMMAND_BYTES: u64 = 16 * 1024 * 1024;

/// There are fewer kinds of processors. A Java class file shares the magic number of a universal
/// image, and has its version (45 or more) in place of the count.
const MAX_FAT_ARCHES: u32 = 40;

/// Where `e_ident` says whether the file is of 32 or 64 bits.
const EI_CLASS: u64 = 4;

type Checked = Result<Option<Architecture>, String>;

/// `Err` unless `offset..offset + size` lies inside a file of `bytes`.
fn within(what: &str, offset: u64, size: u64, bytes: u64) -> Result<(), String> {
    match offset.checked_add(size) {
        Some(end) if end <= bytes => Ok(()),
        Some(end) => {
            Err(format!("is truncated: {what} ends at byte {end}, the file has {bytes} bytes"))
        }
        None => Err(format!("has a damaged header: {what} cannot be of {size} bytes")),
    }
}

fn damaged(format: &str) -> String {
    format!("has a damaged {format} header")
}

pub(super) fn elf<'data, R: ReadRef<'data>>(data: R, bytes: u64) -> Checked {
    let class = data.read_bytes_at(EI_CLASS, 1).map_err(|()| truncated_header(bytes))?;
    match class {
        [elf::ELFCLASS32] => elf_class::<FileHeader32<Endianness>, R>(data, bytes),
        [elf::ELFCLASS64] => elf_class::<FileHeader64<Endianness>, R>(data, bytes),
        _ => Err(damaged("ELF")),
    }
}

fn truncated_header(bytes: u64) -> String {
    format!("is truncated: it ends within its header, after {bytes} bytes")
}

fn elf_class<'data, H, R>(data: R, bytes: u64) -> Checked
where
    H: FileHeader<Endian = Endianness>,
    R: ReadRef<'data>,
{
    let header: &H = data.read_at(0).map_err(|()| truncated_header(bytes))?;
    if !header.is_supported() {
        return Err(damaged("ELF"));
    }
    let endian = header.endian().map_err(|_| damaged("ELF"))?;
    elf_segments(header, endian, data, bytes)?;
    elf_sections(header, endian, data, bytes)?;
    let wide = header.is_class_64();
    Ok(match header.e_machine(endian) {
        elf::EM_X86_64 if wide => Some(Architecture::X86_64),
        elf::EM_386 => Some(Architecture::X86),
        elf::EM_AARCH64 if wide => Some(Architecture::Aarch64),
        elf::EM_ARM => Some(Architecture::Arm),
        elf::EM_RISCV if wide => Some(Architecture::Riscv64),
        elf::EM_PPC64 if endian == Endianness::Little => Some(Architecture::Ppc64le),
        elf::EM_S390 if wide => Some(Architecture::S390x),
        _ => None,
    })
}

fn elf_segments<'data, H, R>(
    header: &H,
    endian: Endianness,
    data: R,
    bytes: u64,
) -> Result<(), String>
where
    H: FileHeader<Endian = Endianness>,
    R: ReadRef<'data>,
{
    // With more than 65,534 segments the count stands elsewhere; no image has so many.
    let (offset, count) = (header.e_phoff(endian).into(), u64::from(header.e_phnum(endian)));
    let entry_bytes = size_of::<H::ProgramHeader>() as u64;
    within("its table of segments", offset, count * entry_bytes, bytes)?;
    if count > 0 && u64::from(header.e_phentsize(endian)) != entry_bytes {
        return Err(damaged("ELF"));
    }
    let segments: &[H::ProgramHeader] =
        data.read_slice_at(offset, count as usize).map_err(|()| damaged("ELF"))?;
    for segment in segments.iter().filter(|segment| segment.p_type(endian) != elf::PT_NULL) {
        let (offset, size) = segment.file_range(endian);
        within("a segment", offset, size, bytes)?;
    }
    let loads = segments.iter().any(|segment| segment.p_type(endian) == elf::PT_LOAD);
    if !loads && matches!(header.e_type(endian), elf::ET_EXEC | elf::ET_DYN) {
        return Err("has a damaged ELF header: it names nothing to load".to_owned());
    }
    Ok(())
}

fn elf_sections<'data, H, R>(
    header: &H,
    endian: Endianness,
    data: R,
    bytes: u64,
) -> Result<(), String>
where
    H: FileHeader<Endian = Endianness>,
    R: ReadRef<'data>,
{
    let (offset, count) = (header.e_shoff(endian).into(), u64::from(header.e_shnum(endian)));
    // Images run without a table of sections, and some are stripped of it.
    if offset == 0 {
        return Ok(());
    }
    // A count of zero means that it stands in the first entry: object files only.
    let count = count.max(1);
    let entry_bytes = size_of::<H::SectionHeader>() as u64;
    within("its table of sections", offset, count * entry_bytes, bytes)?;
    if u64::from(header.e_shentsize(endian)) != entry_bytes || count > MAX_TABLE_ENTRIES {
        return Err(damaged("ELF"));
    }
    let sections: &[H::SectionHeader] =
        data.read_slice_at(offset, count as usize).map_err(|()| damaged("ELF"))?;
    let mut named = sections.iter().filter(|section| section.sh_type(endian) != elf::SHT_NULL);
    for section in named.clone() {
        if let Some((offset, size)) = section.file_range(endian) {
            within("a section", offset, size, bytes)?;
        }
    }
    // The table is written last: a file of the right length whose end never reached the disk.
    if sections.len() > 1 && named.next().is_none() {
        return Err("is truncated: its table of sections is filled with NULs".to_owned());
    }
    Ok(())
}

pub(super) fn pe<'data, R: ReadRef<'data>>(data: R, bytes: u64) -> Checked {
    let dos: &pe::ImageDosHeader = data.read_at(0).map_err(|()| truncated_header(bytes))?;
    let offset = u64::from(dos.nt_headers_offset());
    within("its header", offset, size_of::<ImageNtHeaders32>() as u64, bytes)?;
    match optional_header_magic(data) {
        Ok(pe::IMAGE_NT_OPTIONAL_HDR32_MAGIC) => {
            pe_class::<ImageNtHeaders32, R>(data, bytes, offset)
        }
        Ok(pe::IMAGE_NT_OPTIONAL_HDR64_MAGIC) => {
            pe_class::<ImageNtHeaders64, R>(data, bytes, offset)
        }
        _ => Err(damaged("PE")),
    }
}

fn pe_class<'data, H, R>(data: R, bytes: u64, mut offset: u64) -> Checked
where
    H: ImageNtHeaders,
    R: ReadRef<'data>,
{
    within("its header", offset, size_of::<H>() as u64, bytes)?;
    let (headers, directories) = H::parse(data, &mut offset).map_err(|_| damaged("PE"))?;
    let file_header = headers.file_header();
    let sections = u64::from(file_header.number_of_sections.get(LittleEndian));
    let table_bytes = sections * size_of::<pe::ImageSectionHeader>() as u64;
    within("its table of sections", offset, table_bytes, bytes)?;
    let sections = headers.sections(data, offset).map_err(|_| damaged("PE"))?;
    for section in sections.iter() {
        let (offset, size) = section.pe_file_range();
        if size > 0 {
            within("a section", offset.into(), size.into(), bytes)?;
        }
    }
    let header_bytes = headers.optional_header().size_of_headers();
    within("its header", 0, header_bytes.into(), bytes)?;
    // The one directory that is named by its place in the file: signatures, at the very end.
    if let Some(signatures) = directories.get(pe::IMAGE_DIRECTORY_ENTRY_SECURITY) {
        let (offset, size) = signatures.address_range();
        within("its signature", offset.into(), size.into(), bytes)?;
    }
    Ok(match file_header.machine.get(LittleEndian) {
        pe::IMAGE_FILE_MACHINE_AMD64 => Some(Architecture::X86_64),
        pe::IMAGE_FILE_MACHINE_I386 => Some(Architecture::X86),
        pe::IMAGE_FILE_MACHINE_ARM64 => Some(Architecture::Aarch64),
        pe::IMAGE_FILE_MACHINE_ARM | pe::IMAGE_FILE_MACHINE_ARMNT => Some(Architecture::Arm),
        _ => None,
    })
}

pub(super) fn is_mach_o(start: &[u8]) -> bool {
    let Some((magic, rest)) = start.split_first_chunk::<4>() else { return false };
    match mach_o_magic(*magic) {
        Some(macho::FAT_MAGIC | macho::FAT_MAGIC_64) => {
            rest.first_chunk::<4>().is_none_or(|count| u32_big_endian(*count) < MAX_FAT_ARCHES)
        }
        magic => magic.is_some(),
    }
}

fn u32_big_endian(bytes: [u8; 4]) -> u32 {
    bytes.iter().fold(0, |value, byte| value << 8 | u32::from(*byte))
}

/// The magic number, read as the file's own byte order has it. Universal files are always big-endian.
fn mach_o_magic(magic: [u8; 4]) -> Option<u32> {
    let (big, little) = (u32_big_endian(magic), u32::from_le_bytes(magic));
    match (big, little) {
        (macho::FAT_MAGIC | macho::FAT_MAGIC_64 | macho::MH_MAGIC | macho::MH_MAGIC_64, _) => {
            Some(big)
        }
        (_, macho::MH_MAGIC | macho::MH_MAGIC_64) => Some(little),
        _ => None,
    }
}

pub(super) fn mach_o<'data, R: ReadRef<'data>>(data: R, bytes: u64) -> Checked {
    match magic_at(data, 0, bytes)? {
        Some(macho::FAT_MAGIC) => mach_o_fat::<FatArch32, R>(data, bytes),
        Some(macho::FAT_MAGIC_64) => mach_o_fat::<FatArch64, R>(data, bytes),
        _ => mach_o_at(data, 0, bytes),
    }
}

fn magic_at<'data, R: ReadRef<'data>>(
    data: R,
    offset: u64,
    bytes: u64,
) -> Result<Option<u32>, String> {
    within("its header", offset, 4, bytes)?;
    let magic = data.read_bytes_at(offset, 4).map_err(|()| truncated_header(bytes))?;
    Ok(magic.first_chunk::<4>().and_then(|magic| mach_o_magic(*magic)))
}

fn mach_o_fat<'data, F, R>(data: R, bytes: u64) -> Checked
where
    F: FatArch,
    R: ReadRef<'data>,
{
    let count = data.read_bytes_at(4, 4).map_err(|()| truncated_header(bytes))?;
    let count = count.first_chunk::<4>().map_or(0, |count| u32_big_endian(*count));
    within("its header", 8, u64::from(count) * size_of::<F>() as u64, bytes)?;
    let file = MachOFatFile::<'data, F>::parse(data).map_err(|_| damaged("Mach-O"))?;
    let mut architectures = Vec::new();
    for arch in file.arches() {
        let (offset, size) = arch.file_range();
        within("one of its images", offset, size, bytes)?;
        architectures.push(mach_o_at(data, offset, size)?);
    }
    match architectures.as_slice() {
        [] => Err(damaged("Mach-O")),
        [only] => Ok(*only),
        _ => Ok(Some(Architecture::Universal)),
    }
}

/// One thin image of `bytes`, from `offset` on.
fn mach_o_at<'data, R: ReadRef<'data>>(data: R, offset: u64, bytes: u64) -> Checked {
    let file_bytes = data.len().map_err(|()| damaged("Mach-O"))?;
    match magic_at(data, offset, file_bytes)? {
        Some(macho::MH_MAGIC) => mach_o_class::<MachHeader32<Endianness>, R>(data, offset, bytes),
        Some(macho::MH_MAGIC_64) => {
            mach_o_class::<MachHeader64<Endianness>, R>(data, offset, bytes)
        }
        _ => Err(damaged("Mach-O")),
    }
}

fn mach_o_class<'data, H, R>(data: R, offset: u64, bytes: u64) -> Checked
where
    H: MachHeader<Endian = Endianness>,
    R: ReadRef<'data>,
{
    within("its header", 0, size_of::<H>() as u64, bytes)?;
    let header = H::parse(data, offset).map_err(|_| damaged("Mach-O"))?;
    let endian = header.endian().map_err(|_| damaged("Mach-O"))?;
    let command_bytes = u64::from(header.sizeofcmds(endian));
    within("its table of load commands", size_of::<H>() as u64, command_bytes, bytes)?;
    if command_bytes > MAX_LOAD_COMMAND_BYTES {
        return Err(damaged("Mach-O"));
    }
    let commands = header.load_commands(endian, data, offset).map_err(|_| damaged("Mach-O"))?;
    for command in commands {
        let command = command.map_err(|_| damaged("Mach-O"))?;
        let segment_32 = command.segment_32().map_err(|_| damaged("Mach-O"))?;
        let segment_64 = command.segment_64().map_err(|_| damaged("Mach-O"))?;
        let range = (segment_32.map(|(segment, _)| segment.file_range(endian)))
            .or(segment_64.map(|(segment, _)| segment.file_range(endian)));
        if let Some((offset, size)) = range {
            within("a segment", offset, size, bytes)?;
        }
    }
    Ok(match header.cputype(endian) {
        macho::CPU_TYPE_X86_64 => Some(Architecture::X86_64),
        macho::CPU_TYPE_X86 => Some(Architecture::X86),
        macho::CPU_TYPE_ARM64 => Some(Architecture::Aarch64),
        macho::CPU_TYPE_ARM => Some(Architecture::Arm),
        _ => None,
    })
}
