// Connects to a Unix socket that nobody has, then to a UDP port.
#include <netinet/in.h>
#include <sys/socket.h>
#include <sys/un.h>

#include <string.h>
#include <unistd.h>

#include "report.h"

int main(void) {
  open_report();
  struct sockaddr_un name = {.sun_family = AF_UNIX, .sun_path = "/nonexistent/socket"};
  note(connect(socket(AF_UNIX, SOCK_STREAM, 0), (struct sockaddr*)&name, sizeof name));
  struct sockaddr_in address = {
      .sin_family = AF_INET, .sin_port = htons(9), .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
  note(connect(socket(AF_INET, SOCK_DGRAM, 0), (struct sockaddr*)&address, sizeof address));
  return 0;
}
