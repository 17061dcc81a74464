// A file with data in its first block and a hole after it: the data may be overwritten, the hole
// not filled.
#include <fcntl.h>
#include <unistd.h>

#include "report.h"

static char bytes[8192];

int main(int argc, char** argv) {
  (void)argc;
  open_report();
  int file = open(argv[1], O_WRONLY);
  note(pwrite(file, bytes, 4096, 0));
  note(pwrite(file, bytes, 100, 500000));
  note(pwrite(file, bytes, 8192, 0));
  return 0;
}
