// aios for C++17: owners, results, views and ranges over `aios.h`. Header only.
//
// - Owners (`Engine`, `Environments`, `Plan`, ...) can be moved, not copied, and close what they own.
// - `Result<T>` is a value or an `Error`. `value()` throws the error, which is a `std::runtime_error`; nothing else
//   throws but what allocates.
// - Views (`std::string_view`, `Bytes`, `Environment`, `Finding`, ...) are valid as long as the owner that they came
//   from, which is a variable: a range of a temporary does not compile. Text is UTF-8; a path is its bytes as the
//   system has them.
// - Threads: an owner may be used by many at once, but for being moved and destroyed. Only a `Reader` is for one at
//   a time: its records are valid until it goes on.

#ifndef AIOS_HPP
#define AIOS_HPP

#include <cstddef>
#include <cstdint>
#include <cstring>
#include <exception>
#include <functional>
#include <initializer_list>
#include <iterator>
#include <memory>
#include <optional>
#include <stdexcept>
#include <string>
#include <string_view>
#include <utility>
#include <variant>
#include <vector>

#include "aios.h"

namespace aios {

/// What became of a call: the numbers of `aios_status`.
enum class Status : std::int32_t {
  ok = AIOS_STATUS_OK,
  panic = AIOS_STATUS_PANIC,
  null = AIOS_STATUS_NULL,
  handle = AIOS_STATUS_HANDLE,
  struct_size = AIOS_STATUS_STRUCT_SIZE,
  argument = AIOS_STATUS_ARGUMENT,
  not_found = AIOS_STATUS_NOT_FOUND,
  busy = AIOS_STATUS_BUSY,
  io = AIOS_STATUS_IO,
  damaged = AIOS_STATUS_DAMAGED,
  too_new = AIOS_STATUS_TOO_NEW,
  foreign = AIOS_STATUS_FOREIGN,
  no_place = AIOS_STATUS_NO_PLACE,
  refused = AIOS_STATUS_REFUSED,
  interrupted = AIOS_STATUS_INTERRUPTED,
  cancelled = AIOS_STATUS_CANCELLED,
};

/// Why a call failed: `what()` in one sentence, and what to do about it.
class Error : public std::runtime_error {
 public:
  Error(Status status, const std::string &message, std::string hint)
      : std::runtime_error(message), status_(status), hint_(std::move(hint)) {}

  /// What the last call of this thread that failed said.
  static Error last() {
    return Error(static_cast<Status>(aios_last_error_status()), text(aios_last_error_message),
                 text(aios_last_error_hint));
  }

  Status status() const noexcept { return status_; }
  /// Empty when there is no advice.
  const std::string &hint() const noexcept { return hint_; }

 private:
  static std::string text(std::size_t (*copy)(char *, std::size_t)) {
    std::string text(copy(nullptr, 0), '\0');
    copy(&text[0], text.size() + 1);
    return text;
  }

  Status status_;
  std::string hint_;
};

/// A value, or why there is none.
template <class T>
class [[nodiscard]] Result {
 public:
  Result(T value) : held_(std::in_place_index<0>, std::move(value)) {}
  Result(Error error) : held_(std::in_place_index<1>, std::move(error)) {}

  explicit operator bool() const noexcept { return held_.index() == 0; }
  /// The value; throws the error when there is none.
  T &value() & { return or_throw(), *std::get_if<0>(&held_); }
  const T &value() const & { return or_throw(), *std::get_if<0>(&held_); }
  T value() && { return or_throw(), std::move(*std::get_if<0>(&held_)); }
  /// The error, where there is one.
  const Error &error() const { return std::get<1>(held_); }

 private:
  void or_throw() const {
    if (const Error *error = std::get_if<1>(&held_)) throw *error;
  }

  std::variant<T, Error> held_;
};

/// Success, or why not.
template <>
class [[nodiscard]] Result<void> {
 public:
  Result() = default;
  Result(Error error) : error_(std::move(error)) {}

  explicit operator bool() const noexcept { return !error_; }
  void value() const {
    if (error_) throw *error_;
  }
  const Error &error() const { return error_.value(); }

 private:
  std::optional<Error> error_;
};

/// Bytes of somebody else: what `std::span<const std::uint8_t>` is later.
class Bytes {
 public:
  constexpr Bytes() noexcept = default;
  constexpr Bytes(const std::uint8_t *data, std::size_t size) noexcept : data_(data), size_(size) {}
  Bytes(std::string_view text) noexcept
      : data_(reinterpret_cast<const std::uint8_t *>(text.data())), size_(text.size()) {}
  Bytes(const char *text) noexcept : Bytes(std::string_view(text)) {}
  Bytes(const std::string &text) noexcept : Bytes(std::string_view(text)) {}

  constexpr const std::uint8_t *data() const noexcept { return data_; }
  constexpr std::size_t size() const noexcept { return size_; }
  constexpr bool empty() const noexcept { return size_ == 0; }
  constexpr const std::uint8_t *begin() const noexcept { return data_; }
  constexpr const std::uint8_t *end() const noexcept { return data_ + size_; }
  std::string_view text() const noexcept { return {reinterpret_cast<const char *>(data_), size_}; }

