//===- CalibrateTest.cpp - Ranges and corrections of a small model --------===//

#include "compiler/calibrate/Calibrate.h"
#include "compiler/calibrate/Interpreter.h"
#include "compiler/calibrate/Noise.h"
#include "compiler/quantize/Passes.h"
#include "mlir/Dialect/Func/IR/FuncOps.h"
#include "mlir/Parser/Parser.h"
#include "mlir/Pass/PassManager.h"
#include "gtest/gtest.h"

#include <cmath>

using namespace mlir;
using namespace qcc;
using namespace qcc::calibrate;
using reference::DType;
using reference::Tensor;

namespace {

/// Two layers, whose coarse weights and clipped inner values shift the means.
constexpr const char *model = R"mlir(
func.func @main(%x: tensor<1x4xf32>) -> tensor<1x3xf32> {
  %w = "qcc.constant"() <{value = dense<[[0.113, -0.021, 1.3], [0.257, 0.003, 0.9], [-0.031, 0.127, -0.2], [0.011, 0.049, 0.4]]> : tensor<4x3xf32>}> : () -> tensor<4x3xf32>
  %v = "qcc.constant"() <{value = dense<[[0.31, 0.007, 0.21], [0.17, -1.1, 0.033], [-0.41, 0.05, 0.12]]> : tensor<3x3xf32>}> : () -> tensor<3x3xf32>
  %0 = "qcc.matmul"(%x, %w) <{operandSegmentSizes = array<i32: 1, 1, 0, 0, 0>}> : (tensor<1x4xf32>, tensor<4x3xf32>) -> tensor<1x3xf32> loc("first")
  %1 = "qcc.relu"(%0) : (tensor<1x3xf32>) -> tensor<1x3xf32>
  %2 = "qcc.matmul"(%1, %v) <{operandSegmentSizes = array<i32: 1, 1, 0, 0, 0>}> : (tensor<1x3xf32>, tensor<3x3xf32>) -> tensor<1x3xf32> loc("second")
  return %2 : tensor<1x3xf32>
})mlir";

class FixedSamples : public Samples {
public:
  explicit FixedSamples(int64_t count) : Samples({{"x", DType::F32, {1, 4}}}) {
    limit = count;
    uint32_t state = 7;
    for (int64_t i = 0; i < count * 4; ++i) {
      state = state * 1664525u + 1013904223u;
      values.push_back(static_cast<float>(state >> 8) / (1 << 24) * (i % 4 == 2 ? 8.0f : 2.0f) - 0.7f);
    }
  }

  std::vector<float> values;

protected:
  bool readUnchecked(int64_t index, std::vector<Tensor> &sample, std::string &) override {
    std::copy_n(values.data() + index * 4, 4, sample[0].data<float>());
    return true;
  }
  std::string placeOf(int64_t) const override { return "samples"; }
};

class CalibrateTest : public testing::Test {
protected:
  CalibrateTest() {
    context.loadDialect<func::FuncDialect, quant::QuantDialect, QccDialect>();
    context.getDiagEngine().registerHandler([&](Diagnostic &diagnostic) {
      messages.push_back(diagnostic.str());
      return success();
    });
  }

  /// The model with its marks.
  OwningOpRef<ModuleOp> planned() {
    OwningOpRef<ModuleOp> module = parseSourceString<ModuleOp>(model, &context);
    PassManager pm(&context);
    pm.addNestedPass<func::FuncOp>(quantize::createPlanQuantization());
    EXPECT_TRUE(succeeded(pm.run(*module)));
    return module;
  }

  void apply(ModuleOp module) {
    PassManager pm(&context);
    pm.addNestedPass<func::FuncOp>(quantize::createShareScales());
    pm.addNestedPass<func::FuncOp>(quantize::createApplyQuantization());
    EXPECT_TRUE(succeeded(pm.run(module)));
  }

  static std::vector<std::vector<Tensor>> outputs(ModuleOp module, Samples &samples) {
    std::vector<std::vector<Tensor>> all;
    std::unique_ptr<Executor> executor = interpret(module);
    for (int64_t i = 0; i < samples.count(); ++i) {
      std::vector<Tensor> inputs;
      std::string error;
      EXPECT_TRUE(samples.read(i, inputs, error)) << error;
      std::unique_ptr<qcc::calibrate::Run> run = executor->start(std::move(inputs));
      Stop stop;
      while (run->next(stop) == qcc::calibrate::Run::Status::Stopped) {
      }
      all.push_back(run->outputs());
    }
    return all;
  }

