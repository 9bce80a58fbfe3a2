// SPDX-License-Identifier: Apache-2.0
#include "isolate/template_build.h"

#include <elf.h>
#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <cstdio>
#include <cstdlib>

#include "isolate/build_area.h"
#include "isolate/run_program.h"
#include "os/fd.h"
#include "os/text_file.h"

namespace ubc::isolate {
namespace {

struct DebianRecipe {
  std::string_view name, suite;
  std::string_view init;   ///< packages; OpenRC runs the services, sysvinit is process 1
};
constexpr std::array<DebianRecipe, 4> kDebian{{{"debian-12", "bookworm", "systemd-sysv,dbus"},
                                               {"debian-13", "trixie", "systemd-sysv,dbus"},
                                               {"debian-12-sysvinit", "bookworm", "sysvinit-core,initscripts"},
                                               {"debian-12-openrc", "bookworm", "openrc,sysvinit-core,initscripts"}}};
constexpr std::string_view kBusybox = "busybox";

struct TextFile {
  std::string_view path, text;
  mode_t mode = 0644;
};
constexpr std::array<TextFile, 9> kBusyboxFiles{{
    {"etc/passwd", "root:x:0:0:root:/root:/bin/sh\nnobody:x:65534:65534:nobody:/nonexistent:/bin/false\n"},
    {"etc/group", "root:x:0:\ntty:x:5:\nnogroup:x:65534:\n"},
    {"etc/shadow", "root:*:19000:0:99999:7:::\nnobody:*:19000:0:99999:7:::\n", 0640},
    {"etc/hostname", "busybox\n"},
    {"etc/hosts", "127.0.0.1\tlocalhost\n::1\tlocalhost ip6-localhost\n"},
    {"etc/inittab", "::sysinit:/etc/rc\n::shutdown:/bin/true\n"},   // no getty: a guest has no terminal of its own
    {"etc/profile", "export PATH=/usr/sbin:/usr/bin:/sbin:/bin\n"},
    {"etc/os-release", "ID=busybox\nNAME=busybox\nPRETTY_NAME=\"busybox\"\n"},
    {"etc/rc",
     "#!/bin/sh\n# Runs once when the guest starts.\nmkdir -p /run/lock\n[ -s /etc/hostname ] && hostname -F /etc/hostname\nexit 0\n",
     0755},
}};
constexpr std::array<std::string_view, 17> kBusyboxDirectories{"bin", "sbin", "usr", "usr/bin", "usr/sbin", "proc",
                                                               "sys", "dev",  "run", "root",    "etc",      "home",
                                                               "mnt", "var",  "tmp", "var/log", "var/tmp"};

/// One read of the program headers: a file without an interpreter runs in an empty root.
Result<> check_static(const std::string& path) {
  const os::Fd file = UBC_TRY(os::open_file(path, O_RDONLY));
  Elf64_Ehdr header{};
  if (::pread(file.get(), &header, sizeof header, 0) != sizeof header ||
      std::string_view{reinterpret_cast<const char*>(header.e_ident), SELFMAG} != ELFMAG)
    return os::error(Code::bad_value, "{} is no ELF program", path);
  for (unsigned i = 0; i < header.e_phnum; ++i) {
    Elf64_Phdr segment{};
    const auto at = static_cast<off_t>(header.e_phoff + std::uint64_t{i} * header.e_phentsize);
    if (::pread(file.get(), &segment, sizeof segment, at) != sizeof segment) return os::error(Code::bad_value, "{} is cut short", path);
    if (segment.p_type == PT_INTERP)
      return os::error(Code::bad_value, "{} is dynamically linked and would not run alone in a guest; install busybox-static", path);
  }
  return {};
}

Result<> link_to(const char* target, const std::string& path) {
  if (::symlink(target, path.c_str()) != 0 && errno != EEXIST) return os::sys_error(errno, "make symbolic link", path);
  return {};
}

Result<> link_applets(const std::string& root, const std::string& busybox) {
  const std::string list = UBC_TRY(run_program({busybox, "--list"}));
  for (std::string_view rest = list; !rest.empty();) {
    const std::size_t end = rest.find('\n');
    const std::string_view applet = rest.substr(0, end);
    rest = end == std::string_view::npos ? std::string_view{} : rest.substr(end + 1);
    if (!applet.empty() && !applet.contains('/')) UBC_TRY(link_to("busybox", fmt::format("{}/bin/{}", root, applet)));
  }
  return link_to("../bin/busybox", root + "/sbin/init");
}

Result<> set_mode(const std::string& path, mode_t mode) {
  if (::chmod(path.c_str(), mode) != 0) return os::sys_error(errno, "change mode of", path);
  return {};
}

Result<> make_busybox_tree(const std::string& root, const std::string& busybox) {
  for (const std::string_view directory : kBusyboxDirectories) {
    const std::string path = fmt::format("{}/{}", root, directory);
    UBC_TRY(os::make_directories(path));
    UBC_TRY(set_mode(path, directory.ends_with("tmp") ? 01777 : directory == "root" ? 0700 : 0755));
  }
  UBC_TRY(set_mode(root, 0755));
  UBC_TRY(link_to("/run", root + "/var/run"));
  for (const TextFile& file : kBusyboxFiles) {
    const std::string path = fmt::format("{}/{}", root, file.path);
    UBC_TRY(os::replace_text(path, file.text));
    UBC_TRY(set_mode(path, file.mode));
  }
  (void)UBC_TRY(run_program({"cp", "--", busybox, root + "/bin/busybox"}));
  UBC_TRY(set_mode(root + "/bin/busybox", 0755));
  return link_applets(root, busybox);
}

Result<> build_busybox(const std::string& archive, const std::string& scratch, const std::string& busybox) {
  if (::access(busybox.c_str(), X_OK) != 0) return os::error(Code::not_found, "there is no program {}; install busybox-static", busybox);
  UBC_TRY(check_static(busybox));
  const std::string root = scratch + "/rootfs";
  UBC_TRY(make_busybox_tree(root, busybox));
  (void)UBC_TRY(run_program({"tar", "--numeric-owner", "--owner=0", "--group=0", "--sort=name", "-czf", archive, "-C", root, "."}));
  return {};
}

/// The first Debian repository of apt that is not one of security updates, without the slash at the end.
Result<std::string> debian_mirror() {
  const std::string list =
      UBC_TRY(run_program({"apt-get", "indextargets", "--format", "$(REPO_URI) $(RELEASE)", "Created-By: Packages", "Origin: Debian"}));
  for (std::string_view rest = list; !rest.empty();) {
    const std::size_t end = rest.find('\n');
    const std::string_view line = rest.substr(0, end);
    rest = end == std::string_view::npos ? std::string_view{} : rest.substr(end + 1);
    std::string mirror{line.substr(0, line.find(' '))};
    if (mirror.empty() || line.contains("security")) continue;
    if (mirror.ends_with('/')) mirror.pop_back();
    return mirror;
  }
  return os::error(Code::not_found, "apt of this host has no Debian repository; add one and run apt-get update");
}

/// What the build host put in, or what would make the first boot slow; see the first-boot jobs of systemd for .updated.
std::vector<std::string> customize_hooks() {
  return {R"(--customize-hook=rm -f "$1/etc/hostname" "$1/etc/resolv.conf" "$1/etc/fstab" "$1/var/lib/dbus/machine-id")",
          R"(--customize-hook=: > "$1/etc/machine-id"; printf '127.0.0.1\tlocalhost\n::1\tlocalhost ip6-localhost\n' > "$1/etc/hosts")",
          R"(--customize-hook=touch "$1/etc/.updated" "$1/var/.updated")"};
}

Result<> build_debian(const DebianRecipe& recipe, const std::string& archive, const std::string& scratch) {
  if (::geteuid() != 0) return os::error(Code::denied, "packages are installed in a chroot, which only root may do; become root");
  const std::string mirror = UBC_TRY(debian_mirror());
  if (const auto found = run_program({"mmdebstrap", "--version"}); !found)
    return os::error(found.error().code, "it needs mmdebstrap, install it: {}", found.error().message);
  // Namespaces of its own: however it ends, no process and no mount of it stays.
  std::vector<std::string> command{"unshare",
                                   "--mount",
                                   "--pid",
                                   "--fork",
                                   "--kill-child",
                                   "--mount-proc",
                                   "mmdebstrap",
                                   "--mode=root",
                                   "--variant=minbase",
                                   "--components=main",
                                   fmt::format("--include={},iproute2,iputils-ping,procps", recipe.init),
                                   "--aptopt=Acquire::Languages none",
                                   "--dpkgopt=path-exclude=/usr/share/doc/*",
                                   "--dpkgopt=path-exclude=/usr/share/man/*",
                                   "--dpkgopt=path-exclude=/usr/share/locale/*"};
  for (std::string& hook : customize_hooks()) command.push_back(std::move(hook));
  command.insert(command.end(), {std::string{recipe.suite}, archive, mirror});
  (void)UBC_TRY(run_program(command, {"TMPDIR=" + scratch}));
  return {};
}

Result<> build_into(std::string_view name, const std::string& archive, const std::string& scratch, const std::string& busybox) {
  if (name == kBusybox) return build_busybox(archive, scratch, busybox);
  for (const DebianRecipe& recipe : kDebian)
    if (recipe.name == name) return build_debian(recipe, archive, scratch);
  return os::error(Code::bad_value, "there is no recipe of that name; there are: {}", fmt::join(buildable_templates(), ", "));
}

}   // namespace

std::vector<std::string_view> buildable_templates() {
  std::vector<std::string_view> names{kBusybox};
  for (const DebianRecipe& recipe : kDebian) names.push_back(recipe.name);
  return names;
}

Result<> build_template(std::string_view name, const std::string& output, const std::string& work_directory, const std::string& busybox) {
  const std::string what = fmt::format("build template {}", name);
  sweep_builds(work_directory);
  const BuildArea area = UBC_TRY(os::with_context(BuildArea::make(work_directory, output), what));
  UBC_TRY(os::with_context(build_into(name, area.part(), area.scratch(), busybox), what));
  if (::rename(area.part().c_str(), output.c_str()) != 0) return os::sys_error(errno, what + ": write", output);
  return {};
}

}  // namespace ubc::isolate
