// What another process publishes and appends, read in shared memory; and what is appended here, for that one.
//
//   live BROKEN

#include "check.h"

static void state(aios_engine *engine, const char *broken) {
  aios_state *state;
  OK(aios_state_open(engine, &state));
  aios_state_info info = {.struct_size = sizeof info};
  OK(aios_state_about(state, &info));
  CHECK(info.version == 1 && info.is_published && !info.is_closed);
  aios_environments *all;
  OK(aios_state_pin(state, &all));
  // What is pinned outlives what it came from.
  OK(aios_state_close(state));
  aios_published published = {.struct_size = sizeof published};
  OK(aios_environments_published(all, &published));
  CHECK(published.version == 1 && published.snapshot == 7 && is(published.engine, "0.0.1"));
  CHECK(published.healthy == 1 && published.broken == 1 && published.time_ms > 0);
  size_t count, index;
  OK(aios_environments_count(all, &count));
  CHECK(count == 2);
  OK(aios_environments_by_prefix(all, aios_str_of(broken), &index));
  aios_environment one = {.struct_size = sizeof one};
  OK(aios_environments_get(all, index, &one));
  CHECK(is(one.prefix, broken) && is(one.version, "3.12.3") && one.id.len == 16);
  CHECK(one.health == AIOS_HEALTH_BROKEN && one.finding_count == 1);
  CHECK(one.flags == (AIOS_ENVIRONMENT_VIRTUAL | AIOS_ENVIRONMENT_REPAIRABLE));
  aios_finding finding = {.struct_size = sizeof finding};
  OK(aios_environments_finding(all, index, 0, &finding));
  CHECK(is(finding.code, "pyvenv-cfg-missing") && finding.path_count == 1);
  CHECK(finding.paths[0].len > strlen(broken) && finding.remedy.len > 0);
  FAILS(NOT_FOUND, aios_environments_finding(all, index, 1, &finding));
  FAILS(NOT_FOUND, aios_environments_get(all, 2, &one));
  OK(aios_environments_problem_count(all, &count));
  CHECK(count == 0);
  OK(aios_environments_close(all));
}

static void pins_are_few(aios_engine *engine) {
  aios_state *state;
  OK(aios_state_open(engine, &state));
  aios_environments *lists[64];
  size_t count = 0;
  while (aios_state_pin(state, &lists[count]) == AIOS_STATUS_OK) CHECK(++count < 64);
  CHECK(aios_last_error_status() == AIOS_STATUS_BUSY && count > 1);
  aios_published published = {.struct_size = sizeof published};
  for (size_t at = 0; at < count; at++) OK(aios_environments_published(lists[at], &published));
  for (size_t at = 0; at < count; at++) OK(aios_environments_close(lists[at]));
  OK(aios_state_pin(state, &lists[0]));
  OK(aios_environments_close(lists[0]));
  OK(aios_state_close(state));
}