 private:
  const std::uint8_t *data_ = nullptr;
  std::size_t size_ = 0;
};

/// The keys that lead to an entry, one for each level.
using Keys = std::initializer_list<Bytes>;

namespace detail {

inline std::string_view view(aios_str text) noexcept { return {text.ptr, text.len}; }
inline Bytes view(aios_bytes bytes) noexcept { return {bytes.ptr, bytes.len}; }
inline aios_str of(std::string_view text) noexcept { return {text.data(), text.size()}; }
inline aios_bytes of(Bytes bytes) noexcept { return {bytes.data(), bytes.size()}; }

inline std::vector<aios_bytes> of(Keys keys) {
  std::vector<aios_bytes> all;
  for (Bytes key : keys) all.push_back(of(key));
  return all;
}

inline std::vector<aios_str> of(const std::vector<std::string> &texts) {
  std::vector<aios_str> all;
  for (const std::string &text : texts) all.push_back(of(std::string_view(text)));
  return all;
}

/// A struct with its size, as every call wants it.
template <class T>
T sized() noexcept {
  T value{};
  value.struct_size = sizeof value;
  return value;
}

inline Result<void> done(aios_status status) {
  if (status != AIOS_STATUS_OK) return Error::last();
  return {};
}

template <class T>
T or_throw(aios_status status, T value) {
  if (status != AIOS_STATUS_OK) throw Error::last();
  return value;
}

/// Owns a handle.
template <class C, aios_status (*close)(C *)>
class Owner {
 public:
  explicit Owner(C *handle) noexcept : handle_(handle) {}
  Owner(Owner &&other) noexcept : handle_(std::exchange(other.handle_, nullptr)) {}
  Owner &operator=(Owner &&other) noexcept {
    std::swap(handle_, other.handle_);
    return *this;
  }
  Owner(const Owner &) = delete;
  Owner &operator=(const Owner &) = delete;
  ~Owner() { close(handle_); }

  /// The handle, for the functions of `aios.h`; it stays owned.
  C *get() const noexcept { return handle_; }

 private:
  C *handle_;
};

/// An owner of a handle that a call puts out.
template <class T, class C, class Call>
Result<T> opened(Call call) {
  C *handle = nullptr;
  if (call(&handle) != AIOS_STATUS_OK) return Error::last();
  return T(handle);
}

/// A range of what an owner has by index: `T at(const Of *, std::size_t)`.
template <class T, class Of>
class Range {
 public:
  class iterator {
   public:
    using iterator_category = std::input_iterator_tag;
    using value_type = T;
    using difference_type = std::ptrdiff_t;
    using pointer = void;
    using reference = T;

    iterator(const Of *of, std::size_t at) noexcept : of_(of), at_(at) {}
    T operator*() const { return T::at(*of_, at_); }
    iterator &operator++() noexcept { return ++at_, *this; }
    iterator operator++(int) noexcept { return {of_, at_++}; }
    friend bool operator==(const iterator &a, const iterator &b) noexcept { return a.at_ == b.at_; }
    friend bool operator!=(const iterator &a, const iterator &b) noexcept { return a.at_ != b.at_; }

   private:
    const Of *of_;
    std::size_t at_;
  };

  Range(Of of, std::size_t size) noexcept : of_(of), size_(size) {}
  std::size_t size() const noexcept { return size_; }
  bool empty() const noexcept { return size_ == 0; }
  T operator[](std::size_t at) const { return T::at(of_, at); }
  iterator begin() const noexcept { return {&of_, 0}; }
  iterator end() const noexcept { return {&of_, size_}; }

 private:
  Of of_;
  std::size_t size_;
};

}  // namespace detail

/// Paths, codes or keys that stand one after the other.
class Texts {
 public:
  Texts(const aios_str *first, std::size_t size) noexcept : first_(first), size_(size) {}
  std::size_t size() const noexcept { return size_; }
  bool empty() const noexcept { return size_ == 0; }
  std::string_view operator[](std::size_t at) const noexcept { return detail::view(first_[at]); }

 private:
  const aios_str *first_;
  std::size_t size_;
};

/// How well an environment is.
enum class Health : std::uint32_t {
  healthy = AIOS_HEALTH_HEALTHY,
  warning = AIOS_HEALTH_WARNING,
  broken = AIOS_HEALTH_BROKEN,
};

/// How bad a finding is.
enum class Severity : std::uint32_t {
  none = 0,
  info = AIOS_SEVERITY_INFO,
  warning = AIOS_SEVERITY_WARNING,
  error = AIOS_SEVERITY_ERROR,
};

/// One fact about an environment that somebody should know.
class Finding {
 public:
  explicit Finding(const aios_finding &raw) noexcept : raw_(raw) {}
  std::string_view code() const noexcept { return detail::view(raw_.code); }
  Severity severity() const noexcept { return static_cast<Severity>(raw_.severity); }
  /// The evidence in one sentence.
  std::string_view message() const noexcept { return detail::view(raw_.message); }
  /// What the code means, what it causes, and what to do about it.
  std::string_view meaning() const noexcept { return detail::view(raw_.meaning); }
  std::string_view effect() const noexcept { return detail::view(raw_.effect); }
  std::string_view remedy() const noexcept { return detail::view(raw_.remedy); }
  Texts paths() const noexcept { return {raw_.paths, raw_.path_count}; }

