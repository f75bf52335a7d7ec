// The same story as in C, with owners, results and ranges.
//
//   story FOLDER BROKEN HEALTHY

#include <cstdio>
#include <cstdlib>
#include <string>
#include <thread>
#include <type_traits>

#include "aios.hpp"

static void check(bool holds, int line, const char *what) {
  if (holds) return;
  aios::Error error = aios::Error::last();
  std::fprintf(stderr, "%d: %s\nthe last error: %s; %s\n", line, what, error.what(),
               error.hint().c_str());
  std::exit(1);
}
#define CHECK(condition) check((condition), __LINE__, #condition)

// Owners can be moved, not copied.
static_assert(!std::is_copy_constructible_v<aios::Engine>);
static_assert(!std::is_copy_assignable_v<aios::Snapshot>);
static_assert(std::is_nothrow_move_constructible_v<aios::Environments>);
static_assert(std::is_nothrow_move_assignable_v<aios::Plan>);

static aios::Environments checked(const aios::Engine &engine, const std::string &folder) {
  aios::Look look;
  look.paths = {folder};
  return engine.check(look).value();
}

static void environments(const aios::Engine &engine, const std::string &folder,
                         const std::string &broken) {
  aios::Environments all = checked(engine, folder);
  CHECK(all.size() == 2 && all.problems().empty());
  std::size_t seen = 0, is_broken = 0;
  for (aios::Environment one : all.all()) {
    seen++;
    CHECK(one.version().substr(0, 4) == "3.12" && one.is_virtual() && one.is_repairable());
    if (one.health() != aios::Health::broken) continue;
    is_broken++;
    CHECK(one.prefix() == broken && one.findings().size() == 1);
    for (aios::Finding finding : one.findings()) {
      CHECK(finding.code() == "pyvenv-cfg-missing" && finding.severity() == aios::Severity::error);
      CHECK(!finding.remedy().empty() && finding.paths().size() == 1);
    }
  }
  CHECK(seen == 2 && is_broken == 1);
  CHECK(all[all.index_of(broken).value()].prefix() == broken);

  // What is not there is an error with a status, or an exception for who asks for the value.
  aios::Result<std::size_t> missing = all.index_of("/nowhere");
  CHECK(!missing && missing.error().status() == aios::Status::not_found);
  bool thrown = false;
  try {
    (void)missing.value();
  } catch (const aios::Error &error) {
    thrown = error.status() == aios::Status::not_found && std::string(error.what()).size() > 0;
  }
  CHECK(thrown);
  try {
    (void)all[2];
    CHECK(false);
  } catch (const std::runtime_error &) {
  }
}

static void repair(aios::Engine &engine, const std::string &folder, const std::string &broken) {
  aios::Plan plan = engine.plan(broken).value();
  CHECK(plan.prefix() == broken && plan.refusal().empty() && plan.unsolved().empty());
  CHECK(plan.steps().size() == 1 && plan.health() == aios::Health::broken);
  for (aios::Step step : plan.steps())
    CHECK(step.action == "write-pyvenv-cfg" && step.reasons[0] == "pyvenv-cfg-missing" &&
          step.paths.size() == 1);
  aios::Repaired repaired = plan.apply().value();
  CHECK(repaired.outcome == aios::Outcome::repaired && repaired.health == aios::Health::healthy);
  CHECK(plan.apply().error().status() == aios::Status::refused);
  aios::Environments all = checked(engine, folder);
  for (aios::Environment one : all.all()) CHECK(one.health() == aios::Health::healthy);
  engine.undo(broken).value();
  CHECK(engine.undo(broken).error().status() == aios::Status::not_found);
  aios::Environments before = checked(engine, folder);
  CHECK(before[before.index_of(broken).value()].health() == aios::Health::broken);
}

static aios::Snapshot snapshots(aios::Engine engine, const std::string &broken) {
  engine.put({"story", "theme"}, 7, "dark").value();
  CHECK(engine.value({"story", "theme"}).value().bytes().text() == "dark");
  engine.commit().value();
  std::uint64_t kept = engine.take("from C++", "before").value();
  engine.put({"story", "theme"}, 7, std::string("light")).value();
  engine.commit().value();
  engine.remove({"story"}).value();
  CHECK(!engine.value({"story", "theme"}));
  engine.discard().value();

  std::size_t count = 0;
  aios::Snapshots list = engine.snapshots().value();
  for (aios::SnapshotInfo info : list.all())
    if (info.id == kept) count += info.name == "before" && info.reason == "from C++";
  CHECK(count == 1);

  aios::Snapshot before = engine.snapshot(kept).value();
  aios::Snapshot now = engine.snapshot().value();
  aios::Changes changes = before.diff(now).value();
  CHECK(changes.all().size() == 1);
  for (aios::Change change : changes.all()) {
    CHECK(change.kind == AIOS_CHANGE_KIND_ENTRY_CHANGED);
    CHECK(change.keys.size() == 2 && change.keys[1].text() == "theme");
  }
  CHECK(engine.restore(kept).value() > kept && engine.restore(kept).value() == 0);
  CHECK(engine.value({"story", "theme"}).value().bytes().text() == "dark");

  aios::Recollections alike = engine.recall({"idna"}).value();
  CHECK(alike.all().size() == 2);
  for (aios::Recollection one : alike.all())
    CHECK(one.similarity > 0 && one.is_exact && one.environment.health() == aios::Health::healthy);
  CHECK(engine.recall({}).error().status() == aios::Status::argument);
  aios::Result<aios::Snapshot> none = engine.snapshot(999);
  CHECK(!none && none.error().status() == aios::Status::not_found && !none.error().hint().empty());

  aios::Environments then = before.environments().value();
  CHECK(then[then.index_of(broken).value()].health() == aios::Health::broken);
  // The engine is closed, and what it opened lives on.
  return before;
}

int main(int argc, char **argv) {
  CHECK(argc == 4 && !aios::version().empty());
  aios::Engine engine = aios::Engine::open().value();
  environments(engine, argv[1], argv[2]);
  repair(engine, argv[1], argv[2]);

  aios::Snapshot before = snapshots(std::move(engine), argv[2]);
  CHECK(before.value({"context", "story", "theme"}).value().bytes.text() == "dark");
  CHECK(before.about().name == "before");
  std::size_t levels = 0;
  aios::Entries first = before.entries().value();
  for (aios::Entry entry : first.all()) levels += entry.is_level;
  CHECK(levels >= 2);
  aios::Snapshot copy = aios::Snapshot::of_image(before.image().value().bytes()).value();
  copy = std::move(before);
  // Each thread has its own last error.
  std::thread([&] {
    CHECK(!copy.value({"no such"}) && aios::Error::last().status() == aios::Status::not_found);
  }).join();
  std::puts("all of it");
  return 0;
}
