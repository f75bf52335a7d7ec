//! What is said over the control channel: one JSON object a line, in both directions.
//!
//! ```text
//! {"version":1,"request":"check","path":"/home/me/work/.venv"}
//! {"version":1,"reply":"checked","environments":[{"prefix":"/home/me/work/.venv","status":"healthy","codes":[]}]}
//! {"version":1,"reply":"error","code":"no-environment","message":"...","hint":"..."}
//! ```
//!
//! Fields may be added; what is not known is passed over. A path that is UTF-8 is a string, any other is
//! `{"bytes":"<base64>"}`.

use std::path::{Path, PathBuf};

use base64::Engine as _;
use serde::{Deserialize, Serialize};

use crate::environments::named;
use crate::system;

/// Of the messages. Increased when a field changes its meaning.
pub const VERSION: u32 = 1;

/// Of one line, with its end. Longer requests are refused, longer replies are never written.
pub const MOST_LINE_BYTES: usize = 64 << 10;

/// What can be asked.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "request", rename_all = "kebab-case")]
pub enum Request {
    /// What the service is and does.
    Status,
    /// Look at everything again, as at the start; answered when it is done.
    Refresh,
    /// Look at what stands at this path again, and say how it is.
    Check {
        /// Absolute: a prefix, a place in an environment, or a folder above several.
        path: SaidPath,
    },
    /// Keep what was recorded as a snapshot, under a name if there is one.
    Snapshot {
        /// As `aios snapshot take --name` has it.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        name: Option<String>,
    },
    /// Tell every event from now on, a line each, until the stream ends.
    Subscribe,
    /// End, and remove every name.
    Stop,
}

/// What is answered.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "reply", rename_all = "kebab-case")]
pub enum Reply {
    /// To [`Request::Status`].
    Status(Box<Status>),
    /// To [`Request::Refresh`].
    Refreshed {
        /// Environments of this machine.
        environments: usize,
        /// Of these, the ones that are new or others than before.
        changed: usize,
        /// How long it took.
        milliseconds: u64,
    },
    /// To [`Request::Check`].
    Checked {
        /// Those at the path, or below it.
        environments: Vec<Checked>,
        /// How many more there are than fit into a line.
        #[serde(default)]
        left_out: usize,
    },
    /// To [`Request::Snapshot`].
    Snapshot {
        /// Its number.
        id: u64,
    },
    /// To [`Request::Subscribe`]; events follow.
    Subscribed,
    /// Something happened.
    Event(Event),
    /// So many events were lost, because they were not read.
    Lost {
        /// How many.
        events: u64,
    },
    /// Nothing happened for a while.
    Quiet,
    /// To [`Request::Stop`].
    Stopping,
    /// It was not done.
    Error(Refusal),
}

/// The service, as it was when it was asked.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct Status {
    /// Its process.
    pub pid: u32,
    /// When it began, in milliseconds since 1970.
    pub since_ms: u64,
    /// The version of the program.
    pub program: String,
    /// The folder in which it remembers.
    pub folder: SaidPath,
    /// Folders that are walked beside the known places.
    pub workspaces: Vec<SaidPath>,
    /// Names of its segments of shared memory.
    pub segments: Vec<String>,
    /// What it is doing: "looking", "waiting".
    pub doing: String,
    /// Environments by their worst finding.
    pub healthy: usize,
    /// The same.
    pub warning: usize,
    /// The same.
    pub broken: usize,
    /// What could not be looked at.
    pub problems: usize,
    /// The newest snapshot, if anything is remembered.
    pub snapshot: Option<u64>,
    /// When everything was looked at last, in milliseconds since 1970; 0 before the first time.
    pub looked_ms: u64,
    /// How long that took.
    pub look_took_ms: u64,
    /// Folders whose changes the system tells.
    pub watched: usize,
    /// Folders that are looked at now and then, because the system tells of no more.
    pub polled: usize,
    /// States published since it began.
    pub published: u64,
    /// Events told since it began.
    pub events: u64,
    /// Why the last record failed, if it did.
    pub not_recorded: Option<String>,
    /// Why the newest state is not in shared memory, if it is not.
    pub not_published: Option<String>,
}

