// Reads what is published and appended, until it is killed; ends when a view or a record is torn.
//
//   together FOLDER

#include <inttypes.h>

#include "check.h"

// Every part of a state says which number it is of.
static void check_view(aios_environments *all) {
  aios_published published = {.struct_size = sizeof published};
  OK(aios_environments_published(all, &published));
  size_t count;
  OK(aios_environments_count(all, &count));
  CHECK(count == published.snapshot % 40 + 1);
  char prefix[64];
  snprintf(prefix, sizeof prefix, "/together/%" PRIu64, published.snapshot);
  aios_environment one = {.struct_size = sizeof one};
  for (size_t at = 0; at < count; at++) {
    OK(aios_environments_get(all, at, &one));
    CHECK(is(one.prefix, prefix));
  }
}

static void check_record(const aios_record *record) {
  if (record->kind == AIOS_RECORD_KIND_GAP) return;
  aios_metrics metrics;
  CHECK(record->kind == AIOS_RECORD_KIND_METRICS && record->bytes.len == sizeof metrics);
  memcpy(&metrics, record->bytes.ptr, sizeof metrics);
  for (int at = 1; at < 7; at++) CHECK(metrics.values[at] == metrics.values[0]);
}

static void tell(uint64_t seen) {
  if ((seen & (seen - 1)) && seen % 65536) return;
  printf("viewed %" PRIu64 "\n", seen);
  fflush(stdout);
}

// Between one publisher and the next there is nothing to open.
static int is_there(aios_status status) {
  CHECK(status == AIOS_STATUS_OK || status == AIOS_STATUS_NOT_FOUND || status == AIOS_STATUS_BUSY);
  return status == AIOS_STATUS_OK;
}

int main(int argc, char **argv) {
  CHECK(argc == 2);
  aios_engine_options options = {.struct_size = sizeof options, .folder = aios_str_of(argv[1])};
  aios_engine *engine;
  OK(aios_engine_open(&options, &engine));
  for (uint64_t seen = 0;;) {
    aios_state *state;
    aios_buffer *buffer;
    aios_reader *reader;
    if (!is_there(aios_state_open(engine, &state))) continue;
    if (!is_there(aios_buffer_open(engine, &buffer))) {
      OK(aios_state_close(state));
      continue;
    }
    OK(aios_reader_open(buffer, AIOS_START_OLDEST, &reader));
    aios_state_info info = {.struct_size = sizeof info};
    for (info.is_closed = 0; !info.is_closed;) {
      aios_environments *all;
      if (is_there(aios_state_pin(state, &all))) {
        check_view(all);
        OK(aios_environments_close(all));
        tell(++seen);
      }
      aios_record record = {.struct_size = sizeof record};
      for (int at = 0; at < 64 && aios_reader_next(reader, &record) == AIOS_STATUS_OK; at++)
        check_record(&record);
      OK(aios_state_about(state, &info));
    }
    OK(aios_reader_close(reader));
    OK(aios_buffer_close(buffer));
    OK(aios_state_close(state));
  }
}
