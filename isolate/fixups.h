// SPDX-License-Identifier: Apache-2.0
// What a distribution needs to be a guest, as data: small files chosen by what an unpacked tree says of itself.
#pragma once

#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "os/result.h"

namespace ubc::isolate {

/// One file. Lists are separated by blanks; paths are absolute, in the guest.
struct Fixup {
  std::string name;
  std::vector<std::string> ids;            ///< IDS: of os-release, ID or one of ID_LIKE; empty: any
  std::vector<std::string> has;            ///< HAS: all of these exist in the tree
  std::string init;                        ///< INIT: the command of process 1; empty: not said
  std::string stop;                        ///< STOP: a signal's name, or the command run inside that ends the guest; empty: not said
  std::vector<std::string> empty_files;    ///< EMPTY_FILES: made empty where they exist
  std::vector<std::string> remove_files;   ///< REMOVE_FILES
  std::vector<std::string> mask_units;     ///< MASK_UNITS: of systemd
  struct Lines {
    std::string path, text;
  };
  std::vector<Lines> unit_conditions;      ///< UNIT_CONDITIONS: "unit:Condition...=...", a line of [Unit] that a drop-in adds
  std::vector<Lines> comment_lines;        ///< COMMENT_LINES: "/path:text", lines with that text become comments
};

struct BuiltinFixup {
  std::string_view name, text;
};
/// By name. (Generated from packaging/fixups.)
[[nodiscard]] std::span<const BuiltinFixup> builtin_fixups();

/// Fails with Code::bad_value and the key.
[[nodiscard]] Result<Fixup> parse_fixup(std::string_view name, std::string_view text);
/// A signal's number: "SIGPWR", "SIGRTMIN+3"; 0 for what is none.
[[nodiscard]] int signal_from(std::string_view text);

/// All that apply, by name; those of `directory`, NAME.conf, go before built-in ones of the same name.
[[nodiscard]] Result<std::vector<Fixup>> fixups_for(const std::string& rootfs, const std::string& directory);

/// What those that apply say together; the last one that says something counts.
struct FixupOutcome {
  std::string names, init, stop;
};
/// Does it in the tree, which nobody vouches for: nothing outside of it is touched.
[[nodiscard]] Result<FixupOutcome> apply_fixups(const std::string& rootfs, const std::vector<Fixup>& fixups);

}  // namespace ubc::isolate
