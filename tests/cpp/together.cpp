// Reads what is published, and gets what is appended, until it is killed; ends when a view or a record is torn.
//
//   together FOLDER

#include <cstdio>
#include <cstdlib>
#include <string>
#include <thread>

#include "aios.hpp"

static void check(bool holds, int line, const char *what) {
  if (holds) return;
  std::fprintf(stderr, "%d: %s\nthe last error: %s\n", line, what, aios::Error::last().what());
  std::exit(1);
}
#define CHECK(condition) check((condition), __LINE__, #condition)

// Every part of a state says which number it is of.
static void check_view(const aios::Environments &all) {
  aios::Published published = all.published().value();
  CHECK(all.size() == published.snapshot % 40 + 1);
  std::string prefix = "/together/" + std::to_string(published.snapshot);
  for (aios::Environment one : all.all()) CHECK(one.prefix() == prefix);
}

static void check_record(const aios::Record &record, const aios::Event *event) {
  CHECK(event == nullptr);
  if (record.kind == aios::RecordKind::gap) return;
  CHECK(record.metrics().has_value());
  for (double value : record.metrics()->values) CHECK(value == record.metrics()->values[0]);
}

static void tell(std::uint64_t seen) {
  if ((seen & (seen - 1)) && seen % 65536) return;
  std::printf("viewed %llu\n", static_cast<unsigned long long>(seen));
  std::fflush(stdout);
}

// Between one publisher and the next there is nothing to open.
template <class T>
static bool is_there(const aios::Result<T> &result) {
  CHECK(result || result.error().status() == aios::Status::not_found ||
        result.error().status() == aios::Status::busy);
  return static_cast<bool>(result);
}

int main(int argc, char **argv) {
  CHECK(argc == 2);
  aios::Engine engine = aios::Engine::open(argv[1]).value();
  for (std::uint64_t seen = 0;;) {
    auto state = engine.state();
    if (!is_there(state)) continue;
    auto buffer = engine.buffer();
    if (!is_there(buffer)) continue;
    auto subscription = buffer.value().subscribe(aios::Start::oldest, check_record);
    while (!state.value().is_closed()) {
      auto all = state.value().pin();
      if (!is_there(all)) {
        std::this_thread::yield();
        continue;
      }
      check_view(all.value());
      tell(++seen);
    }
    CHECK(subscription && subscription.value().get() != nullptr);
  }
}
