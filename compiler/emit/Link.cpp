//===- Link.cpp - Joining objects -----------------------------------------===//

#include "compiler/emit/Link.h"

#include "lld/Common/Driver.h"
#include "llvm/ADT/SmallString.h"
#include "llvm/ObjCopy/ConfigManager.h"
#include "llvm/ObjCopy/ObjCopy.h"
#include "llvm/Object/Binary.h"
#include "llvm/Support/FileSystem.h"
#include "llvm/Support/FileUtilities.h"
#include "llvm/Support/MemoryBuffer.h"
#include "llvm/Support/Path.h"
#include "llvm/Support/Signals.h"
#include "llvm/Support/raw_ostream.h"
#include "llvm/TargetParser/Host.h"
#include "llvm/TargetParser/Triple.h"

LLD_HAS_DRIVER(elf)

using namespace llvm;

namespace {
/// A file that is gone when this is.
class TemporaryFile {
public:
  static Expected<std::unique_ptr<TemporaryFile>> create(StringRef suffix, StringRef bytes = "") {
    SmallString<128> path;
    int descriptor;
    if (std::error_code code = sys::fs::createTemporaryFile("qcc", suffix, descriptor, path))
      return failure(code);
    auto file = std::make_unique<TemporaryFile>(path.str().str());
    sys::RemoveFileOnSignal(path);
    raw_fd_ostream stream(descriptor, /*shouldClose=*/true);
    stream << bytes;
    stream.close();
    std::error_code code = stream.error();
    stream.clear_error();
    if (code)
      return failure(code);
    return file;
  }

  explicit TemporaryFile(const std::string &path) : path(path), remover(path) {}
  const std::string path;

private:
  static Error failure(std::error_code code) {
    return createStringError(code, "cannot write a temporary file, for which TMPDIR may name a folder: " +
                                       code.message());
  }

  FileRemover remover;
};

/// Deterministic, and one link at a time.
Error runLinker(std::vector<const char *> arguments) {
  arguments.insert(arguments.begin(), "ld.lld");
  arguments.insert(arguments.end(), {"--build-id=none", "--threads=1"});
  std::string messages;
  raw_string_ostream errors(messages);
  raw_null_ostream none;
  lld::Result result = lld::lldMain(arguments, none, errors, {{lld::Gnu, &lld::elf::link}});
  if (result.retCode)
    return createStringError("the linker reports: " + messages);
  return Error::success();
}

Expected<SmallVector<char, 0>> localizeHidden(const std::string &path) {
  Expected<object::OwningBinary<object::Binary>> binary = object::createBinary(path);
  if (!binary)
    return binary.takeError();
  objcopy::ConfigManager config;
  config.Common.InputFilename = path;
  config.ELF.LocalizeHidden = true;
  SmallVector<char, 0> bytes;
  raw_svector_ostream stream(bytes);
  if (Error error = objcopy::executeObjcopyOnBinary(config, *binary->getBinary(), stream))
    return error;
  return bytes;
}
} // namespace

Expected<SmallVector<char, 0>> qcc::emit::mergeObjects(std::vector<SmallVector<char, 0>> objects) {
  Expected<std::unique_ptr<TemporaryFile>> output = TemporaryFile::create("o");
  if (!output)
    return output.takeError();
  std::vector<std::unique_ptr<TemporaryFile>> inputs;
  std::vector<const char *> arguments = {"-r", "-o", (*output)->path.c_str()};
  for (SmallVector<char, 0> &object : objects) {
    auto input = TemporaryFile::create("o", StringRef(object.data(), object.size()));
    if (!input)
      return input.takeError();
    object = {};
    inputs.push_back(std::move(*input));
    arguments.push_back(inputs.back()->path.c_str());
  }
  if (Error error = runLinker(arguments))
    return error;
  return localizeHidden((*output)->path);
}

Error qcc::emit::linkShared(const std::string &object, const std::string &runtime, const std::string &prefix,
                            const std::string &output) {
  auto script = TemporaryFile::create("map", "{ global: " + prefix + "_run; " + prefix + "_run_async; " +
                                                 prefix + "_model; qcc_get_model; local: *; };\n");
  if (!script)
    return script.takeError();
  std::string map = "--version-script=" + (*script)->path;
  // Models for CPUs have no run_async.
  return runLinker({"-shared", "-o", output.c_str(), object.c_str(), runtime.c_str(), map.c_str(),
                    "--undefined-version", "--gc-sections", "--hash-style=gnu", "-z", "noexecstack", "-z",
                    "now"});
}

Expected<std::string> qcc::emit::findRuntime(const std::string &programFolder, StringRef triple) {
  Triple wanted{triple}, host{sys::getDefaultTargetTriple()};
  SmallString<256> path(programFolder);
  sys::path::append(path, "..", "lib");
  std::string step = "build the target qcc_rt or install qcc";
  if (wanted.getArch() != host.getArch()) {
    std::string folder = (wanted.getArchName() + "-linux-gnu").str();
    sys::path::append(path, folder);
    step = "install crossbuild-essential-arm64, configure again and build the target qcc_rt_" + folder +
           "; --emit=obj needs no runtime library";
  }
  sys::path::append(path, "libqcc_rt.a");
  if (!sys::fs::exists(path))
    return createStringError("the runtime library for " + triple + " is not at " + path + "; " + step);
  return path.str().str();
}
