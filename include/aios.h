// Made from the sources in `ffi` by `just header`: change those.
//
// aios for C: finds Python environments, says why one is broken, repairs it, and remembers what was.
//
// Rules for every function, unless it says otherwise:
//
// Status    Functions return an `aios_status`: 0 is success. Its numbers never change their meaning. What an
//           output points to is written on success alone. What went wrong is told by `aios_last_error_*`, by
//           thread: the last failure of a thread stays until its next one.
// Handles   `aios_x *` is a handle: a number that is never an address. Each one that a function puts out is
//           the caller's, who closes it with `aios_x_close`. NULL, a closed handle, or one of another type is
//           a status, never a crash. Closing NULL, or a second time, is fine.
// Threads   Every function may be called from any thread at any time, with handles that other threads use. A
//           handle that is closed while another thread is in a call with it stays valid for that call.
// Views     `aios_str` and `aios_bytes` are a pointer and a length, without a zero at the end. Those that come
//           out of a handle are valid until it is closed, and never change; those of an `aios_reader`, until its
//           next record. A view with a NULL pointer is absent. Those that go in are read during the call only.
// Text      is UTF-8. A path is its bytes as the system has them: any bytes but zero on Unix, WTF-8 (UTF-8,
//           with lone surrogates) on Windows. A path that is no text goes in as it came out.
// Structs   begin with `struct_size`, which the caller sets to `sizeof` before every call, for input and
//           output alike: so a program of today works with the library of tomorrow. The rest of an input is zero
//           where nothing is said: `aios_x x = {.struct_size = sizeof x};` is where to begin.
// const     means that the handle or struct is not changed.
// NULL      is allowed where a function says so. Elsewhere it is a status.
// Panics    A defect of the library is `AIOS_STATUS_PANIC`. It never unwinds into the caller, and handles stay
//           valid.
// Writing   No lock is kept from one call to the next: `aios` on the command line and other processes write too.
//           What writes waits for them, at most as long as the engine was told to.

#ifndef AIOS_H
#define AIOS_H

#include <stddef.h>
#include <stdint.h>
#include <string.h>

/// Changes when programs must be changed. A library and a header of the same number work together.
#define AIOS_ABI_MAJOR 1

/// Grows when something is added. A library with a larger number works with an older header.
#define AIOS_ABI_MINOR 0

/// Nothing is taken from what earlier looks read, nor kept for later ones.
#define AIOS_LOOK_FRESH 1

/// What is seen is not remembered.
#define AIOS_LOOK_UNRECORDED 2

/// It is marked as managed by the system (PEP 668): nothing is installed there.
#define AIOS_ENVIRONMENT_EXTERNALLY_MANAGED 1

/// It stands on another installation.
#define AIOS_ENVIRONMENT_VIRTUAL 2

/// It is one that `aios_repair_plan` plans for, if it is the user's own.
#define AIOS_ENVIRONMENT_REPAIRABLE 4

/// What became of a call. A number keeps its meaning for ever, and none is given twice.
enum aios_status
#if defined(__cplusplus) || __STDC_VERSION__ >= 202311L
  : int32_t
#endif // defined(__cplusplus) || __STDC_VERSION__ >= 202311L
 {
  /// It was done.
  AIOS_STATUS_OK = 0,
  /// A defect of the library; handles stay valid.
  AIOS_STATUS_PANIC = 1,
  /// A pointer is NULL that must not be.
  AIOS_STATUS_NULL = 2,
  /// A handle is closed, of another type, or never was one.
  AIOS_STATUS_HANDLE = 3,
  /// The `struct_size` of a struct is none that a version of the library has.
  AIOS_STATUS_STRUCT_SIZE = 4,
  /// Another argument is not possible; the message says which and why.
  AIOS_STATUS_ARGUMENT = 5,
  /// What was asked for is not there: an index, an entry, a snapshot, an environment.
  AIOS_STATUS_NOT_FOUND = 6,
  /// Another process writes, or repairs the same environment.
  AIOS_STATUS_BUSY = 7,
  /// The system refused.
  AIOS_STATUS_IO = 8,
  /// What is stored is damaged, cut short, or of something else.
  AIOS_STATUS_DAMAGED = 9,
  /// A later version of aios wrote it.
  AIOS_STATUS_TOO_NEW = 10,
  /// A file or folder belongs to another user, or an entry to another store.
  AIOS_STATUS_FOREIGN = 11,
  /// There is no folder to remember things in.
  AIOS_STATUS_NO_PLACE = 12,
  /// What is asked for is not done: the environment is not one to repair, or it changed meanwhile.
  AIOS_STATUS_REFUSED = 13,
  /// A repair was interrupted, and is to be taken back or gone on with first.
  AIOS_STATUS_INTERRUPTED = 14,
  /// `aios_progress_cancel` was called.
  AIOS_STATUS_CANCELLED = 15,
};
#ifndef __cplusplus
#if __STDC_VERSION__ >= 202311L
typedef enum aios_status aios_status;
#else
typedef int32_t aios_status;
#endif // __STDC_VERSION__ >= 202311L
#endif // __cplusplus

/// How well an environment is.
enum aios_health
#if defined(__cplusplus) || __STDC_VERSION__ >= 202311L
  : uint32_t
#endif // defined(__cplusplus) || __STDC_VERSION__ >= 202311L
 {
  /// Nothing worse than information.
  AIOS_HEALTH_HEALTHY = 1,
  /// It works; something is odd.
  AIOS_HEALTH_WARNING = 2,
  /// Something does not work.
  AIOS_HEALTH_BROKEN = 3,
};
#ifndef __cplusplus
#if __STDC_VERSION__ >= 202311L
typedef enum aios_health aios_health;
#else
typedef uint32_t aios_health;
#endif // __STDC_VERSION__ >= 202311L
#endif // __cplusplus

