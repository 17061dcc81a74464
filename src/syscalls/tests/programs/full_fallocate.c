// Allocation: of what is there already, of more, and freeing.
#include <fcntl.h>
#include <unistd.h>

#include "report.h"

int main(int argc, char** argv) {
  (void)argc;
  open_report();
  int file = open(argv[1], O_RDWR);
  note(fallocate(file, 0, 0, 4096));
  note(fallocate(file, 0, 0, 1 << 20));
  note(fallocate(file, FALLOC_FL_KEEP_SIZE, 0, 1 << 20));
  note(fallocate(file, FALLOC_FL_KEEP_SIZE | FALLOC_FL_PUNCH_HOLE, 0, 4096));
  return 0;
}
