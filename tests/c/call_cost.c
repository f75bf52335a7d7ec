// Prints how many nanoseconds a call takes that does nothing: what a call costs from C.

#define _POSIX_C_SOURCE 199309L

#include <time.h>

#include "check.h"

#define CALLS 20000000

static double now_ns(void) {
  struct timespec now;
  clock_gettime(CLOCK_MONOTONIC, &now);
  return (double)now.tv_sec * 1e9 + (double)now.tv_nsec;
}

int main(void) {
  double best = 1e9;
  uint32_t sum = 0;
  for (int round = 0; round < 5; round++) {
    double start = now_ns();
    for (int call = 0; call < CALLS; call++) sum += aios_abi_version();
    double took = (now_ns() - start) / CALLS;
    if (took < best) best = took;
  }
  CHECK(sum == (uint32_t)(aios_abi_version() * (5u * CALLS)));
  printf("%.2f\n", best);
  return 0;
}