/// How bad a finding is.
enum aios_severity
#if defined(__cplusplus) || __STDC_VERSION__ >= 202311L
  : uint32_t
#endif // defined(__cplusplus) || __STDC_VERSION__ >= 202311L
 {
  /// Odd, and fine.
  AIOS_SEVERITY_INFO = 1,
  /// Works, and will surprise.
  AIOS_SEVERITY_WARNING = 2,
  /// Something does not work.
  AIOS_SEVERITY_ERROR = 3,
};
#ifndef __cplusplus
#if __STDC_VERSION__ >= 202311L
typedef enum aios_severity aios_severity;
#else
typedef uint32_t aios_severity;
#endif // __STDC_VERSION__ >= 202311L
#endif // __cplusplus

/// How much of each environment a check reads.
enum aios_depth
#if defined(__cplusplus) || __STDC_VERSION__ >= 202311L
  : uint32_t
#endif // defined(__cplusplus) || __STDC_VERSION__ >= 202311L
 {
  /// Packages, scripts and hooks: existence, size, zeros. What 0 means too.
  AIOS_DEPTH_USUAL = 1,
  /// Also the hash of every file that a package says it has.
  AIOS_DEPTH_DEEP = 2,
};
#ifndef __cplusplus
#if __STDC_VERSION__ >= 202311L
typedef enum aios_depth aios_depth;
#else
typedef uint32_t aios_depth;
#endif // __STDC_VERSION__ >= 202311L
#endif // __cplusplus

/// What a change is.
enum aios_change_kind
#if defined(__cplusplus) || __STDC_VERSION__ >= 202311L
  : uint32_t
#endif // defined(__cplusplus) || __STDC_VERSION__ >= 202311L
 {
  /// The environment is there that was not. What it holds is not listed.
  AIOS_CHANGE_KIND_ENVIRONMENT_APPEARED = 1,
  /// The environment is gone.
  AIOS_CHANGE_KIND_ENVIRONMENT_GONE = 2,
  /// A fact (`name`) is another.
  AIOS_CHANGE_KIND_FACT = 3,
  /// A distribution (`name`) is there that was not.
  AIOS_CHANGE_KIND_DISTRIBUTION_ADDED = 4,
  /// A distribution is gone.
  AIOS_CHANGE_KIND_DISTRIBUTION_REMOVED = 5,
  /// A distribution is of another version.
  AIOS_CHANGE_KIND_DISTRIBUTION_VERSION = 6,
  /// A distribution of the same version has `count` other files.
  AIOS_CHANGE_KIND_DISTRIBUTION_FILES = 7,
  /// A package of conda is there that was not.
  AIOS_CHANGE_KIND_CONDA_ADDED = 8,
  /// A package of conda is gone.
  AIOS_CHANGE_KIND_CONDA_REMOVED = 9,
  /// A file or link of no distribution (`name`, from the prefix) is there that was not.
  AIOS_CHANGE_KIND_FILE_ADDED = 10,
  /// Such a file is gone.
  AIOS_CHANGE_KIND_FILE_REMOVED = 11,
  /// Such a file is another.
  AIOS_CHANGE_KIND_FILE_CHANGED = 12,
  /// Something is wrong that was not: `name` is the code, `after` the message.
  AIOS_CHANGE_KIND_FINDING_APPEARED = 13,
  /// Something is not wrong any more: `name` is the code, `before` the message.
  AIOS_CHANGE_KIND_FINDING_GONE = 14,
  /// An entry of another program is there that was not.
  AIOS_CHANGE_KIND_ENTRY_ADDED = 15,
  /// Such an entry is gone.
  AIOS_CHANGE_KIND_ENTRY_REMOVED = 16,
  /// Such an entry is another.
  AIOS_CHANGE_KIND_ENTRY_CHANGED = 17,
};
#ifndef __cplusplus
#if __STDC_VERSION__ >= 202311L
typedef enum aios_change_kind aios_change_kind;
#else
typedef uint32_t aios_change_kind;
#endif // __STDC_VERSION__ >= 202311L
#endif // __cplusplus

/// What became of an environment.
enum aios_outcome
#if defined(__cplusplus) || __STDC_VERSION__ >= 202311L
  : uint32_t
#endif // defined(__cplusplus) || __STDC_VERSION__ >= 202311L
 {
  /// Nothing had to be done, or nothing could be.
  AIOS_OUTCOME_NOTHING_DONE = 1,
  /// It is healthy, or what it was in the snapshot.
  AIOS_OUTCOME_REPAIRED = 2,
  /// Something is still wrong.
  AIOS_OUTCOME_PARTLY = 3,
  /// The repair made things worse, and was taken back: it is what it was before.
  AIOS_OUTCOME_TAKEN_BACK = 4,
};
#ifndef __cplusplus
#if __STDC_VERSION__ >= 202311L
typedef enum aios_outcome aios_outcome;
#else
typedef uint32_t aios_outcome;
#endif // __STDC_VERSION__ >= 202311L
#endif // __cplusplus

/// Where a reader begins.
enum aios_start
#if defined(__cplusplus) || __STDC_VERSION__ >= 202311L
  : uint32_t
