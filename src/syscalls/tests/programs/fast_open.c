// TCP fast open: a connection without connect().
#include <netinet/in.h>
#include <sys/socket.h>

#include "report.h"

int main(void) {
  open_report();
  struct sockaddr_in address = {
      .sin_family = AF_INET, .sin_port = htons(9), .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
  int fd = socket(AF_INET, SOCK_STREAM, 0);
  note(sendto(fd, "x", 1, MSG_FASTOPEN, (struct sockaddr*)&address, sizeof address));
  struct msghdr message = {.msg_name = &address, .msg_namelen = sizeof address};
  note(sendmsg(fd, &message, MSG_FASTOPEN));
  return 0;
}
