//===- ZipMember.h - The bytes of one member of a .zip file -----*- C++ -*-===//
#ifndef QCC_COMPILER_SUPPORT_ZIPMEMBER_H
#define QCC_COMPILER_SUPPORT_ZIPMEMBER_H

#include "compiler/support/Zip.h"

namespace qcc::support {

/// `member`, whose packed bytes are known to lie in `file` from `begin` on.
std::unique_ptr<ByteSource> openZipMember(std::shared_ptr<ByteSource> file, uint64_t begin,
                                          const ZipFile::Member &member);

} // namespace qcc::support

#endif // QCC_COMPILER_SUPPORT_ZIPMEMBER_H
