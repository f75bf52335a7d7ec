// From a broken environment to a healthy one and back, and what is remembered of it.
//
//   story FOLDER BROKEN HEALTHY

#include "check.h"

static aios_environments *checked(aios_engine *engine, const char *folder) {
  aios_str path = aios_str_of(folder);
  aios_look look = {.struct_size = sizeof look, .paths = &path, .path_count = 1, .depth = AIOS_DEPTH_USUAL};
  aios_environments *found;
  OK(aios_check(engine, &look, &found));
  return found;
}

static aios_environment at(aios_environments *all, const char *prefix) {
  size_t index;
  OK(aios_environments_by_prefix(all, aios_str_of(prefix), &index));
  aios_environment one = {.struct_size = sizeof one};
  OK(aios_environments_get(all, index, &one));
  CHECK(is(one.prefix, prefix) && one.id.len == 16);
  return one;
}

static void find_and_check(aios_engine *engine, const char *folder, const char *broken,
                           const char *healthy) {
  aios_environments *all;
  aios_str path = aios_str_of(folder);
  aios_look look = {.struct_size = sizeof look, .paths = &path, .path_count = 1};
  OK(aios_find(engine, &look, &all));
  size_t count;
  OK(aios_environments_count(all, &count));
  CHECK(count == 2);
  OK(aios_environments_close(all));

  all = checked(engine, folder);
  aios_environment one = at(all, healthy);
  CHECK(one.health == AIOS_HEALTH_HEALTHY && is(one.version, "3.12.3") && is(one.kind, "venv"));
  CHECK(one.flags & AIOS_ENVIRONMENT_VIRTUAL && one.flags & AIOS_ENVIRONMENT_REPAIRABLE);
  one = at(all, broken);
  CHECK(one.health == AIOS_HEALTH_BROKEN && one.finding_count == 1);
  size_t index;
  OK(aios_environments_by_prefix(all, aios_str_of(broken), &index));
  aios_finding finding = {.struct_size = sizeof finding};
  OK(aios_environments_finding(all, index, 0, &finding));
  CHECK(is(finding.code, "pyvenv-cfg-missing") && finding.severity == AIOS_SEVERITY_ERROR);
  CHECK(finding.message.len > 0 && finding.effect.len > 0 && finding.remedy.len > 0);
  CHECK(finding.path_count == 1 && finding.paths[0].len > one.prefix.len);
  FAILS(NOT_FOUND, aios_environments_finding(all, index, 1, &finding));
  OK(aios_environments_problem_count(all, &count));
  CHECK(count == 0);
  OK(aios_environments_close(all));
}

static void repair(aios_engine *engine, const char *folder, const char *broken) {
  aios_plan *plan;
  OK(aios_repair_plan(engine, aios_str_of(broken), NULL, &plan));
  aios_plan_info info = {.struct_size = sizeof info};
  OK(aios_plan_about(plan, &info));
  CHECK(is(info.prefix, broken) && info.refusal.ptr == NULL && info.step_count == 1);
  CHECK(info.finding_count == 1 && info.unsolved_count == 0 && info.health == AIOS_HEALTH_BROKEN);
  aios_step step = {.struct_size = sizeof step};
  OK(aios_plan_step(plan, 0, &step));
  CHECK(is(step.action, "write-pyvenv-cfg") && step.what.len > 0 && step.path_count == 1);
  CHECK(step.reason_count == 1 && is(step.reasons[0], "pyvenv-cfg-missing"));
  aios_finding finding = {.struct_size = sizeof finding};
  OK(aios_plan_finding(plan, 0, &finding));
  CHECK(is(finding.code, "pyvenv-cfg-missing"));
  aios_unsolved unsolved = {.struct_size = sizeof unsolved};
  FAILS(NOT_FOUND, aios_plan_unsolved(plan, 0, &unsolved));

  aios_repaired repaired = {.struct_size = sizeof repaired};
  OK(aios_plan_apply(plan, &repaired));
  CHECK(repaired.outcome == AIOS_OUTCOME_REPAIRED && repaired.health == AIOS_HEALTH_HEALTHY);
  CHECK(repaired.rounds == 1 && repaired.finding_count == 0);
  FAILS(REFUSED, aios_plan_apply(plan, &repaired));
  OK(aios_plan_close(plan));

  aios_environments *all = checked(engine, folder);
  CHECK(at(all, broken).health == AIOS_HEALTH_HEALTHY);
  OK(aios_environments_close(all));
}

