// SPDX-License-Identifier: Apache-2.0
// What a tree takes of its file system, counted and limited by the file system itself: project quota of ext4 and XFS. A project is a number
// that directories hand on to what is made in them.
#pragma once

#include <cstdint>
#include <string>

#include "os/result.h"

namespace ubc::os {

struct ProjectAmount {
  std::uint64_t held = 0;
  std::uint64_t soft = 0;  ///< 0: none. Above it for longer than the file system's grace time, the next one is refused
  std::uint64_t hard = 0;  ///< 0: none. Above it EDQUOT
  bool operator==(const ProjectAmount&) const = default;
};
struct ProjectUse {
  ProjectAmount bytes;  ///< limits in whole KiB
  ProjectAmount inodes;
  bool operator==(const ProjectUse&) const = default;
};

enum class ProjectQuota { none, counted, enforced };
/// What the file system that `path` lies on does by project. Never fails: what can't be asked is none.
[[nodiscard]] ProjectQuota project_quota_at(const std::string& path);

/// An empty directory, and all that will be made in it. Fails with Code::unsupported where the file system has no projects.
[[nodiscard]] Result<> assign_project(const std::string& directory, std::uint32_t project);
/// 0: none.
[[nodiscard]] Result<std::uint32_t> project_of(const std::string& directory);

/// Of the file system that `path` lies on. A project that nothing belongs to has nothing. Fails with Code::unsupported where it is not
/// counted.
[[nodiscard]] Result<ProjectUse> project_use(const std::string& path, std::uint32_t project);
/// The limits of `wanted`, its held is not looked at. All zero: none. What is over them already stays.
[[nodiscard]] Result<> limit_project(const std::string& path, std::uint32_t project, const ProjectUse& wanted);
/// How long, in seconds, each project of the file system may stay above a soft limit; 0: a kernel's default of a week.
[[nodiscard]] Result<> set_project_grace(const std::string& path, std::uint64_t seconds);

}  // namespace ubc::os