  using Of = std::pair<const aios_environments *, std::size_t>;
  static Finding at(const Of &of, std::size_t index) {
    auto raw = detail::sized<aios_finding>();
    aios_status status = aios_environments_finding(of.first, of.second, index, &raw);
    return detail::or_throw(status, Finding(raw));
  }

 private:
  aios_finding raw_;
};

/// An environment; what is not known is an empty text.
class Environment {
 public:
  Environment(const aios_environment &raw, Finding::Of of) noexcept : raw_(raw), of_(of) {}
  std::string_view id() const noexcept { return detail::view(raw_.id); }
  std::string_view kind() const noexcept { return detail::view(raw_.kind); }
  std::string_view name() const noexcept { return detail::view(raw_.name); }
  std::string_view prefix() const noexcept { return detail::view(raw_.prefix); }
  std::string_view executable() const noexcept { return detail::view(raw_.executable); }
  std::string_view version() const noexcept { return detail::view(raw_.version); }
  std::string_view implementation() const noexcept { return detail::view(raw_.implementation); }
  std::string_view architecture() const noexcept { return detail::view(raw_.architecture); }
  std::string_view base_prefix() const noexcept { return detail::view(raw_.base_prefix); }
  std::string_view manager() const noexcept { return detail::view(raw_.manager); }
  std::string_view project() const noexcept { return detail::view(raw_.project); }
  /// Why it was found, in words.
  std::string_view found() const noexcept { return detail::view(raw_.found); }
  Health health() const noexcept { return static_cast<Health>(raw_.health); }
  bool is_externally_managed() const noexcept { return has(AIOS_ENVIRONMENT_EXTERNALLY_MANAGED); }
  bool is_virtual() const noexcept { return has(AIOS_ENVIRONMENT_VIRTUAL); }
  bool is_repairable() const noexcept { return has(AIOS_ENVIRONMENT_REPAIRABLE); }
  /// The worst first. None of what `recall` found, which has no list to be asked.
  detail::Range<Finding, Finding::Of> findings() const noexcept {
    return {of_, of_.first ? raw_.finding_count : 0};
  }

  static Environment at(const aios_environments *of, std::size_t index) {
    auto raw = detail::sized<aios_environment>();
    aios_status status = aios_environments_get(of, index, &raw);
    return detail::or_throw(status, Environment(raw, {of, index}));
  }

 private:
  bool has(std::uint32_t flag) const noexcept { return (raw_.flags & flag) != 0; }

  aios_environment raw_;
  Finding::Of of_;
};

/// Something that could not be looked at.
struct Problem {
  std::string_view path;
  std::string_view message;

  static Problem at(const aios_environments *of, std::size_t index) {
    auto raw = detail::sized<aios_problem>();
    aios_status status = aios_environments_problem(of, index, &raw);
    return detail::or_throw(status, Problem{detail::view(raw.path), detail::view(raw.message)});
  }
};

/// What a published list is as a whole.
struct Published {
  std::uint64_t version;
  /// When the environments were last looked at, in milliseconds since 1970.
  std::uint64_t time_ms;
  std::uint64_t snapshot;
  std::string_view engine;
  std::uint32_t healthy;
  std::uint32_t warning;
  std::uint32_t broken;
};

/// Environments, sorted by prefix: a range.
class Environments : public detail::Owner<aios_environments, aios_environments_close> {
 public:
  using Owner::Owner;
  using Range = detail::Range<Environment, const aios_environments *>;

  std::size_t size() const noexcept {
    std::size_t count = 0;
    aios_environments_count(get(), &count);
    return count;
  }
  Environment operator[](std::size_t at) const { return Environment::at(get(), at); }
  /// Where the environment with a prefix is.
  Result<std::size_t> index_of(std::string_view prefix) const {
    std::size_t index = 0;
    aios_status status = aios_environments_by_prefix(get(), detail::of(prefix), &index);
    if (status != AIOS_STATUS_OK) return Error::last();
    return index;
  }
  /// What it is as a whole, where it came from `State::pin`.
  Result<Published> published() const {
    auto raw = detail::sized<aios_published>();
    if (aios_environments_published(get(), &raw) != AIOS_STATUS_OK) return Error::last();
    return Published{raw.version, raw.time_ms, raw.snapshot, detail::view(raw.engine),
                     raw.healthy, raw.warning, raw.broken};
  }
  /// To be gone through: `for (Environment one : environments.all())`.
  Range all() const && = delete;
  Range all() const & noexcept { return {get(), size()}; }
  detail::Range<Problem, const aios_environments *> problems() const && = delete;
  detail::Range<Problem, const aios_environments *> problems() const & noexcept {
    std::size_t count = 0;
    aios_environments_problem_count(get(), &count);
    return {get(), count};
  }
};

/// One step of a plan.
struct Step {
  std::string_view action;
  std::string_view what;
  Texts reasons;
  Texts paths;