  std::string attributes(ModuleOp module) {
    std::string text;
    llvm::raw_string_ostream stream(text);
    module.walk([&](ObserveOp op) { stream << op->getPropertiesAsAttribute() << "\n"; });
    return text;
  }

  MLIRContext context;
  std::vector<std::string> messages;
  FixedSamples samples = FixedSamples(64);
};

TEST_F(CalibrateTest, RunsStopInOrderAndGoOnWithWhatIsWritten) {
  OwningOpRef<ModuleOp> module = planned();
  std::unique_ptr<Executor> executor = interpret(*module);
  std::vector<Tensor> inputs;
  std::string error;
  ASSERT_TRUE(samples.read(0, inputs, error));
  std::unique_ptr<qcc::calibrate::Run> run = executor->start(inputs);
  Stop stop;
  std::vector<int64_t> ids, axes;
  while (run->next(stop) == qcc::calibrate::Run::Status::Stopped) {
    ids.push_back(stop.id);
    axes.push_back(stop.axis);
    if (stop.id == 2)
      std::fill_n(stop.values, 3, 1.0f);
  }
  EXPECT_EQ(ids, (std::vector<int64_t>{0, 1, 2, 3}));
  EXPECT_EQ(axes, (std::vector<int64_t>{-1, 1, -1, 1}));
  EXPECT_FLOAT_EQ(run->outputs()[0].data<float>()[0], 0.31f + 0.17f - 0.41f);
  EXPECT_GE(executor->bytesPerRun(), 24u);
}

TEST_F(CalibrateTest, MinMaxIsTheRangeOfTheValues) {
  OwningOpRef<ModuleOp> module = planned();
  CalibrateOptions options;
  options.method = Method::MinMax;
  options.correctBias = false;
  auto report = qcc::calibrate::calibrate(*module, samples, interpret, options);
  ASSERT_TRUE(succeeded(report));
  ObserveOp input = *(*module->getOps<func::FuncOp>().begin()).getOps<ObserveOp>().begin();
  auto [lo, hi] = std::minmax_element(samples.values.begin(), samples.values.end());
  EXPECT_EQ((*input.getRange())[0], *lo);
  EXPECT_EQ((*input.getRange())[1], *hi);
  EXPECT_FALSE(report->corrected);
  ASSERT_EQ(report->trials.size(), 1u);
  EXPECT_FALSE(report->trials[0].corrected);
  EXPECT_TRUE(messages.empty()) << messages.front();
}

TEST_F(CalibrateTest, CorrectedMeansAreTheFloatOnes) {
  OwningOpRef<ModuleOp> module = planned();
  auto right = outputs(*module, samples);
  auto means = [](const std::vector<std::vector<Tensor>> &all) {
    std::vector<double> sums(3);
    for (const auto &results : all)
      for (int c = 0; c < 3; ++c)
        sums[c] += results[0].getDouble(c) / static_cast<double>(all.size());
    return sums;
  };
  OwningOpRef<ModuleOp> plain = planned();
  CalibrateOptions options;
  options.method = Method::MinMax;
  options.correctBias = false;
  ASSERT_TRUE(succeeded(qcc::calibrate::calibrate(*plain, samples, interpret, options)));
  apply(*plain);
  options.correctBias = true;
  auto report = qcc::calibrate::calibrate(*module, samples, interpret, options);
  ASSERT_TRUE(succeeded(report));
  ASSERT_TRUE(report->corrected);
  apply(*module);
  auto corrected = outputs(*module, samples);
  std::vector<double> want = means(right), got = means(corrected), without = means(outputs(*plain, samples));
  double off = 0;
  for (int c = 0; c < 3; ++c) {
    EXPECT_NEAR(got[c], want[c], 1e-6);
    off += std::fabs(without[c] - want[c]);
  }
  EXPECT_GT(off, 1e-4); // there was something to correct
  // What was promised is what the finished model does.
  Noise noise;
  for (size_t i = 0; i < right.size(); ++i)
    noise.add(right[i], corrected[i]);
  EXPECT_NEAR(*noise.decibels(), *report->error, 1e-3);
}

