/* A service that keeps connections to others of its kind, for tests of partitions.
 *
 * On each of its ports it answers requests of HTTP, and every other line with "pong LINE":
 *   GET /keep/NAME/HOST:PORT   opens a connection and keeps it under that name
 *   GET /ask/NAME/WORD         sends "WORD" on it and waits for its answer
 *   GET /tell/NAME/WORD        sends "WORD" on it
 *   GET /hear/NAME             waits for the next line of it
 *   GET /connect/HOST:PORT     connects and closes
 *   GET /health                says "fine"
 * It says 200 and what came, 504 "silence" when nothing came in time, 502 and why when the connection ended.
 * Usage: talker PORT... */
#include <errno.h>
#include <netdb.h>
#include <netinet/in.h>
#include <poll.h>
#include <pthread.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

enum { PATIENCE_MS = 1000, MOST_KEPT = 16, MOST_PORTS = 8, LINE = 1024 };

static struct kept {
  char name[32];
  int fd;
} kept[MOST_KEPT];
static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER; /* of kept */

struct answer {
  int status;
  char text[LINE + 64];
};

static struct answer say(int status, const char *text) {
  struct answer out = {.status = status};
  snprintf(out.text, sizeof out.text, "%s", text);
  return out;
}

static int ready(int fd, short events) {
  struct pollfd entry = {fd, events, 0};
  return poll(&entry, 1, PATIENCE_MS) > 0;
}

/* A connected socket; -1 with errno, ETIMEDOUT when nobody answered in time. */
static int dial(char *target) {
  char *port = strrchr(target, ':');
  if (!port) return errno = EINVAL, -1;
  *port++ = 0;
  struct addrinfo hints = {.ai_family = AF_INET, .ai_socktype = SOCK_STREAM}, *found;
  if (getaddrinfo(target, port, &hints, &found) != 0) return errno = EHOSTUNREACH, -1;
  int fd = socket(found->ai_family, SOCK_STREAM | SOCK_NONBLOCK, 0), why = 0;
  socklen_t size = sizeof why;
  if (connect(fd, found->ai_addr, found->ai_addrlen) != 0) {
    why = errno;
    if (why == EINPROGRESS && ready(fd, POLLOUT)) getsockopt(fd, SOL_SOCKET, SO_ERROR, &why, &size);
    else if (why == EINPROGRESS) why = ETIMEDOUT;
  }
  freeaddrinfo(found);
  if (why == 0) return fd;
  close(fd);
  errno = why;
  return -1;
}

static struct answer dialled(int fd) {
  if (fd >= 0) return say(200, "connected");
  return errno == ETIMEDOUT ? say(504, "silence") : say(502, strerror(errno));
}

static struct kept *find(const char *name) {
  for (struct kept *at = kept; at < kept + MOST_KEPT; ++at)
    if (strcmp(at->name, name) == 0) return at;
  return NULL;
}

/* The descriptor kept under a name, -1 when there is none. */
static int recall(const char *name) {
  pthread_mutex_lock(&lock);
  struct kept *named = find(name);
  int fd = named ? named->fd : -1;
  pthread_mutex_unlock(&lock);
  return fd;
}

static struct answer keep(const char *name, int fd) {
  pthread_mutex_lock(&lock);
  struct kept *place = find("");
  if (place) {
    place->fd = fd;
    snprintf(place->name, sizeof place->name, "%s", name);
  }
  pthread_mutex_unlock(&lock);
  if (place) return dialled(fd);
  close(fd);
  return say(500, "too many are kept");
}

static struct answer hear(int fd) {
  char line[LINE];
  size_t size = 0;
  while (size < sizeof line - 1) {
    if (!ready(fd, POLLIN)) return say(504, "silence");
    ssize_t got = recv(fd, line + size, 1, 0);
    if (got < 0 && errno == EAGAIN) continue;
    if (got < 0) return say(502, strerror(errno));
    if (got == 0) return say(502, "closed");
    if (line[size] == '\n') break;
    ++size;
  }
  line[size] = 0;
  return say(200, line);
}