  static Step at(const aios_plan *of, std::size_t index) {
    auto raw = detail::sized<aios_step>();
    aios_status status = aios_plan_step(of, index, &raw);
    return detail::or_throw(status, Step{detail::view(raw.action), detail::view(raw.what),
                                         Texts(raw.reasons, raw.reason_count),
                                         Texts(raw.paths, raw.path_count)});
  }
};

/// A finding that a plan does nothing about.
struct Unsolved {
  std::string_view code;
  std::string_view hint;

  static Unsolved at(const aios_plan *of, std::size_t index) {
    auto raw = detail::sized<aios_unsolved>();
    aios_status status = aios_plan_unsolved(of, index, &raw);
    return detail::or_throw(status, Unsolved{detail::view(raw.code), detail::view(raw.hint)});
  }
};

/// What became of an environment.
enum class Outcome : std::uint32_t {
  nothing_done = AIOS_OUTCOME_NOTHING_DONE,
  repaired = AIOS_OUTCOME_REPAIRED,
  partly = AIOS_OUTCOME_PARTLY,
  taken_back = AIOS_OUTCOME_TAKEN_BACK,
};

/// What became of a repair.
struct Repaired {
  Outcome outcome;
  Health health;
  std::size_t finding_count;
  std::uint32_t rounds;
};

/// What there is to do about an environment.
class Plan : public detail::Owner<aios_plan, aios_plan_close> {
 public:
  using Owner::Owner;

  std::string_view prefix() const noexcept { return detail::view(about().prefix); }
  /// Why it is not touched; empty when `apply` may be called.
  std::string_view refusal() const noexcept { return detail::view(about().refusal); }
  Health health() const noexcept { return static_cast<Health>(about().health); }
  detail::Range<Step, const aios_plan *> steps() const && = delete;
  detail::Range<Step, const aios_plan *> steps() const & noexcept {
    return {get(), about().step_count};
  }
  detail::Range<Unsolved, const aios_plan *> unsolved() const && = delete;
  detail::Range<Unsolved, const aios_plan *> unsolved() const & noexcept {
    return {get(), about().unsolved_count};
  }
  /// Carries it out, once.
  Result<Repaired> apply() {
    auto raw = detail::sized<aios_repaired>();
    if (aios_plan_apply(get(), &raw) != AIOS_STATUS_OK) return Error::last();
    return Repaired{static_cast<Outcome>(raw.outcome), static_cast<Health>(raw.health),
                    raw.finding_count, raw.rounds};
  }

 private:
  aios_plan_info about() const noexcept {
    auto raw = detail::sized<aios_plan_info>();
    aios_plan_about(get(), &raw);
    return raw;
  }
};

/// Bytes that the library keeps.
class Blob : public detail::Owner<aios_blob, aios_blob_close> {
 public:
  using Owner::Owner;
  Bytes bytes() const noexcept {
    aios_bytes bytes{nullptr, 0};
    aios_blob_bytes(get(), &bytes);
    return detail::view(bytes);
  }
  /// The tag that an entry was put with.
  std::uint16_t tag() const noexcept {
    std::uint16_t tag = 0;
    aios_blob_tag(get(), &tag);
    return tag;
  }
};

/// A value of a snapshot, in place.
struct Value {
  Bytes bytes;
  std::uint16_t tag;
  Severity severity;
  std::uint64_t weight;
};

/// An entry of a level: a value, or another level.
struct Entry {
  Bytes key;
  Value value;
  std::uint64_t records;
  bool is_level;

  static Entry at(const aios_entries *of, std::size_t index) {
    auto raw = detail::sized<aios_entry>();
    aios_status status = aios_entries_get(of, index, &raw);
    Value value{detail::view(raw.bytes), raw.tag, static_cast<Severity>(raw.severity), raw.weight};
    return detail::or_throw(status,
                            Entry{detail::view(raw.key), value, raw.records, raw.is_level != 0});
  }
};

/// One level of a snapshot.
class Entries : public detail::Owner<aios_entries, aios_entries_close> {
 public:
  using Owner::Owner;
  detail::Range<Entry, const aios_entries *> all() const && = delete;
  detail::Range<Entry, const aios_entries *> all() const & noexcept {
    std::size_t count = 0;
    aios_entries_count(get(), &count);
    return {get(), count};
  }
};

/// One thing that differs between two snapshots; `kind` is an `aios_change_kind`.
struct Change {
  std::uint32_t kind;
  std::string_view environment;
  std::string_view prefix;
  std::string_view name;
  std::string_view before;
  std::string_view after;
  std::uint64_t count;
  std::vector<Bytes> keys;

