// What a test's target notes of its calls, as target (C) and test (C++) see it in shared memory.
#pragma once

enum { kReportFd = 100, kMostNotes = 64 };

struct report {
  int count;
  struct {
    long value;
    int error;
  } notes[kMostNotes];
};
