// What another process publishes and appends, read in shared memory; and what is appended here, for that one.
//
//   live BROKEN

#include <pthread.h>
#include <time.h>

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
  CHECK(is(one.prefix, broken) && one.id.len == 16);
  // Without its marker, Windows has but the first two numbers.
  CHECK(one.version.len >= 4 && memcmp(one.version.ptr, "3.12", 4) == 0);
  // On Windows there may be others besides.
  CHECK(one.health == AIOS_HEALTH_BROKEN && one.finding_count >= 1);
  CHECK(one.flags == (AIOS_ENVIRONMENT_VIRTUAL | AIOS_ENVIRONMENT_REPAIRABLE));
  aios_finding finding = {.struct_size = sizeof finding};
  OK(aios_environments_finding(all, index, 0, &finding));
  CHECK(is(finding.code, "pyvenv-cfg-missing") && finding.path_count == 1);
  CHECK(finding.paths[0].len > strlen(broken) && finding.remedy.len > 0);
  FAILS(NOT_FOUND, aios_environments_finding(all, index, one.finding_count, &finding));
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

// What calls of other threads did. All of it is behind the lock.
static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
static pthread_cond_t changed = PTHREAD_COND_INITIALIZER;

typedef struct {
  aios_subscription *own;
  const char *broken;
  int calls, events, is_in_call, released;
  // What a call does: goes on, says that it is enough, closes its own subscription, takes its time.
  enum { GOES_ON, ENOUGH, CLOSES, SLOW } does;
} subscriber;

static void pause_ms(long ms) {
  struct timespec pause = {0, ms * 1000000};
  nanosleep(&pause, NULL);
}

static uint32_t on_record(void *user, const aios_record *record, const aios_event *event) {
  subscriber *of = user;
  pthread_mutex_lock(&lock);
  CHECK(of->released == 0 && of->is_in_call == 0);
  CHECK(record->struct_size == sizeof *record);
  CHECK((record->kind == AIOS_RECORD_KIND_EVENT) == (event != NULL));
  if (event) of->events += is(event->path, of->broken) && event->code_count == 1;
  of->calls++;
  of->is_in_call = 1;
  pthread_cond_broadcast(&changed);
  pthread_mutex_unlock(&lock);
  if (of->does == CLOSES) OK(aios_subscription_close(of->own));
  if (of->does == SLOW) pause_ms(100);
  pthread_mutex_lock(&lock);
  of->is_in_call = 0;
  pthread_mutex_unlock(&lock);
  return of->does == ENOUGH;
}

static void on_release(void *user) {
  subscriber *of = user;
  pthread_mutex_lock(&lock);
  CHECK(of->is_in_call == 0 && of->released == 0);
  of->released = 1;
  pthread_cond_broadcast(&changed);
  pthread_mutex_unlock(&lock);
}

static void reaches(const int *count, int goal) {
  pthread_mutex_lock(&lock);
  while (*count < goal) pthread_cond_wait(&changed, &lock);
  CHECK(*count == goal);
  pthread_mutex_unlock(&lock);
}

static void subscriptions(aios_engine *engine, const char *broken) {
  aios_buffer *buffer;
  OK(aios_buffer_open(engine, &buffer));
  subscriber all = {.broken = broken, .does = GOES_ON}, enough = {.broken = broken, .does = ENOUGH},
             closes = {.broken = broken, .does = CLOSES}, slow = {.broken = broken, .does = SLOW};
  OK(aios_subscribe(buffer, AIOS_START_OLDEST, on_record, &all, on_release, &all.own));
  OK(aios_subscribe(buffer, AIOS_START_OLDEST, on_record, &enough, on_release, &enough.own));
  OK(aios_subscribe(buffer, AIOS_START_OLDEST, on_record, &closes, on_release, &closes.own));
  OK(aios_subscribe(buffer, AIOS_START_OLDEST, on_record, &slow, on_release, &slow.own));
  reaches(&slow.calls, 1);
  OK(aios_subscription_close(slow.own));
  CHECK(slow.released == 1);
  reaches(&enough.released, 1);
  reaches(&closes.released, 1);
  CHECK(enough.calls == 1 && closes.calls == 1);
  OK(aios_subscription_close(enough.own));
  OK(aios_subscription_close(closes.own));
  reaches(&all.calls, 4);
  CHECK(all.events == 1);
  OK(aios_subscription_close(all.own));
  OK(aios_subscription_close(all.own));
  CHECK(all.released == 1);

  // One that begins now: nothing of before. Neither the buffer's handle nor a release is needed.
  subscriber now = {.broken = broken, .does = GOES_ON};
  aios_writer *writer;
  OK(aios_subscribe(buffer, AIOS_START_NOW, on_record, &now, NULL, &now.own));
  OK(aios_writer_open(buffer, &writer));
  FAILS(NULL, aios_subscribe(NULL, AIOS_START_NOW, on_record, &now, NULL, &now.own));
  FAILS(NULL, aios_subscribe(buffer, AIOS_START_NOW, NULL, &now, NULL, &now.own));
  FAILS(NULL, aios_subscribe(buffer, AIOS_START_NOW, on_record, &now, NULL, NULL));
  FAILS(ARGUMENT, aios_subscribe(buffer, 7, on_record, &now, NULL, &now.own));
  OK(aios_buffer_close(buffer));
  OK(aios_writer_append(writer, 9, aios_key("later")));
  reaches(&now.calls, 1);
  OK(aios_subscription_close(now.own));
  OK(aios_writer_append(writer, 9, aios_key("too late")));
  OK(aios_writer_close(writer));
  pause_ms(20);
  CHECK(now.calls == 1);
}

static void progress(aios_engine *engine, const char *broken) {
  aios_progress *progress;
  OK(aios_progress_open(&progress));
  aios_str path = aios_str_of(broken);
  aios_look look = {.struct_size = sizeof look, .paths = &path, .path_count = 1, .progress = progress};
  aios_environments *environments;
  OK(aios_check(engine, &look, &environments));
  OK(aios_environments_close(environments));
  aios_progress_info info = {.struct_size = sizeof info};
  OK(aios_progress_about(progress, &info));
  CHECK(info.environments == 1 && info.checked == 1);
  aios_repair_options options = {.struct_size = sizeof options, .progress = progress};
  aios_plan *plan;
  OK(aios_repair_plan(engine, path, &options, &plan));
  OK(aios_progress_cancel(progress));
  // The plan has what it needs of it.
  OK(aios_progress_close(progress));
  aios_repaired repaired = {.struct_size = sizeof repaired};
  FAILS(CANCELLED, aios_plan_apply(plan, &repaired));
  OK(aios_plan_close(plan));
  FAILS(HANDLE, aios_check(engine, &look, &environments));
  OK(aios_progress_open(&progress));
  OK(aios_progress_cancel(progress));
  look.progress = progress;
  FAILS(CANCELLED, aios_find(engine, &look, &environments));
  FAILS(CANCELLED, aios_check(engine, &look, &environments));
  OK(aios_progress_close(progress));
  FAILS(NULL, aios_progress_open(NULL));
  FAILS(NULL, aios_progress_about(NULL, &info));
  FAILS(NULL, aios_progress_cancel(NULL));
  OK(aios_progress_close(NULL));
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
  OK(aios_subscription_close(NULL));
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
  subscriptions(engine, argv[1]);
  progress(engine, argv[1]);
  misuse(engine);
  OK(aios_engine_close(engine));
  puts("all of it");
  return 0;
}
