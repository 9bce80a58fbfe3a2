// SPDX-License-Identifier: Apache-2.0
#include "container/conversion.h"

#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>

#include "container/container.h"
#include "container/container_record.h"
#include "isolate/fixups.h"
#include "isolate/foreign_tree.h"
#include "isolate/handshake.h"
#include "isolate/tree_file.h"
#include "os/assignments.h"
#include "os/text_file.h"

namespace ubc::container {
namespace {

bool exists(const std::string& path) { return ::access(path.c_str(), F_OK) == 0; }

/// The directory of a container's own files, open: simfs, or what ploop's image shows where it is mounted.
Result<os::DirFd> open_source(const std::string& source, std::uint32_t id) {
  const bool image = exists(source + "/root.hdd") || exists(source + "/DiskDescriptor.xml");
  if (image)
    return os::error(Code::unsupported,
                     "{} holds a ploop image, which this kernel can't mount: on the host that can, vzctl mount {}, copy /vz/root/{} with "
                     "its owners and attributes, and give that copy as --private",
                     source, id, id);
  os::DirFd root = UBC_TRY(os::DirFd::open(source));
  UBC_TRY(isolate::check_root(root, source));
  return root;
}

void tell(const isolate::ForeignTree& copied, const std::string& source, std::vector<std::string>& notes) {
  if (copied.devices_left_out > 0)
    notes.push_back(fmt::format("{} device nodes are left out: a guest gets its own /dev", copied.devices_left_out));
  if (copied.attributes_left_out > 0)
    notes.push_back(fmt::format("{} extended attributes are left out: they are no guest's to have", copied.attributes_left_out));
  for (const std::string& path : copied.mounts)
    notes.push_back(fmt::format("{}{} comes empty: another file system is mounted there", source, os::printable(path)));
}

/// It stays the machine that it is.
std::vector<isolate::Fixup> without_identity(std::vector<isolate::Fixup> fixups) {
  for (isolate::Fixup& fixup : fixups) fixup.empty_files.clear();
  return fixups;
}

Result<> fix_up(const Host& host, const std::string& area) {
  const std::string upper = area + "/upper";
  const auto fixups = without_identity(UBC_TRY(isolate::fixups_for(upper, host.paths.tools.fixups)));
  const isolate::FixupOutcome fixed = UBC_TRY(isolate::apply_fixups(upper, fixups));
  return os::replace_text(area + "/info",
                          os::format_assignment("INIT", fixed.init) + "\n" + os::format_assignment("STOP", fixed.stop) + "\n");
}

/// The links wait in work/, which counts for the same project: a hard link does not leave one.
Result<isolate::ForeignTree> copy(const os::DirFd& root, const std::string& area, uid_t base) {
  const std::string links = area + "/work/links";
  if (::mkdir(links.c_str(), 0700) != 0) return os::sys_error(errno, "make directory", links);
  const os::DirFd upper = UBC_TRY(os::DirFd::open(area + "/upper")), waiting = UBC_TRY(os::DirFd::open(links));
  isolate::ForeignTree copied = UBC_TRY(isolate::copy_foreign_tree(root, upper, waiting, base));
  if (::rmdir(links.c_str()) != 0) return os::sys_error(errno, "remove", links);
  return copied;
}

Result<> write_to_disk(const std::string& area) {
  const os::DirFd directory = UBC_TRY(os::DirFd::open(area));
  return ::syncfs(directory.get()) == 0 ? Result<>{} : Result<>{os::sys_error(errno, "write to disk", area)};
}

}  // namespace

Result<> convert(const Host& host, std::uint32_t id, const std::string& source, const accounting::ConfigFile& config,
                 std::vector<std::string>& notes) {
  const os::DirFd root = UBC_TRY(open_source(source, id));
  (void)UBC_TRY(templates_of(host).make_empty());
  const auto fill = [&](const std::string& area, uid_t base) -> Result<> {
    isolate::fault_point("convert:area");
    const isolate::ForeignTree copied = UBC_TRY(copy(root, area, base));
    isolate::fault_point("convert:copied");
    UBC_TRY(fix_up(host, area));
    tell(copied, source, notes);
    return write_to_disk(area);
  };
  return create(host, id, std::string{isolate::kEmptyTemplate}, config, fill);
}

}  // namespace ubc::container
