// What another process publishes and appends, read in shared memory; and what is appended here, for that one.
//
//   live BROKEN

#include <chrono>
#include <condition_variable>
#include <cstdio>
#include <cstdlib>
#include <memory>
#include <mutex>

#include "aios.hpp"

static void check(bool holds, int line, const char *what) {
  if (holds) return;
  aios::Error error = aios::Error::last();
  std::fprintf(stderr, "%d: %s\nthe last error: %s\n", line, what, error.what());
  std::exit(1);
}
#define CHECK(condition) check((condition), __LINE__, #condition)

static void state(const aios::Engine &engine, std::string_view broken) {
  aios::State state = engine.state().value();
  CHECK(state.version() == 1 && state.is_published() && !state.is_closed());
  aios::Environments all = state.pin().value();
  aios::Published published = all.published().value();
  CHECK(published.healthy == 1 && published.broken == 1 && published.engine == "0.0.1");
  std::size_t seen = 0;
  for (aios::Environment one : all.all())
    for (aios::Finding finding : one.findings())
      seen += one.prefix() == broken && finding.code() == "pyvenv-cfg-missing";
  CHECK(seen == 1);
  CHECK(!engine.find({{"nowhere"}, {}, false, false, false}).value().published());
}

static void records(const aios::Engine &engine, std::string_view broken) {
  aios::Buffer buffer = engine.buffer().value();
  CHECK(!buffer.is_closed());
  aios::Reader reader = buffer.reader(aios::Start::oldest).value();
  std::optional<aios::Record> record = reader.next().value();
  CHECK(record && record->kind == aios::RecordKind::event && !record->metrics());
  aios::Event event = reader.event().value();
  CHECK(event.kind == AIOS_EVENT_KIND_CHANGED && event.path == broken && event.text == "why");
  CHECK(event.codes.size() == 1 && event.codes[0] == "pyvenv-cfg-missing");
  record = reader.next().value();
  CHECK(record && record->tag == 7 && record->bytes.text() == "from Rust");
  CHECK(!reader.event() && !reader.next().value() && !reader.wait(1).value());

  aios::Writer writer = buffer.writer().value();
  aios_metrics metrics{{1.5, 2, 3, 4, 5, 6, -0.25}, 1, {}};
  writer.append(metrics).value();
  writer.append(8, "from C").value();
  CHECK(reader.wait(10000).value());
  record = reader.next().value();
  CHECK(record && record->metrics() && record->metrics()->values[6] == -0.25);
}

/// What calls of another thread did, for the one that waits for it.
class Seen {
 public:
  void add() {
    std::lock_guard<std::mutex> lock(mutex_);
    count_++;
    changed_.notify_all();
  }
  /// Whether there are so many, at last.
  bool reaches(int count) {
    std::unique_lock<std::mutex> lock(mutex_);
    return changed_.wait_for(lock, std::chrono::seconds(60), [&] { return count_ >= count; });
  }
  bool is(int count) {
    std::lock_guard<std::mutex> lock(mutex_);
    return count_ == count;
  }

 private:
  std::mutex mutex_;
  std::condition_variable changed_;
  int count_ = 0;
};

static void subscriptions(const aios::Engine &engine, std::string_view broken) {
  aios::Buffer buffer = engine.buffer().value();
  Seen records, events, ends;
  {
    auto all = buffer.subscribe(aios::Start::oldest,
                                [&](const aios::Record &record, const aios::Event *event) {
                                  if (event && event->path == broken) events.add();
                                  CHECK((record.kind == aios::RecordKind::event) == (event != nullptr));
                                  records.add();
                                });
    CHECK(all && records.reaches(4) && events.is(1));
  }
  // What it throws ends it, and is told.
  auto throws = buffer.subscribe(
      aios::Start::oldest, [](const aios::Record &, const aios::Event *) { throw 7; },
      [&](std::exception_ptr thrown) {
        try {
          std::rethrow_exception(thrown);
        } catch (int seven) {
          CHECK(seven == 7);
          ends.add();
        }
        throw "nobody is left to be told";
      });
  CHECK(throws && ends.reaches(1));
  // One that destroys itself: what it holds lives until its call ends.
  std::unique_ptr<aios::Subscription> own;
  auto held = std::make_shared<Seen>();
  std::mutex made;
  {
    std::lock_guard<std::mutex> lock(made);
    auto subscription =
        buffer.subscribe(aios::Start::oldest, [&, held](const aios::Record &, const aios::Event *) {
          std::lock_guard<std::mutex> lock(made);
          own.reset();
          held->add();
        });
    own = std::make_unique<aios::Subscription>(std::move(subscription).value());
  }
  CHECK(held->reaches(1));
  while (held.use_count() > 1) {
  }
  CHECK(held->is(1) && records.is(4) && ends.is(1));
}

static void progress(const aios::Engine &engine, const std::string &broken) {
  aios::Progress progress = aios::Progress::open().value();
  aios::Look look;
  look.paths = {broken};
  look.progress = &progress;
  CHECK(engine.check(look) && progress.about().checked == 1);
  progress.cancel();
  CHECK(engine.check(look).error().status() == aios::Status::cancelled);
}

int main(int argc, char **argv) {
  CHECK(argc == 2);
  aios::Engine engine = aios::Engine::open().value();
  state(engine, argv[1]);
  records(engine, argv[1]);
  subscriptions(engine, argv[1]);
  progress(engine, argv[1]);
  std::puts("all of it");
  return 0;
}
