// SPDX-License-Identifier: Apache-2.0
#include "os/cgroup_dir.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <thread>

#include "os/directory.h"
#include "os/text_file.h"

namespace ubc::os {
namespace {

bool has_word(std::string_view text, std::string_view word) {
  for (std::size_t at = text.find(word); at != text.npos; at = text.find(word, at + 1)) {
    const bool starts = at == 0 || text[at - 1] == ' ';
    const std::size_t end = at + word.size();
    if (starts && (end == text.size() || text[end] == ' ' || text[end] == '\n')) return true;
  }
  return false;
}

}  // namespace

Result<CgroupDir> CgroupDir::open(const std::string& path) { return CgroupDir{UBC_TRY(DirFd::open(path))}; }

Result<CgroupDir> CgroupDir::make(const std::string& path) {
  if (::mkdir(path.c_str(), 0755) != 0 && errno != EEXIST) return sys_error(errno, "make cgroup", path);
  return open(path);
}

Result<std::uint64_t> CgroupDir::id() const {
  struct stat seen{};
  if (::fstat(dir_.get(), &seen) != 0) return sys_error(errno, "stat", path());
  return seen.st_ino;
}

Result<std::string> CgroupDir::read(const std::string& file) const { return read_text_at(dir_, file); }

Result<> CgroupDir::write(const std::string& file, std::string_view text) const { return write_knob_at(dir_, file, text); }

Result<> CgroupDir::enable_controllers(const std::vector<std::string_view>& controllers) const {
  const std::string have = UBC_TRY(read("cgroup.controllers"));
  std::string wanted;
  for (const std::string_view controller : controllers)
    if (has_word(have, controller)) wanted += fmt::format("{}+{}", wanted.empty() ? "" : " ", controller);
  return wanted.empty() ? Result<>{} : write("cgroup.subtree_control", wanted);
}

bool CgroupDir::gives(const std::vector<std::string_view>& controllers) const {
  const auto given = read("cgroup.subtree_control");
  return given && std::ranges::all_of(controllers, [&](std::string_view controller) { return has_word(*given, controller); });
}

Result<bool> CgroupDir::populated() const {
  const std::string text = UBC_TRY(read("cgroup.events"));
  const auto events = UBC_TRY(parse_key_values(text));
  const auto found = events.find("populated");
  if (found == events.end()) return error(Code::corrupt, "{}/cgroup.events does not say whether it is populated", path());
  return found->second != 0;
}

Result<> CgroupDir::kill() const { return write("cgroup.kill", "1"); }

Result<> CgroupDir::freeze(std::chrono::milliseconds patience) const {
  UBC_TRY(write("cgroup.freeze", "1"));
  const auto deadline = std::chrono::steady_clock::now() + patience;
  while (true) {
    const auto text = read("cgroup.events");
    const auto events = text ? parse_key_values(*text) : std::unexpected(text.error());
    if (events && events->contains("frozen") && events->find("frozen")->second == 1) return {};
    if (!events || std::chrono::steady_clock::now() > deadline) {
      (void)thaw();
      return events ? error(Code::busy, "freeze {}: a process in it did not stop within {} ms: see which hangs in the kernel (state D)",
                            path(), patience.count())
                    : std::unexpected(events.error());
    }
    std::this_thread::sleep_for(std::chrono::milliseconds{1});
  }
}

Result<> CgroupDir::delegate(uid_t owner) const {
  if (::fchown(dir_.get(), owner, owner) != 0) return sys_error(errno, "give to the guest", path());
  const std::string files = UBC_TRY(read_text("/sys/kernel/cgroup/delegate"));
  std::string_view rest = files;
  while (!rest.empty()) {
    const std::size_t end = std::min(rest.find('\n'), rest.size());
    const std::string file{rest.substr(0, end)};
    rest.remove_prefix(std::min(end + 1, rest.size()));
    if (!file.empty() && ::fchownat(dir_.get(), file.c_str(), owner, owner, AT_SYMLINK_NOFOLLOW) != 0 && errno != ENOENT)
      return sys_error(errno, "give to the guest", dir_.path_of(file));
  }
  return {};
}

Result<std::string> cgroup_of_process(const std::string& pid, const std::string& proc) {
  const std::string text = UBC_TRY(read_text(fmt::format("{}/{}/cgroup", proc, pid)));
  for (std::size_t at = 0; at < text.size();) {
    const std::size_t end = std::min(text.find('\n', at), text.size());
    const std::string_view line = std::string_view{text}.substr(at, end - at);
    if (line.starts_with("0::")) return std::string{line.substr(3)};
    at = end + 1;
  }
  return error(Code::unsupported, "process {} is in no cgroup v2: boot with systemd.unified_cgroup_hierarchy=1, or without cgroup v1", pid);
}

Result<std::set<pid_t>> processes_in(const std::string& path) {
  std::set<pid_t> pids;
  std::string_view rest;
  const std::string text = UBC_TRY(read_text(path + "/cgroup.procs"));
  for (rest = text; !rest.empty();)
    if (const std::string_view word = next_word(rest, "\n"); !word.empty()) pids.insert(static_cast<pid_t>(UBC_TRY(parse_number(word))));
  for (const std::string& name : UBC_TRY(names_in(path, Entries::directories))) {
    auto below = processes_in(path + "/" + name);
    if (below)
      pids.merge(*below);
    else if (below.error().code != Code::not_found && below.error().sys_errno != EOPNOTSUPP)
      return below;
  }
  return pids;
}

Result<> remove_cgroup(const std::string& path, std::chrono::milliseconds patience) {
  const auto deadline = std::chrono::steady_clock::now() + patience;
  if (::rmdir(path.c_str()) == 0 || errno == ENOENT) return {};
  const auto children = names_in(path, Entries::directories);
  for (const std::string& child : children.value_or(std::vector<std::string>{})) UBC_TRY(remove_cgroup(path + "/" + child, patience));
  for (std::chrono::milliseconds pause{1};; pause = std::min(pause * 2, std::chrono::milliseconds{50})) {
    if (::rmdir(path.c_str()) == 0 || errno == ENOENT) return {};
    if (errno != EBUSY || std::chrono::steady_clock::now() >= deadline) return sys_error(errno, "remove cgroup", path);
    std::this_thread::sleep_for(pause);
  }
}

}  // namespace ubc::os
