//! From what an inspection found to bytes.

use std::collections::HashMap;
use std::ffi::OsStr;
use std::time::{SystemTime, UNIX_EPOCH};

use super::layout::{
    ENVIRONMENT_BYTES, FINDING_BYTES, HEADER_BYTES, MAGIC, PROBLEM_BYTES, TEXT_BYTES, VERSION,
    environment, finding, header, problem,
};
use crate::environments::health::{Finding, Method, Severity};
use crate::environments::inspection::Inspected;
use crate::environments::{Environment, Problem, Status};

/// What is true of all of it.
#[derive(Debug, Clone, Copy)]
pub struct About<'a> {
    /// When the environments were last looked at.
    pub time: SystemTime,
    /// The snapshot that remembers them, if any does; none has the number 0.
    pub snapshot: Option<u64>,
    /// The version of the program.
    pub engine: &'a str,
}

/// Environments with their findings, in the order given, and what could not be looked at. Panics at 4 GiB.
pub fn encode<'a>(
    about: About<'_>,
    environments: impl IntoIterator<Item = &'a Inspected>,
    problems: &[Problem],
) -> Vec<u8> {
    let mut encoder = Encoder::default();
    let mut counts = [0u32; 3];
    for inspected in environments {
        encoder.environment(inspected);
        counts[status(inspected.status()) as usize] += 1;
    }
    for one in problems {
        let at = add(&mut encoder.problems, PROBLEM_BYTES);
        let path = encoder.heap.text(one.path.as_os_str().as_encoded_bytes());
        let message = encoder.heap.text(one.message.as_bytes());
        put_pair(&mut encoder.problems[at..], problem::PATH, path);
        put_pair(&mut encoder.problems[at..], problem::MESSAGE, message);
    }
    encoder.finish(about, counts)
}

#[derive(Debug, Default)]
struct Encoder {
    environments: Vec<u8>,
    findings: Vec<u8>,
    problems: Vec<u8>,
    texts: Vec<u8>,
    heap: Heap,
}

/// Of a text its offset and length; of a run its first entry and how many there are.
type Pair = [u32; 2];

impl Encoder {
    fn environment(&mut self, inspected: &Inspected) {
        let Inspected { environment: one, findings, .. } = inspected;
        let index = count(&self.environments, ENVIRONMENT_BYTES);
        let at = add(&mut self.environments, ENVIRONMENT_BYTES);
        let pairs = self.pairs(one);
        let runs = [
            (environment::FINDINGS, self.findings(findings, index)),
            (environment::ALIASES, self.texts(one.aliases.iter().map(path))),
            (environment::SITE_PACKAGES, self.texts(one.site_packages.iter().map(path))),
            (environment::FOUND_BY, {
                let texts = one
                    .found_by
                    .iter()
                    .flat_map(|found| [found.source.as_str().as_bytes(), found.detail.as_bytes()]);
                self.texts(texts)
            }),
        ];
        let record = &mut self.environments[at..];
        let id = one.id.0.as_bytes();
        let digits = id.len().min(16);
        record[environment::ID..environment::ID + digits].copy_from_slice(&id[..digits]);
        record[environment::STATUS] = status(inspected.status());
        record[environment::FLAGS] = flags(one);
        put(record, environment::OWNER, one.owner.unwrap_or(u32::MAX));
        for (at, pair) in pairs.into_iter().chain(runs) {
            put_pair(record, at, pair);
        }
        let with = |severity| findings.iter().filter(|one| one.severity == severity).count() as u32;
        put(record, environment::ERRORS, with(Severity::Error));
        put(record, environment::WARNINGS, with(Severity::Warning));
    }

    fn pairs(&mut self, one: &Environment) -> [(usize, Pair); 14] {
        let version = one.version.as_ref().map(ToString::to_string);
        let implementation = one.implementation.map(|one| one.name().to_owned());
        let text = |text: &Option<String>| text.clone().map(String::into_bytes);
        let own =
            |place: &Option<std::path::PathBuf>| place.as_ref().map(|place| path(place).to_vec());
        let of = [
            (environment::KIND, Some(one.kind.as_str().as_bytes().to_vec())),
            (environment::NAME, text(&one.name)),
            (environment::PREFIX, Some(path(&one.prefix).to_vec())),
            (environment::EXECUTABLE, own(&one.executable)),
            (environment::VERSION, version.map(String::into_bytes)),
            (environment::IMPLEMENTATION, implementation.map(String::into_bytes)),
            (environment::ABI_FLAGS, Some(one.abi_flags.clone().into_bytes())),
            (environment::ARCHITECTURE, one.architecture.map(|one| one.as_str().into())),
            (environment::BASE_PREFIX, own(&one.base_prefix)),
            (environment::BASE_EXECUTABLE, own(&one.base_executable)),
            (environment::BASE_ID, one.base_id.as_ref().map(|id| id.0.clone().into_bytes())),
            (environment::MANAGER, text(&one.manager)),
            (environment::PROJECT, own(&one.project)),
            (environment::CREATED_BY, text(&one.created_by)),
        ];
        of.map(|(at, bytes)| (at, bytes.map_or([0, 0], |bytes| self.heap.text(&bytes))))
    }

