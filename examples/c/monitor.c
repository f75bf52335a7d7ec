// Attaches to `aios serve`, lists the broken environments, and follows what happens to all.
//
//   monitor [MILLISECONDS]   ends when nothing happened for so long; without, never
//
// It reads shared memory: nothing is asked of the service, and nothing keeps it waiting.

#include <aios.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>

static int failed(void) {
  char message[512], hint[512];
  aios_last_error_message(message, sizeof message);
  aios_last_error_hint(hint, sizeof hint);
  fprintf(stderr, "error: %s\nhint: %s\n", message, hint);
  return 2;
}

#define SHOWN(view) (int)(view).len, (view).ptr

static const char *health(uint32_t health) {
  static const char *const names[] = {"not there", "healthy", "warning", "broken"};
  return health < 4 ? names[health] : "unknown";
}

static int list_broken(aios_engine *engine) {
  aios_state *state;
  aios_environments *all;
  if (aios_state_open(engine, &state) != AIOS_STATUS_OK) return failed();
  if (aios_state_pin(state, &all) != AIOS_STATUS_OK) return failed();
  aios_environment one = {.struct_size = sizeof one};
  aios_finding finding = {.struct_size = sizeof finding};
  for (size_t at = 0; aios_environments_get(all, at, &one) == AIOS_STATUS_OK; at++) {
    if (one.health != AIOS_HEALTH_BROKEN) continue;
    aios_environments_finding(all, at, 0, &finding);
    printf("broken: %.*s (%.*s)\n", SHOWN(one.prefix), SHOWN(finding.code));
  }
  // Unpinned: the service may use the memory again.
  aios_environments_close(all);
  aios_state_close(state);
  return 0;
}

static int follow(aios_engine *engine, uint32_t limit_ms) {
  aios_buffer *buffer;
  aios_reader *reader;
  if (aios_buffer_open(engine, &buffer) != AIOS_STATUS_OK) return failed();
  if (aios_reader_open(buffer, AIOS_START_OLDEST, &reader) != AIOS_STATUS_OK) return failed();
  aios_record record = {.struct_size = sizeof record};
  aios_event event = {.struct_size = sizeof event};
  for (uint32_t has_news = 1; has_news;) {
    while (aios_reader_next(reader, &record) == AIOS_STATUS_OK) {
      if (record.kind == AIOS_RECORD_KIND_GAP) printf("%" PRIu64 " are missing\n", record.missing);
      // Snapshots are events too, and of no environment.
      if (aios_reader_event(reader, &event) == AIOS_STATUS_OK && event.environment.len > 0)
        printf("%s, then %s: %.*s\n", health(event.before), health(event.after), SHOWN(event.path));
    }
    fflush(stdout);
    if (aios_reader_wait(reader, limit_ms, &has_news) != AIOS_STATUS_OK) return failed();
  }
  aios_reader_close(reader);
  aios_buffer_close(buffer);
  return 0;
}

int main(int argc, char **argv) {
  aios_engine *engine;
  if (aios_engine_open(NULL, &engine) != AIOS_STATUS_OK) return failed();
  int status = list_broken(engine);
  if (status == 0) status = follow(engine, argc > 1 ? (uint32_t)atoi(argv[1]) : UINT32_MAX);
  aios_engine_close(engine);
  return status;
}