  static Change at(const aios_changes *of, std::size_t index) {
    auto raw = detail::sized<aios_change>();
    if (aios_changes_get(of, index, &raw) != AIOS_STATUS_OK) throw Error::last();
    std::vector<Bytes> keys;
    for (std::size_t at = 0; at < raw.key_count; at++) keys.push_back(detail::view(raw.keys[at]));
    using detail::view;
    return Change{raw.kind,         view(raw.environment), view(raw.prefix), view(raw.name),
                  view(raw.before), view(raw.after),       raw.count,        std::move(keys)};
  }
};

/// What differs between two snapshots.
class Changes : public detail::Owner<aios_changes, aios_changes_close> {
 public:
  using Owner::Owner;
  detail::Range<Change, const aios_changes *> all() const && = delete;
  detail::Range<Change, const aios_changes *> all() const & noexcept {
    std::size_t count = 0;
    aios_changes_count(get(), &count);
    return {get(), count};
  }
};

/// What is known of a snapshot.
struct SnapshotInfo {
  std::uint64_t id;
  std::uint64_t parent;
  std::uint64_t time_ms;
  std::uint64_t records;
  std::string_view name;
  std::string_view reason;

  explicit SnapshotInfo(const aios_snapshot_info &raw) noexcept
      : id(raw.id),
        parent(raw.parent),
        time_ms(raw.time_ms),
        records(raw.records),
        name(detail::view(raw.name)),
        reason(detail::view(raw.reason)) {}

  static SnapshotInfo at(const aios_snapshots *of, std::size_t index) {
    auto raw = detail::sized<aios_snapshot_info>();
    aios_status status = aios_snapshots_get(of, index, &raw);
    return detail::or_throw(status, SnapshotInfo(raw));
  }
};

/// The snapshots that there are, the oldest first.
class Snapshots : public detail::Owner<aios_snapshots, aios_snapshots_close> {
 public:
  using Owner::Owner;
  detail::Range<SnapshotInfo, const aios_snapshots *> all() const && = delete;
  detail::Range<SnapshotInfo, const aios_snapshots *> all() const & noexcept {
    std::size_t count = 0;
    aios_snapshots_count(get(), &count);
    return {get(), count};
  }
};

/// A state of everything that is remembered. It outlives the engine.
class Snapshot : public detail::Owner<aios_snapshot, aios_snapshot_close> {
 public:
  using Owner::Owner;

  static Result<Snapshot> of_image(Bytes image) {
    return detail::opened<Snapshot, aios_snapshot>(
        [&](aios_snapshot **out) { return aios_snapshot_of_image(detail::of(image), out); });
  }
  SnapshotInfo about() const {
    auto raw = detail::sized<aios_snapshot_info>();
    aios_status status = aios_snapshot_about(get(), &raw);
    return detail::or_throw(status, SnapshotInfo(raw));
  }
  /// The value that keys lead to, in place.
  Result<Value> value(Keys keys) const {
    std::vector<aios_bytes> path = detail::of(keys);
    auto raw = detail::sized<aios_value>();
    if (aios_snapshot_get(get(), path.data(), path.size(), &raw) != AIOS_STATUS_OK)
      return Error::last();
    return Value{detail::view(raw.bytes), raw.tag, static_cast<Severity>(raw.severity), raw.weight};
  }
  /// One level; of no keys the first.
  Result<Entries> entries(Keys keys = {}) const {
    std::vector<aios_bytes> path = detail::of(keys);
    return detail::opened<Entries, aios_entries>([&](aios_entries **out) {
      return aios_snapshot_entries(get(), path.data(), path.size(), out);
    });
  }
  Result<Environments> environments() const {
    return detail::opened<Environments, aios_environments>(
        [&](aios_environments **out) { return aios_snapshot_environments(get(), out); });
  }
  /// What it takes to make `after` of this one.
  Result<Changes> diff(const Snapshot &after) const {
    return detail::opened<Changes, aios_changes>(
        [&](aios_changes **out) { return aios_snapshot_diff(get(), after.get(), out); });
  }
  Result<Blob> image() const {
    return detail::opened<Blob, aios_blob>(
        [&](aios_blob **out) { return aios_snapshot_export(get(), out); });
  }
};

/// A remembered environment that is like what was asked for.
struct Recollection {
  Environment environment;
  std::uint64_t snapshot;
  std::uint64_t time_ms;
  double similarity;
  std::uint64_t shared;
  bool is_exact;

  static Recollection at(const aios_recollections *of, std::size_t index) {
    auto raw = detail::sized<aios_recollection>();
    auto environment = detail::sized<aios_environment>();
    if (aios_recollections_get(of, index, &raw) != AIOS_STATUS_OK ||
        aios_recollections_environment(of, index, &environment) != AIOS_STATUS_OK)
      throw Error::last();
    return Recollection{Environment(environment, {nullptr, 0}), raw.snapshot, raw.time_ms,
                        raw.similarity, raw.shared, raw.is_exact != 0};
  }
};

/// Remembered environments, the most alike first.
class Recollections : public detail::Owner<aios_recollections, aios_recollections_close> {
 public:
  using Owner::Owner;
  detail::Range<Recollection, const aios_recollections *> all() const && = delete;
  detail::Range<Recollection, const aios_recollections *> all() const & noexcept {
    std::size_t count = 0;
    aios_recollections_count(get(), &count);
    return {get(), count};
  }
};

/// What another process publishes: the newest state of all environments.
class State : public detail::Owner<aios_state, aios_state_close> {
 public:
  using Owner::Owner;