    fn findings(&mut self, findings: &[Finding], environment: u32) -> Pair {
        let first = count(&self.findings, FINDING_BYTES);
        for one in findings {
            let paths = self.texts(one.paths.iter().map(path));
            let distributions = self.texts(one.repair.distributions.iter().map(String::as_bytes));
            let at = add(&mut self.findings, FINDING_BYTES);
            let record = &mut self.findings[at..];
            let code = one.code;
            for (at, text) in [
                (finding::CODE, code.as_str()),
                (finding::MESSAGE, &one.message),
                (finding::MEANING, code.meaning()),
                (finding::EFFECT, code.effect()),
                (finding::REMEDY, code.remedy()),
            ] {
                put_pair(record, at, self.heap.text(text.as_bytes()));
            }
            put_pair(record, finding::PATHS, paths);
            put_pair(record, finding::DISTRIBUTIONS, distributions);
            record[finding::SEVERITY] = severity(one.severity);
            record[finding::METHOD] = method(one.repair.method);
            put(record, finding::ENVIRONMENT, environment);
        }
        [first, length(findings.len())]
    }

    fn texts<'a>(&mut self, texts: impl Iterator<Item = &'a [u8]>) -> Pair {
        let first = count(&self.texts, TEXT_BYTES);
        for text in texts {
            let at = add(&mut self.texts, TEXT_BYTES);
            put_pair(&mut self.texts[at..], 0, self.heap.text(text));
        }
        [first, count(&self.texts, TEXT_BYTES) - first]
    }

    fn finish(self, about: About<'_>, counts: [u32; 3]) -> Vec<u8> {
        let Encoder { environments, findings, problems, texts, mut heap } = self;
        let engine = heap.text(about.engine.as_bytes());
        let arrays = [
            (environments, ENVIRONMENT_BYTES),
            (findings, FINDING_BYTES),
            (problems, PROBLEM_BYTES),
            (texts, TEXT_BYTES),
        ];
        let mut bytes = vec![0; HEADER_BYTES];
        put(&mut bytes, header::HEAP, length(HEADER_BYTES));
        put(&mut bytes, header::HEAP_BYTES, length(heap.bytes.len()));
        put_pair(&mut bytes, header::ENGINE, engine);
        bytes.extend_from_slice(&heap.bytes);
        bytes.resize(bytes.len().next_multiple_of(8), 0);
        for (number, (array, stride)) in arrays.into_iter().enumerate() {
            let at = header::ARRAYS + number * 12;
            let fields = [length(bytes.len()), count(&array, stride), length(stride)];
            for (field, value) in fields.into_iter().enumerate() {
                put(&mut bytes, at + field * 4, value);
            }
            bytes.extend_from_slice(&array);
        }

        bytes[..8].copy_from_slice(&MAGIC);
        put(&mut bytes, header::VERSION, VERSION);
        let whole = length(bytes.len());
        put_long(&mut bytes, header::LENGTH, whole.into());
        let since = about.time.duration_since(UNIX_EPOCH).unwrap_or_default();
        put_long(&mut bytes, header::TIME, u64::try_from(since.as_nanos()).unwrap_or_default());
        put_long(&mut bytes, header::SNAPSHOT, about.snapshot.unwrap_or_default());
        for (at, value) in
            [header::HEALTHY, header::WARNING, header::BROKEN].into_iter().zip(counts)
        {
            put(&mut bytes, at, value);
        }
        let checksum = crc32c::crc32c(&bytes[header::LENGTH..]);
        put(&mut bytes, header::CHECKSUM, checksum);
        bytes
    }
}

/// Strings, each once.
#[derive(Debug, Default)]
struct Heap {
    bytes: Vec<u8>,
    known: HashMap<Vec<u8>, u32>,
}

impl Heap {
    fn text(&mut self, text: &[u8]) -> Pair {
        let at = match self.known.get(text) {
            Some(at) => *at,
            None => {
                // It stands after the header.
                let at = length(HEADER_BYTES + self.bytes.len());
                self.bytes.extend_from_slice(text);
                self.known.insert(text.to_vec(), at);
                at
            }
        };
        [at, length(text.len())]
    }
}

fn path(path: &impl AsRef<OsStr>) -> &[u8] {
    path.as_ref().as_encoded_bytes()
}

fn flags(one: &Environment) -> u8 {
    let flag = |is_set: bool, flag: u8| if is_set { flag } else { 0 };
    flag(one.externally_managed, environment::EXTERNALLY_MANAGED)
        | flag(one.is_virtual(), environment::VIRTUAL)
        | flag(one.is_repairable(), environment::REPAIRABLE)
}

/// Numbers of statuses, severities and methods are those of their declaration; appended to, never changed.
fn status(status: Status) -> u8 {
    status as u8
}

fn severity(severity: Severity) -> u8 {
    severity as u8
}

fn method(method: Method) -> u8 {
    method as u8
}

fn add(array: &mut Vec<u8>, stride: usize) -> usize {
    let at = array.len();
    array.resize(at + stride, 0);
    at
}

fn count(array: &[u8], stride: usize) -> u32 {
    length(array.len() / stride)
}

fn length(bytes: usize) -> u32 {
    u32::try_from(bytes).expect("less than 4 GiB")
}

fn put(bytes: &mut [u8], at: usize, value: u32) {
    bytes[at..at + 4].copy_from_slice(&value.to_le_bytes());
}

fn put_long(bytes: &mut [u8], at: usize, value: u64) {
    bytes[at..at + 8].copy_from_slice(&value.to_le_bytes());
}

fn put_pair(bytes: &mut [u8], at: usize, pair: Pair) {
    put(bytes, at, pair[0]);
    put(bytes, at + 4, pair[1]);
}
