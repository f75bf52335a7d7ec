// A panic inside: AIOS_TEST_PANIC names `aios_find`.

#include "check.h"

int main(void) {
  aios_engine *engine;
  OK(aios_engine_open(NULL, &engine));
  aios_environments *found;
  for (int time = 0; time < 3; time++) FAILS(PANIC, aios_find(engine, NULL, &found));
  char message[256], hint[256];
  CHECK(aios_last_error_message(message, sizeof message) < sizeof message);
  CHECK(aios_last_error_hint(hint, sizeof hint) < sizeof hint);
  CHECK(strcmp(message, "`aios_find` panicked: planted by AIOS_TEST_PANIC") == 0);
  CHECK(strstr(hint, "defect") != NULL);
  // The handle is valid still.
  aios_str folder;
  OK(aios_engine_folder(engine, &folder));
  OK(aios_engine_close(engine));
  puts("all of it");
  return 0;
}