  /// Pins what is published now, until the list is destroyed.
  Result<Environments> pin() const {
    return detail::opened<Environments, aios_environments>(
        [&](aios_environments **out) { return aios_state_pin(get(), out); });
  }
  /// Counts what was published: another number than before is news to pin.
  std::uint64_t version() const noexcept { return about().version; }
  /// Whether its publisher ended: a new one is opened then.
  bool is_closed() const noexcept { return about().is_closed != 0; }
  /// Whether its publisher lives.
  bool is_published() const noexcept { return about().is_published != 0; }

 private:
  aios_state_info about() const noexcept {
    auto raw = detail::sized<aios_state_info>();
    aios_state_about(get(), &raw);
    return raw;
  }
};

/// Appends to a buffer: one for each thread.
class Writer : public detail::Owner<aios_writer, aios_writer_close> {
 public:
  using Owner::Owner;
  Result<void> append(std::uint16_t tag, Bytes bytes) {
    return detail::done(aios_writer_append(get(), tag, detail::of(bytes)));
  }
  Result<void> append(const aios_metrics &metrics) {
    return detail::done(aios_writer_metrics(get(), &metrics));
  }
};

/// What a record is.
enum class RecordKind : std::uint32_t {
  gap = AIOS_RECORD_KIND_GAP,
  event = AIOS_RECORD_KIND_EVENT,
  metrics = AIOS_RECORD_KIND_METRICS,
  opaque = AIOS_RECORD_KIND_OPAQUE,
};

/// A record, or a gap; valid until the reader goes on, or the function that got it returns.
struct Record {
  explicit Record(const aios_record &raw) noexcept
      : kind(static_cast<RecordKind>(raw.kind)),
        tag(raw.tag),
        bytes(detail::view(raw.bytes)),
        time_ns(raw.time_ns),
        sequence(raw.sequence),
        writer(raw.writer),
        missing(raw.missing) {}

  RecordKind kind;
  std::uint16_t tag;
  Bytes bytes;
  std::uint64_t time_ns;
  std::uint64_t sequence;
  std::uint32_t writer;
  /// Of a gap: how many records are missing.
  std::uint64_t missing;

  /// The figures, where it has them.
  std::optional<aios_metrics> metrics() const noexcept {
    if (kind != RecordKind::metrics || bytes.size() != sizeof(aios_metrics)) return std::nullopt;
    aios_metrics metrics;
    std::memcpy(&metrics, bytes.data(), sizeof metrics);
    return metrics;
  }
};

/// What happened to an environment; valid as long as its record. `kind` is an `aios_event_kind`, `before` and
/// `after` are an `aios_health` or 0.
struct Event {
  explicit Event(const aios_event &raw) noexcept
      : kind(raw.kind),
        environment(detail::view(raw.environment)),
        path(detail::view(raw.path)),
        text(detail::view(raw.text)),
        codes(raw.codes, raw.code_count),
        before(raw.before),
        after(raw.after) {}

  std::uint32_t kind;
  std::string_view environment;
  std::string_view path;
  std::string_view text;
  Texts codes;
  std::uint32_t before;
  std::uint32_t after;
};

/// Reads a buffer at its own pace: for one thread at a time.
class Reader : public detail::Owner<aios_reader, aios_reader_close> {
 public:
  using Owner::Owner;

  /// The next record or gap; nothing when there is nothing new.
  Result<std::optional<Record>> next() {
    auto raw = detail::sized<aios_record>();
    aios_status status = aios_reader_next(get(), &raw);
    if (status == AIOS_STATUS_NOT_FOUND) return std::optional<Record>();
    if (status != AIOS_STATUS_OK) return Error::last();
    return std::optional<Record>(Record(raw));
  }
  /// What the last record says, which is an event.
  Result<Event> event() {
    auto raw = detail::sized<aios_event>();
    if (aios_reader_event(get(), &raw) != AIOS_STATUS_OK) return Error::last();
    return Event(raw);
  }
  /// Sleeps until there may be something new, and not longer than so many milliseconds. Whether there is.
  Result<bool> wait(std::uint32_t limit_ms) {
    std::uint32_t has_news = 0;
    if (aios_reader_wait(get(), limit_ms, &has_news) != AIOS_STATUS_OK) return Error::last();
    return has_news != 0;
  }
};

/// Calls a function with each record, until it is destroyed: no call begins after that, and one that was under way
/// has ended, unless it is destroyed in a call of a subscription.
class Subscription : public detail::Owner<aios_subscription, aios_subscription_close> {
 public:
  using Owner::Owner;
};

/// Gets each record, and the event where it is one, else NULL. It is called in another thread.
using OnRecord = std::function<void(const Record &, const Event *)>;
/// Told once when no call will come any more, and nobody asked for that: with what the function threw, or with nothing
/// when the service ended, or made another buffer.
using OnEnd = std::function<void(std::exception_ptr)>;

namespace detail {

/// What a subscription leads to.
struct Subscriber {
  OnRecord on_record;
  OnEnd on_end;