#endif // defined(__cplusplus) || __STDC_VERSION__ >= 202311L
 {
  /// With the oldest record that is still there; what is no longer there is a gap.
  AIOS_START_OLDEST = 1,
  /// With what is appended from now on.
  AIOS_START_NOW = 2,
};
#ifndef __cplusplus
#if __STDC_VERSION__ >= 202311L
typedef enum aios_start aios_start;
#else
typedef uint32_t aios_start;
#endif // __STDC_VERSION__ >= 202311L
#endif // __cplusplus

/// What a record is.
enum aios_record_kind
#if defined(__cplusplus) || __STDC_VERSION__ >= 202311L
  : uint32_t
#endif // defined(__cplusplus) || __STDC_VERSION__ >= 202311L
 {
  /// No record: so many are missing here.
  AIOS_RECORD_KIND_GAP = 0,
  /// Something happened to an environment: `aios_reader_event` has it.
  AIOS_RECORD_KIND_EVENT = 1,
  /// An `aios_metrics`.
  AIOS_RECORD_KIND_METRICS = 2,
  /// Bytes of a kind that writer and reader agree on: the tag.
  AIOS_RECORD_KIND_OPAQUE = 3,
};
#ifndef __cplusplus
#if __STDC_VERSION__ >= 202311L
typedef enum aios_record_kind aios_record_kind;
#else
typedef uint32_t aios_record_kind;
#endif // __STDC_VERSION__ >= 202311L
#endif // __cplusplus

/// What happened to an environment.
enum aios_event_kind
#if defined(__cplusplus) || __STDC_VERSION__ >= 202311L
  : uint32_t
#endif // defined(__cplusplus) || __STDC_VERSION__ >= 202311L
 {
  /// It was not there before.
  AIOS_EVENT_KIND_APPEARED = 1,
  /// Its record or its findings are others than before.
  AIOS_EVENT_KIND_CHANGED = 2,
  /// It is no longer there.
  AIOS_EVENT_KIND_GONE = 3,
  /// A repair of it ended.
  AIOS_EVENT_KIND_REPAIRED = 4,
  /// The context was kept.
  AIOS_EVENT_KIND_SNAPSHOT_TAKEN = 5,
  /// Something could not be looked at.
  AIOS_EVENT_KIND_PROBLEM = 6,
};
#ifndef __cplusplus
#if __STDC_VERSION__ >= 202311L
typedef enum aios_event_kind aios_event_kind;
#else
typedef uint32_t aios_event_kind;
#endif // __STDC_VERSION__ >= 202311L
#endif // __cplusplus

/// A run of bytes.
typedef struct aios_blob aios_blob;

/// A ring of records in shared memory: events of environments, figures of a program, bytes of any other kind. Who
/// comes late reads what is still there.
typedef struct aios_buffer aios_buffer;

/// What differs between two snapshots: of environments, by prefix, then entries of other programs, by keys.
typedef struct aios_changes aios_changes;

/// This machine, as the process is: its user, variables and current folder when it was opened. It keeps no
/// file open, so any number of them may be open, in one process and in many.
typedef struct aios_engine aios_engine;

/// The entries of one level of a snapshot, in the order of their keys.
typedef struct aios_entries aios_entries;

/// Environments, sorted by prefix, their findings, and what could not be looked at.
typedef struct aios_environments aios_environments;

/// A plan: steps, what stays as it is, and the findings that it was made for. Making one writes nothing.
typedef struct aios_plan aios_plan;

/// How far a look or a repair is that was given it, for another thread to watch, or to end it by. One for each call:
/// it counts on, and stays cancelled.
typedef struct aios_progress aios_progress;

/// One who reads a buffer, at its own pace: for one thread at a time, others wait.
typedef struct aios_reader aios_reader;

/// Remembered environments that were most like what was asked for, the most alike first.
typedef struct aios_recollections aios_recollections;

/// A state of the context: what was recorded of environments, below the key `environments`, and entries of
/// other programs, below `context`. It outlives the engine, and never changes.
typedef struct aios_snapshot aios_snapshot;

/// The snapshots that were there when it was asked for them, the oldest first.
typedef struct aios_snapshots aios_snapshots;

/// The newest state of all environments, which another process publishes. Reading it calls nobody, waits for
/// nobody, and copies nothing.
typedef struct aios_state aios_state;

/// What calls a function with each record; until it is closed, or the function says that it is enough.
typedef struct aios_subscription aios_subscription;

/// One who appends to a buffer. What it appended stays when it is closed.
typedef struct aios_writer aios_writer;

/// Text, or the bytes of a path: `len` bytes at `ptr`, without a zero at the end. `ptr` is NULL when there is
/// none.
typedef struct aios_str {
  const char *ptr;
  size_t len;
} aios_str;

/// How an engine is opened.
typedef struct aios_engine_options {
  size_t struct_size;
  /// The folder in which things are remembered: absent for the usual one, which `AIOS_HOME` names or else
  /// the system. It is made when something is first remembered.
  struct aios_str folder;
  /// So many milliseconds a call waits for another process that writes; 0 for the usual 30,000.
  uint32_t patience_ms;
  uint32_t reserved;
} aios_engine_options;

/// Counts so far.
typedef struct aios_progress_info {
  size_t struct_size;
  /// Folders that were read.
  uint64_t folders;
  /// Environments that were found.
  uint64_t environments;
  /// Those of them that were checked.
  uint64_t checked;
} aios_progress_info;

