//===- Depthwise.cpp - One filter for each channel --------------------------===//
//
// A driver for each specification walks blocks of 64 channels (outside) and output
// rows, and calls functions for rows that layers share.
//
//===----------------------------------------------------------------------===//
#include "compiler/kernels/Kernel.h"
#include "compiler/kernels/conv/DepthwiseRow.h"
#include "llvm/Support/MathExtras.h"

using namespace mlir;
using namespace qcc::kernels;
using qcc::target::Variant;

namespace {

class Driver : ProductArguments {
public:
  Driver(OpBuilder &builder, func::FuncOp function, const DepthwiseSpec &spec, const Variant &variant);
  void write();

private:
  CodeBuilder code;
  const DepthwiseSpec &spec;
  const Variant &variant;
  ParamLayout layout;
  int64_t inBytes, outBytes, blockWeights;

  void writeBlock(Value block, int64_t channels);
  void writeRows(Value block, int64_t firstChannel, int64_t channels, const DepthwiseRow &form);
  void callRow(Value block, int64_t firstChannel, int64_t channels, DepthwiseRow form, Value line);
  bool readsTooFar(int64_t unused) const;
};

Driver::Driver(OpBuilder &builder, func::FuncOp function, const DepthwiseSpec &spec, const Variant &variant)
    : ProductArguments(function, spec.epilogue), code(builder, function.getLoc()), spec(spec),
      variant(variant), layout(spec.epilogue, spec.isFloat, spec.packing, blockChannels) {
  inBytes = spec.isFloat ? 4 : 1;
  outBytes = EpilogueCode::elementBytes(spec.epilogue.output);
  blockWeights = packedWeightBytes(spec) / llvm::divideCeil(spec.channels, blockChannels);
  x = code.at(x, spec.x.offset * inBytes);
  if (residual)
    residual = code.at(residual, spec.residual.offset * outBytes);
  out = code.at(out, spec.out.offset * outBytes);
}

void Driver::write() {
  int64_t fullBlocks = spec.channels / blockChannels, rest = spec.channels % blockChannels;
  int64_t rows = spec.batch * spec.outH;
  Value firstUnit = begin, endUnit = end;
  bool split = splitsBlocks(spec);
  auto write = [&](Value block, int64_t channels) {
    if (split) { // the rows of this block; none where the units are another's
      auto max = [&](Value a, Value b) -> Value { return arith::MaxSIOp::create(code.b, code.loc, a, b); };
      Value start = code.mul(block, rows);
      begin = max(code.sub(firstUnit, start), code.i64(0));
      end = max(code.min(code.sub(endUnit, start), code.i64(rows)), begin);
    }
    writeBlock(block, channels);
  };
  Value first = split ? code.div(firstUnit, rows) : code.i64(0), full = code.i64(fullBlocks);
  Value last = split ? code.min(code.div(code.add(endUnit, code.i64(rows - 1)), rows), full) : full;
  if (fullBlocks)
    code.forLoop(first, last, [&](Value block) { write(block, blockChannels); });
  if (rest)
    write(full, rest);
}

/// Lanes without a channel are read, too: not further than the slack after a buffer.
bool Driver::readsTooFar(int64_t unused) const {
  return unused * std::max(inBytes, spec.epilogue.hasResidual() ? outBytes : 0) > 64;
}

/// A block's channels, in parts of as many as a row's vectors hold.
void Driver::writeBlock(Value block, int64_t channels) {
  DepthwiseRow form(spec, variant);
  for (int64_t first = 0; first < channels; first += form.columns()) {
    int64_t left = channels - first;
    form.vectorBytes = variant.vectorBytes;
    while (form.vectorBytes > 16 && (left <= form.columns() / 2 || readsTooFar(form.columns() - left)))
      form.vectorBytes /= 2;
    int64_t here = std::min(form.columns(), left);
    form.partial = here < form.columns();
    writeRows(block, first, here, form);
  }
}

void Driver::writeRows(Value block, int64_t firstChannel, int64_t channels, const DepthwiseRow &form) {
  if (!hasLowerGroups(spec) || variant.registers < 32) {
    code.forLoop(begin, end, [&](Value line) { callRow(block, firstChannel, channels, form, line); });
    return;
  }
  DepthwiseRow two = form;
  two.lower = true;
  Value count = code.sub(end, begin), pairs = code.div(count, 2);
  code.forLoop(code.i64(0), pairs, [&](Value pair) {
    Value line = code.add(begin, code.mul(pair, 2));
    if (spec.batch == 1)
      return callRow(block, firstChannel, channels, two, line);
    // The second row may be the next image's first.
    code.ifElse(
        code.lessThan(code.rem(line, spec.outH), code.i64(spec.outH - 1)),
        [&] { callRow(block, firstChannel, channels, two, line); },
        [&] {
          callRow(block, firstChannel, channels, form, line);
          callRow(block, firstChannel, channels, form, code.add(line, code.i64(1)));
        });
  });
  code.ifElse(code.lessThan(code.mul(pairs, 2), count),
              [&] { callRow(block, firstChannel, channels, form, code.sub(end, code.i64(1))); });
}

void Driver::callRow(Value block, int64_t firstChannel, int64_t channels, DepthwiseRow form, Value line) {
  Value image = code.div(line, spec.outH), row = code.rem(line, spec.outH);
  Value channel = code.add(code.mul(block, blockChannels), code.i64(firstChannel));
  auto place = [&](Value base, const Place &p, int64_t rowStep, int64_t bytes) {
    Value offset = code.add(code.mul(image, p.image * bytes), code.mul(row, rowStep * bytes));
    return code.at(base, code.add(offset, code.mul(channel, bytes)));
  };
  // Bytes are interleaved by lanes of 16: channel 16L of a block lies 16L bytes into each 64-byte vector.
  int64_t inBlock = spec.isFloat ? firstChannel * 4 : firstChannel;
  int64_t inWeights = spec.byteWeights ? firstChannel : inBlock;
  DepthwiseRowArgs args;
  args.x = place(x, spec.x, spec.strideH * spec.x.row, inBytes);
  args.out = place(out, spec.out, spec.out.row, outBytes);
  if (residual)
    args.residual = place(residual, spec.residual, spec.residual.row, outBytes);
  args.weights = code.at(code.at(weights, code.mul(block, blockWeights)), inWeights);
  args.head = params;
  args.panel = code.at(code.at(params, code.mul(block, layout.panelBytes)), layout.headBytes + inBlock);
  args.table = table;
  if (imageScales)
    args.imageScale = code.at(imageScales, code.mul(image, spec.epilogue.bytesOfImage()));
  args.width = code.i64(spec.outW);
  args.xRow = code.i64(spec.dilationH * spec.x.row * inBytes);
  args.xPixel = code.i64(spec.dilationW * spec.x.pixel * inBytes);
  args.xStep = code.i64(spec.strideW * spec.x.pixel * inBytes);
  args.outPixel = code.i64(spec.out.pixel * outBytes);
  args.outRow = code.i64(spec.out.row * outBytes);
  args.residualPixel = code.i64(spec.residual.pixel * outBytes);
  args.residualRow = code.i64(spec.residual.row * outBytes);
  args.columns = code.i64(channels);
  code.call(getDepthwiseRow(code, form, variant), args.list(form));
}

} // namespace

namespace qcc::kernels {
LogicalResult emitDepthwise(OpBuilder &builder, func::FuncOp function, DictionaryAttr attr,
                            const Variant &variant) {
  DepthwiseSpec spec = DepthwiseSpec::fromAttr(attr);
  if (std::string reason = unsupportedReason(spec); !reason.empty())
    return emitError(function.getLoc(), "kernel 'depthwise': ") << reason;
  Driver(builder, function, spec, variant).write();
  return success();
}
} // namespace qcc::kernels