static void undo(aios_engine *engine, const char *folder, const char *broken) {
  OK(aios_repair_undo(engine, aios_str_of(broken)));
  FAILS(NOT_FOUND, aios_repair_undo(engine, aios_str_of(broken)));
  aios_environments *all = checked(engine, folder);
  CHECK(at(all, broken).health == AIOS_HEALTH_BROKEN);
  OK(aios_environments_close(all));
}

static void put(aios_engine *engine, const char *name, const char *value) {
  aios_bytes keys[] = {aios_key("story"), aios_key(name)};
  OK(aios_context_put(engine, keys, 2, 7, aios_key(value)));
}

static int has(aios_engine *engine, const char *name, const char *value) {
  aios_bytes keys[] = {aios_key("story"), aios_key(name)};
  aios_blob *blob;
  aios_status status = aios_context_get(engine, keys, 2, &blob);
  if (status != AIOS_STATUS_OK) {
    CHECK(status == AIOS_STATUS_NOT_FOUND);
    return value == NULL;
  }
  aios_bytes bytes;
  uint16_t tag;
  OK(aios_blob_bytes(blob, &bytes));
  OK(aios_blob_tag(blob, &tag));
  int same = value != NULL && tag == 7 && bytes.len == strlen(value) &&
             memcmp(bytes.ptr, value, bytes.len) == 0;
  OK(aios_blob_close(blob));
  return same;
}

static void entries(aios_engine *engine, uint64_t *kept) {
  put(engine, "theme", "dark");
  CHECK(has(engine, "theme", "dark"));
  aios_engine *other;
  OK(aios_engine_open(NULL, &other));
  CHECK(has(other, "theme", NULL));
  OK(aios_context_commit(engine));
  CHECK(has(other, "theme", "dark"));
  OK(aios_snapshot_take(engine, aios_str_of("before"), aios_str_of("from C"), kept));

  put(other, "theme", "light");
  put(other, "size", "12");
  OK(aios_context_commit(other));
  aios_bytes key = aios_key("story");
  OK(aios_context_remove(other, &key, 1));
  CHECK(has(other, "theme", NULL) && has(engine, "theme", "light"));
  OK(aios_context_discard(other));
  CHECK(has(other, "theme", "light"));
  OK(aios_engine_close(other));
}

// A snapshot is read while its engine is closed, and long after.
static void snapshots(aios_engine *engine, uint64_t kept, const char *broken) {
  aios_snapshot *before, *now;
  OK(aios_snapshot_open(engine, kept, &before));
  OK(aios_snapshot_open(engine, 0, &now));
  aios_snapshots *list;
  OK(aios_snapshots_list(engine, &list));
  OK(aios_engine_close(engine));

  aios_snapshot_info info = {.struct_size = sizeof info};
  OK(aios_snapshot_about(before, &info));
  CHECK(info.id == kept && is(info.name, "before") && is(info.reason, "from C"));
  size_t count;
  OK(aios_snapshots_count(list, &count));
  CHECK(count >= 2);
  OK(aios_snapshots_get(list, count - 1, &info));
  CHECK(info.id == kept && info.time_ms > 1600000000000u);
  OK(aios_snapshots_close(list));

  aios_bytes keys[] = {aios_key("context"), aios_key("story"), aios_key("theme")};
  aios_value value = {.struct_size = sizeof value};
  OK(aios_snapshot_get(before, keys, 3, &value));
  CHECK(value.bytes.len == 4 && memcmp(value.bytes.ptr, "dark", 4) == 0 && value.tag == 7);
  FAILS(NOT_FOUND, aios_snapshot_get(before, keys, 2, &value));
  aios_entries *level;
  OK(aios_snapshot_entries(now, keys, 2, &level));
  OK(aios_entries_count(level, &count));
  CHECK(count == 2);
  aios_entry entry = {.struct_size = sizeof entry};
  OK(aios_entries_get(level, 0, &entry));
  CHECK(entry.key.len == 4 && memcmp(entry.key.ptr, "size", 4) == 0 && !entry.is_level);
  CHECK(entry.bytes.len == 2 && memcmp(entry.bytes.ptr, "12", 2) == 0);
  OK(aios_entries_close(level));
  OK(aios_snapshot_entries(now, NULL, 0, &level));
  OK(aios_entries_get(level, 0, &entry));
  CHECK(entry.key.len == 7 && memcmp(entry.key.ptr, "context", 7) == 0 && entry.records == 2);
  OK(aios_entries_close(level));

  aios_changes *changes;
  OK(aios_snapshot_diff(before, now, &changes));
  OK(aios_changes_count(changes, &count));
  CHECK(count == 2);
  aios_change change = {.struct_size = sizeof change};
  OK(aios_changes_get(changes, 0, &change));
  CHECK(change.kind == AIOS_CHANGE_KIND_ENTRY_ADDED && change.key_count == 2);
  OK(aios_changes_get(changes, 1, &change));
  CHECK(change.kind == AIOS_CHANGE_KIND_ENTRY_CHANGED && change.environment.ptr == NULL);
  OK(aios_changes_close(changes));

  // The same in an image, which needs no store.
  aios_blob *image;
  OK(aios_snapshot_export(before, &image));
  aios_bytes bytes;
  OK(aios_blob_bytes(image, &bytes));
  aios_snapshot *copy;
  OK(aios_snapshot_of_image(bytes, &copy));
  OK(aios_blob_close(image));
  aios_environments *all;
  OK(aios_snapshot_environments(copy, &all));
  aios_environment one = at(all, broken);
  CHECK(one.health == AIOS_HEALTH_BROKEN && one.finding_count == 1);
  // Without its marker, Windows has but the first two numbers.
  CHECK(one.version.len >= 4 && memcmp(one.version.ptr, "3.12", 4) == 0);
  OK(aios_environments_close(all));
  OK(aios_snapshot_close(copy));
  OK(aios_snapshot_close(now));
  OK(aios_snapshot_close(before));
}