/// Where to look. All zeros: at every known place of this machine.
typedef struct aios_look {
  size_t struct_size;
  /// Environments, interpreters, or folders to walk. When there are any, nothing else is looked at.
  const struct aios_str *paths;
  size_t path_count;
  /// Folders to walk beside the known places of the machine.
  const struct aios_str *workspaces;
  size_t workspace_count;
  /// An `aios_depth`, for checks.
  uint32_t depth;
  /// A set of `AIOS_LOOK_...`.
  uint32_t flags;
  /// To watch it by, or to end it; may be NULL.
  const struct aios_progress *progress;
} aios_look;

/// An environment. What is not known is absent.
typedef struct aios_environment {
  size_t struct_size;
  /// The same on every run.
  struct aios_str id;
  /// What made it ("venv", "conda-env", "uv-managed").
  struct aios_str kind;
  /// The name its tool gives it.
  struct aios_str name;
  /// `sys.prefix`: a path.
  struct aios_str prefix;
  /// `sys.executable`: a path.
  struct aios_str executable;
  /// The version of Python, as exact as files tell it ("3.12.3").
  struct aios_str version;
  /// `sys.implementation.name` ("cpython").
  struct aios_str implementation;
  /// What the interpreter was built for ("x86_64").
  struct aios_str architecture;
  /// `sys.base_prefix`: a path.
  struct aios_str base_prefix;
  /// The tool that owns it.
  struct aios_str manager;
  /// The folder of the project that it belongs to: a path.
  struct aios_str project;
  /// Why it was found, in words.
  struct aios_str found;
  /// The worst finding in one word: an `aios_health`.
  uint32_t health;
  /// A set of `AIOS_ENVIRONMENT_...`.
  uint32_t flags;
  /// How many findings it has.
  size_t finding_count;
} aios_environment;

/// One fact about an environment that somebody should know.
typedef struct aios_finding {
  size_t struct_size;
  /// Its code ("pyvenv-cfg-missing"). Codes are added, never renamed.
  struct aios_str code;
  /// The evidence in one sentence.
  struct aios_str message;
  /// What the code means, in one phrase.
  struct aios_str meaning;
  /// What it causes.
  struct aios_str effect;
  /// What to do about it.
  struct aios_str remedy;
  /// The files and folders concerned.
  const struct aios_str *paths;
  size_t path_count;
  /// How bad it is: an `aios_severity`.
  uint32_t severity;
  uint32_t reserved;
} aios_finding;

/// Something that could not be looked at. The rest stands.
typedef struct aios_problem {
  size_t struct_size;
  /// What it is: a path.
  struct aios_str path;
  /// Why, in one sentence.
  struct aios_str message;
} aios_problem;

/// What the user allows and brings. Nothing is fetched from a network.
typedef struct aios_repair_options {
  size_t struct_size;
  /// The base that the environment is to stand on, where several fit: a path.
  struct aios_str base;
  /// Folders with wheels.
  const struct aios_str *wheelhouses;
  size_t wheelhouse_count;
  /// The snapshot that the environment is to be brought back to; 0: it is to be healthy.
  uint64_t snapshot;
  /// To end the repair by, which is taken back then; may be NULL.
  const struct aios_progress *progress;
} aios_repair_options;

/// What a plan is about.
typedef struct aios_plan_info {
  size_t struct_size;
  /// The environment: a path.
  struct aios_str prefix;
  /// Why the environment is not touched; absent when `aios_plan_apply` may be called.
  struct aios_str refusal;
  size_t step_count;
  /// Findings that nothing is done about.
  size_t unsolved_count;
  /// What is wrong now.
  size_t finding_count;
  /// How the environment is now: an `aios_health`.
  uint32_t health;
  uint32_t reserved;
} aios_plan_info;

/// One step of a plan: changes that belong together.
typedef struct aios_step {
  size_t struct_size;
  /// What it does ("write-pyvenv-cfg").
  struct aios_str action;
  /// For people: what is done, and by what evidence.
  struct aios_str what;
  /// The codes of the findings that it is for.
  const struct aios_str *reasons;
  size_t reason_count;
  /// What it changes: paths.
  const struct aios_str *paths;
  size_t path_count;
} aios_step;

/// A finding that a plan does nothing about.
typedef struct aios_unsolved {
  size_t struct_size;
  struct aios_str code;
  /// What is missing, and the next step of the user.
  struct aios_str hint;
} aios_unsolved;

/// What became of a repair.
typedef struct aios_repaired {
  size_t struct_size;
  /// An `aios_outcome`.
  uint32_t outcome;
  /// How the environment is now: an `aios_health`.
  uint32_t health;
  /// What is still wrong: so many findings; `aios_check` has them.
  size_t finding_count;
  /// How many plans were carried out: what one fault hid comes to light when that one is gone.
  uint32_t rounds;
  uint32_t reserved;
} aios_repaired;

/// Bytes: `len` of them at `ptr`, which is NULL when there are none.
typedef struct aios_bytes {
  const uint8_t *ptr;
  size_t len;
} aios_bytes;

/// What is known of a snapshot.
typedef struct aios_snapshot_info {
  size_t struct_size;
  /// Its number: later ones have larger ones. 0 for the present state, and for an image.
  uint64_t id;
  /// The snapshot that it came from; 0 for none.
  uint64_t parent;
  /// When it was taken, in milliseconds since 1970.
  uint64_t time_ms;
  /// How many entries it has.
  uint64_t records;
  /// The sum of the sizes of what they stand for.
  uint64_t bytes;
  /// What its user calls it.
  struct aios_str name;
  /// Why it was taken.
  struct aios_str reason;
  /// Of its content: the same for equal states of one store.
  uint8_t hash[32];
} aios_snapshot_info;

