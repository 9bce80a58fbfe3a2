// SPDX-License-Identifier: Apache-2.0
#include "isolate/template_store.h"

#include <fcntl.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <cstdio>
#include <cstdlib>
#include <ctime>
#include <utility>

#include "os/assignments.h"
#include "os/directory.h"
#include "os/scope_guard.h"
#include "os/text_file.h"

namespace ubc::isolate {
namespace {

constexpr std::string_view kScratchPrefix = ".new.";
constexpr std::string_view kTrees = ".store";
constexpr std::string_view kEarlier = "earlier-";   // and the archive's digest: a tree without a manifest
constexpr std::size_t kMaxName = 64;

std::string file_name(std::string_view path) { return std::string{path.substr(path.rfind('/') + 1)}; }

std::string now_utc() {
  const std::time_t now = std::time(nullptr);
  std::tm parts{};
  (void)::gmtime_r(&now, &parts);
  std::array<char, 32> text{};
  return {text.data(), std::strftime(text.data(), text.size(), "%Y-%m-%dT%H:%M:%SZ", &parts)};
}

bool exists(const std::string& path) {
  struct stat seen{};
  return ::lstat(path.c_str(), &seen) == 0;
}

bool is_directory(const std::string& path) {
  struct stat seen{};
  return ::lstat(path.c_str(), &seen) == 0 && S_ISDIR(seen.st_mode);
}

std::string target_of(const std::string& link) {
  std::array<char, 4096> target;
  const ssize_t length = ::readlink(link.c_str(), target.data(), target.size());
  return {target.data(), length > 0 ? static_cast<std::size_t>(length) : 0};
}

/// What DIRECTORY/NAME/rootfs points to, and the tree's name within the store from that: "../.store/TREE/rootfs".
std::string link_to(std::string_view tree) { return fmt::format("../{}/{}/rootfs", kTrees, tree); }
std::string tree_of(std::string_view link) {
  const std::string start = fmt::format("../{}/", kTrees);
  constexpr std::string_view kEnd = "/rootfs";
  if (!link.starts_with(start) || !link.ends_with(kEnd) || link.size() <= start.size() + kEnd.size()) return {};
  return std::string{link.substr(start.size(), link.size() - start.size() - kEnd.size())};
}

}  // namespace

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

TemplateStore::TemplateStore(std::string directory, TreeTools tools)
    : directory_{std::move(directory)}, trees_{path_of(kTrees), std::move(tools)} {}

std::string TemplateStore::path_of(std::string_view name) const { return fmt::format("{}/{}", directory_, name); }

/// Waits. Only the owner of the store lock makes, fills and removes scratch directories and trees.
Result<os::Fd> TemplateStore::lock() const {
  UBC_TRY(os::make_directories(directory_, 0700));   // templates hold set-user-id programs: none of the host's users may reach them
  os::Fd held = UBC_TRY(os::open_file(path_of(".lock"), O_RDWR | O_CREAT | O_NOFOLLOW, 0600));
  while (::flock(held.get(), LOCK_EX) != 0)
    if (errno != EINTR) return os::sys_error(errno, "lock", path_of(".lock"));
  return held;
}

/// With the lock held: a scratch directory or a tree without a name belongs to somebody who died.
void TemplateStore::sweep() const {
  const auto names = os::names_in(directory_);
  if (!names) return;
  std::vector<std::string> used;
  for (const std::string& name : *names) {
    if (name.starts_with(kScratchPrefix)) os::remove_tree(path_of(name));
    if (!check_template_name(name)) continue;
    adopt_earlier(name);
    const std::string rootfs = path_of(name) + "/rootfs", tree = tree_of(target_of(rootfs));
    if (tree.empty() && exists(rootfs) && !is_directory(rootfs)) return;   // a link that can't be read: its tree must not go
    if (!tree.empty()) used.push_back(tree);
  }
  trees_.sweep(used);
}

/// Of an earlier version's template, whose tree lies below its name: puts the tree into the store. Guests that run keep the directory that
/// they have; at no moment is there none at the old path. No other name gets it, since nothing says that it is as it was unpacked. Of two
/// such trees of one archive the second stays where it is: guests may have either.
void TemplateStore::adopt_earlier(const std::string& name) const {
  const std::string rootfs = path_of(name) + "/rootfs", info = os::read_text(path_of(name) + "/info").value_or("");
  const std::string digest = os::assigned_in(info, "SHA256").value_or(""), tree = fmt::format("{}/{}{}", path_of(kTrees), kEarlier, digest);
  if (digest.size() != 64 || !is_directory(rootfs) || is_directory(tree + "/rootfs")) return;
  os::remove_tree(tree);
  if (!os::make_directories(tree, 0755) || !os::replace_text(tree + "/info", info)) return;
  if (::symlink(link_to(file_name(tree)).c_str(), (tree + "/rootfs").c_str()) != 0) return;
  (void)::renameat2(AT_FDCWD, rootfs.c_str(), AT_FDCWD, (tree + "/rootfs").c_str(), RENAME_EXCHANGE);
}

Result<std::string> TemplateStore::make_scratch() const {
  std::string path = path_of(fmt::format("{}XXXXXX", kScratchPrefix));
  if (::mkdtemp(path.data()) == nullptr) return os::sys_error(errno, "make directory", path);
  return path;
}

TemplateInfo TemplateStore::read_info(const std::string& name) const {
  const std::string tree = tree_of(target_of(path_of(name) + "/rootfs"));
  const std::string home = tree.empty() ? path_of(name) : path_of(fmt::format("{}/{}", kTrees, tree));
  const os::Assignments of_name{os::read_text(path_of(name) + "/info").value_or("")}, of_tree{os::read_text(home + "/info").value_or("")};
  TemplateInfo info;
  info.name = name;
  info.rootfs = home + "/rootfs";
  info.source = of_name.get("SOURCE");
  info.time = of_name.get("TIME");
  info.note = of_tree.get("NOTE");
  info.init = of_tree.get("INIT");
  info.stop = of_tree.get("STOP");
  if (const std::string digest = of_tree.get("SHA256"); !digest.empty()) info.sha256 = digest;
  if (const auto size = os::parse_number(of_tree.get("SIZE"))) info.size = *size;
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

/// The small record that makes a tree a template: visible at once, or not at all.
Result<> TemplateStore::write_record(const std::string& name, const std::string& archive, const std::string& digest) const {
  const std::string scratch = UBC_TRY(make_scratch());
  os::Rollback rollback;
  rollback.add([&scratch] { os::remove_tree(scratch); });
  if (::chmod(scratch.c_str(), 0755) != 0) return os::sys_error(errno, "change mode of", scratch);
  std::string info;
  for (const auto& [key, value] : {std::pair{"SOURCE", plain(file_name(archive))}, std::pair{"TIME", now_utc()}})
    info += os::format_assignment(key, value) + "\n";
  UBC_TRY(os::replace_text(scratch + "/info", info));
  if (::symlink(link_to(file_name(trees_.path_of(digest))).c_str(), (scratch + "/rootfs").c_str()) != 0)
    return os::sys_error(errno, "make a link in", scratch);
  UBC_TRY(put_in_place(scratch, name));
  rollback.commit();
  return {};
}

Result<> TemplateStore::put_in_place(const std::string& scratch, const std::string& name) const {
  if (::renameat2(AT_FDCWD, scratch.c_str(), AT_FDCWD, path_of(name).c_str(), RENAME_NOREPLACE) != 0)
    return os::sys_error(errno, "put in place", path_of(name));
  const os::DirFd directory = UBC_TRY(os::DirFd::open(directory_));
  return ::fsync(directory.get()) == 0 ? Result<>{} : Result<>{os::sys_error(errno, "fsync", directory_)};
}

Result<TemplateInfo> TemplateStore::make_empty() const {
  const std::string name{kEmptyTemplate};
  const os::Fd held = UBC_TRY(lock());
  sweep();
  if (exists(path_of(name))) {
    const TemplateInfo there = read_info(name);
    if (UBC_TRY(os::names_in(there.rootfs)).empty()) return there;
    return os::error(Code::exists, "template {} has files in it, and containers that need no template are to have it: remove it", name);
  }
  const std::string scratch = UBC_TRY(make_scratch());
  os::Rollback rollback;
  rollback.add([&scratch] { os::remove_tree(scratch); });
  if (::chmod(scratch.c_str(), 0755) != 0 || ::mkdir((scratch + "/rootfs").c_str(), 0755) != 0)
    return os::sys_error(errno, "make directory in", scratch);
  UBC_TRY(trees_.describe(scratch));
  UBC_TRY(put_in_place(scratch, name));
  rollback.commit();
  return read_info(name);
}

Result<TemplateInfo> TemplateStore::import_archive(const std::string& archive, const std::string& name,
                                                   const ImportProgress& progress) const {
  UBC_TRY(check_template_name(name));
  const std::string what = fmt::format("import {} as template {}", archive, name);
  if (::access(archive.c_str(), R_OK) != 0) return os::sys_error(errno, "import", archive);
  struct stat seen{};
  if (::stat(archive.c_str(), &seen) == 0 && !S_ISREG(seen.st_mode))
    return os::error(Code::bad_value, "{}: it is not a regular file", what);
  const os::Fd held = UBC_TRY(os::with_context(lock(), what));
  sweep();
  if (exists(path_of(name)))
    return os::error(Code::exists, "{}: there is a template of this name already; remove it first or give another name", what);
  const std::string digest = UBC_TRY(os::with_context(sha256_of(archive), what));
  os::Rollback rollback;
  rollback.add([this] { sweep(); });   // a tree without a name
  if (!exists(trees_.path_of(digest))) UBC_TRY(os::with_context(trees_.make(archive, digest, progress), what));
  UBC_TRY(os::with_context(write_record(name, archive, digest), what));
  rollback.commit();
  return read_info(name);
}

Result<TreeDifferences> TemplateStore::verify(std::string_view name) const {
  (void)UBC_TRY(find(name));
  const os::Fd held = UBC_TRY(lock());
  sweep();
  const TemplateInfo info = UBC_TRY(find(name));
  return os::with_context(trees_.verify(info.rootfs.substr(0, info.rootfs.rfind('/'))), fmt::format("verify template {}", name));
}

Result<> TemplateStore::remove(std::string_view name) const {
  (void)UBC_TRY(find(name));
  const os::Fd held = UBC_TRY(lock());
  const std::string scratch = UBC_TRY(make_scratch());
  os::Rollback rollback;
  rollback.add([this] { sweep(); });   // the record, once renamed, and the tree if that was its last name
  if (::rename(path_of(name).c_str(), scratch.c_str()) != 0) return os::sys_error(errno, fmt::format("remove template {}", name));
  return {};
}

}  // namespace ubc::isolate
