// Whatever a program does with its handles, sizes and pointers is a status, never a crash.
//
//   misuse FOLDER

#include <stdint.h>

#include "check.h"

static const aios_str none = {NULL, 0};
static const aios_str beyond = {NULL, 3};
static const aios_bytes nothing = {NULL, 0};

// Every function, with NULL for each handle and each output.
static void null_anywhere(aios_engine *engine) {
  FAILS(NULL, aios_version(NULL));
  FAILS(NULL, aios_status_name(0, NULL));
  FAILS(NULL, aios_engine_open(NULL, NULL));
  FAILS(NULL, aios_engine_folder(engine, NULL));
  aios_str view;
  FAILS(NULL, aios_engine_folder(NULL, &view));
  aios_environments *environments;
  FAILS(NULL, aios_find(NULL, NULL, &environments));
  FAILS(NULL, aios_find(engine, NULL, NULL));
  FAILS(NULL, aios_check(NULL, NULL, &environments));
  FAILS(NULL, aios_check(engine, NULL, NULL));
  size_t count;
  FAILS(NULL, aios_environments_count(NULL, &count));
  FAILS(NULL, aios_environments_problem_count(NULL, &count));
  FAILS(NULL, aios_environments_by_prefix(NULL, none, &count));
  aios_environment environment = {.struct_size = sizeof environment};
  FAILS(NULL, aios_environments_get(NULL, 0, &environment));
  aios_finding finding = {.struct_size = sizeof finding};
  FAILS(NULL, aios_environments_finding(NULL, 0, 0, &finding));
  aios_problem problem = {.struct_size = sizeof problem};
  FAILS(NULL, aios_environments_problem(NULL, 0, &problem));
  aios_plan *plan;
  FAILS(NULL, aios_repair_plan(NULL, aios_str_of("/"), NULL, &plan));
  FAILS(NULL, aios_repair_plan(engine, aios_str_of("/"), NULL, NULL));
  FAILS(ARGUMENT, aios_repair_plan(engine, none, NULL, &plan));
  FAILS(NULL, aios_repair_plan(engine, beyond, NULL, &plan));
  aios_plan_info info = {.struct_size = sizeof info};
  FAILS(NULL, aios_plan_about(NULL, &info));
  aios_step step = {.struct_size = sizeof step};
  FAILS(NULL, aios_plan_step(NULL, 0, &step));
  aios_unsolved unsolved = {.struct_size = sizeof unsolved};
  FAILS(NULL, aios_plan_unsolved(NULL, 0, &unsolved));
  FAILS(NULL, aios_plan_finding(NULL, 0, &finding));
  aios_repaired repaired = {.struct_size = sizeof repaired};
  FAILS(NULL, aios_plan_apply(NULL, &repaired));
  FAILS(NULL, aios_repair_undo(NULL, aios_str_of("/")));
  aios_bytes key = aios_key("key");
  aios_blob *blob;
  FAILS(NULL, aios_context_put(NULL, &key, 1, 0, key));
  FAILS(NULL, aios_context_put(engine, NULL, 1, 0, key));
  FAILS(NULL, aios_context_get(NULL, &key, 1, &blob));
  FAILS(NULL, aios_context_get(engine, &key, 1, NULL));
  FAILS(NULL, aios_context_remove(NULL, &key, 1));
  FAILS(NULL, aios_context_commit(NULL));
  FAILS(NULL, aios_context_discard(NULL));
  aios_bytes bytes;
  uint16_t tag;
  FAILS(NULL, aios_blob_bytes(NULL, &bytes));
  FAILS(NULL, aios_blob_tag(NULL, &tag));
  uint64_t id;
  FAILS(NULL, aios_snapshot_take(NULL, none, none, &id));
  FAILS(NULL, aios_snapshot_take(engine, none, none, NULL));
  FAILS(NULL, aios_snapshot_restore(NULL, 1, &id));
  FAILS(NULL, aios_snapshot_restore(engine, 1, NULL));
  aios_snapshot *snapshot;
  FAILS(NULL, aios_snapshot_open(NULL, 0, &snapshot));
  FAILS(NULL, aios_snapshot_open(engine, 0, NULL));
  aios_snapshot_info about = {.struct_size = sizeof about};
  FAILS(NULL, aios_snapshot_about(NULL, &about));
  aios_value value = {.struct_size = sizeof value};
  FAILS(NULL, aios_snapshot_get(NULL, &key, 1, &value));
  aios_entries *entries;
  FAILS(NULL, aios_snapshot_entries(NULL, NULL, 0, &entries));
  FAILS(NULL, aios_snapshot_environments(NULL, &environments));
  FAILS(NULL, aios_snapshot_export(NULL, &blob));
  FAILS(DAMAGED, aios_snapshot_of_image(nothing, &snapshot));
  FAILS(DAMAGED, aios_snapshot_of_image(key, &snapshot));
  aios_changes *changes;
  FAILS(NULL, aios_snapshot_diff(NULL, NULL, &changes));
  aios_snapshots *snapshots;
  FAILS(NULL, aios_snapshots_list(NULL, &snapshots));
  FAILS(NULL, aios_snapshots_list(engine, NULL));
  FAILS(NULL, aios_snapshots_count(NULL, &count));
  FAILS(NULL, aios_snapshots_get(NULL, 0, &about));
  FAILS(NULL, aios_entries_count(NULL, &count));
  aios_entry entry = {.struct_size = sizeof entry};
  FAILS(NULL, aios_entries_get(NULL, 0, &entry));
  FAILS(NULL, aios_changes_count(NULL, &count));
  aios_change change = {.struct_size = sizeof change};
  FAILS(NULL, aios_changes_get(NULL, 0, &change));
  aios_recollections *recollections;
  aios_cue cue = {.struct_size = sizeof cue};
  FAILS(NULL, aios_recall(NULL, &cue, &recollections));
  FAILS(NULL, aios_recall(engine, NULL, &recollections));
  FAILS(NULL, aios_recall(engine, &cue, NULL));
  FAILS(ARGUMENT, aios_recall(engine, &cue, &recollections));
  FAILS(NULL, aios_recollections_count(NULL, &count));
  aios_recollection recollection = {.struct_size = sizeof recollection};
  FAILS(NULL, aios_recollections_get(NULL, 0, &recollection));
  FAILS(NULL, aios_recollections_environment(NULL, 0, &environment));
}

