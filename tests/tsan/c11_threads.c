/* The threads, mutexes and conditions of C11 made of those of POSIX, for programs under the thread sanitizer.
 *
 * The sanitizer knows nothing of thrd_create, and a thread of which it does not know crashes in the first call that the sanitizer
 * intercepts. librdkafka uses C11's. What is here comes before the C library's: it is in the program, and exported. In the GNU C library
 * both kinds have the same representation. */
#include <errno.h>
#include <pthread.h>
#include <stdint.h>
#include <stdlib.h>
#include <threads.h>

_Static_assert(sizeof(mtx_t) == sizeof(pthread_mutex_t), "one representation");
_Static_assert(sizeof(cnd_t) == sizeof(pthread_cond_t), "one representation");
_Static_assert(sizeof(thrd_t) == sizeof(pthread_t), "one representation");
_Static_assert(sizeof(once_flag) == sizeof(pthread_once_t), "one representation");

static int result(int error) {
  switch (error) {
    case 0:
      return thrd_success;
    case ENOMEM:
      return thrd_nomem;
    case ETIMEDOUT:
      return thrd_timedout;
    case EBUSY:
      return thrd_busy;
    default:
      return thrd_error;
  }
}

struct start {
  thrd_start_t function;
  void *argument;
};

static void *begin(void *given) {
  struct start start = *(struct start *)given;
  free(given);
  return (void *)(intptr_t)start.function(start.argument);
}

int thrd_create(thrd_t *thread, thrd_start_t function, void *argument) {
  struct start *start = malloc(sizeof *start);
  if (!start) return thrd_nomem;
  *start = (struct start){function, argument};
  int error = pthread_create((pthread_t *)thread, NULL, begin, start);
  if (error != 0) free(start);
  return error == EAGAIN ? thrd_nomem : result(error);
}

int thrd_join(thrd_t thread, int *code) {
  void *returned = NULL;
  int error = pthread_join((pthread_t)thread, &returned);
  if (error == 0 && code) *code = (int)(intptr_t)returned;
  return result(error);
}

thrd_t thrd_current(void) { return (thrd_t)pthread_self(); }

int mtx_init(mtx_t *mutex, int type) {
  pthread_mutexattr_t attributes;
  pthread_mutexattr_init(&attributes);
  pthread_mutexattr_settype(&attributes, type & mtx_recursive ? PTHREAD_MUTEX_RECURSIVE : PTHREAD_MUTEX_NORMAL);
  int error = pthread_mutex_init((pthread_mutex_t *)mutex, &attributes);
  pthread_mutexattr_destroy(&attributes);
  return result(error);
}

void mtx_destroy(mtx_t *mutex) { pthread_mutex_destroy((pthread_mutex_t *)mutex); }
int mtx_lock(mtx_t *mutex) { return result(pthread_mutex_lock((pthread_mutex_t *)mutex)); }
int mtx_unlock(mtx_t *mutex) { return result(pthread_mutex_unlock((pthread_mutex_t *)mutex)); }

int cnd_init(cnd_t *condition) { return result(pthread_cond_init((pthread_cond_t *)condition, NULL)); }
void cnd_destroy(cnd_t *condition) { pthread_cond_destroy((pthread_cond_t *)condition); }
int cnd_signal(cnd_t *condition) { return result(pthread_cond_signal((pthread_cond_t *)condition)); }
int cnd_broadcast(cnd_t *condition) { return result(pthread_cond_broadcast((pthread_cond_t *)condition)); }
int cnd_wait(cnd_t *condition, mtx_t *mutex) {
  return result(pthread_cond_wait((pthread_cond_t *)condition, (pthread_mutex_t *)mutex));
}
int cnd_timedwait(cnd_t *condition, mtx_t *mutex, const struct timespec *until) {
  return result(pthread_cond_timedwait((pthread_cond_t *)condition, (pthread_mutex_t *)mutex, until));
}

void call_once(once_flag *once, void (*function)(void)) { pthread_once((pthread_once_t *)once, function); }
