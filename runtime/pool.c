/*===-- pool.c - threads that spin inside a run and sleep between runs -----===*
 *
 * A run of a small network passes 50 barriers in a millisecond: waking a thread
 * by futex (tens of microseconds) at each would cost more than the network, so
 * threads spin from step to step. Who waits for long, because a run is over or
 * the machine has other work to do, sleeps.
 *
 *===----------------------------------------------------------------------===*/
#define _GNU_SOURCE
#include "internal.h"

#include <pthread.h>
#include <sched.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define MAX_THREADS 1024
#define ROUNDS 10      /* 2^ROUNDS threads: those of a barrier */
#define CACHE_LINE 128 /* two lines of 64: the adjacent one is prefetched */

/* A waiting thread pauses so many times (15 to 50 ns each), then yields its
 * processor so many times, then sleeps. With more threads than processors the
 * one that is waited for may need this very processor: hardly any pauses. */
#define SPINS 4096u
#define SPINS_CROWDED 32u
#define YIELDS 32u

/* A number that threads wait for to change. */
typedef struct {
  _Alignas(CACHE_LINE) _Atomic uint32_t value;
  _Atomic uint32_t sleepers;
} signal_word;

/* One of the threads of a run; number 0 is the caller's. */
typedef struct {
  qcc_pool *pool;
  uint32_t number;
  pthread_t thread;
  uint32_t epoch;             /* counts barriers */
  signal_word rounds[ROUNDS]; /* the barriers that others have reached */
} worker;

struct qcc_pool {
  qcc_pool_head head;
  uint32_t spins;
  pid_t owner;
  const qcc_job *job;
  uint64_t float_mode; /* of the thread that started the run */
  atomic_flag busy;
  int stop;
  pthread_mutex_t mutex; /* for sleeping only */
  pthread_cond_t wake;
  signal_word generation; /* counts runs */
  _Alignas(CACHE_LINE) worker workers[];
};

/*===-- Waiting -----------------------------------------------------------===*/

static void pause_briefly(void) {
#if defined(__x86_64__)
  __builtin_ia32_pause();
#elif defined(__aarch64__)
  __asm__ volatile("isb" ::: "memory");
#endif
}

/* Numbers only grow, until they wrap. */
static int before(const signal_word *word, uint32_t number) {
  return (int32_t)(atomic_load_explicit(&word->value, memory_order_acquire) - number) < 0;
}

/* The increment of `sleepers` and the test of `value` are ordered against
 * change(), which does the two the other way round: one sees the other. */
static void sleep_for(qcc_pool *pool, signal_word *word, uint32_t number) {
  pthread_mutex_lock(&pool->mutex);
  atomic_fetch_add(&word->sleepers, 1);
  while ((int32_t)(atomic_load(&word->value) - number) < 0)
    pthread_cond_wait(&pool->wake, &pool->mutex);
  atomic_fetch_sub(&word->sleepers, 1);
  pthread_mutex_unlock(&pool->mutex);
}

static void wait_for(qcc_pool *pool, signal_word *word, uint32_t number) {
  for (uint32_t spin = 0; spin < pool->spins && before(word, number); ++spin)
    pause_briefly();
  for (uint32_t yield = 0; yield < YIELDS && before(word, number); ++yield)
    sched_yield();
  if (before(word, number))
    sleep_for(pool, word, number);
}

static void change(qcc_pool *pool, signal_word *word, uint32_t value) {
  atomic_store(&word->value, value);
  if (atomic_load(&word->sleepers)) {
    pthread_mutex_lock(&pool->mutex);
    pthread_cond_broadcast(&pool->wake);
    pthread_mutex_unlock(&pool->mutex);
  }
}

/* In round r a thread tells the one 2^r further on that it is here, and waits for
 * the one 2^r before it: after the last round each has heard of all (Hensgen,
 * Finkel, Manber 1988). A word has one writer, so that two threads need one line
 * from the other core each where a common counter needs three. */
static void barrier(void *team, uint32_t thread) {
  qcc_pool *pool = team;
  worker *self = &pool->workers[thread];
  uint32_t epoch = ++self->epoch, threads = pool->head.threads;
  for (uint32_t round = 0, step = 1; step < threads; ++round, step *= 2) {
    change(pool, &pool->workers[(thread + step) % threads].rounds[round], epoch);
    wait_for(pool, &self->rounds[round], epoch);
  }
}

/*===-- Running -----------------------------------------------------------===*/

/* Workers compute with the caller's rounding and denormal modes: the result must
 * not depend on which thread computes what. */
#if defined(__x86_64__)
static uint64_t float_mode(void) { return __builtin_ia32_stmxcsr() & ~0x3fu; }
static void set_float_mode(uint64_t mode) { __builtin_ia32_ldmxcsr((unsigned)mode); }
#elif defined(__aarch64__)
static uint64_t float_mode(void) {
  uint64_t mode;
  __asm__ volatile("mrs %0, fpcr" : "=r"(mode));
  return mode;
}
static void set_float_mode(uint64_t mode) { __asm__ volatile("msr fpcr, %0" ::"r"(mode)); }
#else
static uint64_t float_mode(void) { return 0; }
static void set_float_mode(uint64_t mode) { (void)mode; }
#endif