// NULL is closed like any other.
static void closing_nothing(void) {
  OK(aios_engine_close(NULL));
  OK(aios_environments_close(NULL));
  OK(aios_plan_close(NULL));
  OK(aios_blob_close(NULL));
  OK(aios_snapshot_close(NULL));
  OK(aios_snapshots_close(NULL));
  OK(aios_entries_close(NULL));
  OK(aios_changes_close(NULL));
  OK(aios_recollections_close(NULL));
}

static void wrong_handles(aios_engine *engine, aios_environments *found) {
  aios_environments *other;
  size_t count;
  uint64_t local[2] = {0, 0};
  void *wrong[] = {engine, local, (char *)local + 1, (void *)(uintptr_t)1, (void *)UINTPTR_MAX};
  for (size_t at = 0; at < sizeof wrong / sizeof *wrong; at++) {
    FAILS(HANDLE, aios_environments_count(wrong[at], &count));
    FAILS(HANDLE, aios_environments_close(wrong[at]));
  }
  FAILS(HANDLE, aios_find((aios_engine *)(void *)found, NULL, &other));
  OK(aios_environments_close(found));
  OK(aios_environments_close(found));
  FAILS(HANDLE, aios_environments_count(found, &count));
}

// An older header has smaller structs, a later one larger ones; another size is none of both.
static void struct_sizes(aios_engine *engine, aios_environments *found) {
  aios_environment one = {.struct_size = sizeof one};
  size_t wrong[] = {0, 1, sizeof one - 8, 1u << 20, SIZE_MAX};
  for (size_t at = 0; at < sizeof wrong / sizeof *wrong; at++) {
    one.struct_size = wrong[at];
    FAILS(STRUCT_SIZE, aios_environments_get(found, 0, &one));
    aios_look look = {.struct_size = at == 2 ? sizeof look - 8 : wrong[at]};
    aios_environments *none_found;
    FAILS(STRUCT_SIZE, aios_find(engine, &look, &none_found));
  }
  struct {
    aios_environment known;
    uint64_t later[4];
  } later = {{0}, {1, 2, 3, 4}};
  later.known.struct_size = sizeof later;
  OK(aios_environments_get(found, 0, &later.known));
  CHECK(later.known.struct_size == sizeof later && later.later[0] == 0 && later.later[3] == 0);
  struct {
    aios_engine_options known;
    uint64_t later;
  } options = {{0}, 0};
  options.known.struct_size = sizeof options;
  aios_engine *second;
  OK(aios_engine_open(&options.known, &second));
  OK(aios_engine_close(second));
  options.later = 1;
  FAILS(ARGUMENT, aios_engine_open(&options.known, &second));
  FAILS(ARGUMENT, aios_environments_get(found, 0, (aios_environment *)(void *)((char *)&one + 1)));
}