  static std::uint32_t call(void *user, const aios_record *record, const aios_event *event) {
    auto *self = static_cast<Subscriber *>(user);
    std::exception_ptr thrown;
    if (record) {
      try {
        std::optional<Event> seen;
        if (event) seen.emplace(*event);
        self->on_record(Record(*record), seen ? &*seen : nullptr);
        return 0;
      } catch (...) {
        thrown = std::current_exception();
      }
    }
    try {
      if (self->on_end) self->on_end(thrown);
    } catch (...) {
      // Nobody is left to be told.
    }
    return 1;
  }

  static void release(void *user) { delete static_cast<Subscriber *>(user); }
};

}  // namespace detail

/// Where a reader begins.
enum class Start : std::uint32_t { oldest = AIOS_START_OLDEST, now = AIOS_START_NOW };

/// The ring of records that processes share.
class Buffer : public detail::Owner<aios_buffer, aios_buffer_close> {
 public:
  using Owner::Owner;
  Result<Writer> writer() const {
    return detail::opened<Writer, aios_writer>(
        [&](aios_writer **out) { return aios_writer_open(get(), out); });
  }
  Result<Reader> reader(Start start) const {
    return detail::opened<Reader, aios_reader>([&](aios_reader **out) {
      return aios_reader_open(get(), static_cast<std::uint32_t>(start), out);
    });
  }
  /// Calls a function with each record, in a thread of its own.
  Result<Subscription> subscribe(Start start, OnRecord on_record, OnEnd on_end = {}) const {
    auto subscriber = std::make_unique<detail::Subscriber>();
    subscriber->on_record = std::move(on_record);
    subscriber->on_end = std::move(on_end);
    auto subscription = detail::opened<Subscription, aios_subscription>([&](aios_subscription **out) {
      return aios_subscribe(get(), static_cast<std::uint32_t>(start), detail::Subscriber::call,
                            subscriber.get(), detail::Subscriber::release, out);
    });
    // The library owns it now, and may have released it already.
    if (subscription) static_cast<void>(subscriber.release());
    return subscription;
  }
  /// Whether the service ended, or made another one: open it again then.
  bool is_closed() const noexcept {
    std::uint32_t is_closed = 1;
    aios_buffer_is_closed(get(), &is_closed);
    return is_closed != 0;
  }
};

/// How far a look or a repair in another thread is, and the wish that it ends.
class Progress : public detail::Owner<aios_progress, aios_progress_close> {
 public:
  using Owner::Owner;
  static Result<Progress> open() { return detail::opened<Progress, aios_progress>(aios_progress_open); }
  /// The call that it was given to fails with `Status::cancelled`, soon.
  void cancel() noexcept { aios_progress_cancel(get()); }
  /// Counts so far.
  aios_progress_info about() const noexcept {
    auto raw = detail::sized<aios_progress_info>();
    aios_progress_about(get(), &raw);
    return raw;
  }
};

/// Where to look. Without anything: at every known place of this machine.
struct Look {
  /// Environments, interpreters, or folders to walk. When there are any, nothing else is looked at.
  std::vector<std::string> paths = {};
  /// Folders to walk beside the known places.
  std::vector<std::string> workspaces = {};
  /// Whether a check also reads the hash of every file.
  bool is_deep = false;
  /// Whether nothing is taken from earlier looks.
  bool is_fresh = false;
  /// Whether what is seen is remembered.
  bool is_recorded = true;
  /// To watch it by, or to end it.
  const Progress *progress = nullptr;
};

/// What the user of a repair allows and brings.
struct RepairOptions {
  std::string base = {};
  std::vector<std::string> wheelhouses = {};
  /// The snapshot that the environment is to be brought back to; 0: it is to be healthy.
  std::uint64_t snapshot = 0;
  /// To end the repair by, which is taken back then. It outlives the plan.
  const Progress *progress = nullptr;
};

/// This machine, and what is remembered of it.
class Engine : public detail::Owner<aios_engine, aios_engine_close> {
 public:
  using Owner::Owner;

  /// Remembers in this folder, or without one in the usual one. `patience_ms`: how long to wait for another
  /// process that writes; 0 for the usual time.
  static Result<Engine> open(std::string_view folder = {}, std::uint32_t patience_ms = 0) {
    auto options = detail::sized<aios_engine_options>();
    options.folder = detail::of(folder);
    options.patience_ms = patience_ms;
    return detail::opened<Engine, aios_engine>(
        [&](aios_engine **out) { return aios_engine_open(&options, out); });
  }

  /// Environments, with what marker and interpreter alone tell.
  Result<Environments> find(const Look &look = {}) const { return looked(aios_find, look); }
  /// Environments, and what is wrong with each.
  Result<Environments> check(const Look &look = {}) const { return looked(aios_check, look); }