static struct answer tell(int fd, const char *word) {
  char line[LINE];
  int size = snprintf(line, sizeof line, "%s\n", word);
  return send(fd, line, (size_t)size, MSG_NOSIGNAL) == size ? say(200, "told") : say(502, strerror(errno));
}

static struct answer act(char *path) {
  char *words[4] = {0};
  int count = 0;
  for (char *word = strtok_r(path, "/", &path); word && count < 4; word = strtok_r(NULL, "/", &path)) words[count++] = word;
  if (count == 0) return say(404, "no such route");
  if (strcmp(words[0], "health") == 0) return say(200, "fine");
  if (strcmp(words[0], "connect") == 0 && count == 2) {
    int fd = dial(words[1]);
    struct answer out = dialled(fd);
    if (fd >= 0) close(fd);
    return out;
  }
  if (strcmp(words[0], "keep") == 0 && count == 3) {
    int fd = dial(words[2]);
    return fd >= 0 ? keep(words[1], fd) : dialled(fd);
  }
  int named = count > 1 ? recall(words[1]) : -1;
  if (named < 0) return say(404, "no such connection");
  if (strcmp(words[0], "hear") == 0) return hear(named);
  struct answer told = tell(named, words[2] ? words[2] : "");
  return strcmp(words[0], "ask") == 0 && told.status == 200 ? hear(named) : told;
}

static void *serve(void *argument) {
  int client = (int)(long)argument;
  FILE *in = fdopen(client, "r");
  char line[LINE], out[2 * LINE];
  while (fgets(line, sizeof line, in)) {
    line[strcspn(line, "\r\n")] = 0;
    int size;
    int is_http = strncmp(line, "GET /", 5) == 0;
    if (is_http) {
      char *path = line + 4;
      path[strcspn(path, " ")] = 0;
      struct answer answer = act(path);
      size = snprintf(out, sizeof out, "HTTP/1.1 %d X\r\nContent-Length: %zu\r\nConnection: close\r\n\r\n%s",
                      answer.status, strlen(answer.text), answer.text);
    } else {
      size = snprintf(out, sizeof out, "pong %s\n", line);
    }
    if (send(client, out, (size_t)size, MSG_NOSIGNAL) != size || is_http) break;
  }
  /* What is closed with unread input is reset, and the reset may overtake the answer. */
  shutdown(client, SHUT_WR);
  while (recv(client, line, sizeof line, 0) > 0) {
  }
  fclose(in);
  return NULL;
}

static void *listen_on(void *argument) {
  int listener = (int)(long)argument;
  for (;;) {
    int client = accept(listener, NULL, NULL);
    pthread_t thread;
    if (client >= 0 && pthread_create(&thread, NULL, serve, (void *)(long)client) == 0) pthread_detach(thread);
  }
  return NULL;
}

static int listener_at(const char *port) {
  int listener = socket(AF_INET, SOCK_STREAM, 0), on = 1;
  setsockopt(listener, SOL_SOCKET, SO_REUSEADDR, &on, sizeof on);
  struct sockaddr_in at = {.sin_family = AF_INET, .sin_port = htons((unsigned short)atoi(port))};
  return bind(listener, (struct sockaddr *)&at, sizeof at) == 0 && listen(listener, 64) == 0 ? listener : -1;
}

int main(int argc, char **argv) {
  int listeners[MOST_PORTS];
  if (argc - 1 > MOST_PORTS) return 2;
  signal(SIGPIPE, SIG_IGN);
  /* Who answers on the first port is ready on all of them. */
  for (int i = 1; i < argc; ++i) {
    listeners[i - 1] = listener_at(argv[i]);
    if (listeners[i - 1] < 0) {
      perror(argv[i]);
      return 1;
    }
  }
  pthread_t thread;
  for (int i = 1; i < argc; ++i) {
    if (pthread_create(&thread, NULL, listen_on, (void *)(long)listeners[i - 1]) != 0) return 1;
  }
  pthread_join(thread, NULL);
  return 0;
}