/// A value, in place.
typedef struct aios_value {
  size_t struct_size;
  /// What was put, until the snapshot or the list that it came from is closed.
  struct aios_bytes bytes;
  /// The size of what it stands for: of a file, that of the file.
  uint64_t weight;
  /// An `aios_severity`, or 0: how bad what it says is.
  uint32_t severity;
  /// What it is, for whoever put it.
  uint16_t tag;
  uint16_t reserved;
} aios_value;

/// An entry: a value, or another level.
typedef struct aios_entry {
  size_t struct_size;
  struct aios_bytes key;
  /// What it holds; absent for a level.
  struct aios_bytes bytes;
  /// The size of what it stands for; of a level, the sum.
  uint64_t weight;
  /// How many values there are: 1, or those below.
  uint64_t records;
  /// An `aios_severity`, or 0: how bad what it says is; of a level, the worst.
  uint32_t severity;
  /// What the value is, for whoever put it.
  uint16_t tag;
  /// 1 for another level, whose entries `aios_snapshot_entries` lists; 0 for a value.
  uint16_t is_level;
} aios_entry;

/// One thing that differs.
typedef struct aios_change {
  size_t struct_size;
  /// The environment; absent for entries of other programs.
  struct aios_str environment;
  /// Its prefix: a path.
  struct aios_str prefix;
  /// Of what it is: see the kind.
  struct aios_str name;
  /// What it was; absent when it was not there.
  struct aios_str before;
  /// What it is; absent when it is gone.
  struct aios_str after;
  /// The keys of an entry, below `context`.
  const struct aios_bytes *keys;
  size_t key_count;
  /// Of files: how many.
  uint64_t count;
  /// An `aios_change_kind`.
  uint32_t kind;
  uint32_t reserved;
} aios_change;

/// What to recall: either a prefix or packages.
typedef struct aios_cue {
  size_t struct_size;
  /// An environment that is or was remembered: others that are like what is left of it. A path.
  struct aios_str prefix;
  /// Distributions that were installed, each a name or `name==version`.
  const struct aios_str *packages;
  size_t package_count;
  /// At most so many; 0 for the usual 5.
  uint32_t most;
  uint32_t reserved;
} aios_cue;

/// A remembered environment that is like what was asked for.
typedef struct aios_recollection {
  size_t struct_size;
  /// The last snapshot in which it was so.
  uint64_t snapshot;
  /// When that was taken, in milliseconds since 1970.
  uint64_t time_ms;
  /// What both have, of what either has: 0 to 1.
  double similarity;
  /// How much of what was asked for it had.
  uint64_t shared;
  /// 1 when both were counted; 0 when they are estimated from what is left of a damaged index.
  uint32_t is_exact;
  uint32_t reserved;
} aios_recollection;

/// How a published state is now.
typedef struct aios_state_info {
  size_t struct_size;
  /// Counts what was published; 0 before anything is. Another number than before: there is news to pin.
  uint64_t version;
  /// 1 when its publisher ended: it stays as it is, and a new one is opened by `aios_state_open`.
  uint32_t is_closed;
  /// 1 when its publisher lives. 0 and not closed: it was killed, and may be started again.
  uint32_t is_published;
} aios_state_info;

/// What a published list is as a whole.
typedef struct aios_published {
  size_t struct_size;
  /// Of the state that is pinned.
  uint64_t version;
  /// When the environments were last looked at, in milliseconds since 1970.
  uint64_t time_ms;
  /// The snapshot that remembers them; 0 for none.
  uint64_t snapshot;
  /// The version of aios that published it.
  struct aios_str engine;
  /// How many environments are healthy, ...
  uint32_t healthy;
  uint32_t warning;
  uint32_t broken;
  uint32_t reserved;
} aios_published;

/// Figures of a program, whose meaning is its own: 64 bytes, the same in every language.
typedef struct aios_metrics {
  double values[7];
  /// 0 or 1.
  uint8_t flag;
  /// Zero.
  uint8_t padding[7];
} aios_metrics;

/// A record, or a gap.
typedef struct aios_record {
  size_t struct_size;
  /// What was appended, until the next call with this reader.
  struct aios_bytes bytes;
  /// When, in nanoseconds since 1970.
  uint64_t time_ns;
  /// Its number among the records of its writer, from 0.
  uint64_t sequence;
  /// Of a gap: how many records are missing.
  uint64_t missing;
  /// Who appended it: a number that no other writer has meanwhile.
  uint32_t writer;
  /// An `aios_record_kind`; a later version may have others.
  uint32_t kind;
  /// The tag that it was appended with.
  uint16_t tag;
  uint16_t reserved[3];
} aios_record;

/// An event.
typedef struct aios_event {
  size_t struct_size;
  /// The environment; absent for snapshots, and problems of other places.
  struct aios_str environment;
  /// Its prefix, or the place of a problem; a path.
  struct aios_str path;
  /// A sentence for people; may be empty.
  struct aios_str text;
  /// The codes of its findings.
  const struct aios_str *codes;
  size_t code_count;
  /// An `aios_event_kind`.
  uint32_t kind;
  /// What it was: an `aios_health`, or 0.
  uint32_t before;
  /// What it is: an `aios_health`, or 0.
  uint32_t after;
  uint32_t reserved;
} aios_event;

/// What a subscription calls: with the pointer that it was made with, a record or gap, and the event that the record
/// is, else NULL. Both are valid during the call. NULL for a record means that the service ended, or made another
/// buffer: it is the last call. 0 means go on; with anything else this was the last call.
///
/// Each subscription has a thread of the library that calls, after its handle was put out. It may call every function
/// of this library, and close its own subscription. It must not throw, nor leave by `longjmp`.
typedef uint32_t (*aios_on_record)(void *user,
                                   const struct aios_record *record,
                                   const struct aios_event *event);

