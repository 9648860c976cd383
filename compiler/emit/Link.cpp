//===- Link.cpp - A self-contained shared object --------------------------===//

#include "compiler/emit/Link.h"

#include "lld/Common/Driver.h"
#include "llvm/ADT/SmallString.h"
#include "llvm/Support/FileSystem.h"
#include "llvm/Support/FileUtilities.h"
#include "llvm/Support/Path.h"
#include "llvm/Support/Signals.h"
#include "llvm/Support/raw_ostream.h"
#include "llvm/TargetParser/Host.h"
#include "llvm/TargetParser/Triple.h"

LLD_HAS_DRIVER(elf)

using namespace llvm;

namespace {
Expected<std::string> writeVersionScript(const std::string &prefix) {
  SmallString<128> path;
  int descriptor;
  if (std::error_code code = sys::fs::createTemporaryFile("qcc", "map", descriptor, path))
    return createStringError(code, "cannot write a temporary file: " + code.message());
  raw_fd_ostream stream(descriptor, /*shouldClose=*/true);
  stream << "{ global: " << prefix << "_run; " << prefix << "_model; qcc_get_model; local: *; };\n";
  return path.str().str();
}
} // namespace

Error qcc::emit::linkShared(const std::string &object, const std::string &runtime, const std::string &prefix,
                            const std::string &output) {
  Expected<std::string> script = writeVersionScript(prefix);
  if (!script)
    return script.takeError();
  FileRemover removeScript(*script);
  sys::RemoveFileOnSignal(*script);
  std::string map = "--version-script=" + *script, messages;
  const char *arguments[] = {"ld.lld",
                             "-shared",
                             "-o",
                             output.c_str(),
                             object.c_str(),
                             runtime.c_str(),
                             map.c_str(),
                             "--gc-sections",
                             "--build-id=none",
                             "--hash-style=gnu",
                             "-z",
                             "noexecstack",
                             "-z",
                             "now",
                             "--threads=1"};
  raw_string_ostream errors(messages);
  raw_null_ostream none;
  lld::Result result = lld::lldMain(arguments, none, errors, {{lld::Gnu, &lld::elf::link}});
  if (result.retCode)
    return createStringError("the linker reports: " + messages);
  return Error::success();
}

Expected<std::string> qcc::emit::findRuntime(const std::string &programFolder, StringRef triple) {
  Triple wanted{triple}, host{sys::getDefaultTargetTriple()};
  SmallString<256> path(programFolder);
  sys::path::append(path, "..", "lib");
  if (wanted.getArch() != host.getArch())
    sys::path::append(path, (wanted.getArchName() + "-linux-gnu").str());
  sys::path::append(path, "libqcc_rt.a");
  if (!sys::fs::exists(path))
    return createStringError("the runtime library is not at " + path +
                             "; build the target qcc_rt or install qcc");
  return path.str().str();
}
