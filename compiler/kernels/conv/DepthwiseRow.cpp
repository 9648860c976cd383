//===- DepthwiseRow.cpp - One or two output rows of a depthwise kernel ------===//
//
// Integer rows: the bytes of four taps are interleaved so that each 32-bit element
// holds four taps of one channel, and go through the dot product. Where taps are
// columns of the filter, an interleaved column serves all outputs that it is part of
// and is carried from one to the next. Packs undo the interleaving.
//
//===----------------------------------------------------------------------===//
#include "compiler/kernels/conv/DepthwiseRow.h"

using namespace mlir;
using namespace qcc::kernels;
using qcc::target::Variant;

constexpr int64_t groupBytes = blockChannels * 4; ///< weights of four taps

DepthwiseRow::DepthwiseRow(const DepthwiseSpec &spec, const Variant &variant)
    : spec(spec), vectorBytes(variant.vectorBytes), vectors(spec.isFloat && variant.registers == 32 ? 1 : 4) {
}

std::string DepthwiseRow::name() const {
  std::string name = spec.byteWeights ? "qcc_depthwise_f32_s8_"
                     : spec.isFloat   ? "qcc_depthwise_f32_"
                                      : "qcc_depthwise_u8_";
  name += std::to_string(spec.kernelH) + "x" + std::to_string(spec.kernelW) + "_" + std::to_string(columns());
  // A carried column needs to know how far outputs are apart.
  if (spec.dilationW != 1 || spec.strideW != 1)
    name += "_s" + std::to_string(spec.strideW) + "d" + std::to_string(spec.dilationW);
  name += hasLowerGroups(spec) ? lower ? "_two_rows" : "_one_row" : "";
  name += partial ? "_partial_" : "_";
  return name + spec.epilogue.key();
}

void DepthwiseRowArgs::visit(const DepthwiseRow &row,
                             llvm::function_ref<void(Value &, bool isPointer)> visitor) {
  bool residual = row.spec.epilogue.hasResidual();
  for (Value *value : {&x, &weights, &head, &panel, &out})
    visitor(*value, true);
  if (residual)
    visitor(this->residual, true);
  if (row.spec.epilogue.table)
    visitor(table, true);
  if (row.spec.epilogue.scalesImages())
    visitor(imageScale, true);
  for (Value *value : {&width, &xRow, &xPixel, &xStep, &outPixel})
    visitor(*value, false);
  if (residual)
    visitor(residualPixel, false);
  if (row.lower)
    visitor(outRow, false);
  if (row.lower && residual)
    visitor(residualRow, false);
  if (row.partial)
    visitor(columns, false);
}

SmallVector<Type> DepthwiseRowArgs::types(CodeBuilder &code, const DepthwiseRow &row) {
  SmallVector<Type> types;
  DepthwiseRowArgs().visit(row, [&](Value &, bool isPointer) {
    types.push_back(isPointer ? code.pointerType() : code.b.getI64Type());
  });
  return types;
}

Values DepthwiseRowArgs::list(const DepthwiseRow &row) const {
  Values values;
  DepthwiseRowArgs(*this).visit(row, [&](Value &value, bool) { values.push_back(value); });
  return values;
}

void DepthwiseRowArgs::set(const DepthwiseRow &row, ValueRange values) {
  size_t index = 0;
  visit(row, [&](Value &value, bool) { value = values[index++]; });
}

namespace {

class RowWriter {
public:
  RowWriter(CodeBuilder &code, const DepthwiseRow &row, const Variant &variant, const DepthwiseRowArgs &args)
      : code(code), ops(VectorOps::create(code, variant, row.vectorBytes)), row(row), spec(row.spec),
        args(args), groups(tapGroups(row.spec)) {
    carries = variant.registers == 32 && !spec.isFloat && verticalRows(spec) > 0 && spec.dilationW == 1 &&
              spec.kernelW <= 5;
  }
  void write();

private:
  CodeBuilder &code;
  std::unique_ptr<VectorOps> ops;
  const DepthwiseRow &row;
  const DepthwiseSpec &spec;
  DepthwiseRowArgs args;
  std::vector<TapGroup> groups;
  bool carries; ///< interleaved columns

  /// Operands of the four dot products of a group.
  using Column = SmallVector<VectorOps::Operand, 4>;