/* After the last barrier the job, which lies on the caller's stack, is gone. */
static void walk_steps(qcc_pool *pool, const qcc_job *job, uint32_t thread) {
  uint32_t n_steps = job->n_steps, threads = pool->head.threads;
  for (uint32_t i = 0; i < n_steps; ++i) {
    uint32_t flags = job->infos[i].flags;
    if (!(flags & QCC_STEP_SERIAL))
      job->steps[i](job->frame, thread, threads);
    else if (thread == 0)
      job->steps[i](job->frame, 0, 1);
    if (!(flags & QCC_STEP_NO_BARRIER) && i + 1 < n_steps)
      barrier(pool, thread);
  }
  barrier(pool, thread);
}

static void start_workers(qcc_pool *pool) {
  uint32_t generation = atomic_load_explicit(&pool->generation.value, memory_order_relaxed);
  change(pool, &pool->generation, generation + 1);
}

static void *work(void *argument) {
  worker *self = argument;
  qcc_pool *pool = self->pool;
  for (uint32_t generation = 0;; ++generation) {
    wait_for(pool, &pool->generation, generation + 1);
    if (pool->stop)
      return NULL;
    set_float_mode(pool->float_mode);
    walk_steps(pool, pool->job, self->number);
  }
}

static qcc_status execute(qcc_pool *pool, const qcc_job *job) {
  /* After fork() the workers exist only in the parent, and `busy` may have been
   * caught in the middle of another thread's run. */
  if (pool->head.threads == 1 || getpid() != pool->owner) {
    qcc_run_alone(job);
    return QCC_OK;
  }
  if (atomic_flag_test_and_set_explicit(&pool->busy, memory_order_acquire))
    return QCC_ERR_BUSY;
  qcc_frame frame = *job->frame;
  frame.barrier = barrier;
  frame.team = pool;
  const qcc_job shared = {&frame, job->steps, job->infos, job->n_steps};
  pool->job = &shared;
  pool->float_mode = float_mode();
  start_workers(pool);
  walk_steps(pool, &shared, 0);
  atomic_flag_clear_explicit(&pool->busy, memory_order_release);
  return QCC_OK;
}

/*===-- Making and ending -------------------------------------------------===*/

static uint32_t usable_processors(void) {
  cpu_set_t set;
  if (sched_getaffinity(0, sizeof(set), &set) == 0)
    return (uint32_t)CPU_COUNT(&set);
  long online = sysconf(_SC_NPROCESSORS_ONLN);
  return online > 0 ? (uint32_t)online : 1;
}

static void join_workers(qcc_pool *pool, uint32_t started) {
  pool->stop = 1;
  start_workers(pool);
  for (uint32_t i = 1; i < started; ++i)
    pthread_join(pool->workers[i].thread, NULL);
  pthread_cond_destroy(&pool->wake);
  pthread_mutex_destroy(&pool->mutex);
}

/* Starts workers 1 to threads - 1 with all signals blocked, so that handlers run
 * on the program's own threads. Returns the number of the first one missing. */
static uint32_t spawn_workers(qcc_pool *pool) {
  sigset_t all, old;
  sigfillset(&all);
  pthread_sigmask(SIG_SETMASK, &all, &old);
  uint32_t number = 1;
  for (; number < pool->head.threads; ++number) {
    worker *next = &pool->workers[number];
    next->pool = pool;
    next->number = number;
    if (pthread_create(&next->thread, NULL, work, next) != 0)
      break;
  }
  pthread_sigmask(SIG_SETMASK, &old, NULL);
  return number;
}

qcc_pool *qcc_pool_create(int threads) {
  uint32_t processors = usable_processors();
  uint32_t count = threads > 0 ? (uint32_t)threads : processors;
  if (count > MAX_THREADS)
    return NULL;
  void *memory = NULL;
  size_t bytes = sizeof(qcc_pool) + count * sizeof(worker);
  if (posix_memalign(&memory, CACHE_LINE, bytes) != 0)
    return NULL;
  memset(memory, 0, bytes);
  qcc_pool *pool = memory;
  pool->head.magic = QCC_POOL_MAGIC;
  pool->head.threads = count;
  pool->head.execute = execute;
  pool->spins = count > processors ? SPINS_CROWDED : SPINS;
  pool->owner = getpid();
  atomic_flag_clear(&pool->busy);
  pthread_mutex_init(&pool->mutex, NULL);
  pthread_cond_init(&pool->wake, NULL);
  uint32_t started = spawn_workers(pool);
  if (started == count)
    return pool;
  join_workers(pool, started);
  free(pool);
  return NULL;
}

void qcc_pool_destroy(qcc_pool *pool) {
  if (!pool || !qcc_pool_is_valid(pool))
    return;
  if (getpid() == pool->owner)
    join_workers(pool, pool->head.threads);
  pool->head.magic = 0;
  free(pool);
}

int qcc_pool_threads(const qcc_pool *pool) {
  return pool ? (int)((const qcc_pool_head *)(const void *)pool)->threads : 1;
}
