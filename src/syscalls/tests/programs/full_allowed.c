// What a full disk allows: a growing truncate, an empty new file, rename, fsync, a write into a
// preallocated range.
#include <fcntl.h>
#include <stdio.h>
#include <unistd.h>

#include "report.h"

static char bytes[4096];

int main(int argc, char** argv) {
  (void)argc;
  open_report();
  int preallocated = open(argv[2], O_RDWR);
  note(pwrite(preallocated, bytes, 4096, 65536));
  int file = open(argv[1], O_RDWR);
  note(ftruncate(file, 1 << 20));
  note(fsync(file));
  char name[256];
  snprintf(name, sizeof name, "%s.new", argv[1]);
  note(close(open(name, O_WRONLY | O_CREAT, 0600)));
  note(rename(name, argv[1]));
  return 0;
}