  int64_t numTaps() const { return spec.kernelH * spec.kernelW; }
  bool isLong() const { return numTaps() > manyTaps; }
  Value tapPointer(Value x, int64_t tapRow, int64_t tapColumn);
  Column interleave(const Values &taps);
  Column loadGroup(Value x, const TapGroup &group);
  Column loadColumn(Value x, int64_t column);
  void addGroup(Values &sums, const Column &column, Value weights);
  void addGroupAt(Values &sums, const Column &column, size_t group);
  void addColumns(SmallVector<Values> &sums, Value x, ArrayRef<Column> columns);
  Values sumLong(Value x, Values sums);
  Values sumFloat(Value x, Values sums);
  void addFloatTap(Values &sums, Value pixel, Value weights);
  void finish(Value index, ArrayRef<Values> sums);
  EpilogueCode epilogueAt(Value index);
  void writeCarried();
  void writePlain();
};

Value RowWriter::tapPointer(Value x, int64_t tapRow, int64_t tapColumn) {
  if (tapRow > 0)
    x = code.at(x, code.mul(args.xRow, tapRow));
  return tapColumn > 0 ? code.at(x, code.mul(args.xPixel, tapColumn)) : x;
}

/// Four vectors of bytes -> four vectors whose elements are the four bytes of a channel. The weights of
/// a missing tap are zero, so that any byte may stand for it.
RowWriter::Column RowWriter::interleave(const Values &taps) {
  Column column;
  auto words = [&](Value first, Value second, bool high) {
    return code.bitcast(ops->i16s(), ops->interleave(first, second, high));
  };
  for (bool high : {false, true}) {
    Value upper = words(taps[0], taps[1], high), lower = words(taps[2], taps[3], high);
    for (bool highWords : {false, true})
      column.push_back(ops->activations(code.bitcast(ops->i32s(), ops->interleave(upper, lower, highWords))));
  }
  return column;
}

RowWriter::Column RowWriter::loadGroup(Value x, const TapGroup &group) {
  Values taps;
  for (int64_t tap : group)
    taps.push_back(tap < 0 ? taps.back()
                           : code.load(ops->i8s(), tapPointer(x, tap / spec.kernelW, tap % spec.kernelW)));
  return interleave(taps);
}

/// A column of the input; for two output rows one more row of it.
RowWriter::Column RowWriter::loadColumn(Value x, int64_t column) {
  int64_t rows = verticalRows(spec) + row.lower;
  Values taps;
  for (int64_t i = 0; i < 4; ++i)
    taps.push_back(i < rows ? code.load(ops->i8s(), tapPointer(x, i, column)) : taps.back());
  return interleave(taps);
}

void RowWriter::addGroup(Values &sums, const Column &column, Value weights) {
  for (int64_t v = 0; v < row.vectors; ++v) {
    Value loaded = code.load(ops->i8s(), weights, v * 64, row.vectorBytes);
    sums[v] = ops->dot(sums[v], column[v], ops->weights(loaded));
  }
}

void RowWriter::addGroupAt(Values &sums, const Column &column, size_t group) {
  addGroup(sums, column, code.at(args.weights, group * groupBytes));
}

/// Adds the filter's columns to the sums of one or two rows, then the taps that are not in columns.
void RowWriter::addColumns(SmallVector<Values> &sums, Value x, ArrayRef<Column> columns) {
  size_t lowerGroups = hasLowerGroups(spec) ? spec.kernelW : 0, upperGroups = groups.size() - lowerGroups;
  for (size_t i = 0; i < columns.size(); ++i) {
    addGroupAt(sums[0], columns[i], i);
    if (row.lower)
      addGroupAt(sums[1], columns[i], upperGroups + i);
  }
  for (size_t i = columns.size(); i < upperGroups; ++i)
    addGroupAt(sums[0], loadGroup(x, groups[i]), i);
}

/// Filters with very many taps: a loop over groups in raster order.
Values RowWriter::sumLong(Value x, Values sums) {
  return code.forLoop(code.i64(0), code.i64(groups.size()), 1, sums, [&](Value group, ValueRange carried) {
    Values taps, next(carried);
    for (int64_t i = 0; i < 4; ++i) {
      Value tap = code.min(code.add(code.mul(group, 4), code.i64(i)), code.i64(numTaps() - 1));
      Value offset = code.add(code.mul(code.div(tap, spec.kernelW), args.xRow),
                              code.mul(code.rem(tap, spec.kernelW), args.xPixel));
      taps.push_back(code.load(ops->i8s(), code.at(x, offset)));
    }
    addGroup(next, interleave(taps), code.at(args.weights, code.mul(group, groupBytes)));
    return next;
  });
}

void RowWriter::addFloatTap(Values &sums, Value pixel, Value weights) {
  for (int64_t v = 0; v < row.vectors; ++v) {
    Value x = code.load(ops->f32s(), pixel, v * row.vectorBytes);
    Value w = spec.byteWeights ? ops->bytesAsFloats(weights, v * ops->count())
                               : code.load(ops->f32s(), weights, v * row.vectorBytes, row.vectorBytes);
    sums[v] = ops->multiplyAdd(x, w, sums[v]);
  }
}

Values RowWriter::sumFloat(Value x, Values sums) {
  int64_t tapBytes = blockChannels * (spec.byteWeights ? 1 : 4);
  if (!isLong()) {
    for (int64_t tap = 0; tap < numTaps(); ++tap)
      addFloatTap(sums, tapPointer(x, tap / spec.kernelW, tap % spec.kernelW),
                  code.at(args.weights, tap * tapBytes));
    return sums;
  }
  return code.forLoop(code.i64(0), code.i64(numTaps()), 1, sums, [&](Value tap, ValueRange carried) {
    Values next(carried);
    Value offset = code.add(code.mul(code.div(tap, spec.kernelW), args.xRow),
                            code.mul(code.rem(tap, spec.kernelW), args.xPixel));
    addFloatTap(next, code.at(x, offset), code.at(args.weights, code.mul(tap, tapBytes)));
    return next;
  });
}

EpilogueCode RowWriter::epilogueAt(Value index) {
  EpilogueCode::Form form{spec.epilogue, spec.isFloat, unsigned(row.vectors),
                          spec.isFloat ? row.vectorBytes : 64,
                          ParamLayout(spec.epilogue, spec.isFloat, spec.packing, blockChannels)};
  EpilogueCode::Pointers at{args.head,
                            args.panel,
                            code.at(args.out, code.mul(index, args.outPixel)),
                            args.residual ? code.at(args.residual, code.mul(index, args.residualPixel))
                                          : Value(),
                            args.outRow,
                            args.residualRow,
                            args.table,
                            args.columns,
                            /*rowScales=*/Value(),
                            /*rowZeros=*/Value(),
                            args.imageScale};
  return EpilogueCode(*ops, form, at);
}

void RowWriter::writePlain() {
  code.forLoop(code.i64(0), args.width, [&](Value index) {
    EpilogueCode epilogue = epilogueAt(index);
    Value x = code.at(args.x, code.mul(index, args.xStep));
    SmallVector<Values> sums(row.lower ? 2 : 1, epilogue.bias());
    if (spec.isFloat) {
      sums[0] = sumFloat(x, sums[0]);
    } else if (isLong()) {
      sums[0] = sumLong(x, sums[0]);
    } else {
      SmallVector<Column> columns;
      if (row.lower) // columns of four rows serve both
        for (int64_t i = 0; i < spec.kernelW; ++i)
          columns.push_back(loadColumn(x, i));
      addColumns(sums, x, columns);
    }
    epilogue.store(sums);
  });
}

void RowWriter::writeCarried() {
  int64_t kept = std::max<int64_t>(0, spec.kernelW - spec.strideW);
  Values carried;
  auto append = [&](ArrayRef<Column> columns) {
    for (const Column &column : columns)
      for (const VectorOps::Operand &operand : column)
        carried.append(operand.begin(), operand.end());
  };
  SmallVector<Column> columns;
  for (int64_t i = 0; i < kept; ++i)
    columns.push_back(loadColumn(args.x, i));
  append(columns);
  code.forLoop(code.i64(0), args.width, 1, carried, [&](Value index, ValueRange previous) {
    Value x = code.at(args.x, code.mul(index, args.xStep));
    SmallVector<Column> columns(kept);
    for (int64_t i = 0; i < kept * row.vectors; ++i)
      columns[i / row.vectors].push_back({previous[i]});
    for (int64_t i = kept; i < spec.kernelW; ++i)
      columns.push_back(loadColumn(x, i));
    EpilogueCode epilogue = epilogueAt(index);
    SmallVector<Values> sums(row.lower ? 2 : 1, epilogue.bias());
    addColumns(sums, x, columns);
    epilogue.store(sums);
    carried.clear();
    append(ArrayRef(columns).take_back(kept));
    return carried;
  });
}

void RowWriter::write() {
  if (carries)
    writeCarried();
  else
    writePlain();
}

} // namespace

func::FuncOp qcc::kernels::getDepthwiseRow(CodeBuilder &code, const DepthwiseRow &row,
                                           const Variant &variant) {
  // Loads of weights that may not be written to leave the loop over pixels. Where they are operands of the
  // dot product, or are more than registers hold, that would only make copies on the stack.
  SmallVector<unsigned> noalias = {0, 2, 3};
  if (row.spec.isFloat || (!variant.hasDot() && variant.packing == qcc::target::Packing::Quads))
    noalias.push_back(1);
  return code.sharedFunction(row.name(), DepthwiseRowArgs::types(code, row), noalias,
                             [&](func::FuncOp function) {
                               DepthwiseRowArgs args;
                               args.set(row, ValueRange(function.getArguments()));
                               RowWriter(code, row, variant, args).write();
                             });
}
