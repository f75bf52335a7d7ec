//! Offsets of fields. A *text* is two u32: its offset, and how many bytes it has. A *run* is two u32 as well: the
//! index of the first entry of an array, and how many there are.

/// The first eight bytes.
pub const MAGIC: [u8; 8] = *b"AIOSENVS";
/// Of this layout; raised only when a reader of before would misread.
pub const VERSION: u32 = 1;

/// Bytes of the header.
pub const HEADER_BYTES: usize = 128;
/// Bytes of a record of an environment.
pub const ENVIRONMENT_BYTES: usize = 184;
/// Bytes of a record of a finding.
pub const FINDING_BYTES: usize = 64;
/// Bytes of a record of a problem.
pub const PROBLEM_BYTES: usize = 16;
/// Bytes of an entry of the array of texts.
pub const TEXT_BYTES: usize = 8;

pub(super) mod header {
    pub(crate) const VERSION: usize = 8;
    /// CRC-32C of all that follows it.
    pub(crate) const CHECKSUM: usize = 12;
    pub(crate) const LENGTH: usize = 16;
    pub(crate) const TIME: usize = 24;
    /// 0 where nothing is remembered.
    pub(crate) const SNAPSHOT: usize = 32;
    /// Four arrays: environments, findings, problems, texts. Each has its offset, how many entries, and bytes of
    /// one: 12 bytes an array.
    pub(crate) const ARRAYS: usize = 40;
    pub(crate) const HEAP: usize = 88;
    pub(crate) const HEAP_BYTES: usize = 92;
    pub(crate) const HEALTHY: usize = 96;
    pub(crate) const WARNING: usize = 100;
    pub(crate) const BROKEN: usize = 104;
    pub(crate) const ENGINE: usize = 112;
}

pub(super) mod environment {
    /// Sixteen hexadecimal digits.
    pub(crate) const ID: usize = 0;
    pub(crate) const STATUS: usize = 16;
    pub(crate) const FLAGS: usize = 17;
    /// All ones where nobody is known.
    pub(crate) const OWNER: usize = 20;
    pub(crate) const KIND: usize = 24;
    pub(crate) const NAME: usize = 32;
    pub(crate) const PREFIX: usize = 40;
    pub(crate) const EXECUTABLE: usize = 48;
    pub(crate) const VERSION: usize = 56;
    pub(crate) const IMPLEMENTATION: usize = 64;
    pub(crate) const ABI_FLAGS: usize = 72;
    pub(crate) const ARCHITECTURE: usize = 80;
    pub(crate) const BASE_PREFIX: usize = 88;
    pub(crate) const BASE_EXECUTABLE: usize = 96;
    pub(crate) const BASE_ID: usize = 104;
    pub(crate) const MANAGER: usize = 112;
    pub(crate) const PROJECT: usize = 120;
    pub(crate) const CREATED_BY: usize = 128;
    pub(crate) const FINDINGS: usize = 136;
    pub(crate) const ALIASES: usize = 144;
    pub(crate) const SITE_PACKAGES: usize = 152;
    /// Two texts each: the source, and how in words.
    pub(crate) const FOUND_BY: usize = 160;
    pub(crate) const ERRORS: usize = 168;
    pub(crate) const WARNINGS: usize = 172;

    pub(crate) const EXTERNALLY_MANAGED: u8 = 1;
    pub(crate) const VIRTUAL: u8 = 2;
    pub(crate) const REPAIRABLE: u8 = 4;
}

pub(super) mod finding {
    pub(crate) const CODE: usize = 0;
    pub(crate) const MESSAGE: usize = 8;
    pub(crate) const MEANING: usize = 16;
    pub(crate) const EFFECT: usize = 24;
    pub(crate) const REMEDY: usize = 32;
    pub(crate) const PATHS: usize = 40;
    /// `name==version` of what is installed again by a repair.
    pub(crate) const DISTRIBUTIONS: usize = 48;
    pub(crate) const SEVERITY: usize = 56;
    pub(crate) const METHOD: usize = 57;
    /// Index of its environment.
    pub(crate) const ENVIRONMENT: usize = 60;
}

pub(super) mod problem {
    pub(crate) const PATH: usize = 0;
    pub(crate) const MESSAGE: usize = 8;
}
