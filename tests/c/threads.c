// Threads that use, open and close the same handles at once. What they see is whole, or a status.
//
//   threads FOLDER

#include <pthread.h>

#include "check.h"

enum { THREADS = 8, ROUNDS = 200 };

static aios_engine *engine;
static aios_environments *found;

// Reads a list that others read too, puts entries, and opens engines of its own.
static void *use(void *number) {
  char name[32];
  snprintf(name, sizeof name, "thread %d", *(const int *)number);
  for (int round = 0; round < ROUNDS; round++) {
    size_t count;
    OK(aios_environments_count(found, &count));
    CHECK(count == 2);
    aios_environment one = {.struct_size = sizeof one};
    OK(aios_environments_get(found, (size_t)round % 2, &one));
    CHECK(one.prefix.len > 0 && one.id.len == 16);
    aios_bytes keys[] = {aios_key("threads"), aios_key(name)};
    OK(aios_context_put(engine, keys, 2, 1, aios_key(name)));
    aios_blob *blob;
    OK(aios_context_get(engine, keys, 2, &blob));
    OK(aios_blob_close(blob));
    aios_engine *own;
    OK(aios_engine_open(NULL, &own));
    OK(aios_engine_close(own));
    // Each thread has its own last error.
    FAILS(NOT_FOUND, aios_environments_get(found, 2, &one));
  }
  OK(aios_context_commit(engine));
  return NULL;
}

// A handle that all close, and use before and after.
static void *race(void *blob) {
  aios_bytes bytes;
  for (int round = 0; round < ROUNDS; round++) {
    aios_status status = aios_blob_bytes(blob, &bytes);
    CHECK(status == AIOS_STATUS_OK || status == AIOS_STATUS_HANDLE);
    if (round == ROUNDS / 2) OK(aios_blob_close(blob));
  }
  return NULL;
}

static void all(void *(*work)(void *), void *of) {
  static int numbers[THREADS];
  pthread_t threads[THREADS];
  for (int at = 0; at < THREADS; at++) {
    numbers[at] = at;
    CHECK(pthread_create(&threads[at], NULL, work, of ? of : &numbers[at]) == 0);
  }
  for (int at = 0; at < THREADS; at++) CHECK(pthread_join(threads[at], NULL) == 0);
}

int main(int argc, char **argv) {
  CHECK(argc == 2);
  OK(aios_engine_open(NULL, &engine));
  aios_str path = aios_str_of(argv[1]);
  aios_look look = {.struct_size = sizeof look, .paths = &path, .path_count = 1};
  OK(aios_check(engine, &look, &found));
  all(use, NULL);
  aios_bytes keys[] = {aios_key("threads"), aios_key("thread 7")};
  aios_blob *blob;
  OK(aios_context_get(engine, keys, 2, &blob));
  all(race, blob);
  OK(aios_environments_close(found));
  OK(aios_engine_close(engine));
  puts("all of it");
  return 0;
}
