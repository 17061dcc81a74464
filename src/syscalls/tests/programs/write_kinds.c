// Writes one byte to a regular file, a pipe, a Unix socket and a TCP socket, in this order.
#include <netinet/in.h>
#include <sys/socket.h>

#include <fcntl.h>
#include <unistd.h>

#include "report.h"

static int tcp_connection(void) {
  struct sockaddr_in address = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
  socklen_t size = sizeof address;
  int listener = socket(AF_INET, SOCK_STREAM, 0);
  bind(listener, (struct sockaddr*)&address, size);
  listen(listener, 1);
  getsockname(listener, (struct sockaddr*)&address, &size);
  int client = socket(AF_INET, SOCK_STREAM, 0);
  connect(client, (struct sockaddr*)&address, size);
  return client;
}

int main(int argc, char** argv) {
  (void)argc;
  open_report();
  int pipe_ends[2], pair[2];
  if (pipe(pipe_ends) != 0 || socketpair(AF_UNIX, SOCK_STREAM, 0, pair) != 0) return 1;
  int file = open(argv[1], O_WRONLY | O_CREAT, 0600);
  note(write(file, "x", 1));
  note(write(pipe_ends[1], "x", 1));
  note(write(pair[0], "x", 1));
  note(write(tcp_connection(), "x", 1));
  return 0;
}
