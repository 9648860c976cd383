//===- File.h - Reading files that may be hostile ---------------*- C++ -*-===//
#ifndef QCC_COMPILER_IMPORT_FILE_H
#define QCC_COMPILER_IMPORT_FILE_H

#include <cstdint>
#include <map>
#include <memory>
#include <string>

namespace qcc::import {

/// The bytes of a file, or of a part of it.
using Bytes = std::shared_ptr<std::string>;

/// Reads a whole regular file of at most `limit` bytes. On failure returns null
/// and says why in `error`.
Bytes readFile(const std::string &path, uint64_t limit, std::string &error);

/// The folder a model lies in, and the files in it that hold its external data.
/// Nothing outside the folder is opened and no symbolic link followed, whatever
/// happens to the folder meanwhile.
class Folder {
public:
  explicit Folder(const std::string &modelPath);
  ~Folder();
  Folder(const Folder &) = delete;
  Folder &operator=(const Folder &) = delete;

  /// Reads `length` bytes at `offset`; a `length` of -1 means to the end.
  Bytes read(const std::string &location, int64_t offset, int64_t length, std::string &error);

private:
  struct File {
    int fd = -1;
    int64_t size = 0;
  };
  const File *open(const std::string &location, std::string &error);

  int fd = -1;
  std::map<std::string, File> files;
};

} // namespace qcc::import

#endif // QCC_COMPILER_IMPORT_FILE_H