/// What is called once, with the same pointer, when no call can come any more: what it leads to may be freed.
typedef void (*aios_on_release)(void *user);

#ifdef __cplusplus
extern "C" {
#endif // __cplusplus

/// The version of the interface that the library has: `AIOS_ABI_MAJOR << 16 | AIOS_ABI_MINOR`.
uint32_t aios_abi_version(void);

/// The version of aios ("0.1.0"), valid for ever.
aios_status aios_version(struct aios_str *version);

/// The name of a status (`AIOS_STATUS_BUSY`), valid for ever.
aios_status aios_status_name(int32_t status, struct aios_str *name);

/// The status of the last call of this thread that failed; `AIOS_STATUS_OK` when none did.
aios_status aios_last_error_status(void);

/// Copies what the last call of this thread that failed said, in one sentence without a full stop, as far as
/// there is room for whole characters, and a zero. Returns the bytes of all of it, without the zero. `buffer` may
/// be NULL when `size` is 0.
size_t aios_last_error_message(char *buffer,
                               size_t size);

/// The same of what to do about it; empty when there is no advice.
size_t aios_last_error_hint(char *buffer, size_t size);

/// Opens an engine. `options` may be NULL: the usual folder. Nothing is read or written yet.
aios_status aios_engine_open(const struct aios_engine_options *options,
                             struct aios_engine **engine);

/// Closes an engine; what was put and is not committed is gone. What came of it lives on.
aios_status aios_engine_close(struct aios_engine *engine);

/// The folder in which things are remembered. `AIOS_STATUS_NO_PLACE` when there is none.
aios_status aios_engine_folder(const struct aios_engine *engine, struct aios_str *folder);

/// One for a call.
aios_status aios_progress_open(struct aios_progress **progress);

/// How far it is.
aios_status aios_progress_about(const struct aios_progress *progress,
                                struct aios_progress_info *info);

/// Asks the call to end: it fails with `AIOS_STATUS_CANCELLED`, soon. A look that is cancelled remembers nothing; a
/// repair is taken back.
aios_status aios_progress_cancel(struct aios_progress *progress);

/// Closes it; the call that it was given to goes on.
aios_status aios_progress_close(struct aios_progress *progress);

/// Finds environments. Their findings are those that marker and interpreter alone tell. `look` may be NULL:
/// every known place of this machine. Takes milliseconds for each hundred environments; walks take longer.
aios_status aios_find(const struct aios_engine *engine,
                      const struct aios_look *look,
                      struct aios_environments **environments);

/// Finds environments and says what is wrong with each, and remembers what it sees. `look` may be NULL. That it
/// cannot be remembered is one of the problems, not a failure.
aios_status aios_check(const struct aios_engine *engine,
                       const struct aios_look *look,
                       struct aios_environments **environments);

/// How many environments there are.
aios_status aios_environments_count(const struct aios_environments *environments, size_t *count);

/// The environment at an index from 0. `AIOS_STATUS_NOT_FOUND` beyond the last one.
aios_status aios_environments_get(const struct aios_environments *environments,
                                  size_t index,
                                  struct aios_environment *environment);

/// A finding of an environment, the worst first; both by their indices.
aios_status aios_environments_finding(const struct aios_environments *environments,
                                      size_t environment,
                                      size_t index,
                                      struct aios_finding *finding);

/// The environment with a prefix, as it was put out or as a user would type it.
aios_status aios_environments_by_prefix(const struct aios_environments *environments,
                                        struct aios_str prefix,
                                        size_t *index);

/// How many things could not be looked at.
aios_status aios_environments_problem_count(const struct aios_environments *environments,
                                            size_t *count);

/// The problem at an index from 0.
aios_status aios_environments_problem(const struct aios_environments *environments,
                                      size_t index,
                                      struct aios_problem *problem);

/// Closes the list; its views end.
aios_status aios_environments_close(struct aios_environments *environments);

/// Plans the repair of the environment with a prefix. `options` may be NULL. The last healthy state that is
/// remembered is evidence. `AIOS_STATUS_NOT_FOUND` when no environment is there.
aios_status aios_repair_plan(const struct aios_engine *engine,
                             struct aios_str prefix,
                             const struct aios_repair_options *options,
                             struct aios_plan **plan);

/// What a plan is about.
aios_status aios_plan_about(const struct aios_plan *plan, struct aios_plan_info *info);

/// The step at an index from 0; they are done in this order.
aios_status aios_plan_step(const struct aios_plan *plan, size_t index, struct aios_step *step);

/// What nothing is done about, at an index from 0.
aios_status aios_plan_unsolved(const struct aios_plan *plan,
                               size_t index,
                               struct aios_unsolved *unsolved);

/// What is wrong now, at an index from 0, the worst first.
aios_status aios_plan_finding(const struct aios_plan *plan,
                              size_t index,
                              struct aios_finding *finding);

/// Closes a plan; its views end.
aios_status aios_plan_close(struct aios_plan *plan);

/// Carries a plan out, looks again, and keeps the result if it is better; goes on with what came to light. What
/// it replaces or removes is kept below the prefix, so that `aios_repair_undo` brings it back. A plan is carried
/// out once. Nothing of the environment is run, nothing outside of it is written; a kill at any moment leaves
/// what can be taken back. What the environment was and is now is remembered.
aios_status aios_plan_apply(struct aios_plan *plan,
                            struct aios_repaired *repaired);

/// Takes back the repair of an environment that was interrupted, else the newest one that was kept.
/// `AIOS_STATUS_NOT_FOUND` when there is none.
aios_status aios_repair_undo(struct aios_engine *engine, struct aios_str prefix);

/// Puts an entry, in the place of one that is there: `key_count` keys lead to it, one for each level. `tag`
/// says what the bytes are, in numbers of the caller's own. It is durable, and seen by others, when
/// `aios_context_commit` returns.
aios_status aios_context_put(struct aios_engine *engine,
                             const struct aios_bytes *keys,
                             size_t key_count,
                             uint16_t tag,
                             struct aios_bytes value);

/// The bytes and tag of an entry: what was put with this engine last, else what is committed.
/// `AIOS_STATUS_NOT_FOUND` when there is none.
aios_status aios_context_get(const struct aios_engine *engine,
                             const struct aios_bytes *keys,
                             size_t key_count,
                             struct aios_blob **value);

/// Removes an entry, or all that begin with these keys. That there is none is fine.
aios_status aios_context_remove(struct aios_engine *engine,
                                const struct aios_bytes *keys,
                                size_t key_count);

/// Makes what was put and removed with this engine durable, all of it or nothing. After a failure it is still to
/// be committed, or to be given up by `aios_context_discard`.
aios_status aios_context_commit(struct aios_engine *engine);

/// Forgets what was put and removed with this engine and is not committed.
aios_status aios_context_discard(struct aios_engine *engine);

/// The bytes, until it is closed.
aios_status aios_blob_bytes(const struct aios_blob *blob, struct aios_bytes *bytes);

/// The tag that an entry was put with; 0 for other bytes.
aios_status aios_blob_tag(const struct aios_blob *blob, uint16_t *tag);

/// Closes it; the bytes are gone.
aios_status aios_blob_close(struct aios_blob *blob);

/// Keeps what was recorded and committed as a snapshot, durable when it returns. `name` may be absent; those
/// that have one are kept until they are removed by hand. `reason` says why it is taken.
aios_status aios_snapshot_take(struct aios_engine *engine,
                               struct aios_str name,
                               struct aios_str reason,
                               uint64_t *id);

/// Brings the entries of other programs back to what they were in a snapshot, exactly. What is recorded of
/// environments stays: it says what stands on disk, and `aios_repair_plan` with the snapshot's number brings
/// that back. The state of before is kept as a snapshot first; `saved` is its number, or 0 when nothing differs.
aios_status aios_snapshot_restore(struct aios_engine *engine,
                                  uint64_t id,
                                  uint64_t *saved);

/// Opens the snapshot with a number, or the present state: 0. `AIOS_STATUS_NOT_FOUND` when there is none.
aios_status aios_snapshot_open(const struct aios_engine *engine,
                               uint64_t id,
                               struct aios_snapshot **snapshot);

/// What is known of a snapshot.
aios_status aios_snapshot_about(const struct aios_snapshot *snapshot,
                                struct aios_snapshot_info *info);

/// The value that keys lead to, in place. `AIOS_STATUS_NOT_FOUND` when there is none.
aios_status aios_snapshot_get(const struct aios_snapshot *snapshot,
                              const struct aios_bytes *keys,
                              size_t key_count,
                              struct aios_value *value);

/// The entries of one level: of that which keys lead to, or with no keys of the first.
/// `AIOS_STATUS_NOT_FOUND` when there is no such level.
aios_status aios_snapshot_entries(const struct aios_snapshot *snapshot,
                                  const struct aios_bytes *keys,
                                  size_t key_count,
                                  struct aios_entries **entries);

/// The environments as they were then, with their findings.
aios_status aios_snapshot_environments(const struct aios_snapshot *snapshot,
                                       struct aios_environments **environments);

/// A snapshot as one run of bytes without pointers, to be kept or sent anywhere.
aios_status aios_snapshot_export(const struct aios_snapshot *snapshot, struct aios_blob **image);

/// Opens what `aios_snapshot_export` made. The bytes are copied, and checked as they are read.
aios_status aios_snapshot_of_image(struct aios_bytes image, struct aios_snapshot **snapshot);

/// Closes a snapshot; its views end.
aios_status aios_snapshot_close(struct aios_snapshot *snapshot);

/// The snapshots that there are; none when nothing was ever remembered.
aios_status aios_snapshots_list(const struct aios_engine *engine,
                                struct aios_snapshots **snapshots);

/// How many there are.
aios_status aios_snapshots_count(const struct aios_snapshots *snapshots, size_t *count);

/// What is known of the snapshot at an index from 0.
aios_status aios_snapshots_get(const struct aios_snapshots *snapshots,
                               size_t index,
                               struct aios_snapshot_info *info);

/// Closes the list; its views end.
aios_status aios_snapshots_close(struct aios_snapshots *snapshots);

/// How many entries there are.
aios_status aios_entries_count(const struct aios_entries *entries, size_t *count);

/// The entry at an index from 0.
aios_status aios_entries_get(const struct aios_entries *entries,
                             size_t index,
                             struct aios_entry *entry);

/// Closes the list; its views end.
aios_status aios_entries_close(struct aios_entries *entries);

/// What it takes to make the second of the first. Both are of one store.
aios_status aios_snapshot_diff(const struct aios_snapshot *before,
                               const struct aios_snapshot *after,
                               struct aios_changes **changes);

/// How many changes there are.
aios_status aios_changes_count(const struct aios_changes *changes, size_t *count);

/// The change at an index from 0.
aios_status aios_changes_get(const struct aios_changes *changes,
                             size_t index,
                             struct aios_change *change);

/// Closes the list; its views end.
aios_status aios_changes_close(struct aios_changes *changes);

/// The remembered environments that are most like what is asked for. None is fine.
aios_status aios_recall(const struct aios_engine *engine,
                        const struct aios_cue *cue,
                        struct aios_recollections **recollections);

/// How many there are.
aios_status aios_recollections_count(const struct aios_recollections *recollections, size_t *count);

/// The environment at an index from 0, as it was then.
aios_status aios_recollections_environment(const struct aios_recollections *recollections,
                                           size_t index,
                                           struct aios_environment *environment);

/// How alike the one at an index from 0 is, and when it was so.
aios_status aios_recollections_get(const struct aios_recollections *recollections,
                                   size_t index,
                                   struct aios_recollection *recollection);

/// Closes the list; its views end.
aios_status aios_recollections_close(struct aios_recollections *recollections);

/// Opens what is published for the folder of an engine. `AIOS_STATUS_NOT_FOUND` when nothing is: start `aios serve`.
/// It outlives the engine.
aios_status aios_state_open(const struct aios_engine *engine,
                            struct aios_state **state);

/// How it is now.
aios_status aios_state_about(const struct aios_state *state, struct aios_state_info *info);

/// The environments that are published now. They are pinned, and read in place, until the list is closed: at most
/// a few lists of one `aios_state` at once (`AIOS_STATUS_BUSY`), so close each before long.
/// `AIOS_STATUS_NOT_FOUND` before anything is published.
aios_status aios_state_pin(const struct aios_state *state,
                           struct aios_environments **environments);

/// What a list of `aios_state_pin` is as a whole. `AIOS_STATUS_ARGUMENT` for others.
aios_status aios_environments_published(const struct aios_environments *environments,
                                        struct aios_published *published);

/// Closes it; lists that came from it stay.
aios_status aios_state_close(struct aios_state *state);

/// Opens the buffer of the service that runs for the folder of an engine. `AIOS_STATUS_NOT_FOUND` when none does:
/// start `aios serve`. It outlives the engine.
aios_status aios_buffer_open(const struct aios_engine *engine,
                             struct aios_buffer **buffer);

/// Whether the service ended, or made another buffer: 1 or 0. What is appended then is read by nobody who comes
/// later; open it again.
aios_status aios_buffer_is_closed(const struct aios_buffer *buffer,
                                  uint32_t *is_closed);

/// Closes it; its writers and readers stay.
aios_status aios_buffer_close(struct aios_buffer *buffer);

/// Another writer: one for each thread that appends, since threads that share one wait for each other. There are at
/// most 64 in all processes (`AIOS_STATUS_BUSY`).
aios_status aios_writer_open(const struct aios_buffer *buffer,
                             struct aios_writer **writer);

/// Appends bytes, with the time that it is now. `tag` says what they are, in numbers that writer and reader agree
/// on. `AIOS_STATUS_BUSY` when other writers have every place: the record is dropped, and is a gap for readers.
aios_status aios_writer_append(struct aios_writer *writer,
                               uint16_t tag,
                               struct aios_bytes bytes);

/// Appends figures, with the time that it is now.
aios_status aios_writer_metrics(struct aios_writer *writer, const struct aios_metrics *metrics);

/// Closes a writer.
aios_status aios_writer_close(struct aios_writer *writer);

/// Another reader, which begins at an `aios_start`.
aios_status aios_reader_open(const struct aios_buffer *buffer,
                             uint32_t start,
                             struct aios_reader **reader);

/// The next record or gap. `AIOS_STATUS_NOT_FOUND` when there is nothing new: `aios_reader_wait` sleeps until there
/// is.
aios_status aios_reader_next(struct aios_reader *reader,
                             struct aios_record *record);

/// What the last record of this reader says, which is an event; until the next call of `aios_reader_next`.
/// `AIOS_STATUS_ARGUMENT` when it is none, or one of a later version.
aios_status aios_reader_event(struct aios_reader *reader,
                              struct aios_event *event);

/// Sleeps until there may be something new, and not longer than so many milliseconds. `has_news` is 1 or 0.
aios_status aios_reader_wait(struct aios_reader *reader,
                             uint32_t limit_ms,
                             uint32_t *has_news);

/// Closes a reader; the views of its last record end.
aios_status aios_reader_close(struct aios_reader *reader);

/// Calls a function with each record of a buffer, beginning at an `aios_start`. `user` goes to every call, and to
/// `release`, which may be NULL, when this succeeds. The buffer may be closed meanwhile.
aios_status aios_subscribe(const struct aios_buffer *buffer,
                           uint32_t start,
                           aios_on_record function,
                           void *user,
                           aios_on_release release,
                           struct aios_subscription **subscription);

/// Ends a subscription. No call begins after this returns; one that was under way has ended, and what was given is
/// released: so the caller holds no lock that its function waits for. In a call of a subscription it does not wait:
/// that call is the last, and what was given is released within a second of its end.
aios_status aios_subscription_close(struct aios_subscription *subscription);

#ifdef __cplusplus
}  // extern "C"
#endif  // __cplusplus

#endif  /* AIOS_H */


/// A view of a string that ends with a zero, which is not part of it. NULL is an absent one.
static inline aios_str aios_str_of(const char *text) {
  aios_str view = {text, text == NULL ? 0 : strlen(text)};
  return view;
}

/// A view of the bytes of such a string: a key.
static inline aios_bytes aios_key(const char *text) {
  aios_bytes view = {(const uint8_t *)text, text == NULL ? 0 : strlen(text)};
  return view;
}
