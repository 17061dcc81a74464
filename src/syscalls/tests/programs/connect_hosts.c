// connect_hosts PORT wait|poll HOST...: connects to the first host that answers, as name resolution
// with fallbacks does, and reads what it says. Notes each connect(), for "poll" also SO_ERROR and a
// second connect(), then the bytes read.
#include <arpa/inet.h>
#include <netinet/in.h>
#include <sys/socket.h>

#include <poll.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "report.h"

static struct sockaddr_storage address;
static socklen_t address_size;

static int make_socket(const char* host, int port, int flags) {
  memset(&address, 0, sizeof address);
  struct sockaddr_in* ipv4 = (struct sockaddr_in*)&address;
  struct sockaddr_in6* ipv6 = (struct sockaddr_in6*)&address;
  if (strchr(host, ':') != NULL) {
    ipv6->sin6_family = AF_INET6;
    ipv6->sin6_port = htons(port);
    inet_pton(AF_INET6, host, &ipv6->sin6_addr);
    address_size = sizeof *ipv6;
  } else {
    ipv4->sin_family = AF_INET;
    ipv4->sin_port = htons(port);
    inet_pton(AF_INET, host, &ipv4->sin_addr);
    address_size = sizeof *ipv4;
  }
  return socket(address.ss_family, SOCK_STREAM | flags, 0);
}

static int wait_connected(int fd) {
  struct pollfd ready = {fd, POLLOUT, 0};
  poll(&ready, 1, -1);
  int error = 0;
  socklen_t size = sizeof error;
  getsockopt(fd, SOL_SOCKET, SO_ERROR, &error, &size);
  note(error);
  if (error == 0) note(connect(fd, (struct sockaddr*)&address, address_size));
  return error == 0;
}

int main(int argc, char** argv) {
  open_report();
  int polls = strcmp(argv[2], "poll") == 0;
  for (int i = 3; i < argc; ++i) {
    int fd = make_socket(argv[i], atoi(argv[1]), polls ? SOCK_NONBLOCK : 0);
    int result = connect(fd, (struct sockaddr*)&address, address_size);
    note(result);
    int connected = result == 0;
    if (polls && (result == 0 || errno == EINPROGRESS)) connected = wait_connected(fd);
    if (!connected) {
      close(fd);
      continue;
    }
    char greeting[16];
    struct pollfd ready = {fd, POLLIN, 0};
    poll(&ready, 1, -1);
    note(read(fd, greeting, sizeof greeting));
    return 0;
  }
  return 2;
}