static void restore(aios_engine *engine, uint64_t kept, const char *broken) {
  uint64_t saved;
  OK(aios_snapshot_restore(engine, kept, &saved));
  CHECK(saved > kept && has(engine, "theme", "dark") && has(engine, "size", NULL));
  OK(aios_snapshot_restore(engine, kept, &saved));
  CHECK(saved == 0);
  FAILS(NOT_FOUND, aios_snapshot_restore(engine, 999, &saved));
  // What was remembered of the environment is the same as now: nothing to do.
  aios_repair_options options = {.struct_size = sizeof options, .snapshot = 999};
  aios_plan *plan;
  FAILS(NOT_FOUND, aios_repair_plan(engine, aios_str_of(broken), &options, &plan));
}

static void recall(aios_engine *engine, const char *healthy) {
  aios_str packages[] = {aios_str_of("idna"), aios_str_of("no-such==1")};
  aios_cue cue = {.struct_size = sizeof cue, .packages = packages, .package_count = 2};
  aios_recollections *found;
  OK(aios_recall(engine, &cue, &found));
  size_t count;
  OK(aios_recollections_count(found, &count));
  CHECK(count == 2);
  aios_recollection one = {.struct_size = sizeof one};
  aios_environment environment = {.struct_size = sizeof environment};
  OK(aios_recollections_get(found, 0, &one));
  OK(aios_recollections_environment(found, 0, &environment));
  CHECK(one.shared == 1 && one.is_exact && one.similarity > 0 && one.snapshot > 0);
  CHECK(environment.health == AIOS_HEALTH_HEALTHY);
  OK(aios_recollections_close(found));
  cue.prefix = aios_str_of(healthy);
  FAILS(ARGUMENT, aios_recall(engine, &cue, &found));
  cue.package_count = 0;
  OK(aios_recall(engine, &cue, &found));
  OK(aios_recollections_count(found, &count));
  CHECK(count == 1);
  OK(aios_recollections_close(found));
}

int main(int argc, char **argv) {
  CHECK(argc == 4);
  CHECK(aios_abi_version() >> 16 == AIOS_ABI_MAJOR);
  CHECK((int)(aios_abi_version() & 0xFFFF) >= AIOS_ABI_MINOR);
  aios_str version;
  OK(aios_version(&version));
  CHECK(version.len >= 5);

  aios_engine *engine;
  OK(aios_engine_open(NULL, &engine));
  uint64_t kept;
  find_and_check(engine, argv[1], argv[2], argv[3]);
  repair(engine, argv[1], argv[2]);
  undo(engine, argv[1], argv[2]);
  entries(engine, &kept);
  snapshots(engine, kept, argv[2]);
  OK(aios_engine_open(NULL, &engine));
  restore(engine, kept, argv[2]);
  recall(engine, argv[3]);
  OK(aios_engine_close(engine));
  puts("all of it");
  return 0;
}
