// SPDX-License-Identifier: Apache-2.0
#include "isolate/console.h"

#include <fcntl.h>
#include <linux/magic.h>
#include <sys/ioctl.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>
#include <sys/vfs.h>

#include <cerrno>

#include "isolate/mount.h"
#include "isolate/privileges.h"

namespace ubc::isolate {

Result<Pty> open_pty() {
  Pty pty{os::Fd{::open("/dev/pts/ptmx", O_RDWR | O_NOCTTY | O_CLOEXEC | O_NOFOLLOW)}, {}};
  if (!pty.master.valid()) return os::sys_error(errno, "open the guest's", "/dev/pts/ptmx");
  struct statfs where{};
  struct stat what{};
  if (::fstatfs(pty.master.get(), &where) != 0 || where.f_type != DEVPTS_SUPER_MAGIC || ::fstat(pty.master.get(), &what) != 0 ||
      what.st_rdev != makedev(5, 2))
    return os::error(Code::corrupt, "/dev/pts/ptmx of the guest is not a terminal multiplexer");
  int unlock = 0;
  if (::ioctl(pty.master.get(), TIOCSPTLCK, &unlock) != 0) return os::sys_error(errno, "unlock the guest's terminal");
  pty.slave = os::Fd{::ioctl(pty.master.get(), TIOCGPTPEER, O_RDWR | O_NOCTTY | O_CLOEXEC)};
  if (!pty.slave.valid()) return os::sys_error(errno, "open the guest's terminal");
  return pty;
}

Result<Pty> make_console(const GuestSpec& spec) {
  Pty pty;
  UBC_TRY(run_as_id(spec.base, [&]() -> Result<> {
    auto opened = open_pty();
    if (!opened) return std::unexpected(std::move(opened).error());
    pty = *std::move(opened);
    return {};
  }));
  const os::Fd console{::open_tree(pty.slave.get(), "", AT_EMPTY_PATH | OPEN_TREE_CLONE | OPEN_TREE_CLOEXEC)};
  if (!console.valid()) return os::sys_error(errno, "take the guest's console");
  const os::DirFd root = UBC_TRY(os::DirFd::open("/"));
  const os::Fd target = UBC_TRY(open_target(root, "dev/console", spec.base));
  UBC_TRY(attach_mount(console, target, "/dev/console"));
  return pty;
}

}  // namespace ubc::isolate
