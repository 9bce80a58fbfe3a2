// SPDX-License-Identifier: Apache-2.0
#include "os/project_quota.h"

#include <fcntl.h>
#include <linux/dqblk_xfs.h>
#include <linux/fs.h>
#include <linux/quota.h>
#include <sys/ioctl.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <cerrno>

#include "os/fd.h"

namespace ubc::os {
namespace {

constexpr std::uint64_t kKiB = 1024;

/// quotactl_fd(2), which takes any file of the file system instead of its block device. 0 or an errno.
int quota_call(const Fd& at, unsigned command, std::uint32_t project, void* argument) {
  return ::syscall(SYS_quotactl_fd, at.get(), QCMD(command, PRJQUOTA), project, argument) == 0 ? 0 : errno;
}

Result<Fd> open_directory(const std::string& path) {
  Fd fd{::open(path.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC)};
  if (!fd.valid()) return sys_error(errno, "open", path);
  return fd;
}

Error not_counted(const std::string& path) {
  return {Code::unsupported, 0,
          fmt::format(
              "the file system of {} does not count by project: ext4 wants tune2fs -O project,quota and the mount option prjquota, XFS the "
              "mount option prjquota",
              path)};
}

}  // namespace

ProjectQuota project_quota_at(const std::string& path) {
  const auto at = open_directory(path);
  fs_quota_statv state{};
  state.qs_version = FS_QSTATV_VERSION1;
  if (!at || quota_call(*at, Q_XGETQSTATV, 0, &state) != 0 || (state.qs_flags & FS_QUOTA_PDQ_ACCT) == 0) return ProjectQuota::none;
  return (state.qs_flags & FS_QUOTA_PDQ_ENFD) != 0 ? ProjectQuota::enforced : ProjectQuota::counted;
}

Result<> assign_project(const std::string& directory, std::uint32_t project) {
  const Fd at = UBC_TRY(open_directory(directory));
  fsxattr attributes{};
  if (::ioctl(at.get(), FS_IOC_FSGETXATTR, &attributes) != 0) return std::unexpected(not_counted(directory));
  attributes.fsx_projid = project;
  attributes.fsx_xflags |= FS_XFLAG_PROJINHERIT;
  if (::ioctl(at.get(), FS_IOC_FSSETXATTR, &attributes) == 0) return {};
  return errno == EOPNOTSUPP || errno == ENOTTY || errno == EINVAL ? Result<>{std::unexpected(not_counted(directory))}
                                                                   : Result<>{sys_error(errno, "assign to a project", directory)};
}

Result<std::uint32_t> project_of(const std::string& directory) {
  const Fd at = UBC_TRY(open_directory(directory));
  fsxattr attributes{};
  return ::ioctl(at.get(), FS_IOC_FSGETXATTR, &attributes) == 0 ? attributes.fsx_projid : 0;
}

Result<ProjectUse> project_use(const std::string& path, std::uint32_t project) {
  const Fd at = UBC_TRY(open_directory(path));
  if_dqblk seen{};
  const int failed = quota_call(at, Q_GETQUOTA, project, &seen);
  if (failed == ENOENT) return ProjectUse{};   // XFS: nothing was ever made
  if (failed != 0) return std::unexpected(not_counted(path));
  return ProjectUse{{seen.dqb_curspace, seen.dqb_bsoftlimit * kKiB, seen.dqb_bhardlimit * kKiB},
                    {seen.dqb_curinodes, seen.dqb_isoftlimit, seen.dqb_ihardlimit}};
}

Result<> limit_project(const std::string& path, std::uint32_t project, const ProjectUse& wanted) {
  const Fd at = UBC_TRY(open_directory(path));
  if_dqblk limits{};
  limits.dqb_bsoftlimit = wanted.bytes.soft / kKiB;
  limits.dqb_bhardlimit = wanted.bytes.hard / kKiB;
  limits.dqb_isoftlimit = wanted.inodes.soft;
  limits.dqb_ihardlimit = wanted.inodes.hard;
  limits.dqb_valid = QIF_LIMITS;
  if_dqblk seen{};   // to set what is set would be written to the disk all the same
  if (quota_call(at, Q_GETQUOTA, project, &seen) == 0 && seen.dqb_bsoftlimit == limits.dqb_bsoftlimit &&
      seen.dqb_bhardlimit == limits.dqb_bhardlimit && seen.dqb_isoftlimit == limits.dqb_isoftlimit &&
      seen.dqb_ihardlimit == limits.dqb_ihardlimit)
    return {};
  const int failed = quota_call(at, Q_SETQUOTA, project, &limits);
  if (failed == ENOSYS || failed == ESRCH || failed == EOPNOTSUPP) return std::unexpected(not_counted(path));
  return failed == 0 ? Result<>{} : Result<>{sys_error(failed, "limit a project of the file system of", path)};
}

Result<> set_project_grace(const std::string& path, std::uint64_t seconds) {
  const Fd at = UBC_TRY(open_directory(path));
  if_dqinfo info{};
  info.dqi_bgrace = info.dqi_igrace = seconds;
  info.dqi_valid = IIF_BGRACE | IIF_IGRACE;
  const int failed = quota_call(at, Q_SETINFO, 0, &info);
  return failed == 0 ? Result<>{} : Result<>{sys_error(failed, "set the grace time of the file system of", path)};
}

}  // namespace ubc::os
