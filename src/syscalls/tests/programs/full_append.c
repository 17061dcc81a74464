// A file of 6000 bytes: overwrite, append inside the last block, over its edge, past it; by offset
// and by file position.
#include <sys/uio.h>

#include <fcntl.h>
#include <unistd.h>

#include "report.h"

static char bytes[10000];

int main(int argc, char** argv) {
  (void)argc;
  open_report();
  int file = open(argv[1], O_RDWR);
  note(pwrite(file, bytes, 6000, 0));
  note(pwrite(file, bytes, 2000, 6000));
  note(pwrite(file, "0123456789", 10, 8190));
  note(pwrite(file, bytes, 10, 8192));
  note(lseek(file, 8000, SEEK_SET));
  struct iovec parts[2] = {{"abc", 3}, {bytes, 9000}};
  note(writev(file, parts, 2));
  note(lseek(file, 0, SEEK_CUR));
  int append = open(argv[1], O_WRONLY | O_APPEND);
  note(write(append, bytes, 1));
  note(write(append, bytes, 0));
  return 0;
}
