//! From bytes to what they say, in place: nothing is copied, and what was checked is not checked again.

use std::borrow::Cow;
use std::path::PathBuf;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use super::layout::{
    ENVIRONMENT_BYTES, FINDING_BYTES, HEADER_BYTES, MAGIC, PROBLEM_BYTES, TEXT_BYTES, VERSION,
    environment, finding, header, problem,
};
use crate::environments::health::{Method, Severity};
use crate::environments::{EnvironmentId, Status};
use crate::system;

/// The bytes are not a whole state of environments.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("what is published is no state of environments that this version reads: {0}")]
pub struct NotEnvironments(&'static str);

/// How many environments are how.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Counts {
    /// Nothing worse than information.
    pub healthy: u32,
    /// Work; something is odd.
    pub warning: u32,
    /// Something does not work.
    pub broken: u32,
}

/// A path as the system has it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Path<'a>(&'a [u8]);

impl<'a> Path<'a> {
    /// Its bytes: on Unix any but NUL, on Windows WTF-8.
    pub fn bytes(self) -> &'a [u8] {
        self.0
    }

    /// To be shown; what is not Unicode is replaced.
    pub fn to_string_lossy(self) -> Cow<'a, str> {
        String::from_utf8_lossy(self.0)
    }

    /// To be opened. `None` where this system has no such path.
    pub fn to_path_buf(self) -> Option<PathBuf> {
        system::path_of(self.0)
    }
}

/// An array: where it begins, how many entries it has, and bytes from one to the next.
#[derive(Debug, Clone, Copy)]
struct Array {
    at: usize,
    count: usize,
    stride: usize,
}

/// A state of environments in checked bytes.
#[derive(Debug, Clone, Copy)]
pub struct Environments<'a> {
    bytes: &'a [u8],
    /// Environments, findings, problems, texts.
    arrays: [Array; 4],
    heap: (usize, usize),
}

impl<'a> Environments<'a> {
    /// Checks the header, every offset and every text. It does not read the checksum: a pinned view cannot be
    /// torn.
    pub fn of(bytes: &'a [u8]) -> Result<Environments<'a>, NotEnvironments> {
        if bytes.len() < HEADER_BYTES || bytes[..8] != MAGIC {
            return Err(NotEnvironments("it begins otherwise"));
        }
        if word(bytes, header::VERSION) != VERSION {
            return Err(NotEnvironments("it is of another version"));
        }
        if long(bytes, header::LENGTH) != bytes.len() as u64 {
            return Err(NotEnvironments("its length is another one"));
        }
        let heap = (size(bytes, header::HEAP), size(bytes, header::HEAP_BYTES));
        if heap.0 < HEADER_BYTES || heap.0.checked_add(heap.1).is_none_or(|end| end > bytes.len()) {
            return Err(NotEnvironments("its strings are not in it"));
        }
        let least = [ENVIRONMENT_BYTES, FINDING_BYTES, PROBLEM_BYTES, TEXT_BYTES];
        let mut arrays = [Array { at: 0, count: 0, stride: 0 }; 4];
        for (number, array) in arrays.iter_mut().enumerate() {
            let at = header::ARRAYS + number * 12;
            let [at, count, stride] = [0, 4, 8].map(|field| size(bytes, at + field));
            let end = count.checked_mul(stride).and_then(|length| length.checked_add(at));
            if stride < least[number] || end.is_none_or(|end| end > bytes.len()) {
                return Err(NotEnvironments("an array is not in it"));
            }
            *array = Array { at, count, stride };
        }
        let found = Environments { bytes, arrays, heap };
        found.check().ok_or(NotEnvironments("a record leads out of it, or holds no text"))?;
        Ok(found)
    }

    /// Whether all that records refer to is there, and is text where it must be.
    fn check(&self) -> Option<()> {
        self.text_at(header::ENGINE, true)?;
        for index in 0..self.arrays[0].count {
            let at = self.entry(0, index);
            std::str::from_utf8(&self.bytes[at..at + 16]).ok()?;
            for (field, is_text) in ENVIRONMENT_TEXTS {
                self.text_at(at + field, *is_text)?;
            }
            self.run_at(at + environment::FINDINGS, 1)?;
            for field in [environment::ALIASES, environment::SITE_PACKAGES] {
                self.run_at(at + field, 3)?;
            }
            let (first, count) = self.run_at(at + environment::FOUND_BY, 3)?;
            if !count.is_multiple_of(2) {
                return None;
            }
            (first..first + count).try_for_each(|text| self.text_at(self.entry(3, text), true))?;
        }
        for index in 0..self.arrays[1].count {
            let at = self.entry(1, index);
            for field in FINDING_TEXTS {
                self.text_at(at + field, true)?;
            }
            self.run_at(at + finding::PATHS, 3)?;
            let (first, count) = self.run_at(at + finding::DISTRIBUTIONS, 3)?;
            (first..first + count).try_for_each(|text| self.text_at(self.entry(3, text), true))?;
            if size(self.bytes, at + finding::ENVIRONMENT) >= self.arrays[0].count {
                return None;
            }
        }
        for index in 0..self.arrays[2].count {
            self.text_at(self.entry(2, index) + problem::PATH, false)?;
            self.text_at(self.entry(2, index) + problem::MESSAGE, true)?;
        }
        (0..self.arrays[3].count).try_for_each(|text| self.text_at(self.entry(3, text), false))
    }

    fn text_at(&self, at: usize, is_text: bool) -> Option<()> {
        let (offset, length) = (size(self.bytes, at), size(self.bytes, at + 4));
        if offset == 0 {
            return (length == 0).then_some(());
        }
        let (heap, heap_bytes) = self.heap;
        let end = offset.checked_add(length)?;
        if offset < heap || end > heap + heap_bytes {
            return None;
        }
        (!is_text || std::str::from_utf8(&self.bytes[offset..end]).is_ok()).then_some(())
    }

    fn run_at(&self, at: usize, array: usize) -> Option<(usize, usize)> {
        let (first, count) = (size(self.bytes, at), size(self.bytes, at + 4));
        (first.checked_add(count)? <= self.arrays[array].count).then_some((first, count))
    }

    fn entry(&self, array: usize, index: usize) -> usize {
        self.arrays[array].at + index * self.arrays[array].stride
    }

    /// Whether the bytes are those that were encoded: what was copied, or left by a crash, may not be.
    pub fn is_whole(&self) -> bool {
        crc32c::crc32c(&self.bytes[header::LENGTH..]) == word(self.bytes, header::CHECKSUM)
    }

    /// When the environments were last looked at.
    pub fn time(&self) -> SystemTime {
        UNIX_EPOCH + Duration::from_nanos(long(self.bytes, header::TIME))
    }

    /// The snapshot that remembers them.
    pub fn snapshot(&self) -> Option<u64> {
        Some(long(self.bytes, header::SNAPSHOT)).filter(|number| *number != 0)
    }

    /// The version of the program that published.
    pub fn engine(&self) -> &'a str {
        self.text(header::ENGINE).unwrap_or_default()
    }

