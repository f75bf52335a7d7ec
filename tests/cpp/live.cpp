// What another process publishes and appends, read in shared memory; and what is appended here, for that one.
//
//   live BROKEN

#include <cstdio>
#include <cstdlib>

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

int main(int argc, char **argv) {
  CHECK(argc == 2);
  aios::Engine engine = aios::Engine::open().value();
  state(engine, argv[1]);
  records(engine, argv[1]);
  std::puts("all of it");
  return 0;
}
