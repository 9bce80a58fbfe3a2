// SPDX-License-Identifier: Apache-2.0
// Owners of libarchive's handles, and its reasons in words.
#pragma once

#include <archive.h>
#include <archive_entry.h>

#include <memory>
#include <string>

namespace ubc::isolate {

struct ReadFree {
  void operator()(archive* reader) const { (void)archive_read_free(reader); }
};
struct WriteFree {
  void operator()(archive* writer) const { (void)archive_write_free(writer); }
};
struct EntryFree {
  void operator()(archive_entry* entry) const { archive_entry_free(entry); }
};
using Reader = std::unique_ptr<archive, ReadFree>;
using Writer = std::unique_ptr<archive, WriteFree>;
using Entry = std::unique_ptr<archive_entry, EntryFree>;

inline std::string reason_of(archive* handle) {
  const char* text = archive_error_string(handle);
  return text != nullptr ? text : "no reason given";
}

}  // namespace ubc::isolate