/// One environment in short.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Checked {
    /// Its prefix.
    pub prefix: SaidPath,
    /// `healthy`, `warning`, `broken`.
    pub status: String,
    /// Of its findings, worst first.
    pub codes: Vec<String>,
}

/// What happened to an environment, or to what is remembered of all.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Event {
    /// `appeared`, `changed`, `gone`, `snapshot-taken`, `problem`.
    pub what: String,
    /// When, in milliseconds since 1970.
    pub at_ms: u64,
    /// Of the environment; empty for a snapshot.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub id: String,
    /// Of the environment, or what could not be looked at.
    #[serde(default, skip_serializing_if = "SaidPath::is_empty")]
    pub prefix: SaidPath,
    /// Its status before; empty when it was not there.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub before: String,
    /// Its status after; empty when it is gone.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub after: String,
    /// Of its findings after, worst first.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub codes: Vec<String>,
    /// The number of a snapshot that was taken.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub snapshot: Option<u64>,
    /// In words: why something could not be looked at.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub text: String,
}

named! {
    /// Why something was not done. Codes are added, never renamed.
    Refused {
        /// The line is no JSON object of this form.
        BadRequest = "bad-request",
        /// The line is longer than lines are.
        TooLong = "too-long",
        /// The message is of another version.
        OtherVersion = "other-version",
        /// There is no such request.
        UnknownRequest = "unknown-request",
        /// More requests in a second than are answered.
        TooManyRequests = "too-many-requests",
        /// More connections than there may be.
        TooManyConnections = "too-many-connections",
        /// The process at the other end is of another user.
        NotAllowed = "not-allowed",
        /// Nothing came for too long.
        TimedOut = "timed-out",
        /// The service has too much to do to answer in time.
        Busy = "busy",
        /// The path is not absolute.
        NotAbsolute = "not-absolute",
        /// There is no environment at the path or below it.
        NoEnvironment = "no-environment",
        /// Nothing is remembered, or it could not be written.
        NotRemembered = "not-remembered",
        /// The service ends.
        Stopping = "stopping",
    }
}

impl Refused {
    /// What to do about it.
    pub fn hint(self) -> &'static str {
        match self {
            Refused::BadRequest => {
                "send one JSON object a line: {\"version\":1,\"request\":\"status\"}"
            }
            Refused::TooLong => "a request is one line of at most 65536 bytes",
            Refused::OtherVersion => {
                "use the aios that started the service, or start it anew with this one"
            }
            Refused::UnknownRequest => {
                "the requests are status, refresh, check, snapshot, subscribe and stop"
            }
            Refused::TooManyRequests => "wait a second, or subscribe to events instead of asking",
            Refused::TooManyConnections => "close a connection, or use one for several requests",
            Refused::NotAllowed => "ask as the user who started the service",
            Refused::TimedOut => "send a whole line at once",
            Refused::Busy => "ask again in a while; `status` says what it does",
            Refused::NotAbsolute => "give the whole path",
            Refused::NoEnvironment => "`aios find PATH` lists what is there",
            Refused::NotRemembered => {
                "`aios snapshot verify` says whether what is remembered is whole"
            }
            Refused::Stopping => "start it again with `aios serve`",
        }
    }
}

/// A request that was not done.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Refusal {
    /// One of [`Refused`], or of a later version.
    pub code: String,
    /// In words.
    pub message: String,
    /// What to do about it.
    pub hint: String,
}

impl Refusal {
    /// A code with words.
    pub fn new(code: Refused, message: impl Into<String>) -> Refusal {
        Refusal {
            code: code.as_str().to_owned(),
            message: message.into(),
            hint: code.hint().to_owned(),
        }
    }
}

/// A path in a message.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct SaidPath(pub PathBuf);

impl SaidPath {
    fn is_empty(&self) -> bool {
        self.0.as_os_str().is_empty()
    }
}

impl From<&Path> for SaidPath {
    fn from(path: &Path) -> SaidPath {
        SaidPath(path.to_path_buf())
    }
}

#[derive(Serialize, Deserialize)]
#[serde(untagged)]
enum Said {
    Text(String),
    Bytes { bytes: String },
}

