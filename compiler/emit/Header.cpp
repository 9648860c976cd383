//===- Header.cpp - The C header of a compiled model ----------------------===//

#include "compiler/emit/Header.h"

#include "qcc/runtime.h"
#include "llvm/ADT/StringExtras.h"
#include "llvm/Support/Format.h"
#include "llvm/Support/raw_ostream.h"

using namespace llvm;
using namespace qcc;
using namespace qcc::emit;

namespace {
struct CType {
  StringRef spelling, meaning;
};

CType cType(uint32_t type) {
  switch (type) {
  case QCC_TYPE_F32:
    return {"float", "float32"};
  case QCC_TYPE_F64:
    return {"double", "float64"};
  case QCC_TYPE_F16:
    return {"uint16_t", "float16, as its bits"};
  case QCC_TYPE_BF16:
    return {"uint16_t", "bfloat16, as its bits"};
  case QCC_TYPE_BOOL:
    return {"uint8_t", "bool, 0 or 1"};
  case QCC_TYPE_U8:
    return {"uint8_t", "uint8"};
  case QCC_TYPE_I8:
    return {"int8_t", "int8"};
  case QCC_TYPE_U16:
    return {"uint16_t", "uint16"};
  case QCC_TYPE_I16:
    return {"int16_t", "int16"};
  case QCC_TYPE_U32:
    return {"uint32_t", "uint32"};
  case QCC_TYPE_I32:
    return {"int32_t", "int32"};
  case QCC_TYPE_U64:
    return {"uint64_t", "uint64"};
  default:
    return {"int64_t", "int64"};
  }
}

/// Text that cannot end a comment or break a line.
std::string commentSafe(StringRef text) {
  std::string result;
  for (char c : text)
    result += isPrint(c) && c != '*' && c != '\\' && c != '?' ? c : '_';
  return result.size() > 200 ? result.substr(0, 200) + "..." : result;
}

std::string shapeList(const Port &port, StringRef separator) {
  std::string text;
  for (int64_t extent : port.type.getShape())
    text += (text.empty() ? "" : separator.str()) + std::to_string(extent);
  return text;
}

/// "1, 1..128, 32..640/32"
std::string boundsText(const Port &port) {
  std::string text;
  for (auto [i, extent] : llvm::enumerate(port.type.getShape())) {
    text += text.empty() ? "" : ", ";
    if (port.isBounded() && port.least[i] != extent)
      text += std::to_string(port.least[i]) + "..";
    text += std::to_string(extent);
    if (port.isBounded() && port.steps[i] != 1)
      text += "/" + std::to_string(port.steps[i]);
  }
  return text;
}

void writeMacros(raw_ostream &os, const Port &port, StringRef macro) {
  std::string name = (macro + "_" + StringRef(port.cName).upper()).str();
  os << "#define " << name << "_RANK " << port.type.getRank() << "\n";
  if (port.type.getRank())
    os << "#define " << name << "_SHAPE { " << shapeList(port, ", ") << " }\n";
  if (port.isBounded())
    os << "#define " << name << "_MIN_SHAPE { "
       << llvm::join(llvm::map_range(port.least, [](int64_t n) { return std::to_string(n); }), ", ")
       << " }\n";
  os << "#define " << name << "_ELEMENTS " << port.type.getNumElements() << "\n";
  if (port.scale != 0)
    os << "#define " << name << "_SCALE " << format("%.9g", port.scale) << "\n"
       << "#define " << name << "_ZERO_POINT (" << port.zeroPoint << ")\n";
}

bool isBoundedAt(const Port &port, size_t axis) {
  return port.isBounded() && port.least[axis] != port.type.getDimSize(axis);
}

/// As in the runtime (same_tensors).
bool isState(const Port &output, const Port &input) {
  if (input.abiType != output.abiType || input.type.getRank() != output.type.getRank())
    return false;
  for (auto [axis, size] : llvm::enumerate(input.type.getShape()))
    if (isBoundedAt(input, axis) != isBoundedAt(output, axis) ||
        (!isBoundedAt(input, axis) && size != output.type.getDimSize(axis)))
      return false;
  return true;
}

/// The inputs whose memory an output may be: a state that the next run takes.
std::string statesOf(const Port &output, ArrayRef<Port> inputs) {
  std::string text;
  for (const Port &input : inputs)
    if (isState(output, input))
      text += (text.empty() ? "" : " or ") + input.cName;
  return text;
}

void writeStruct(raw_ostream &os, const Program &program, StringRef name, bool isInput) {
  ArrayRef<Port> ports = isInput ? program.inputs : program.outputs,
                 states = isInput ? ArrayRef<Port>() : ArrayRef<Port>(program.inputs);
  const Port *shape =
      (isInput ? program.inputShapes : program.outputShapes).data(); // of the next bounded one
  os << "typedef struct " << name << " {\n";
  for (const Port &port : ports) {
    CType type = cType(port.abiType);
    os << "  " << (isInput ? "const " : "") << type.spelling << " *" << port.cName << "; /* \""
       << commentSafe(port.name) << "\": " << type.meaning << " [" << boundsText(port) << "]";
    if (port.scale != 0)
      os << format(", real = %.9g * (value - %d)", port.scale, int(port.zeroPoint));
    if (std::string inputs = statesOf(port, states); !inputs.empty())
      os << "; may be the memory of " << inputs;
    os << " */\n";
    if (port.isBounded())
      os << "  int64_t " << (shape++)->cName << "[" << port.type.getRank() << "]; /* "
         << (isInput ? "its shape in this run" : "its shape, which the run writes") << " */\n";
  }
  if (ports.empty())
    os << "  const void *unused; /* the model has none */\n";
  os << "} " << name << ";\n\n";
}
} // namespace

