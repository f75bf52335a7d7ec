// Attaches to `aios serve`, lists the broken environments, and follows what happens to all.
//
//   monitor [MILLISECONDS]   ends when nothing happened for so long; without, never
//
// It reads shared memory: nothing is asked of the service, and nothing keeps it waiting.

#include <aios.hpp>
#include <iostream>
#include <string>

static const char *health(std::uint32_t health) {
  static const char *const names[] = {"not there", "healthy", "warning", "broken"};
  return health < 4 ? names[health] : "unknown";
}

static void list_broken(const aios::Engine &engine) {
  // Pinned until the end of this block: the service may use the memory again then.
  aios::Environments all = engine.state().value().pin().value();
  for (aios::Environment one : all.all())
    if (one.health() == aios::Health::broken)
      std::cout << "broken: " << one.prefix() << " (" << one.findings()[0].code() << ")\n";
}

static void follow(const aios::Engine &engine, std::uint32_t limit_ms) {
  aios::Reader reader = engine.buffer().value().reader(aios::Start::oldest).value();
  do {
    while (std::optional<aios::Record> record = reader.next().value()) {
      if (record->kind == aios::RecordKind::gap) std::cout << record->missing << " are missing\n";
      if (record->kind != aios::RecordKind::event) continue;
      aios::Event event = reader.event().value();
      // Snapshots are events too, and of no environment.
      if (!event.environment.empty())
        std::cout << health(event.before) << ", then " << health(event.after) << ": " << event.path
                  << '\n';
    }
    std::cout << std::flush;
  } while (reader.wait(limit_ms).value());
}

int main(int argc, char **argv) try {
  aios::Engine engine = aios::Engine::open().value();
  list_broken(engine);
  follow(engine, argc > 1 ? static_cast<std::uint32_t>(std::stoul(argv[1])) : UINT32_MAX);
  return 0;
} catch (const aios::Error &error) {
  std::cerr << "error: " << error.what() << "\nhint: " << error.hint() << '\n';
  return 2;
}
