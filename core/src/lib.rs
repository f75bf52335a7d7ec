//! Finds every Python environment of a machine and says what is wrong with each, from files alone.
//!
//! - [`Host`] is the machine: platform, root, home, variables. Nothing below reads the process.
//! - [`environments::discovery`] turns a host into [`Environment`]s, with the reason for each.
//! - [`environments::health`] turns an environment into [`Finding`]s.
//! - [`snapshot`] remembers: a context of records, durable, with every state of it that was kept. It is a
//!   tree ([`index::fractal`]) over checksummed blocks ([`store`]).
//! - [`index::holographic`] tells which remembered state it is, of which a part is left.
//!
//! Nothing that is found is run unasked, nothing is printed, nothing is written outside the files and folders
//! that a caller names. A broken environment is a finding; an error means that we could not look.
//!
//! ```
//! use aios_core::environments::inspection::{Limits, Progress, Request, inspect};
//! use aios_core::{Depth, Host, Platform};
//!
//! // A machine with an empty root folder. `Host::current()` is the one this program runs on.
//! let host = Host::empty(Platform::Linux, std::env::temp_dir().join("no-such-root"));
//! let request = Request {
//!     paths: Vec::new(),
//!     workspaces: vec![host.place("/home/me/projects")],
//!     depth: Depth::Usual,
//!     limits: Limits::default(),
//!     cache: None,
//!     progress: Progress::default().into(),
//! };
//! for inspected in inspect(&host, &request).environments {
//!     let (environment, findings) = (&inspected.environment, &inspected.findings);
//!     println!("{}: {}", environment.prefix.display(), inspected.status());
//!     for finding in findings {
//!         println!("  {}: {}; {}", finding.code, finding.message, finding.code.remedy());
//!     }
//! }
//! ```

pub mod buffer;
pub mod control;
pub mod engine;
pub mod environments;
pub mod fs;
mod host;
pub mod index;
pub mod live;
mod process;
pub mod publish;
mod registry;
pub mod segment;
pub mod shell;
pub mod snapshot;
pub mod store;
mod system;
mod wire;

pub use environments::health::{Code, Depth, Finding, Method, Repair, Severity};
pub use environments::{
    Environment, EnvironmentId, EnvironmentKind, Found, Problem, Source, Status,
};
pub use host::{Host, Platform, User};
pub use process::Error as ProcessError;
pub use registry::{Fabricated as FabricatedRegistry, Hive, Registry};