  Result<Plan> plan(std::string_view prefix, const RepairOptions &options = {}) const {
    std::vector<aios_str> wheelhouses = detail::of(options.wheelhouses);
    auto raw = detail::sized<aios_repair_options>();
    raw.base = detail::of(std::string_view(options.base));
    raw.wheelhouses = wheelhouses.data();
    raw.wheelhouse_count = wheelhouses.size();
    raw.snapshot = options.snapshot;
    if (options.progress) raw.progress = options.progress->get();
    return detail::opened<Plan, aios_plan>([&](aios_plan **out) {
      return aios_repair_plan(get(), detail::of(prefix), &raw, out);
    });
  }
  /// Takes back the newest repair.
  Result<void> undo(std::string_view prefix) {
    return detail::done(aios_repair_undo(get(), detail::of(prefix)));
  }

  Result<void> put(Keys keys, std::uint16_t tag, Bytes value) {
    std::vector<aios_bytes> path = detail::of(keys);
    return detail::done(
        aios_context_put(get(), path.data(), path.size(), tag, detail::of(value)));
  }
  Result<Blob> value(Keys keys) const {
    std::vector<aios_bytes> path = detail::of(keys);
    return detail::opened<Blob, aios_blob>([&](aios_blob **out) {
      return aios_context_get(get(), path.data(), path.size(), out);
    });
  }
  Result<void> remove(Keys keys) {
    std::vector<aios_bytes> path = detail::of(keys);
    return detail::done(aios_context_remove(get(), path.data(), path.size()));
  }
  Result<void> commit() { return detail::done(aios_context_commit(get())); }
  Result<void> discard() { return detail::done(aios_context_discard(get())); }

  /// Keeps what is recorded and committed. Without a name it may be pruned.
  Result<std::uint64_t> take(std::string_view reason, std::string_view name = {}) {
    std::uint64_t id = 0;
    aios_status status = aios_snapshot_take(get(), detail::of(name), detail::of(reason), &id);
    if (status != AIOS_STATUS_OK) return Error::last();
    return id;
  }
  /// Brings entries of other programs back; the number of the snapshot of before, or 0.
  Result<std::uint64_t> restore(std::uint64_t id) {
    std::uint64_t saved = 0;
    if (aios_snapshot_restore(get(), id, &saved) != AIOS_STATUS_OK) return Error::last();
    return saved;
  }
  Result<Snapshots> snapshots() const {
    return detail::opened<Snapshots, aios_snapshots>(
        [&](aios_snapshots **out) { return aios_snapshots_list(get(), out); });
  }
  /// The snapshot with a number; without one, the present state.
  Result<Snapshot> snapshot(std::uint64_t id = 0) const {
    return detail::opened<Snapshot, aios_snapshot>(
        [&](aios_snapshot **out) { return aios_snapshot_open(get(), id, out); });
  }

  /// What `aios serve` publishes for this folder.
  Result<State> state() const {
    return detail::opened<State, aios_state>(
        [&](aios_state **out) { return aios_state_open(get(), out); });
  }
  /// The buffer of that service.
  Result<Buffer> buffer() const {
    return detail::opened<Buffer, aios_buffer>(
        [&](aios_buffer **out) { return aios_buffer_open(get(), out); });
  }

  /// The remembered environments that had most of these packages: names, or `name==version`.
  Result<Recollections> recall(const std::vector<std::string> &packages,
                               std::uint32_t most = 0) const {
    std::vector<aios_str> all = detail::of(packages);
    auto cue = detail::sized<aios_cue>();
    cue.packages = all.data();
    cue.package_count = all.size();
    cue.most = most;
    return recalled(cue);
  }
  /// Those that are most like what is left of the one with a prefix.
  Result<Recollections> recall_like(std::string_view prefix, std::uint32_t most = 0) const {
    auto cue = detail::sized<aios_cue>();
    cue.prefix = detail::of(prefix);
    cue.most = most;
    return recalled(cue);
  }

 private:
  template <class Call>
  Result<Environments> looked(Call call, const Look &look) const {
    std::vector<aios_str> paths = detail::of(look.paths);
    std::vector<aios_str> workspaces = detail::of(look.workspaces);
    auto raw = detail::sized<aios_look>();
    raw.paths = paths.data();
    raw.path_count = paths.size();
    raw.workspaces = workspaces.data();
    raw.workspace_count = workspaces.size();
    raw.depth = look.is_deep ? AIOS_DEPTH_DEEP : AIOS_DEPTH_USUAL;
    if (look.is_fresh) raw.flags |= AIOS_LOOK_FRESH;
    if (!look.is_recorded) raw.flags |= AIOS_LOOK_UNRECORDED;
    if (look.progress) raw.progress = look.progress->get();
    return detail::opened<Environments, aios_environments>(
        [&](aios_environments **out) { return call(get(), &raw, out); });
  }

  Result<Recollections> recalled(const aios_cue &cue) const {
    return detail::opened<Recollections, aios_recollections>(
        [&](aios_recollections **out) { return aios_recall(get(), &cue, out); });
  }
};

/// The version of the library.
inline std::string_view version() noexcept {
  aios_str version{nullptr, 0};
  aios_version(&version);
  return detail::view(version);
}

}  // namespace aios

#endif