static void records(aios_engine *engine, const char *broken) {
  aios_buffer *buffer;
  OK(aios_buffer_open(engine, &buffer));
  uint32_t flag;
  OK(aios_buffer_is_closed(buffer, &flag));
  CHECK(flag == 0);
  aios_reader *reader;
  FAILS(ARGUMENT, aios_reader_open(buffer, 0, &reader));
  OK(aios_reader_open(buffer, AIOS_START_OLDEST, &reader));
  aios_record record = {.struct_size = sizeof record};
  aios_event event = {.struct_size = sizeof event};
  FAILS(ARGUMENT, aios_reader_event(reader, &event));
  OK(aios_reader_next(reader, &record));
  CHECK(record.kind == AIOS_RECORD_KIND_EVENT && record.sequence == 0 && record.time_ns > 0);
  OK(aios_reader_event(reader, &event));
  CHECK(event.kind == AIOS_EVENT_KIND_CHANGED && is(event.path, broken) && is(event.text, "why"));
  CHECK(event.before == AIOS_HEALTH_HEALTHY && event.after == AIOS_HEALTH_BROKEN);
  CHECK(event.code_count == 1 && is(event.codes[0], "pyvenv-cfg-missing"));
  CHECK(event.environment.len == 16);
  OK(aios_reader_next(reader, &record));
  CHECK(record.kind == AIOS_RECORD_KIND_OPAQUE && record.tag == 7 && record.sequence == 1);
  CHECK(record.bytes.len == 9 && memcmp(record.bytes.ptr, "from Rust", 9) == 0);
  FAILS(ARGUMENT, aios_reader_event(reader, &event));
  FAILS(NOT_FOUND, aios_reader_next(reader, &record));
  OK(aios_reader_wait(reader, 1, &flag));
  CHECK(flag == 0);

  aios_writer *writer;
  OK(aios_writer_open(buffer, &writer));
  // Who has a buffer open keeps it.
  OK(aios_buffer_close(buffer));
  aios_metrics metrics = {.values = {1.5, 2, 3, 4, 5, 6, -0.25}, .flag = 1};
  OK(aios_writer_metrics(writer, &metrics));
  OK(aios_writer_append(writer, 8, aios_key("from C")));
  metrics.flag = 2;
  FAILS(ARGUMENT, aios_writer_metrics(writer, &metrics));
  static uint8_t large[1 << 20];
  aios_bytes bytes = {large, sizeof large};
  FAILS(ARGUMENT, aios_writer_append(writer, 8, bytes));
  OK(aios_reader_wait(reader, 10000, &flag));
  CHECK(flag == 1);
  OK(aios_reader_next(reader, &record));
  CHECK(record.kind == AIOS_RECORD_KIND_METRICS && record.bytes.len == sizeof metrics);
  metrics.flag = 1;
  CHECK(memcmp(record.bytes.ptr, &metrics, sizeof metrics) == 0);
  OK(aios_writer_close(writer));
  FAILS(HANDLE, aios_writer_append(writer, 8, aios_key("too late")));
  OK(aios_reader_close(reader));
}

static void misuse(aios_engine *engine) {
  aios_state *state;
  aios_buffer *buffer;
  aios_environments *environments;
  uint32_t flag;
  FAILS(NULL, aios_state_open(NULL, &state));
  FAILS(NULL, aios_state_open(engine, NULL));
  FAILS(NULL, aios_state_pin(NULL, &environments));
  aios_state_info info = {.struct_size = sizeof info};
  FAILS(NULL, aios_state_about(NULL, &info));
  aios_published published = {.struct_size = sizeof published};
  FAILS(NULL, aios_environments_published(NULL, &published));
  FAILS(NULL, aios_buffer_open(NULL, &buffer));
  FAILS(NULL, aios_buffer_open(engine, NULL));
  FAILS(NULL, aios_buffer_is_closed(NULL, &flag));
  aios_writer *writer;
  aios_reader *reader;
  FAILS(NULL, aios_writer_open(NULL, &writer));
  FAILS(NULL, aios_reader_open(NULL, AIOS_START_NOW, &reader));
  FAILS(NULL, aios_writer_append(NULL, 0, aios_key("")));
  FAILS(NULL, aios_writer_metrics(NULL, NULL));
  aios_record record = {.struct_size = sizeof record};
  aios_event event = {.struct_size = sizeof event};
  FAILS(NULL, aios_reader_next(NULL, &record));
  FAILS(NULL, aios_reader_event(NULL, &event));
  FAILS(NULL, aios_reader_wait(NULL, 0, &flag));
  OK(aios_state_close(NULL));
  OK(aios_buffer_close(NULL));
  OK(aios_writer_close(NULL));
  OK(aios_reader_close(NULL));
  // Nothing is published for another folder.
  aios_engine_options options = {.struct_size = sizeof options, .folder = aios_str_of("nowhere")};
  aios_engine *other;
  OK(aios_engine_open(&options, &other));
  FAILS(NOT_FOUND, aios_state_open(other, &state));
  FAILS(NOT_FOUND, aios_buffer_open(other, &buffer));
  OK(aios_engine_close(other));
}

int main(int argc, char **argv) {
  CHECK(argc == 2);
  aios_engine *engine;
  OK(aios_engine_open(NULL, &engine));
  state(engine, argv[1]);
  pins_are_few(engine);
  records(engine, argv[1]);
  misuse(engine);
  OK(aios_engine_close(engine));
  puts("all of it");
  return 0;
}