static void wrong_arguments(aios_engine *engine, aios_environments *found) {
  aios_environment one = {.struct_size = sizeof one};
  FAILS(NOT_FOUND, aios_environments_get(found, 1, &one));
  FAILS(NOT_FOUND, aios_environments_get(found, SIZE_MAX, &one));
  aios_environments *other;
  aios_str path = aios_str_of("no/such/folder");
  aios_look look = {.struct_size = sizeof look, .paths = &path, .path_count = 1};
  OK(aios_find(engine, &look, &other));
  aios_problem problem = {.struct_size = sizeof problem};
  OK(aios_environments_problem(other, 0, &problem));
  CHECK(is(problem.message, "does not exist"));
  OK(aios_environments_close(other));
  look.depth = 9;
  FAILS(ARGUMENT, aios_find(engine, &look, &other));
  look.depth = 0;
  look.flags = 1u << 31;
  FAILS(ARGUMENT, aios_find(engine, &look, &other));
  look.flags = 0;
  look.path_count = SIZE_MAX;
  FAILS(ARGUMENT, aios_find(engine, &look, &other));
  path.len = SIZE_MAX;
  look.path_count = 1;
  FAILS(ARGUMENT, aios_find(engine, &look, &other));

  aios_bytes key = aios_key("key");
  uint64_t id;
  aios_str no_text = {"\xff\xfe", 2};
  FAILS(ARGUMENT, aios_snapshot_take(engine, no_text, none, &id));
  FAILS(ARGUMENT, aios_context_put(engine, &key, 0, 0, key));
  FAILS(ARGUMENT, aios_context_put(engine, &nothing, 1, 0, key));
  static char large[4096];
  aios_bytes long_key = {(const uint8_t *)large, sizeof large};
  FAILS(ARGUMENT, aios_context_put(engine, &long_key, 1, 0, key));
  aios_bytes long_value = {(const uint8_t *)large, SIZE_MAX};
  FAILS(ARGUMENT, aios_context_put(engine, &key, 1, 0, long_value));

  // A value in the way of a level: the commit fails as a whole, and can be given up.
  aios_bytes below[] = {aios_key("key"), aios_key("below")};
  aios_blob *blob;
  OK(aios_context_put(engine, &key, 1, 0, key));
  OK(aios_context_put(engine, below, 2, 0, key));
  FAILS(ARGUMENT, aios_context_commit(engine));
  FAILS(ARGUMENT, aios_context_commit(engine));
  OK(aios_context_discard(engine));
  FAILS(NOT_FOUND, aios_context_get(engine, &key, 1, &blob));

  aios_str name;
  OK(aios_status_name(AIOS_STATUS_BUSY, &name));
  CHECK(is(name, "AIOS_STATUS_BUSY"));
  FAILS(NOT_FOUND, aios_status_name(-1, &name));
}

// Bytes that are no UTF-8 on Unix, and a lone surrogate on Windows: in as they came out.
static void paths_that_are_no_text(aios_engine *engine) {
  aios_str odd = {"odd/\xed\xa0\x80", 7};
  aios_environments *found;
  aios_look look = {.struct_size = sizeof look, .paths = &odd, .path_count = 1};
  OK(aios_find(engine, &look, &found));
  aios_problem problem = {.struct_size = sizeof problem};
  OK(aios_environments_problem(found, 0, &problem));
  CHECK(problem.path.len > 7);
  CHECK(memcmp(problem.path.ptr + problem.path.len - 3, odd.ptr + 4, 3) == 0);
  OK(aios_environments_close(found));
  aios_str zero = {"a\0b", 3};
  look.paths = &zero;
  FAILS(ARGUMENT, aios_find(engine, &look, &found));

  // An engine in a folder whose name is no text.
  aios_engine_options options = {.struct_size = sizeof options, .folder = odd};
  aios_engine *other;
  OK(aios_engine_open(&options, &other));
  aios_str folder;
  OK(aios_engine_folder(other, &folder));
  CHECK(folder.len > 7 && memcmp(folder.ptr + folder.len - 3, odd.ptr + 4, 3) == 0);
  aios_snapshot *snapshot;
  FAILS(NOT_FOUND, aios_snapshot_open(other, 0, &snapshot));
  OK(aios_engine_close(other));
}

static void last_error(void) {
  FAILS(NULL, aios_version(NULL));
  size_t all = aios_last_error_message(NULL, 0);
  CHECK(all == strlen("`version` is NULL"));
  char little[5] = "####";
  CHECK(aios_last_error_message(little, sizeof little) == all && strcmp(little, "`ver") == 0);
  CHECK(aios_last_error_message(NULL, 9) == all);
  aios_str version;
  OK(aios_version(&version));
  CHECK(aios_last_error_status() == AIOS_STATUS_NULL);
}

int main(int argc, char **argv) {
  CHECK(argc == 2);
  CHECK(aios_last_error_status() == AIOS_STATUS_OK && aios_last_error_message(NULL, 0) == 0);
  aios_engine *engine, *second;
  OK(aios_engine_open(NULL, &engine));
  OK(aios_engine_open(NULL, &second));
  OK(aios_engine_close(second));
  OK(aios_engine_close(second));
  aios_str path = aios_str_of(argv[1]);
  aios_look look = {.struct_size = sizeof look, .paths = &path, .path_count = 1};
  aios_environments *found;
  OK(aios_check(engine, &look, &found));

  null_anywhere(engine);
  closing_nothing();
  struct_sizes(engine, found);
  wrong_arguments(engine, found);
  paths_that_are_no_text(engine);
  last_error();
  // What came of an engine lives on.
  OK(aios_engine_close(engine));
  size_t count;
  OK(aios_environments_count(found, &count));
  CHECK(count == 1);
  FAILS(HANDLE, aios_find(engine, NULL, &found));
  OK(aios_engine_open(NULL, &engine));
  wrong_handles(engine, found);
  OK(aios_engine_close(engine));
  puts("all of it");
  return 0;
}
