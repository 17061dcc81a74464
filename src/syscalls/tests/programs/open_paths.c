// open_paths DIRECTORY: opens for reading "/DIRECTORY/data.db", "data.db" from the working
// directory, "./x/../data.db" from a directory's descriptor, a path whose last byte is the last of
// a mapped page, and an address that is not mapped.
#include <sys/syscall.h>

#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "report.h"

int main(int argc, char** argv) {
  (void)argc;
  open_report();
  char path[256];
  snprintf(path, sizeof path, "%s/data.db", argv[1]);
  if (chdir(argv[1]) != 0) return 1;
  int directory = syscall(SYS_openat, AT_FDCWD, ".", O_RDONLY | O_DIRECTORY);
  note(directory);
  note(syscall(SYS_openat, AT_FDCWD, path, O_RDONLY));
  note(syscall(SYS_openat, AT_FDCWD, "data.db", O_RDONLY));
  note(syscall(SYS_openat, directory, "./x/../data.db", O_RDONLY));
  long page = sysconf(_SC_PAGESIZE);
  char* pages = mmap(0, 2 * page, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
  munmap(pages + page, page);
  char* at_end = pages + page - strlen("data.db") - 1;
  strcpy(at_end, "data.db");
  note(syscall(SYS_openat, AT_FDCWD, at_end, O_RDONLY));
  note(syscall(SYS_openat, AT_FDCWD, (char*)8, O_RDONLY));
  return 0;
}
