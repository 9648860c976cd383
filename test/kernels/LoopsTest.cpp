//===- LoopsTest.cpp - General kernels against the reference ----------------===//
//
// Each case of LoopsCases.def is one operation. Its kernel is emitted for every
// variant that this machine runs, on dense and on padded views, called on all
// units at once and in two ranges, and compared with the operation's evaluation:
// integers bit for bit, floats within a tolerance.
//
//===----------------------------------------------------------------------===//
#include "compiler/emit/LowerToLlvm.h"
#include "compiler/kernels/Expr.h"
#include "dialects/Constants.h"
#include "dialects/Qcc.h"
#include "mlir/AsmParser/AsmParser.h"
#include "mlir/Dialect/Func/IR/FuncOps.h"
#include "mlir/IR/Verifier.h"
#include "test/kernels/KernelRunner.h"
#include "test/kernels/LoopsRunner.h"
#include <cmath>
#include <gtest/gtest.h>
#include <random>

using namespace mlir;
using namespace qcc;
using qcc::test::Buffer;
using reference::DType;
using reference::Tensor;

namespace {

struct Case {
  const char *op;
  const char *attributes; ///< without the braces
  const char *type;       ///< (operands) -> results
  double low, high;       ///< range of the inputs' values
};

const Case cases[] = {
#define CASE(op, attributes, type, low, high) {op, attributes, type, low, high},
#include "test/kernels/LoopsCases.def"
};

MLIRContext &context() {
  static MLIRContext *instance = [] {
    DialectRegistry registry;
    emit::registerCodeDialects(registry);
    registry.insert<QccDialect, quant::QuantDialect>();
    auto *created = new MLIRContext(registry, MLIRContext::Threading::DISABLED);
    created->loadAllAvailableDialects();
    return created;
  }();
  return *instance;
}

/// A case, parsed: the operation, its specification and its numbers.
struct Problem {
  OwningOpRef<ModuleOp> module;
  Operation *op = nullptr;
  std::vector<Tensor> inputs, expected;

