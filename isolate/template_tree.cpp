// SPDX-License-Identifier: Apache-2.0
#include "isolate/template_tree.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstdlib>
#include <map>
#include <utility>

#include "isolate/fixups.h"
#include "isolate/run_program.h"
#include "isolate/tree_file.h"
#include "os/assignments.h"
#include "os/directory.h"
#include "os/fd.h"
#include "os/scope_guard.h"
#include "os/text_file.h"

namespace ubc::isolate {
namespace {

constexpr std::string_view kScratchPrefix = ".new.";

Result<> write_to_disk(const std::string& path) {
  const os::DirFd directory = UBC_TRY(os::DirFd::open(path));
  return ::syncfs(directory.get()) == 0 ? Result<>{} : Result<>{os::sys_error(errno, "write to disk", path)};
}

/// What ubc-unpack says besides its note, which is the only line that stays: "read N of M" and "sha256 HEX".
LineWatch watch_unpacking(const ImportProgress& progress, std::string& digest) {
  return [&progress, &digest](std::string_view line) {
    const auto words = os::words_in(line);
    if (words.size() == 2 && words[0] == "sha256") return digest = words[1], true;
    if (words.size() != 4 || words[0] != "read" || words[2] != "of") return false;
    const auto read = os::parse_number(words[1]), size = os::parse_number(words[3]);
    if (read && size && progress) progress(*read, *size);
    return true;
  };
}

/// Bytes on disk, hard links once.
Result<std::uint64_t> disk_usage(const std::string& path) {
  const auto said = run_program({"du", "--summarize", "--one-file-system", "--block-size=1", "--", path});
  if (!said) return std::unexpected(said.error());
  std::string_view rest = *said;
  return os::parse_number(os::next_word(rest));
}

/// Path and the rest of each line of a manifest; the first line says its form.
std::map<std::string_view, std::string_view> members_of(std::string_view manifest) {
  std::map<std::string_view, std::string_view> members;
  for (std::string_view line = os::next_word(manifest, "\n"); !line.empty(); line = os::next_word(manifest, "\n")) {
    if (line.starts_with('#')) continue;
    const std::string_view path = os::next_word(line, " ");
    members.emplace(path, line);
  }
  return members;
}

}  // namespace

TreeDifferences compare_manifests(std::string_view was, std::string_view is) {
  const auto before = members_of(was), now = members_of(is);
  TreeDifferences found;
  for (const auto& [path, traits] : before) {
    const auto seen = now.find(path);
    if (seen == now.end()) found.missing.emplace_back(path);
    if (seen != now.end() && seen->second != traits) found.changed.emplace_back(path);
  }
  for (const auto& [path, traits] : now)
    if (!before.contains(path)) found.added.emplace_back(path);
  return found;
}

Result<std::string> sha256_of(const std::string& path) {
  return UBC_TRY(run_program({"sha256sum", "--zero", "--", path})).substr(0, 64);   // --zero: no mark of an escaped name before it
}

std::string plain(std::string_view text) {
  std::string kept{os::trimmed(text)};
  for (char& letter : kept)
    if (static_cast<unsigned char>(letter) < ' ' || letter == '\x7f') letter = '?';
  return kept;
}

TemplateTrees::TemplateTrees(std::string directory, TreeTools tools) : directory_{std::move(directory)}, tools_{std::move(tools)} {}

std::string TemplateTrees::path_of(std::string_view digest) const { return fmt::format("{}/sha256-{}", directory_, digest); }

/// Makes SCRATCH/rootfs, SCRATCH/manifest and SCRATCH/info.
Result<> TemplateTrees::fill(const std::string& scratch, const std::string& archive, const std::string& digest,
                             const ImportProgress& progress) const {
  const std::string rootfs = scratch + "/rootfs";
  if (::mkdir(rootfs.c_str(), 0755) != 0 || ::chmod(rootfs.c_str(), 0755) != 0 || ::chmod(scratch.c_str(), 0755) != 0)
    return os::sys_error(errno, "make directory", rootfs);
  std::string unpacked;   // the digest of what was read, which nobody can have swapped meanwhile
  const std::string note = UBC_TRY(run_program({tools_.unpacker, "--progress", archive, rootfs}, {}, watch_unpacking(progress, unpacked)));
  if (unpacked != digest)
    return os::error(Code::corrupt, "{} changed while it was read: import it again when nobody writes to it", archive);
  const os::DirFd root = UBC_TRY(os::DirFd::open(rootfs));
  UBC_TRY(check_root(root, archive));
  const std::vector<Fixup> fixups = UBC_TRY(fixups_for(rootfs, tools_.fixups));
  const FixupOutcome fixed = UBC_TRY(apply_fixups(rootfs, fixups));
  const std::string known = UBC_TRY(write_manifest(scratch)), size = std::to_string(UBC_TRY(disk_usage(rootfs)));
  std::string info;
  for (const auto& [key, value] : {std::pair{"SHA256", digest},
                                   std::pair{"SIZE", size},
                                   std::pair{"MANIFEST", known},
                                   std::pair{"NOTE", plain(note)},
                                   {"FIXUPS", fixed.names},
                                   {"INIT", fixed.init},
                                   {"STOP", fixed.stop}})
    info += os::format_assignment(key, value) + "\n";
  UBC_TRY(os::replace_text(scratch + "/info", info));
  return write_to_disk(scratch);
}

/// Of PATH/rootfs; its digest.
Result<std::string> TemplateTrees::write_manifest(const std::string& path) const {
  (void)UBC_TRY(run_program({tools_.packer, "manifest", path + "/manifest", path + "/rootfs"}));
  return sha256_of(path + "/manifest");
}

Result<> TemplateTrees::describe(const std::string& path) const {
  const std::string known = UBC_TRY(write_manifest(path)), size = std::to_string(UBC_TRY(disk_usage(path + "/rootfs")));
  return os::replace_text(path + "/info", os::format_assignment("SIZE", size) + "\n" + os::format_assignment("MANIFEST", known) + "\n");
}

Result<> TemplateTrees::make(const std::string& archive, const std::string& digest, const ImportProgress& progress) const {
  UBC_TRY(os::make_directories(directory_, 0700));
  std::string scratch = fmt::format("{}/{}XXXXXX", directory_, kScratchPrefix);
  if (::mkdtemp(scratch.data()) == nullptr) return os::sys_error(errno, "make directory", scratch);
  os::Rollback rollback;
  rollback.add([&scratch] { os::remove_tree(scratch); });
  UBC_TRY(fill(scratch, archive, digest, progress));
  if (::rename(scratch.c_str(), path_of(digest).c_str()) != 0) return os::sys_error(errno, "put in place", path_of(digest));
  rollback.commit();
  return {};
}

Result<TreeDifferences> TemplateTrees::verify(const std::string& path) const {
  const std::string manifest = path + "/manifest";
  const auto known = os::assigned_in(UBC_TRY(os::read_text(path + "/info")), "MANIFEST");
  if (!known)
    return os::error(Code::bad_state, "no manifest was kept when it was imported, by an earlier version: remove it and import it again");
  const auto digest = sha256_of(manifest);
  if (!digest) return std::unexpected(digest.error());
  if (*digest != *known) return os::error(Code::corrupt, "its manifest {} is not what it was", manifest);
  UBC_TRY(os::make_directories(directory_, 0700));
  std::string scratch = fmt::format("{}/{}XXXXXX", directory_, kScratchPrefix);
  if (::mkdtemp(scratch.data()) == nullptr) return os::sys_error(errno, "make directory", scratch);
  os::Rollback rollback;
  rollback.add([&scratch] { os::remove_tree(scratch); });
  (void)UBC_TRY(run_program({tools_.packer, "manifest", scratch + "/manifest", path + "/rootfs"}));
  return compare_manifests(UBC_TRY(os::read_text(manifest)), UBC_TRY(os::read_text(scratch + "/manifest")));
}

void TemplateTrees::sweep(const std::vector<std::string>& used) const {
  const auto names = os::names_in(directory_);
  if (!names) return;
  for (const std::string& name : *names)
    if (std::ranges::find(used, name) == used.end()) os::remove_tree(directory_ + "/" + name);
}

}  // namespace ubc::isolate
