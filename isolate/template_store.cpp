// SPDX-License-Identifier: Apache-2.0
#include "isolate/template_store.h"

#include <fcntl.h>
#include <linux/openat2.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <cstdio>
#include <cstdlib>
#include <ctime>
#include <utility>

#include "isolate/run_program.h"
#include "os/assignments.h"
#include "os/directory.h"
#include "os/scope_guard.h"
#include "os/text_file.h"

namespace ubc::isolate {
namespace {

constexpr std::string_view kScratchPrefix = ".new.";
constexpr std::size_t kMaxName = 64;

std::string file_name(std::string_view path) { return std::string{path.substr(path.rfind('/') + 1)}; }

std::string now_utc() {
  const std::time_t now = std::time(nullptr);
  std::tm parts{};
  (void)::gmtime_r(&now, &parts);
  std::array<char, 32> text{};
  return {text.data(), std::strftime(text.data(), text.size(), "%Y-%m-%dT%H:%M:%SZ", &parts)};
}

/// What an archive's name or the unpacker says ends on a terminal one day: printable.
std::string plain(std::string_view text) {
  std::string kept{os::trimmed(text)};
  for (char& letter : kept)
    if (static_cast<unsigned char>(letter) < ' ' || letter == '\x7f') letter = '?';
  return kept;
}

/// Empty where sha256sum is missing or fails: the digest is for people, nothing depends on it.
std::string sha256_of(const std::string& archive) {
  const auto line = run_program({"sha256sum", "--", archive});
  if (!line) return {};
  const std::size_t first = line->starts_with('\\') ? 1 : 0;   // sha256sum marks an escaped file name so
  return line->substr(first, 64);
}

/// The lines "read N of M" of ubc-unpack.
LineWatch watch_reading(const ImportProgress& progress) {
  return [&progress](std::string_view line) {
    const auto words = os::words_in(line);
    if (words.size() != 4 || words[0] != "read" || words[2] != "of") return false;
    const auto read = os::parse_number(words[1]), size = os::parse_number(words[3]);
    if (read && size) progress(*read, *size);
    return true;
  };
}

/// openat2(2): symbolic links resolve as if `root` were "/".
Result<os::Fd> open_in_root(const os::DirFd& root, const char* path, std::uint64_t flags) {
  open_how how{};
  how.flags = flags | O_CLOEXEC;
  how.resolve = RESOLVE_IN_ROOT | RESOLVE_NO_MAGICLINKS;
  const auto fd = ::syscall(SYS_openat2, root.get(), path, &how, sizeof how);
  if (fd < 0) return os::sys_error(errno, "open", root.path_of(path));
  return os::Fd{static_cast<int>(fd)};
}

bool is_program(const os::DirFd& root, const char* path) {
  const auto file = open_in_root(root, path, O_PATH);
  struct stat seen{};
  return file && ::fstat(file->get(), &seen) == 0 && S_ISREG(seen.st_mode) && (seen.st_mode & 0111) != 0;
}

/// A copied machine-id would make guests of one template alike; an empty file makes systemd store a fresh one.
Result<> empty_machine_id(const os::DirFd& root) {
  const auto file = open_in_root(root, "etc/machine-id", O_WRONLY | O_NOFOLLOW | O_NONBLOCK);
  if (!file && (file.error().sys_errno == ENOENT || file.error().sys_errno == ELOOP)) return {};
  if (!file) return std::unexpected(file.error());
  if (::ftruncate(file->get(), 0) != 0) return os::sys_error(errno, "empty", root.path_of("etc/machine-id"));
  return {};
}

Result<> check_rootfs(const std::string& path, const std::string& archive) {
  const os::DirFd root = UBC_TRY(os::DirFd::open(path));
  if (!is_program(root, "sbin/init") && !is_program(root, "bin/sh"))
    return os::error(Code::corrupt, "{} is no root file system: it has neither an executable /sbin/init nor /bin/sh", archive);
  UBC_TRY(empty_machine_id(root));
  if (::syncfs(root.get()) != 0) return os::sys_error(errno, "write to disk", path);
  return {};
}

bool exists(const std::string& path) {
  struct stat seen{};
  return ::lstat(path.c_str(), &seen) == 0;
}

}   // namespace

Result<> check_template_name(std::string_view name) {
  const auto allowed = [](char letter) {
    return (letter >= 'a' && letter <= 'z') || (letter >= 'A' && letter <= 'Z') || (letter >= '0' && letter <= '9') ||
           std::string_view{"-_.+"}.contains(letter);
  };
  if (!name.empty() && name.size() <= kMaxName && name.front() != '.' && std::ranges::all_of(name, allowed)) return {};
  return os::error(Code::bad_value, "\"{:.80}\" is no template name: take 1 to {} letters, digits or -_.+, not starting with a dot", name,
                   kMaxName);
}

std::string default_template_name(std::string_view archive) {
  const std::string file = file_name(archive);
  for (const std::string_view end : {".tar.gz", ".tar.xz", ".tar.zst", ".tar.bz2", ".tar", ".tgz", ".txz", ".tzst", ".tbz2"})
    if (file.size() > end.size() && file.ends_with(end)) return file.substr(0, file.size() - end.size());
  return file;
}

TemplateStore::TemplateStore(std::string directory, std::string unpacker)
    : directory_{std::move(directory)}, unpacker_{std::move(unpacker)} {}

std::string TemplateStore::path_of(std::string_view name) const { return fmt::format("{}/{}", directory_, name); }

/// Waits. Only the owner of the store lock makes, fills and removes scratch directories.
Result<os::Fd> TemplateStore::lock() const {
  UBC_TRY(os::make_directories(directory_, 0700));   // templates hold set-user-id programs: none of the host's users may reach them
  os::Fd held = UBC_TRY(os::open_file(path_of(".lock"), O_RDWR | O_CREAT | O_NOFOLLOW, 0600));
  while (::flock(held.get(), LOCK_EX) != 0)
    if (errno != EINTR) return os::sys_error(errno, "lock", path_of(".lock"));
  return held;
}

/// With the lock held: a scratch directory that is still there belongs to somebody who died.
void TemplateStore::sweep() const {
  const auto names = os::names_in(directory_);
  if (!names) return;
  for (const std::string& name : *names)
    if (name.starts_with(kScratchPrefix)) os::remove_tree(path_of(name));
}

Result<std::string> TemplateStore::make_scratch() const {
  std::string path = path_of(fmt::format("{}XXXXXX", kScratchPrefix));
  if (::mkdtemp(path.data()) == nullptr) return os::sys_error(errno, "make directory", path);
  return path;
}

TemplateInfo TemplateStore::read_info(const std::string& name) const {
  TemplateInfo info;
  info.name = name;
  info.rootfs = path_of(name) + "/rootfs";
  const std::string text = os::read_text(path_of(name) + "/info").value_or("");
  const auto value_of = [&](std::string_view key) { return os::assigned_in(text, key).value_or(""); };
  info.source = value_of("SOURCE");
  info.time = value_of("TIME");
  info.note = value_of("NOTE");
  if (const std::string digest = value_of("SHA256"); !digest.empty()) info.sha256 = digest;
  return info;
}

Result<std::vector<TemplateInfo>> TemplateStore::list() const {
  if (const auto free = os::open_file(path_of(".lock"), O_RDWR); free && ::flock(free->get(), LOCK_EX | LOCK_NB) == 0) sweep();
  std::vector<TemplateInfo> templates;
  for (const std::string& name : UBC_TRY(os::names_in(directory_)))
    if (check_template_name(name) && exists(path_of(name) + "/rootfs")) templates.push_back(read_info(name));
  return templates;
}

Result<TemplateInfo> TemplateStore::find(std::string_view name) const {
  UBC_TRY(check_template_name(name));
  if (exists(path_of(name) + "/rootfs")) return read_info(std::string{name});
  std::string names;
  for (const TemplateInfo& known : UBC_TRY(list())) names += (names.empty() ? "" : ", ") + known.name;
  return os::error(Code::not_found, "there is no template {} in {}; {}", name, directory_,
                   names.empty() ? "there are none yet: import or build one" : "there are: " + names);
}

/// Makes SCRATCH/rootfs and SCRATCH/info.
Result<> TemplateStore::fill(const std::string& scratch, const std::string& archive, const ImportProgress& progress) const {
  const std::string rootfs = scratch + "/rootfs";
  if (::mkdir(rootfs.c_str(), 0755) != 0 || ::chmod(rootfs.c_str(), 0755) != 0 || ::chmod(scratch.c_str(), 0755) != 0)
    return os::sys_error(errno, "make directory", rootfs);
  const std::string note = UBC_TRY(progress ? run_program({unpacker_, "--progress", archive, rootfs}, {}, watch_reading(progress))
                                            : run_program({unpacker_, archive, rootfs}));
  UBC_TRY(check_rootfs(rootfs, archive));
  std::string info;
  for (const auto& [key, value] : {std::pair{"SOURCE", plain(file_name(archive))}, std::pair{"SHA256", sha256_of(archive)},
                                   std::pair{"TIME", now_utc()}, std::pair{"NOTE", plain(note)}})
    info += os::format_assignment(key, value) + "\n";
  return os::replace_text(scratch + "/info", info);
}

Result<TemplateInfo> TemplateStore::import_archive(const std::string& archive, const std::string& name,
                                                   const ImportProgress& progress) const {
  UBC_TRY(check_template_name(name));
  const std::string what = fmt::format("import {} as template {}", archive, name);
  if (::access(archive.c_str(), R_OK) != 0) return os::sys_error(errno, "import", archive);
  const os::Fd held = UBC_TRY(os::with_context(lock(), what));
  sweep();
  if (exists(path_of(name)))
    return os::error(Code::exists, "{}: there is a template of this name already; remove it first or give another name", what);
  const std::string scratch = UBC_TRY(os::with_context(make_scratch(), what));
  os::Rollback rollback;
  rollback.add([&scratch] { os::remove_tree(scratch); });
  UBC_TRY(os::with_context(fill(scratch, archive, progress), what));
  if (::renameat2(AT_FDCWD, scratch.c_str(), AT_FDCWD, path_of(name).c_str(), RENAME_NOREPLACE) != 0) return os::sys_error(errno, what);
  rollback.commit();
  const os::DirFd directory = UBC_TRY(os::DirFd::open(directory_));
  if (::fsync(directory.get()) != 0) return os::sys_error(errno, "fsync", directory_);
  return read_info(name);
}

Result<> TemplateStore::remove(std::string_view name) const {
  (void)UBC_TRY(find(name));
  const os::Fd held = UBC_TRY(lock());
  const std::string scratch = UBC_TRY(make_scratch());
  os::Rollback rollback;
  rollback.add([&scratch] { os::remove_tree(scratch); });   // with the template in it, once renamed
  if (::rename(path_of(name).c_str(), scratch.c_str()) != 0) return os::sys_error(errno, fmt::format("remove template {}", name));
  return {};
}

}   // namespace ubc::isolate
