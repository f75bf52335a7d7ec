// What the programs have in common: a failed call ends the program with what the library said.
#ifndef CHECK_H
#define CHECK_H

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "aios.h"

static inline void failed(const char *file, int line, const char *what) {
  char message[512], hint[512];
  aios_last_error_message(message, sizeof message);
  aios_last_error_hint(hint, sizeof hint);
  fprintf(stderr, "%s:%d: %s\nthe last error is %d: %s; %s\n", file, line, what,
          (int)aios_last_error_status(), message, hint);
  exit(1);
}

/// The condition holds.
#define CHECK(condition) ((condition) ? (void)0 : failed(__FILE__, __LINE__, #condition))
/// The call succeeds.
#define OK(call) CHECK((call) == AIOS_STATUS_OK)
/// The call fails with this status, which is the last error of this thread then.
#define FAILS(status, call)                                                                        \
  (CHECK((call) == AIOS_STATUS_##status), CHECK(aios_last_error_status() == AIOS_STATUS_##status))

static inline int is(aios_str view, const char *text) {
  return view.len == strlen(text) && memcmp(view.ptr, text, view.len) == 0;
}

#endif
