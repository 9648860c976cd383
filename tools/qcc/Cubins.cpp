//===- Cubins.cpp - NVIDIA's assembler, where there is one ------------------===//
#include "tools/qcc/Cubins.h"

#include "compiler/support/Parallel.h"
#include "tools/qcc/Output.h"
#include "llvm/Support/MemoryBuffer.h"
#include "llvm/Support/Program.h"

using namespace llvm;
using namespace qcc;
using namespace qcc::driver;

/// What a program says, or an error with its first line.
static Expected<std::string> runProgram(StringRef program, ArrayRef<StringRef> arguments) {
  Temporary output("txt");
  if (output.error)
    return createStringError("cannot write a temporary file: " + output.error.message());
  SmallVector<StringRef> words{program};
  words.append(arguments.begin(), arguments.end());
  std::optional<StringRef> redirects[] = {StringRef(""), StringRef(output.path), StringRef(output.path)};
  std::string why;
  int status = sys::ExecuteAndWait(program, words, std::nullopt, redirects, 0, 0, &why);
  auto said = MemoryBuffer::getFile(output.path);
  std::string text = said ? (*said)->getBuffer().str() : "";
  if (status == 0)
    return text;
  StringRef line = StringRef(text).split('\n').first;
  return createStringError(program + ": " + (why.empty() ? line : StringRef(why)));
}

static Expected<std::string> assemble(StringRef program, const emit::DeviceCode::Image &image) {
  Temporary ptx("ptx"), cubin("cubin");
  if (std::error_code code = ptx.error ? ptx.error : cubin.error)
    return createStringError("cannot write a temporary file: " + code.message());
  std::string error, target = "-arch=" + image.variant->name;
  if (!writeOutput(ptx.path, [&](raw_ostream &os) { os << image.ptx; }, error))
    return createStringError(error);
  if (auto said = runProgram(program, {target, "-O3", ptx.path, "-o", cubin.path}); !said)
    return said.takeError();
  auto bytes = MemoryBuffer::getFile(cubin.path);
  if (!bytes)
    return createStringError("cannot read what " + program + " has written");
  return (*bytes)->getBuffer().str();
}

/// "13.0.88" of "..., V13.0.88".
static std::string versionOf(StringRef text) {
  StringRef rest = text.rsplit(", V").second;
  return rest.take_until([](char c) { return c == '\n' || c == ' '; }).str();
}

Error driver::addCubins(emit::DeviceCode &code, const std::string &program, unsigned threads,
                        std::vector<std::string> &notes) {
  auto without = [&](const Twine &why) {
    notes.push_back(("no cubins " + why + ": the driver compiles the PTX when the model first runs").str());
    return Error::success();
  };
  if (program == "none")
    return without("(--ptxas=none)");
  std::string found = program;
  if (program.empty()) {
    auto onPath = sys::findProgramByName("ptxas");
    if (!onPath)
      return without("(there is no ptxas on the path)");
    found = *onPath;
  }
  auto version = runProgram(found, {"--version"});
  if (!version && program.empty())
    return without("(" + toString(version.takeError()) + ")");
  if (!version)
    return version.takeError();
  std::vector<std::string> errors(code.images.size());
  parallelFor(code.images.size(), threads, [&](size_t i) {
    auto cubin = assemble(found, code.images[i]);
    if (cubin)
      code.images[i].cubin = std::move(*cubin);
    else
      errors[i] = toString(cubin.takeError());
  });
  std::string names, refused;
  for (auto [image, error] : zip_equal(code.images, errors)) {
    if (!error.empty() && !program.empty())
      return createStringError(error);
    std::string &list = error.empty() ? names : refused;
    list += (list.empty() ? "" : ", ") + image.variant->name;
  }
  std::string note = names.empty() ? "no cubins" : "cubins of " + names;
  note += " by ptxas " + versionOf(*version) + " (" + found + ")";
  notes.push_back(refused.empty() ? note : note + "; it refuses " + refused);
  return Error::success();
}
