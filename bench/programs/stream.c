/* A stream of bytes, for what a relay can carry.
 *   stream serve PORT                   answers each connection's request, eight bytes with a count, with that many bytes
 *   stream fetch HOST PORT MEGABYTES    asks for so many and prints MiB per second */
#include <arpa/inet.h>
#include <netinet/in.h>
#include <signal.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

enum { kChunk = 128 * 1024 };
static char chunk[kChunk];

static double seconds(void) {
  struct timespec time;
  clock_gettime(CLOCK_MONOTONIC, &time);
  return (double)time.tv_sec + (double)time.tv_nsec / 1e9;
}

static struct sockaddr_in address(const char *host, const char *port) {
  struct sockaddr_in at = {.sin_family = AF_INET, .sin_port = htons((unsigned short)atoi(port))};
  inet_pton(AF_INET, strcmp(host, "localhost") == 0 ? "127.0.0.1" : host, &at.sin_addr);
  return at;
}

static void answer(int client) {
  uint64_t left = 0;
  if (read(client, &left, sizeof left) != sizeof left) return;
  while (left > 0) {
    ssize_t sent = send(client, chunk, left < kChunk ? (size_t)left : kChunk, MSG_NOSIGNAL);
    if (sent <= 0) return;
    left -= (uint64_t)sent;
  }
}

static int serve(const char *port) {
  /* Both families, because "localhost" is either. */
  struct sockaddr_in6 both = {.sin6_family = AF_INET6, .sin6_port = htons((unsigned short)atoi(port))};
  struct sockaddr_in one = address("0.0.0.0", port);
  int yes = 1, no = 0;
  int listener = socket(AF_INET6, SOCK_STREAM, 0);
  setsockopt(listener, IPPROTO_IPV6, IPV6_V6ONLY, &no, sizeof no);
  setsockopt(listener, SOL_SOCKET, SO_REUSEADDR, &yes, sizeof yes);
  if (bind(listener, (struct sockaddr *)&both, sizeof both) != 0) {
    close(listener);
    listener = socket(AF_INET, SOCK_STREAM, 0);
    setsockopt(listener, SOL_SOCKET, SO_REUSEADDR, &yes, sizeof yes);
    if (bind(listener, (struct sockaddr *)&one, sizeof one) != 0) return 1;
  }
  if (listen(listener, 16) != 0) return 1;
  signal(SIGCHLD, SIG_IGN);
  while (1) {
    int client = accept(listener, NULL, NULL);
    if (client >= 0 && fork() == 0) {
      answer(client);
      _exit(0);
    }
    close(client);
  }
}

static int fetch(const char *host, const char *port, uint64_t megabytes) {
  int fd = socket(AF_INET, SOCK_STREAM, 0);
  struct sockaddr_in to = address(host, port);
  uint64_t wanted = megabytes * 1024 * 1024, got = 0;
  if (connect(fd, (struct sockaddr *)&to, sizeof to) != 0) return 1;
  double start = seconds();
  if (write(fd, &wanted, sizeof wanted) != sizeof wanted) return 1;
  while (got < wanted) {
    ssize_t count = read(fd, chunk, kChunk);
    if (count <= 0) {
      fprintf(stderr, "the stream ended after %llu bytes\n", (unsigned long long)got);
      return 1;
    }
    got += (uint64_t)count;
  }
  printf("%.1f\n", (double)megabytes / (seconds() - start));
  return 0;
}

int main(int argc, char **argv) {
  if (argc == 3 && strcmp(argv[1], "serve") == 0) return serve(argv[2]);
  if (argc == 5 && strcmp(argv[1], "fetch") == 0) return fetch(argv[2], argv[3], strtoull(argv[4], NULL, 10));
  return 2;
}
