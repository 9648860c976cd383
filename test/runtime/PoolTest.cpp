//===- PoolTest.cpp - threads ---------------------------------------------===//
#include "FakeModel.h"
#include "gtest/gtest.h"
#include <atomic>
#include <memory>
#include <pthread.h>
#include <sched.h>
#include <set>
#include <sys/wait.h>
#include <thread>
#include <unistd.h>

namespace {

using Pool = std::unique_ptr<qcc_pool, decltype(&qcc_pool_destroy)>;
Pool pool(int threads) { return Pool(qcc_pool_create(threads), qcc_pool_destroy); }

class PoolOf : public testing::TestWithParam<int> {};

TEST_P(PoolOf, EveryStepSeesTheOneBefore) {
  Pool threads = pool(GetParam());
  ASSERT_TRUE(threads);
  EXPECT_EQ(qcc_pool_threads(threads.get()), GetParam());
  std::vector<uint32_t> expected = fake::expected();
  for (int round = 0; round < 300; ++round) {
    fake::Run run;
    ASSERT_EQ(run(fake::model(), threads.get()), QCC_OK);
    ASSERT_EQ(run.out, expected) << "round " << round;
  }
}

TEST_P(PoolOf, WakesAfterSleeping) {
  Pool threads = pool(GetParam());
  for (int round = 0; round < 3; ++round) {
    usleep(20000);
    fake::Run run;
    ASSERT_EQ(run(fake::model(), threads.get()), QCC_OK);
    ASSERT_EQ(run.out, fake::expected());
  }
}

INSTANTIATE_TEST_SUITE_P(Sizes, PoolOf, testing::Values(1, 2, 3, 4, 16));

TEST(Pool, CountsProcessorsByItself) {
  cpu_set_t set;
  ASSERT_EQ(sched_getaffinity(0, sizeof(set), &set), 0);
  EXPECT_EQ(qcc_pool_threads(pool(0).get()), CPU_COUNT(&set));
  EXPECT_EQ(qcc_pool_threads(pool(-1).get()), CPU_COUNT(&set));
  EXPECT_EQ(qcc_pool_threads(nullptr), 1);
  EXPECT_FALSE(pool(1000000));
  qcc_pool_destroy(nullptr);
}

//===-- What a step is told -----------------------------------------------===//

std::atomic<uint32_t> calls, serialCalls, seenThreads;

void count(const qcc_frame *, uint32_t thread, uint32_t threads) {
  calls += 1;
  seenThreads |= 1u << thread;
  EXPECT_EQ(threads, 3u);
}

void countSerial(const qcc_frame *, uint32_t thread, uint32_t threads) {
  serialCalls += 1;
  EXPECT_EQ(thread, 0u);
  EXPECT_EQ(threads, 1u);
}

TEST(Pool, EveryThreadIsCalledOnceAndSerialStepsOnlyOnTheFirst) {
  const qcc_step_fn fns[] = {count, countSerial, count, countSerial};
  const qcc_step_info infos[] = {{"a", "k", 0, 0, 0},
                                 {"b", "k", 0, QCC_STEP_SERIAL, 0},
                                 {"c", "k", 0, 0, 0},
                                 {"d", "k", 0, QCC_STEP_SERIAL, 0}};
  const qcc_variant variant = {"x86-64", 0, fns};
  qcc_model model = fake::bare(&variant, infos, 4);
  Pool threads = pool(3);
  calls = serialCalls = seenThreads = 0;
  ASSERT_EQ(qcc_run(&model, nullptr, nullptr, nullptr, 0, threads.get()), QCC_OK);
  EXPECT_EQ(calls, 6u);
  EXPECT_EQ(serialCalls, 2u);
  EXPECT_EQ(seenThreads, 7u);
}

/// With the barrier, both threads would wait for each other for ever.
std::atomic<int> raised;
void raise(const qcc_frame *, uint32_t thread, uint32_t) {
  if (thread == 0)
    while (!raised)
      sched_yield();
}
void release(const qcc_frame *, uint32_t thread, uint32_t) {
  if (thread == 1)
    raised = 1;
}

TEST(Pool, AStepMayAskForNoBarrier) {
  const qcc_step_fn fns[] = {raise, release};
  const qcc_step_info infos[] = {{"a", "k", 0, QCC_STEP_NO_BARRIER, 0},
                                 {"b", "k", 0, QCC_STEP_NO_BARRIER, 0}};
  const qcc_variant variant = {"x86-64", 0, fns};
  qcc_model model = fake::bare(&variant, infos, 2);
  Pool threads = pool(2);
  raised = 0;
  EXPECT_EQ(qcc_run(&model, nullptr, nullptr, nullptr, 0, threads.get()), QCC_OK);
  EXPECT_EQ(raised, 1);
}

/// Each thread counts in turns that only the barrier keeps apart.
constexpr uint32_t turns = 100;
uint32_t turn; // no atomic: one thread writes between two barriers
std::atomic<uint32_t> wrong;
void takeTurns(const qcc_frame *frame, uint32_t thread, uint32_t threads) {
  for (uint32_t i = 0; i < turns; ++i) {
    if (i % threads == thread)
      ++turn;
    frame->barrier(frame->team, thread);
    wrong += turn != i + 1;
    frame->barrier(frame->team, thread);
  }
}

TEST_P(PoolOf, AStepMayWaitForTheOtherThreads) {
  const qcc_step_fn fns[] = {takeTurns};
  const qcc_step_info infos[] = {{"a", "k", 0, 0, 0}};
  const qcc_variant variant = {"x86-64", 0, fns};
  qcc_model model = fake::bare(&variant, infos, 1);
  if (GetParam() == 1)
    return; // the frame has no barrier then
  Pool threads = pool(GetParam());
  turn = wrong = 0;
  EXPECT_EQ(qcc_run(&model, nullptr, nullptr, nullptr, 0, threads.get()), QCC_OK);
  EXPECT_EQ(turn, turns);
  EXPECT_EQ(wrong, 0u);
}

//===-- One run at a time -------------------------------------------------===//

std::atomic<int> holding, letGo;
void hold(const qcc_frame *, uint32_t thread, uint32_t) {
  if (thread != 0)
    return;
  holding = 1;
  while (!letGo)
    sched_yield();
}

/// A run that stays inside its pool until the end of the scope.
struct HeldRun {
  explicit HeldRun(qcc_pool *pool) {
    holding = letGo = 0;
    thread =
        std::thread([this, pool] { EXPECT_EQ(qcc_run(&model, nullptr, nullptr, nullptr, 0, pool), QCC_OK); });
    while (!holding)
      sched_yield();
  }
  ~HeldRun() {
    letGo = 1;
    thread.join();
  }
  const qcc_step_fn fns[1] = {hold};
  const qcc_variant variant = {"x86-64", 0, fns};
  qcc_model model = fake::bare(&variant, fake::infos, 1);
  std::thread thread;
};

TEST(Pool, ASecondRunAtOnceIsBusy) {
  Pool threads = pool(2);
  fake::Run run;
  {
    HeldRun held(threads.get());
    EXPECT_EQ(run(fake::model(), threads.get()), QCC_ERR_BUSY);
    EXPECT_EQ(run(fake::model()), QCC_OK); // without the pool it may run
  }
  EXPECT_EQ(run(fake::model(), threads.get()), QCC_OK);
}

TEST(Pool, SixteenCallersOfOneModel) {
  Pool shared = pool(2);
  std::vector<std::thread> callers;
  for (int caller = 0; caller < 16; ++caller)
    callers.emplace_back([&shared, caller] {
      for (int round = 0; round < 50; ++round) {
        fake::Run run;
        qcc_status status = run(fake::model(), caller % 2 ? shared.get() : nullptr);
        if (status != QCC_ERR_BUSY) {
          ASSERT_EQ(status, QCC_OK);
          ASSERT_EQ(run.out, fake::expected());
        }
      }
    });
  for (std::thread &caller : callers)
    caller.join();
}

//===-- The world around --------------------------------------------------===//

/// Whether a child, which has no workers, still computes and ends the pool.
bool childWorks(qcc_pool *threads) {
  pid_t child = fork();
  if (child == 0) {
    alarm(20);
    fake::Run run;
    bool good = run(fake::model(), threads) == QCC_OK && run.out == fake::expected();
    qcc_pool_destroy(threads);
    qcc_pool *own = qcc_pool_create(2);
    fake::Run second;
    good = good && own && second(fake::model(), own) == QCC_OK && second.out == fake::expected();
    qcc_pool_destroy(own);
    _exit(good ? 0 : 1);
  }
  int status = -1;
  waitpid(child, &status, 0);
  return WIFEXITED(status) && WEXITSTATUS(status) == 0;
}

TEST(Pool, AChildWorksAlone) {
  Pool threads = pool(3);
  fake::Run run;
  EXPECT_EQ(run(fake::model(), threads.get()), QCC_OK);
  EXPECT_TRUE(childWorks(threads.get()));
  EXPECT_EQ(run(fake::model(), threads.get()), QCC_OK); // the parent keeps its workers
  EXPECT_EQ(run.out, fake::expected());
}

TEST(Pool, AChildBornDuringARunWorksAlone) {
  Pool threads = pool(2);
  HeldRun held(threads.get());
  EXPECT_TRUE(childWorks(threads.get()));
}

TEST(Pool, RefusesWhatIsNoPool) {
  alignas(64) unsigned char zeros[1024] = {};
  fake::Run run;
  EXPECT_EQ(run(fake::model(), reinterpret_cast<qcc_pool *>(zeros)), QCC_ERR_ARGUMENT);
}

std::atomic<uint32_t> blocked;
void checkSignals(const qcc_frame *, uint32_t thread, uint32_t) {
  sigset_t mask;
  pthread_sigmask(SIG_BLOCK, nullptr, &mask);
  if (sigismember(&mask, SIGINT))
    blocked |= 1u << thread;
}

TEST(Pool, OnlyWorkersBlockSignals) {
  const qcc_step_fn fns[] = {checkSignals};
  const qcc_variant variant = {"x86-64", 0, fns};
  qcc_model model = fake::bare(&variant, fake::infos, 1);
  Pool threads = pool(2);
  blocked = 0;
  EXPECT_EQ(qcc_run(&model, nullptr, nullptr, nullptr, 0, threads.get()), QCC_OK);
  EXPECT_EQ(blocked, 2u);
}

#if defined(__x86_64__)
std::atomic<uint32_t> flushing;
void checkFlush(const qcc_frame *, uint32_t thread, uint32_t) {
  if (__builtin_ia32_stmxcsr() & 0x8000u)
    flushing |= 1u << thread;
}

TEST(Pool, WorkersTakeTheCallersFloatMode) {
  const qcc_step_fn fns[] = {checkFlush};
  const qcc_variant variant = {"x86-64", 0, fns};
  qcc_model model = fake::bare(&variant, fake::infos, 1);
  Pool threads = pool(3);
  for (uint32_t expected : {0u, 7u, 0u}) {
    unsigned before = __builtin_ia32_stmxcsr();
    __builtin_ia32_ldmxcsr(expected ? before | 0x8000u : before);
    flushing = 0;
    EXPECT_EQ(qcc_run(&model, nullptr, nullptr, nullptr, 0, threads.get()), QCC_OK);
    __builtin_ia32_ldmxcsr(before);
    EXPECT_EQ(flushing, expected);
  }
}
#endif

} // namespace