    /// How many environments are how.
    pub fn counts(&self) -> Counts {
        let [healthy, warning, broken] =
            [header::HEALTHY, header::WARNING, header::BROKEN].map(|field| word(self.bytes, field));
        Counts { healthy, warning, broken }
    }

    /// How many environments there are.
    pub fn len(&self) -> usize {
        self.arrays[0].count
    }

    /// Whether there is none.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// An environment by its index.
    pub fn get(&self, index: usize) -> Option<Environment<'a>> {
        (index < self.len()).then(|| Environment { of: *self, at: self.entry(0, index), index })
    }

    /// All of them, in the order they were published.
    pub fn iter(&self) -> impl ExactSizeIterator<Item = Environment<'a>> + use<'a> {
        let of = *self;
        (0..of.len()).map(move |index| Environment { of, at: of.entry(0, index), index })
    }

    /// The environment of an identity.
    pub fn find(&self, id: &EnvironmentId) -> Option<Environment<'a>> {
        self.iter().find(|one| one.id() == id.0)
    }

    /// What could not be looked at.
    pub fn problems(&self) -> impl ExactSizeIterator<Item = Problem<'a>> + use<'a> {
        let of = *self;
        (0..of.arrays[2].count).map(move |index| {
            let at = of.entry(2, index);
            Problem {
                path: of.path(at + problem::PATH).unwrap_or(Path(b"")),
                message: of.text(at + problem::MESSAGE).unwrap_or_default(),
            }
        })
    }

    fn raw(&self, at: usize) -> Option<&'a [u8]> {
        let (offset, length) = (size(self.bytes, at), size(self.bytes, at + 4));
        if offset == 0 { None } else { self.bytes.get(offset..offset.checked_add(length)?) }
    }

    fn text(&self, at: usize) -> Option<&'a str> {
        std::str::from_utf8(self.raw(at)?).ok()
    }

    fn path(&self, at: usize) -> Option<Path<'a>> {
        self.raw(at).map(Path)
    }

    /// Where the entries of the array of texts stand that a record names.
    fn texts(&self, at: usize) -> impl ExactSizeIterator<Item = usize> + use<'a> {
        let (first, count) = self.run_at(at, 3).unwrap_or_default();
        let of = *self;
        (first..first + count).map(move |text| of.entry(3, text))
    }
}

