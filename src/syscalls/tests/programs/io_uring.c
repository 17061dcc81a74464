// Asks for an io_uring.
#include <sys/syscall.h>

#include <string.h>
#include <unistd.h>

#include "report.h"

int main(void) {
  open_report();
  char parameters[256];
  memset(parameters, 0, sizeof parameters);
  note(syscall(SYS_io_uring_setup, 8, parameters));
  return 0;
}
