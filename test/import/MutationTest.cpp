//===- MutationTest.cpp - Damaged models must not crash the compiler ------===//
//
// Every mutant of a small model either goes through all stages or is refused
// with a message. The seeds are fixed: a failure names the one to look at.
//
//===----------------------------------------------------------------------===//

#include "compiler/Pipeline.h"
#include "compiler/import/Import.h"
#include "test/import/Mutants.h"
#include "gtest/gtest.h"

#include <chrono>
#include <cstdio>
#include <fstream>
#include <unistd.h>

using namespace mlir;
using namespace qcc;

namespace {

class Mutation : public testing::TestWithParam<bool> {
protected:
  std::string path = testing::TempDir() + "mutant" + std::to_string(getpid()) + ".onnx";
  std::string whole = test::smallModel(GetParam());
  int compiled = 0, refused = 0;
  MLIRContext context{MLIRContext::Threading::DISABLED};

  void SetUp() override {
    DialectRegistry registry;
    registerAllDialects(registry);
    context.appendDialectRegistry(registry);
    context.loadAllAvailableDialects();
  }

  void TearDown() override { std::remove(path.c_str()); }

  /// All stages that do not generate code.
  static bool compile(ModuleOp module) {
    PipelineOptions options;
    options.quantize.mode = quantize::Mode::Keep;
    return succeeded(runStages(module, Stage::simplify, Stage::memory, options));
  }

  void run(const std::string &bytes, uint32_t seed) {
    SCOPED_TRACE(seed);
    std::ofstream(path, std::ios::binary) << bytes;
    int errors = 0;
    ScopedDiagnosticHandler handler(
        &context, [&](Diagnostic &d) { errors += d.getSeverity() == DiagnosticSeverity::Error; });
    auto start = std::chrono::steady_clock::now();
    import::ImportFault fault;
    OwningOpRef<ModuleOp> module = import::importModel(context, path, {}, fault);
    bool done = module && compile(*module);
    ++(done ? compiled : refused);
    std::chrono::duration<double> seconds = std::chrono::steady_clock::now() - start;
    EXPECT_EQ(done, errors == 0) << "an error is said where and only where it is refused";
    EXPECT_LT(seconds.count(), 20); // the machine may be busy
  }
};

TEST_P(Mutation, TheModelItselfCompiles) {
  run(whole, 0);
  EXPECT_EQ(compiled, 1);
}

TEST_P(Mutation, DamagedBytes) {
  for (uint32_t seed = 1; seed <= 250; ++seed)
    run(test::withDamagedBytes(whole, seed), seed);
  EXPECT_GT(refused, 20);
}

TEST_P(Mutation, DamagedFields) {
  for (uint32_t seed = 1; seed <= 400; ++seed)
    run(test::withDamagedFields(whole, seed), seed);
  EXPECT_GT(compiled, 20);
  EXPECT_GT(refused, 20);
}

INSTANTIATE_TEST_SUITE_P(Of, Mutation, testing::Values(false, true));

} // namespace