impl Serialize for SaidPath {
    fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let said = match self.0.to_str() {
            Some(text) => Said::Text(text.to_owned()),
            None => Said::Bytes {
                bytes: base64::engine::general_purpose::STANDARD
                    .encode(self.0.as_os_str().as_encoded_bytes()),
            },
        };
        said.serialize(serializer)
    }
}

impl<'de> Deserialize<'de> for SaidPath {
    fn deserialize<D: serde::Deserializer<'de>>(deserializer: D) -> Result<SaidPath, D::Error> {
        use serde::de::Error;
        match Said::deserialize(deserializer)? {
            Said::Text(text) => Ok(SaidPath(text.into())),
            Said::Bytes { bytes } => {
                let bytes = base64::engine::general_purpose::STANDARD
                    .decode(bytes)
                    .map_err(|_| D::Error::custom("`bytes` is no base64"))?;
                let path = system::path_of(&bytes);
                path.map(SaidPath).ok_or_else(|| D::Error::custom("no path has these bytes"))
            }
        }
    }
}

/// A message with its version.
#[derive(Serialize)]
struct Versioned<'a, T> {
    version: u32,
    #[serde(flatten)]
    message: &'a T,
}

/// A request or reply as a line, with its end.
pub fn line(message: &impl Serialize) -> Vec<u8> {
    let versioned = Versioned { version: VERSION, message };
    let mut line = serde_json::to_vec(&versioned).unwrap_or_default();
    line.push(b'\n');
    line
}

/// The request in a line, or what is wrong with it.
pub fn request(line: &[u8]) -> Result<Request, Refusal> {
    const NAMES: [&str; 6] = ["status", "refresh", "check", "snapshot", "subscribe", "stop"];
    let message = versioned(line)?;
    match message.get("request").and_then(serde_json::Value::as_str) {
        Some(name) if NAMES.contains(&name) => {}
        Some(_) => {
            return Err(Refusal::new(Refused::UnknownRequest, "there is no such request"));
        }
        None => return Err(Refusal::new(Refused::BadRequest, "`request` is missing or no text")),
    }
    let request: Request = serde_json::from_value(message)
        .map_err(|error| Refusal::new(Refused::BadRequest, error.to_string()))?;
    match &request {
        Request::Check { path } if !path.0.is_absolute() => {
            Err(Refusal::new(Refused::NotAbsolute, "the path is not absolute"))
        }
        _ => Ok(request),
    }
}

/// The reply in a line, or why it is none.
pub fn reply(line: &[u8]) -> Result<Reply, Refusal> {
    serde_json::from_value(versioned(line)?)
        .map_err(|error| Refusal::new(Refused::BadRequest, error.to_string()))
}