std::string emit::writeHeader(const Program &program, StringRef prefix, StringRef comment, bool isForDevice) {
  std::string text, macro = prefix.upper();
  raw_string_ostream os(text);
  os << "/* " << commentSafe(comment) << " */\n#ifndef QCC_MODEL_" << macro << "_H\n#define QCC_MODEL_"
     << macro << "_H\n\n"
     << "#include \"qcc/runtime.h\"\n\n#ifdef __cplusplus\nextern \"C\" {\n#endif\n\n"
     << "/* Bytes of scratch memory that one run needs, at any alignment. */\n#define " << macro
     << "_WORKSPACE_BYTES " << std::max<int64_t>(program.workspaceBytes, QCC_WORK_ALIGN) << "\n\n";
  for (const Port &port : program.inputs)
    writeMacros(os, port, macro);
  for (const Port &port : program.outputs)
    writeMacros(os, port, macro);
  bool hasStates = llvm::any_of(program.outputs,
                                [&](const Port &port) { return !statesOf(port, program.inputs).empty(); });
  os << "\n/* Pointers may have any alignment; nothing written may overlap anything else"
     << (hasStates ? ",\n * except that an output may begin where an input does that its comment names. */\n"
                   : ". */\n");
  if (!program.inputShapes.empty())
    os << "/* A shape LEAST..MOST is that of the run. Inputs are dense for it; buffers of outputs have room "
          "for\n"
       << " * the most, also one that is the memory of an input, and are written dense for the shape that "
          "the "
          "run\n * says. QCC_ERR_SHAPE: out of bounds, or not what other inputs say. */\n";
  writeStruct(os, program, (prefix + "_inputs").str(), true);
  writeStruct(os, program, (prefix + "_outputs").str(), false);
  os << "/* For generic callers: names, shapes, variants; see qcc/runtime.h. */\nextern const qcc_model "
     << prefix << "_model;\n\n"
     << "/* Runs the model once. `work` has " << macro << "_WORKSPACE_BYTES bytes and belongs to this run;\n"
     << " * `pool` NULL uses the calling thread alone. */\nqcc_status " << prefix << "_run(const " << prefix
     << "_inputs *in, " << (program.outputShapes.empty() ? "const " : "") << prefix
     << "_outputs *out, void *work, qcc_pool *pool);\n\n";
  if (isForDevice)
    os << "/* Puts a run into a CUDA stream and returns; see qcc_run_async in qcc/runtime.h. */\nqcc_status "
       << prefix << "_run_async(const " << prefix << "_inputs *in, const " << prefix
       << "_outputs *out, void *stream);\n\n";
  os << "#ifdef __cplusplus\n}\n#endif\n\n#endif /* QCC_MODEL_" << macro << "_H */\n";
  return text;
}
