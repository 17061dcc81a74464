// How a test's target says what its calls returned: shared memory, because any call that it could
// write with may be supervised.
#pragma once

#include <sys/mman.h>

#include <errno.h>

#include "notes.h"

static struct report* shared_report;

static inline void open_report(void) {
  shared_report = (struct report*)mmap(0, sizeof(struct report), PROT_READ | PROT_WRITE, MAP_SHARED,
                                       kReportFd, 0);
}

/// Notes a call's result, and its errno when it is -1.
static inline void note(long value) {
  int error = value == -1 ? errno : 0;
  int at = shared_report->count;
  if (at >= kMostNotes) return;
  shared_report->notes[at].value = value;
  shared_report->notes[at].error = error;
  shared_report->count = at + 1;
}
