/* The smallest HTTP service that tests need: answers every request with what it was asked to do.
 *   GET /health        200
 *   GET /write/PATH    appends a line to the file /PATH and says 200, or 500 with the error
 *   GET /dial/PORT     connects to 127.0.0.1:PORT and says 200, or 502 with the error
 *   GET /call/HOST:PORT/PATH   gets /PATH from another such service and says 200 with "STATUS BODY", or 502 with the error
 *   GET /host          200 and the host name
 *   GET /env/NAME      200 and that environment variable
 *   GET /say/WORDS     prints WORDS to stdout
 *   GET /exit/CODE     ends the process
 *   anything else      200 "hello"
 * Usage: tiny_http PORT [ADDRESS], on all addresses unless one is given */
#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <netdb.h>
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

/* A connected socket, or -1 with the reason in `why`. Tries every address of the name, as programs do. */
static int connect_to(const char *host, const char *port, const char **why) {
  struct addrinfo hints = {.ai_socktype = SOCK_STREAM}, *found;
  int failed = getaddrinfo(host, port, &hints, &found);
  if (failed) {
    *why = gai_strerror(failed);
    return -1;
  }
  int fd = -1;
  for (struct addrinfo *at = found; at && fd < 0; at = at->ai_next) {
    fd = socket(at->ai_family, SOCK_STREAM, 0);
    if (fd >= 0 && connect(fd, at->ai_addr, at->ai_addrlen) != 0) {
      *why = strerror(errno);
      close(fd);
      fd = -1;
    }
  }
  freeaddrinfo(found);
  return fd;
}

/* `target` is "HOST:PORT/PATH". */
static void call(int client, char *target) {
  char *port = strchr(target, ':'), *path = strchr(target, '/');
  if (!port || !path || path < port) {
    respond(client, 400, "want /call/HOST:PORT/PATH");
    return;
  }
  *port++ = 0;
  *path++ = 0;
  const char *why = "";
  int fd = connect_to(target, port, &why);
  if (fd < 0) {
    respond(client, 502, why);
    return;
  }
  char buffer[4096];
  int length = snprintf(buffer, sizeof buffer, "GET /%s HTTP/1.1\r\nHost: %s\r\nConnection: close\r\n\r\n", path, target);
  size_t size = 0;
  if (send(fd, buffer, (size_t)length, MSG_NOSIGNAL) == length) {
    ssize_t got;
    while (size < sizeof buffer - 1 && (got = recv(fd, buffer + size, sizeof buffer - 1 - size, 0)) > 0) size += (size_t)got;
  }
  close(fd);
  buffer[size] = 0;
  char *body = strstr(buffer, "\r\n\r\n"), answer[512];
  if (!body) {
    respond(client, 502, "no answer");
    return;
  }
  snprintf(answer, sizeof answer, "%d %s", atoi(buffer + strlen("HTTP/1.1 ")), body + 4);
  respond(client, 200, answer);
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
  } else if (strncmp(path, "/call/", 6) == 0) {
    if (fork() == 0) { /* it may be this very service that is called */
      call(client, path + 6);
      _exit(0);
    }
  } else if (strcmp(path, "/host") == 0) {
    char name[128] = "";
    gethostname(name, sizeof name - 1);
    respond(client, 200, name);
  } else if (strncmp(path, "/env/", 5) == 0) {
    const char *value = getenv(path + 5);
    respond(client, value ? 200 : 404, value ? value : "not set");
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
  signal(SIGCHLD, SIG_IGN);
  int listener = socket(AF_INET, SOCK_STREAM, 0);
  int on = 1;
  setsockopt(listener, SOL_SOCKET, SO_REUSEADDR, &on, sizeof on);
  struct sockaddr_in at = {.sin_family = AF_INET, .sin_port = htons((unsigned short)atoi(argc > 1 ? argv[1] : "8080"))};
  at.sin_addr.s_addr = argc > 2 ? inet_addr(argv[2]) : htonl(INADDR_ANY);
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
