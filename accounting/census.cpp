// SPDX-License-Identifier: Apache-2.0
#include "accounting/census.h"

#include <fcntl.h>
#include <linux/kcmp.h>
#include <sys/syscall.h>
#include <sys/xattr.h>
#include <unistd.h>

#include <algorithm>
#include <map>
#include <set>
#include <sstream>
#include <vector>

#include "os/cgroup_dir.h"
#include "os/directory.h"
#include "os/text_file.h"

namespace ubc::accounting {
namespace {

/// kcmp(2)'s answer as an order: 0 equal, 1 less, 2 greater; anything else (the process is gone, no kcmp) keeps them apart by number.
int kernel_order(pid_t a, pid_t b, int type, int index_a, int index_b) {
  switch (::syscall(SYS_kcmp, a, b, type, index_a, index_b)) {
    case 0: return 0;
    case 1: return -1;
    case 2: return 1;
    default: return a != b ? (a < b ? -1 : 1) : (index_a < index_b ? -1 : index_a > index_b ? 1 : 0);
  }
}

std::vector<std::string> listed(const std::string& directory) { return os::names_in(directory).value_or(std::vector<std::string>{}); }

/// How many are distinct in an order that only compares. A set, since the processes run on: an order that changes meanwhile miscounts
/// there, and would be undefined behaviour in a sort.
template <typename Item, typename Compare>
std::uint64_t distinct(const std::vector<Item>& items, const Compare& compare) {
  const auto less = [&](const Item& a, const Item& b) { return compare(a, b) < 0; };
  return std::set<Item, decltype(less)>{items.begin(), items.end(), less}.size();
}

/// VmData + VmStk in pages; 0 for a zombie or a kernel thread.
std::uint64_t private_pages(const std::string& process) {
  std::istringstream status{os::read_text(process + "/status").value_or("")};
  std::uint64_t kib = 0, value = 0;
  for (std::string key, rest; status >> key; std::getline(status, rest))
    if ((key == "VmData:" || key == "VmStk:") && status >> value) kib += value;
  return kib * 1024 / kPageSize;
}

std::string target_of(const std::string& link) {
  char target[4096];
  const ssize_t length = ::readlink(link.c_str(), target, sizeof target);
  return {target, static_cast<std::size_t>(std::max<ssize_t>(length, 0))};
}

void count_files(const ProcView& view, const std::set<pid_t>& pids, Census& census) {
  std::map<std::string, std::vector<OpenFile>> by_target;   // two descriptors of one file have one target
  for (const pid_t pid : pids) {
    const std::string directory = fmt::format("{}/{}/fd", view.proc, pid);
    for (const std::string& name : listed(directory))
      if (const std::string target = target_of(directory + "/" + name); !target.empty())
        by_target[target].push_back({pid, static_cast<int>(os::parse_number(name).value_or(0))});
  }
  for (auto& [target, files] : by_target) {
    census.numfile += distinct(files, view.compare_files);
    if (!target.starts_with("socket:")) continue;
    const std::string protocol = view.protocol_of(files.front());
    ++(protocol.starts_with("TCP") ? census.numtcpsock : census.numothersock);
  }
}

void count_memory(const ProcView& view, const std::set<pid_t>& pids, Census& census) {
  std::map<std::uint64_t, std::vector<pid_t>> by_size;   // processes that share their memory have one size
  for (const pid_t pid : pids) by_size[private_pages(fmt::format("{}/{}", view.proc, pid))].push_back(pid);
  for (auto& [pages, sharers] : by_size)
    if (pages != 0) census.privvmpages += pages * distinct(sharers, view.compare_memory);
}

}  // namespace

ProcView ProcView::of_this_host() {
  ProcView view;
  view.compare_files = [](const OpenFile& a, const OpenFile& b) { return kernel_order(a.pid, b.pid, KCMP_FILE, a.fd, b.fd); };
  view.compare_memory = [](pid_t a, pid_t b) { return kernel_order(a, b, KCMP_VM, 0, 0); };
  view.protocol_of = [proc = view.proc](const OpenFile& file) {
    char name[64];
    const ssize_t length =
        ::getxattr(fmt::format("{}/{}/fd/{}", proc, file.pid, file.fd).c_str(), "system.sockprotoname", name, sizeof name);
    return std::string{name, static_cast<std::size_t>(std::max<ssize_t>(length, 0))};
  };
  return view;
}

Result<Census> take_census(const std::string& cgroup, const ProcView& view) {
  const std::set<pid_t> pids = UBC_TRY(os::processes_in(cgroup));
  Census census;
  for (const pid_t pid : pids) census.numproc += listed(fmt::format("{}/{}/task", view.proc, pid)).size();
  count_files(view, pids, census);
  count_memory(view, pids, census);
  return census;
}

void merge_census(Snapshot& snapshot, const Census& census) {
  const auto put = [&](ubc_resource resource, std::uint64_t held) {
    snapshot.of(resource).held = held;
    snapshot.of(resource).maxheld = std::max(snapshot.of(resource).maxheld, held);
  };
  put(UBC_NUMPROC, census.numproc);
  put(UBC_NUMFILE, census.numfile);
  put(UBC_NUMTCPSOCK, census.numtcpsock);
  put(UBC_NUMOTHERSOCK, census.numothersock);
  put(UBC_PRIVVMPAGES, census.privvmpages);
}

}  // namespace ubc::accounting
