//===- Output.cpp - Writing files that are whole or not there -------------===//

#include "tools/qcc/Output.h"

#include "llvm/ADT/SmallString.h"
#include "llvm/Support/FileSystem.h"
#include "llvm/Support/Signals.h"

using namespace llvm;
namespace fs = llvm::sys::fs;

/// Writes to an open file; the stream does not close it.
static std::error_code writeTo(int fd, function_ref<void(raw_ostream &)> write) {
  raw_fd_ostream os(fd, /*shouldClose=*/false);
  write(os);
  os.flush();
  std::error_code code = os.error();
  os.clear_error();
  return code;
}

static std::error_code writeDirectly(StringRef path, function_ref<void(raw_ostream &)> write) {
  int fd = -1;
  if (std::error_code code = fs::openFileForWrite(path, fd, fs::CD_OpenExisting, fs::OF_None))
    return code;
  std::error_code code = writeTo(fd, write);
  std::error_code closed = fs::closeFile(fd);
  return code ? code : closed;
}

static std::error_code writeByRename(StringRef path, function_ref<void(raw_ostream &)> write) {
  Expected<fs::TempFile> temporary = fs::TempFile::create(path + ".%%%%%%%%.tmp");
  if (!temporary)
    return errorToErrorCode(temporary.takeError());
  if (std::error_code code = writeTo(temporary->FD, write)) {
    consumeError(temporary->discard());
    return code;
  }
  return errorToErrorCode(temporary->keep(path));
}

bool qcc::driver::writeOutput(StringRef path, function_ref<void(raw_ostream &)> write, std::string &error) {
  fs::file_status status;
  std::error_code code;
  if (path == "-")
    code = writeTo(/*stdout*/ 1, write);
  else if (fs::status(path, status) || !fs::exists(status) || fs::is_regular_file(status))
    code = writeByRename(path, write);
  else if (fs::is_directory(status))
    code = std::make_error_code(std::errc::is_a_directory);
  else
    code = writeDirectly(path, write);
  if (code)
    error = "cannot write '" + path.str() + "': " + code.message();
  return !code;
}

static bool isReplaceable(StringRef path) {
  fs::file_status status;
  return path != "-" && (fs::status(path, status) || !fs::exists(status) || fs::is_regular_file(status));
}

bool qcc::driver::writeOutputs(ArrayRef<OutputFile> all, std::string &error) {
  bool isBesideSomething = all.empty() || isReplaceable(all.front().path);
  SmallVector<OutputFile, 3> files;
  for (const OutputFile &file : all)
    if (isBesideSomething || !file.isCompanion)
      files.push_back(file);
  std::vector<fs::TempFile> finished;
  auto discardAll = [&] {
    for (fs::TempFile &file : finished)
      consumeError(file.discard());
    return false;
  };
  for (const OutputFile &file : files) {
    if (!isReplaceable(file.path)) {
      if (!writeOutput(file.path, file.write, error))
        return discardAll();
      continue;
    }
    Expected<fs::TempFile> temporary = fs::TempFile::create(file.path + ".%%%%%%%%.tmp");
    std::error_code code = temporary ? std::error_code() : errorToErrorCode(temporary.takeError());
    if (!code) {
      code = writeTo(temporary->FD, file.write);
      finished.push_back(std::move(*temporary));
    }
    if (code) {
      error = "cannot write '" + file.path + "': " + code.message();
      return discardAll();
    }
  }
  auto next = finished.begin();
  for (const OutputFile &file : files)
    if (isReplaceable(file.path))
      if (Error failure = (next++)->keep(file.path)) {
        error = "cannot write '" + file.path + "': " + toString(std::move(failure));
        return false;
      }
  return true;
}

qcc::driver::Temporary::Temporary(StringRef suffix) {
  SmallString<128> made;
  error = fs::createTemporaryFile("qcc", suffix, made);
  if (error)
    return;
  path = made.str().str();
  sys::RemoveFileOnSignal(path);
}

qcc::driver::Temporary::~Temporary() {
  if (path.empty())
    return;
  fs::remove(path);
  sys::DontRemoveFileOnSignal(path);
}