/// What could not be looked at, and why.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Problem<'a> {
    /// What was looked at.
    pub path: Path<'a>,
    /// Why it could not be.
    pub message: &'a str,
}

/// Why an environment was found.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Found<'a> {
    /// The stable name of the source.
    pub source: &'a str,
    /// In words.
    pub detail: &'a str,
}

/// A record of an environment.
#[derive(Debug, Clone, Copy)]
pub struct Environment<'a> {
    of: Environments<'a>,
    at: usize,
    index: usize,
}

/// Declares what only reads a field.
macro_rules! fields {
    ($($(#[$doc:meta])+ $name:ident: $kind:ident = $module:ident::$field:ident -> $type:ty;)+) => {
        $($(#[$doc])+
        pub fn $name(&self) -> $type {
            self.of.$kind(self.at + $module::$field).into_field()
        })+
    };
}

/// A text that is always there is empty in bytes that nobody encoded.
trait IntoField<T> {
    fn into_field(self) -> T;
}

impl<T> IntoField<Option<T>> for Option<T> {
    fn into_field(self) -> Option<T> {
        self
    }
}

impl<'a> IntoField<&'a str> for Option<&'a str> {
    fn into_field(self) -> &'a str {
        self.unwrap_or_default()
    }
}

impl<'a> IntoField<Path<'a>> for Option<Path<'a>> {
    fn into_field(self) -> Path<'a> {
        self.unwrap_or(Path(b""))
    }
}

impl<'a> Environment<'a> {
    fields! {
        /// The stable name of what made it.
        kind: text = environment::KIND -> &'a str;
        /// The name its tool gives it.
        name: text = environment::NAME -> Option<&'a str>;
        /// `sys.prefix`, canonical.
        prefix: path = environment::PREFIX -> Path<'a>;
        /// `sys.executable`.
        executable: path = environment::EXECUTABLE -> Option<Path<'a>>;
        /// As exact as files tell it: `3.12.4`, `3.12`.
        version: text = environment::VERSION -> Option<&'a str>;
        /// `sys.implementation.name`.
        implementation: text = environment::IMPLEMENTATION -> Option<&'a str>;
        /// `t` for a free-threaded build.
        abi_flags: text = environment::ABI_FLAGS -> &'a str;
        /// What the interpreter was built for.
        architecture: text = environment::ARCHITECTURE -> Option<&'a str>;
        /// `sys.base_prefix`, canonical.
        base_prefix: path = environment::BASE_PREFIX -> Option<Path<'a>>;
        /// The interpreter that runs in the end.
        base_executable: path = environment::BASE_EXECUTABLE -> Option<Path<'a>>;
        /// The identity of the base installation.
        base_id: text = environment::BASE_ID -> Option<&'a str>;
        /// The tool that owns it.
        manager: text = environment::MANAGER -> Option<&'a str>;
        /// The project folder it belongs to.
        project: path = environment::PROJECT -> Option<Path<'a>>;
        /// Program and version that created it.
        created_by: text = environment::CREATED_BY -> Option<&'a str>;
    }

    /// Its place among all of them.
    pub fn index(&self) -> usize {
        self.index
    }