TEST_F(CalibrateTest, AutoKeepsTheLeastError) {
  OwningOpRef<ModuleOp> module = planned();
  auto report = qcc::calibrate::calibrate(*module, samples, interpret, {});
  ASSERT_TRUE(succeeded(report));
  ASSERT_EQ(report->trials.size(), 3u);
  for (const Trial &trial : report->trials) {
    EXPECT_GE(*report->error, *trial.corrected);
    ASSERT_EQ(trial.plain.has_value(), trial.method == report->method);
    if (!trial.plain)
      continue;
    EXPECT_GE(*report->error, *trial.plain);
    EXPECT_EQ(*report->error, report->corrected ? *trial.corrected : *trial.plain);
  }
  EXPECT_EQ(report->samples, 64);
  EXPECT_EQ(report->correctionSamples, 64);
}

TEST_F(CalibrateTest, TheSameSamplesGiveTheSameModel) {
  OwningOpRef<ModuleOp> a = planned(), b = planned();
  ASSERT_TRUE(succeeded(qcc::calibrate::calibrate(*a, samples, interpret, {})));
  ASSERT_TRUE(succeeded(qcc::calibrate::calibrate(*b, samples, interpret, {})));
  EXPECT_EQ(attributes(*a), attributes(*b));
  EXPECT_NE(attributes(*a).find("range"), std::string::npos);
}

TEST_F(CalibrateTest, MemoryLimitsTheCorrectionsSamplesNotTheRanges) {
  OwningOpRef<ModuleOp> module = planned(), whole = planned();
  CalibrateOptions options;
  options.method = Method::MinMax;
  ASSERT_TRUE(succeeded(qcc::calibrate::calibrate(*whole, samples, interpret, options)));
  options.maxBytes = 5 * interpret(*module)->bytesPerRun();
  auto report = qcc::calibrate::calibrate(*module, samples, interpret, options);
  ASSERT_TRUE(succeeded(report));
  EXPECT_EQ(report->correctionSamples, 5);
  auto range = [](ModuleOp from) {
    return (*(*from.getOps<func::FuncOp>().begin()).getOps<ObserveOp>().begin()).getRangeAttr();
  };
  EXPECT_EQ(range(*module), range(*whole));
}

TEST_F(CalibrateTest, WarnsOfFewSamples) {
  OwningOpRef<ModuleOp> module = planned();
  FixedSamples one(1);
  ASSERT_TRUE(succeeded(qcc::calibrate::calibrate(*module, one, interpret, {})));
  ASSERT_EQ(messages.size(), 1u);
  EXPECT_EQ(messages[0], "calibrated with 1 sample; ranges and biases get reliable with 32 or more");
}

TEST_F(CalibrateTest, OverflowNamesTheTensor) {
  OwningOpRef<ModuleOp> module = planned();
  samples.values[4 * 3 + 1] = 3e38f;
  samples.values[4 * 3 + 0] = 3e38f;
  EXPECT_TRUE(failed(qcc::calibrate::calibrate(*module, samples, interpret, {})));
  ASSERT_FALSE(messages.empty());
  EXPECT_NE(messages.back().find("is not finite with calibration sample 3"), std::string::npos)
      << messages.back();
}

TEST_F(CalibrateTest, ProgressEndsAtTheWhole) {
  OwningOpRef<ModuleOp> module = planned();
  CalibrateOptions options;
  double last = 0;
  options.progress = [&](const std::string &, double done) {
    EXPECT_GE(done, last);
    EXPECT_LE(done, 1);
    last = done;
  };
  ASSERT_TRUE(succeeded(qcc::calibrate::calibrate(*module, samples, interpret, options)));
  EXPECT_GT(last, 0.9);
}

TEST(NoiseTest, PoolsSamplesAndAveragesResults) {
  auto tensor = [](std::vector<float> values) {
    Tensor tensor(DType::F32, {static_cast<int64_t>(values.size())});
    std::copy(values.begin(), values.end(), tensor.data<float>());
    return tensor;
  };
  Noise noise;
  EXPECT_FALSE(noise.decibels());
  noise.add({tensor({3, 4}), tensor({0, 10})}, {tensor({3, 4}), tensor({0, 9})});
  noise.add({tensor({5, 0}), tensor({0, 0})}, {tensor({5, 1}), tensor({0, 0})});
  // 1 of 50 and 1 of 100
  EXPECT_NEAR(*noise.decibels(), -10 * std::log10((1.0 / 50 + 1.0 / 100) / 2), 1e-9);
  Noise exact;
  exact.add({tensor({1})}, {tensor({1})});
  EXPECT_EQ(*exact.decibels(), 150);
}

} // namespace
