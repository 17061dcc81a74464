/* The smallest HTTP service that tests need: answers every request with what it was asked to do.
 *   GET /health        200
 *   GET /write/PATH    appends a line to the file /PATH and says 200, or 500 with the error
 *   GET /dial/PORT     connects to 127.0.0.1:PORT and says 200, or 502 with the error
 *   GET /say/WORDS     prints WORDS to stdout
 *   GET /exit/CODE     ends the process
 *   anything else      200 "hello"
 * Usage: tiny_http PORT */
#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

static void respond(int client, int status, const char *text) {
  char out[1024];
  int length = snprintf(out, sizeof out,
                        "HTTP/1.1 %d X\r\nContent-Type: text/plain\r\nContent-Length: %zu\r\nConnection: close\r\n\r\n%s",
                        status, strlen(text), text);
  if (send(client, out, (size_t)length, MSG_NOSIGNAL) < 0) return;
}

static int dial(int port) {
  int fd = socket(AF_INET, SOCK_STREAM, 0);
  struct sockaddr_in to = {.sin_family = AF_INET, .sin_port = htons((unsigned short)port)};
  to.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  int failed = connect(fd, (struct sockaddr *)&to, sizeof to);
  int why = errno;
  close(fd);
  errno = why;
  return failed;
}

static int append(const char *path) {
  int fd = open(path, O_WRONLY | O_CREAT | O_APPEND, 0644);
  if (fd < 0) return -1;
  ssize_t done = write(fd, "line\n", 5);
  int why = errno;
  close(fd);
  errno = why;
  return done == 5 ? 0 : -1;
}

static void serve(int client) {
  char request[2048];
  ssize_t got = recv(client, request, sizeof request - 1, 0);
  if (got <= 0) return;
  request[got] = 0;
  char *path = strchr(request, ' ');
  if (!path) return;
  ++path;
  char *end = strchr(path, ' ');
  if (end) *end = 0;
  if (strncmp(path, "/write/", 7) == 0) {
    if (append(path + 6) == 0) respond(client, 200, "written");
    else respond(client, 500, strerror(errno));
  } else if (strncmp(path, "/dial/", 6) == 0) {
    if (dial(atoi(path + 6)) == 0) respond(client, 200, "connected");
    else respond(client, 502, strerror(errno));
  } else if (strncmp(path, "/say/", 5) == 0) {
    puts(path + 5);
    fflush(stdout);
    respond(client, 200, "said");
  } else if (strncmp(path, "/exit/", 6) == 0) {
    exit(atoi(path + 6));
  } else {
    respond(client, 200, "hello");
  }
}

int main(int argc, char **argv) {
  signal(SIGPIPE, SIG_IGN);
  int listener = socket(AF_INET, SOCK_STREAM, 0);
  int on = 1;
  setsockopt(listener, SOL_SOCKET, SO_REUSEADDR, &on, sizeof on);
  struct sockaddr_in at = {.sin_family = AF_INET, .sin_port = htons((unsigned short)atoi(argc > 1 ? argv[1] : "8080"))};
  at.sin_addr.s_addr = htonl(INADDR_ANY);
  if (bind(listener, (struct sockaddr *)&at, sizeof at) != 0 || listen(listener, 64) != 0) {
    perror("listen");
    return 1;
  }
  for (;;) {
    int client = accept(listener, NULL, NULL);
    if (client < 0) continue;
    serve(client);
    close(client);
  }
}