    /// Identity: sixteen hexadecimal digits.
    pub fn id(&self) -> &'a str {
        let at = self.at + environment::ID;
        std::str::from_utf8(&self.of.bytes[at..at + 16]).unwrap_or_default()
    }

    /// The worst finding in one word.
    pub fn status(&self) -> Status {
        // A status of a later version is worse than what was known.
        let number = usize::from(self.of.bytes[self.at + environment::STATUS]);
        Status::ALL.get(number).copied().unwrap_or(Status::Broken)
    }

    fn has(&self, flag: u8) -> bool {
        self.of.bytes[self.at + environment::FLAGS] & flag != 0
    }

    /// Marked with PEP 668's `EXTERNALLY-MANAGED`.
    pub fn is_externally_managed(&self) -> bool {
        self.has(environment::EXTERNALLY_MANAGED)
    }

    /// It stands on another installation.
    pub fn is_virtual(&self) -> bool {
        self.has(environment::VIRTUAL)
    }

    /// It was made by its user to install packages into.
    pub fn is_repairable(&self) -> bool {
        self.has(environment::REPAIRABLE)
    }

    /// Numeric owner of the prefix (Unix).
    pub fn owner(&self) -> Option<u32> {
        let owner = word(self.of.bytes, self.at + environment::OWNER);
        (owner != u32::MAX).then_some(owner)
    }

    /// How many findings are errors.
    pub fn errors(&self) -> u32 {
        word(self.of.bytes, self.at + environment::ERRORS)
    }

    /// How many findings are warnings.
    pub fn warnings(&self) -> u32 {
        word(self.of.bytes, self.at + environment::WARNINGS)
    }

    /// What is wrong with it, worst first.
    pub fn findings(&self) -> impl ExactSizeIterator<Item = Finding<'a>> + use<'a> {
        let of = self.of;
        let (first, count) = of.run_at(self.at + environment::FINDINGS, 1).unwrap_or_default();
        (first..first + count).map(move |index| Finding { of, at: of.entry(1, index) })
    }

    /// Other names of the same prefix.
    pub fn aliases(&self) -> impl ExactSizeIterator<Item = Path<'a>> + use<'a> {
        let of = self.of;
        of.texts(self.at + environment::ALIASES).map(move |at| of.path(at).into_field())
    }

    /// The folders that distributions are installed into.
    pub fn site_packages(&self) -> impl ExactSizeIterator<Item = Path<'a>> + use<'a> {
        let of = self.of;
        of.texts(self.at + environment::SITE_PACKAGES).map(move |at| of.path(at).into_field())
    }

    /// Why it was found, best reason first.
    pub fn found_by(&self) -> impl Iterator<Item = Found<'a>> + use<'a> {
        let of = self.of;
        let mut texts = of.texts(self.at + environment::FOUND_BY);
        std::iter::from_fn(move || {
            let (source, detail) = (texts.next()?, texts.next()?);
            Some(Found {
                source: of.text(source).into_field(),
                detail: of.text(detail).into_field(),
            })
        })
    }
}

/// A record of a finding.
#[derive(Debug, Clone, Copy)]
pub struct Finding<'a> {
    of: Environments<'a>,
    at: usize,
}

impl<'a> Finding<'a> {
    fields! {
        /// The stable name of the kind of fact.
        code: text = finding::CODE -> &'a str;
        /// The evidence in one sentence.
        message: text = finding::MESSAGE -> &'a str;
        /// What the code means.
        meaning: text = finding::MEANING -> &'a str;
        /// What it causes.
        effect: text = finding::EFFECT -> &'a str;
        /// What to do about it.
        remedy: text = finding::REMEDY -> &'a str;
    }

    /// How bad it is.
    pub fn severity(&self) -> Severity {
        let number = usize::from(self.of.bytes[self.at + finding::SEVERITY]);
        Severity::ALL.get(number).copied().unwrap_or(Severity::Error)
    }

    /// How it can be repaired.
    pub fn method(&self) -> Method {
        let number = usize::from(self.of.bytes[self.at + finding::METHOD]);
        Method::ALL.get(number).copied().unwrap_or(Method::None)
    }

    /// Its environment.
    pub fn environment(&self) -> Option<Environment<'a>> {
        self.of.get(size(self.of.bytes, self.at + finding::ENVIRONMENT))
    }

    /// The files and folders concerned.
    pub fn paths(&self) -> impl ExactSizeIterator<Item = Path<'a>> + use<'a> {
        let of = self.of;
        of.texts(self.at + finding::PATHS).map(move |at| of.path(at).into_field())
    }

    /// `name==version` of what is installed again by a repair.
    pub fn distributions(&self) -> impl ExactSizeIterator<Item = &'a str> + use<'a> {
        let of = self.of;
        of.texts(self.at + finding::DISTRIBUTIONS).map(move |at| of.text(at).into_field())
    }
}

/// Fields of an environment, and whether they are UTF-8.
const ENVIRONMENT_TEXTS: &[(usize, bool)] = &[
    (environment::KIND, true),
    (environment::NAME, true),
    (environment::PREFIX, false),
    (environment::EXECUTABLE, false),
    (environment::VERSION, true),
    (environment::IMPLEMENTATION, true),
    (environment::ABI_FLAGS, true),
    (environment::ARCHITECTURE, true),
    (environment::BASE_PREFIX, false),
    (environment::BASE_EXECUTABLE, false),
    (environment::BASE_ID, true),
    (environment::MANAGER, true),
    (environment::PROJECT, false),
    (environment::CREATED_BY, true),
];

const FINDING_TEXTS: &[usize] =
    &[finding::CODE, finding::MESSAGE, finding::MEANING, finding::EFFECT, finding::REMEDY];

fn word(bytes: &[u8], at: usize) -> u32 {
    u32::from_le_bytes(bytes[at..at + 4].try_into().expect("four bytes"))
}

fn long(bytes: &[u8], at: usize) -> u64 {
    u64::from_le_bytes(bytes[at..at + 8].try_into().expect("eight bytes"))
}

fn size(bytes: &[u8], at: usize) -> usize {
    word(bytes, at) as usize
}