  explicit Problem(const Case &test);
  DictionaryAttr spec(bool padded) const;
  SmallVector<kernels::View> views(bool padded) const;
};

Tensor randomTensor(RankedTensorType type, double low, double high, std::mt19937 &random) {
  Tensor tensor(dtypeOf(type.getElementType()), type.getShape().vec());
  std::uniform_real_distribution<double> distribution(low, high);
  bool isFloat = reference::isFloat(tensor.type);
  auto range = reference::rangeOf(tensor.type);
  for (int64_t i = 0, e = tensor.size(); i < e; ++i) {
    double value = distribution(random);
    if (isFloat || tensor.type == DType::U64)
      tensor.setDouble(i, value);
    else
      tensor.setInt(i, std::clamp<int64_t>(std::llround(value), range.low, range.high));
  }
  return tensor;
}

Problem::Problem(const Case &test) {
  auto type = dyn_cast_or_null<FunctionType>(parseType(test.type, &context()));
  auto attributes =
      dyn_cast_or_null<DictionaryAttr>(parseAttribute("{" + std::string(test.attributes) + "}", &context()));
  if (!type || !attributes)
    return;
  Location loc = UnknownLoc::get(&context());
  module = ModuleOp::create(loc);
  OpBuilder builder = OpBuilder::atBlockEnd(module->getBody());
  auto function = func::FuncOp::create(builder, loc, "main", type);
  Block *block = function.addEntryBlock();
  builder.setInsertionPointToEnd(block);
  OperationState state(loc, "qcc." + std::string(test.op));
  state.addOperands(block->getArguments());
  state.addTypes(type.getResults());
  state.addAttributes(attributes.getValue());
  Operation *created = builder.create(state);
  auto interface = dyn_cast<QccOpInterface>(created);
  if (!interface || failed(interface.normalize()) || failed(mlir::verify(created)))
    return;
  std::mt19937 random(1);
  for (Type input : type.getInputs())
    inputs.push_back(randomTensor(cast<RankedTensorType>(input), test.low, test.high, random));
  SmallVector<const Tensor *> operands;
  for (Tensor &input : inputs)
    operands.push_back(&input);
  if (auto sizes = created->getAttrOfType<DenseI32ArrayAttr>("operandSegmentSizes"))
    for (auto [i, size] : llvm::enumerate(sizes.asArrayRef()))
      if (size == 0)
        operands.insert(operands.begin() + i, nullptr);
  SmallVector<Tensor> results;
  if (failed(interface.evaluate(operands, results)))
    return;
  expected.assign(results.begin(), results.end());
  op = created;
}

SmallVector<kernels::View> Problem::views(bool padded) const {
  SmallVector<kernels::View> result;
  auto add = [&](Type type) {
    auto storage = storageTypeOf(cast<RankedTensorType>(type));
    result.push_back(test::makeView(storage.getElementType(), storage.getShape(), padded));
  };
  llvm::for_each(op->getOperandTypes(), add);
  llvm::for_each(op->getResultTypes(), add);
  return result;
}

DictionaryAttr Problem::spec(bool padded) const {
  Builder builder(&context());
  SmallVector<Attribute> viewAttrs, typeAttrs;
  for (const kernels::View &view : views(padded))
    viewAttrs.push_back(view.toAttr());
  for (Type type : op->getOperandTypes())
    typeAttrs.push_back(TypeAttr::get(type));
  for (Type type : op->getResultTypes())
    typeAttrs.push_back(TypeAttr::get(type));
  SmallVector<NamedAttribute> entries{
      builder.getNamedAttr("kind", builder.getStringAttr(op->getName().stripDialect())),
      builder.getNamedAttr("views", builder.getArrayAttr(viewAttrs)),
      builder.getNamedAttr("types", builder.getArrayAttr(typeAttrs)),
      builder.getNamedAttr("attrs", op->getAttrDictionary()),
  };
  if (auto sizes = op->getAttrOfType<DenseI32ArrayAttr>("operandSegmentSizes")) {
    SmallVector<int64_t> present(sizes.asArrayRef().begin(), sizes.asArrayRef().end());
    entries.push_back(builder.getNamedAttr("operands", builder.getDenseI64ArrayAttr(present)));
  }
  return builder.getDictionaryAttr(entries);
}

/// Where two tensors differ first, with the elements around it; empty if nowhere.
std::string difference(const Tensor &actual, const Tensor &expected, bool exact) {
  exact |= !reference::isFloat(expected.type);
  double tolerance = expected.type == DType::F16 ? 2e-3 : expected.type == DType::BF16 ? 1e-2 : 1e-5;
  int64_t wrong = 0, first = -1;
  for (int64_t i = 0, e = expected.size(); i < e; ++i) {
    double a = actual.getDouble(i), b = expected.getDouble(i);
    bool close = a == b || (std::isnan(a) && std::isnan(b)) ||
                 (!exact && std::abs(a - b) <= tolerance * std::abs(b) + 1e-6);
    if (!close && wrong++ == 0)
      first = i;
  }
  if (wrong == 0)
    return "";
  std::string text = std::to_string(wrong) + " of " + std::to_string(expected.size()) + " wrong;";
  for (int64_t i = std::max<int64_t>(first - 3, 0); i < std::min(first + 8, expected.size()); ++i) {
    char buffer[80];
    snprintf(buffer, sizeof buffer, " [%lld] %.9g (expected %.9g)", static_cast<long long>(i),
             actual.getDouble(i), expected.getDouble(i));
    text += buffer;
  }
  return text;
}

/// Runs one compiled kernel; `pieces` ranges of units.
std::string run(const Problem &problem, bool padded, test::KernelLibrary &library, const std::string &name,
                int64_t units, int64_t pieces) {
  auto views = problem.views(padded);
  std::vector<Buffer> buffers;
  SmallVector<Buffer *> pointers;
  for (size_t i = 0; i < views.size(); ++i) {
    buffers.emplace_back(views[i], static_cast<uint8_t>(i < problem.inputs.size() ? 0xcd : 0x5a));
    if (i < problem.inputs.size())
      buffers.back().write(problem.inputs[i]);
  }
  for (Buffer &buffer : buffers)
    pointers.push_back(&buffer);
  // In reverse, so that a range which relies on an earlier one is found out.
  for (int64_t piece = pieces; piece-- > 0;)
    if (!library.call(name, pointers, units * piece / pieces, units * (piece + 1) / pieces))
      return "the kernel does not run";
  for (size_t i = 0; i < problem.expected.size(); ++i) {
    const Buffer &buffer = buffers[problem.inputs.size() + i];
    std::string message = difference(buffer.read(problem.expected[i].type), problem.expected[i],
                                     /*exact=*/isa<CastOp>(problem.op));
    if (!message.empty())
      return message;
    if (!buffer.restIsUntouched())
      return "bytes outside the view were written";
  }
  return "";
}

std::string nameOf(size_t i, bool padded) {
  return std::string(cases[i].op) + "_" + std::to_string(i) + (padded ? "_padded" : "_dense");
}

class Loops : public testing::TestWithParam<const char *> {};

TEST_P(Loops, AgreeWithTheReference) {
  const auto *variant = test::variantNamed(GetParam());
  ASSERT_TRUE(variant);
  if (!test::canRun(*variant))
    GTEST_SKIP() << "this machine lacks " << GetParam();
  const char *only = getenv("QCC_TEST_ONLY");
  test::KernelLibrary library(*variant);
  std::vector<std::unique_ptr<Problem>> problems;
  for (size_t i = 0; i < std::size(cases); ++i) {
    problems.push_back(nullptr);
    if (only && std::string(cases[i].op) != only)
      continue;
    auto problem = std::make_unique<Problem>(cases[i]);
    if (!problem->op) {
      ADD_FAILURE() << cases[i].op << " {" << cases[i].attributes << "} " << cases[i].type
                    << ": no such operation";
      continue;
    }
    bool emitted = true;
    for (bool padded : {false, true})
      emitted = emitted && library.add(context(), nameOf(i, padded), problem->spec(padded));
    EXPECT_TRUE(emitted) << cases[i].op << " " << cases[i].type;
    if (emitted)
      problems.back() = std::move(problem);
  }
  ASSERT_EQ(library.compile(), "");
  for (size_t i = 0; i < std::size(cases); ++i)
    for (bool padded : {false, true})
      for (int64_t pieces : {1, 2, 3}) {
        if (!problems[i] || HasFatalFailure())
          continue;
        int64_t units = kernels::kernelUnits(problems[i]->spec(padded));
        EXPECT_EQ(run(*problems[i], padded, library, nameOf(i, padded), units, pieces), "")
            << cases[i].op << " {" << cases[i].attributes << "} " << cases[i].type
            << (padded ? " padded" : " dense") << ", " << pieces << " of " << units << " units";
      }
}

/// The kernel of a padding ring: everything of `outer` but `inner` gets 77.
TEST_P(Loops, FillBorderLeavesTheInsideAlone) {
  const auto *variant = test::variantNamed(GetParam());
  ASSERT_TRUE(variant);
  if (!test::canRun(*variant))
    GTEST_SKIP() << "this machine lacks " << GetParam();
  Builder builder(&context());
  Type element = builder.getIntegerType(8, /*isSigned=*/false);
  kernels::View outer = kernels::View::rowMajor(element, {2, 9, 11, 24}), inner = outer;
  inner.shape = {2, 6, 8, 24};
  inner.offset = 2 * outer.strides[1] + 1 * outer.strides[2];
  auto attrs = builder.getDictionaryAttr({builder.getNamedAttr("inner", inner.toAttr()),
                                          builder.getNamedAttr("value", builder.getI64IntegerAttr(77))});
  auto spec = builder.getDictionaryAttr({builder.getNamedAttr("kind", builder.getStringAttr("fill_border")),
                                         builder.getNamedAttr("views", builder.getArrayAttr(outer.toAttr())),
                                         builder.getNamedAttr("attrs", attrs)});
  test::KernelLibrary library(*variant);
  ASSERT_TRUE(library.add(context(), "fill", spec));
  ASSERT_EQ(library.compile(), "");
  int64_t units = kernels::kernelUnits(spec);
  Buffer buffer(outer, 0x5a);
  for (int64_t piece : {1, 0})
    ASSERT_TRUE(library.call("fill", &buffer, units * piece / 2, units * (piece + 1) / 2));
  Tensor bytes = buffer.read(DType::U8);
  EXPECT_TRUE(buffer.restIsUntouched());
  for (int64_t n = 0, i = 0; n < 2; ++n)
    for (int64_t y = 0; y < 9; ++y)
      for (int64_t x = 0; x < 11; ++x)
        for (int64_t c = 0; c < 24; ++c, ++i) {
          bool inside = y >= 2 && y < 8 && x >= 1 && x < 9;
          ASSERT_EQ(bytes.getInt(i), inside ? 0x5a : 77) << n << " " << y << " " << x << " " << c;
        }
}

INSTANTIATE_TEST_SUITE_P(Variants, Loops,
                         testing::Values("x86-64", "avx2", "avx512vnni", "armv8-a", "emulated"),
                         [](const auto &info) {
                           std::string name = info.param;
                           std::replace(name.begin(), name.end(), '-', '_');
                           return name;
                         });

} // namespace