fn versioned(line: &[u8]) -> Result<serde_json::Value, Refusal> {
    if line.len() > MOST_LINE_BYTES {
        let message = format!("a line of more than {MOST_LINE_BYTES} bytes");
        return Err(Refusal::new(Refused::TooLong, message));
    }
    let message: serde_json::Value = serde_json::from_slice(line)
        .map_err(|error| Refusal::new(Refused::BadRequest, format!("it is no JSON: {error}")))?;
    if !message.is_object() {
        return Err(Refusal::new(Refused::BadRequest, "it is no JSON object"));
    }
    match message.get("version").and_then(serde_json::Value::as_u64) {
        Some(version) if version == u64::from(VERSION) => Ok(message),
        Some(version) => Err(Refusal::new(
            Refused::OtherVersion,
            format!("a message of version {version}; this program speaks version {VERSION}"),
        )),
        None => Err(Refusal::new(Refused::BadRequest, "`version` is missing or no number")),
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn refused(line: &str) -> String {
        request(line.as_bytes()).expect_err(line).code
    }

    #[test]
    fn requests_are_told_from_what_is_none() {
        let check = |line: &str, expected: Request| {
            assert_eq!(request(line.as_bytes()), Ok(expected), "{line}");
        };
        check(r#"{"version":1,"request":"status"}"#, Request::Status);
        check(r#"{"request":"stop","version":1,"later":[1]}"#, Request::Stop);
        check(r#"{"version":1,"request":"snapshot"}"#, Request::Snapshot { name: None });
        let path = system::rooted("/a b");
        check(
            &format!(r#"{{"version":1,"request":"check","path":{}}}"#, serde_json::json!(path)),
            Request::Check { path: SaidPath(path.into()) },
        );
        assert_eq!(refused(""), "bad-request");
        assert_eq!(refused("[]"), "bad-request");
        assert_eq!(refused(r#"{"request":"status"}"#), "bad-request");
        assert_eq!(refused(r#"{"version":"1","request":"status"}"#), "bad-request");
        assert_eq!(refused(r#"{"version":2,"request":"status"}"#), "other-version");
        assert_eq!(refused(r#"{"version":1,"request":"dance"}"#), "unknown-request");
        assert_eq!(refused(r#"{"version":1,"request":"check"}"#), "bad-request");
        assert_eq!(refused(r#"{"version":1,"request":"check","path":7}"#), "bad-request");
        assert_eq!(refused(r#"{"version":1,"request":"check","path":"a"}"#), "not-absolute");
        assert_eq!(
            refused(r#"{"version":1,"request":"check","path":{"bytes":"?"}}"#),
            "bad-request"
        );
        let deep = format!(r#"{{"version":1,"request":{}}}"#, "[".repeat(30_000));
        assert_eq!(refused(&deep), "bad-request");
        assert_eq!(refused(&" ".repeat(MOST_LINE_BYTES + 1)), "too-long");
    }

    #[test]
    fn every_refusal_has_a_next_step() {
        for code in Refused::ALL {
            assert!(code.hint().len() > 10, "{code}");
            let said = Reply::Error(Refusal::new(*code, "why"));
            assert_eq!(reply(&line(&said)), Ok(said));
        }
    }

    /// As `fuzz/fuzz_targets/control.rs` does.
    fn take_apart(bytes: &[u8]) {
        if let Ok(request) = super::request(bytes) {
            // What is understood can be said again.
            assert_eq!(super::request(&line(&request)), Ok(request));
        }
        let _ = reply(bytes);
    }

    #[test]
    fn any_bytes_are_a_request_or_refused() {
        proptest!(|(bytes in proptest::collection::vec(any::<u8>(), 0..400))| take_apart(&bytes));
        // Such that get further.
        proptest!(|(field in "[a-z]{1,8}", value in "[\\PC\"\\[{}:,]{0,40}")| {
            take_apart(format!(r#"{{"version":1,"request":"check","{field}":{value}}}"#).as_bytes());
            take_apart(format!(r#"{{"version":1,"reply":"status","{field}":{value}}}"#).as_bytes());
        });
        // Such that were understood, with a few other bytes.
        let path = || SaidPath(PathBuf::from(system::rooted("/home/you/api")));
        let known = [
            line(&Request::Status),
            line(&Request::Snapshot { name: Some("before \u{e4}".to_owned()) }),
            line(&Request::Check { path: path() }),
            br#"{"version":1,"request":"check","path":{"bytes":"L2hvbWUv/w=="}}"#.to_vec(),
            line(&Reply::Status(Box::new(Status { folder: path(), ..Status::default() }))),
            line(&Reply::Snapshot { id: 7 }),
        ];
        let edits = proptest::collection::vec((any::<prop::sample::Index>(), any::<u8>()), 0..4);
        proptest!(ProptestConfig::with_cases(4096), |(which in 0..known.len(), edits in edits)| {
            let mut bytes = known[which].clone();
            for (at, byte) in edits {
                let at = at.index(bytes.len());
                bytes[at] = byte;
            }
            take_apart(&bytes);
        });
    }

    #[test]
    fn what_is_said_is_what_is_heard() {
        proptest!(|(name in proptest::option::of("\\PC{0,40}"), path in "[^\u{0}:]{0,40}")| {
            let path = SaidPath(PathBuf::from(system::rooted("/")).join(path));
            for said in [Request::Snapshot { name: name.clone() }, Request::Check { path: path.clone() }] {
                let line = line(&said);
                prop_assert_eq!(line.iter().filter(|byte| **byte == b'\n').count(), 1);
                prop_assert_eq!(request(&line), Ok(said));
            }
        });
        let status = Reply::Status(Box::new(Status { pid: 7, ..Status::default() }));
        assert_eq!(reply(&line(&status)), Ok(status));
    }
}
