// SPDX-License-Identifier: Apache-2.0
// ubctl: vzctl's grammar. A verb a file or so; this one finds the verb and ends with its exit code.
#include <fcntl.h>
#include <unistd.h>

#include <cstdlib>
#include <cstring>
#include <optional>
#include <string>

#include "cli/options.h"
#include "cli/report.h"
#include "container/adoption.h"
#include "container/container_record.h"

namespace ubc::cli {
namespace {

struct Verb {
  const char* name;
  void (*add)(CLI::App&, Invocation&);
};
// clang-format off: one a line, so that two changes seldom meet
constexpr Verb kVerbs[] = {
    {"create", add_create},
    {"convert", add_convert},
    {"start", add_start},
    {"stop", add_stop},
    {"restart", add_restart},
    {"status", add_status},
    {"destroy", add_destroy},
    {"delete", add_destroy},
    {"exec", add_exec},
    {"exec2", add_exec2},
    {"enter", add_enter},
    {"console", add_console},
    {"runscript", add_runscript},
    {"ps", add_ps},
    {"cp", add_cp},
    {"diff", add_diff},
    {"doctor", add_doctor},
    {"audit", add_audit},
    {"mount", add_mount},
    {"umount", add_umount},
    {"set", add_set},
    {"list", add_list},
    {"show", add_show},
    {"features", add_features},
    {"template", add_template},
    {"hooks", add_hooks},
    {"events", add_events},
    {"why", add_why},
    {"validate", add_validate},
    {"commitment", add_commitment},
    {"split", add_split},
    {"group", add_group},
    {"adopt", add_adopt},
    {"release", add_release},
    {"oci-hook", add_oci_hook},
    {"suspend", add_suspend},
    {"resume", add_resume},
    {"watch", add_watch},
    {"top", add_top},
    {"fleet", add_fleet},
};
// clang-format on

/// The first argument that is no flag: vzctl's flags come before the command and take no value.
const char* verb_in(int argc, char** argv) {
  for (int i = 1; i < argc; ++i)
    if (argv[i][0] != '-') return argv[i];
  return nullptr;
}

/// Only the verb at hand is described to the parser, so that a start does not pay for what set could say.
bool add_verbs(CLI::App& app, Invocation& invocation, const char* wanted) {
  bool found = false;
  for (const Verb& verb : kVerbs)
    if (wanted == nullptr || std::strcmp(verb.name, wanted) == 0) {
      if (std::strcmp(verb.name, "delete") == 0 && wanted == nullptr) continue;
      verb.add(app, invocation);
      found = true;
    }
  return found;
}

/// Which adopted container a command is about, for it to find it as it is; nullopt: it may be any of them. `list` looks at each anyway.
std::optional<std::uint32_t> looks_at(const Invocation& invocation, std::string_view verb) {
  if (verb == "list") return 0;
  if (verb == "set" || invocation.ctid.empty()) return std::nullopt;   // set may ask for a name that one whose cgroup is gone still has
  const auto id = container::resolve_id(invocation.host, invocation.ctid);
  return id ? std::optional{*id} : std::nullopt;
}

std::string variable(const char* name, const char* otherwise) {
  const char* value = std::getenv(name);
  return value != nullptr && *value != 0 ? value : otherwise;
}

/// Beside ubctl where it was built, else where the package puts it.
std::string helper_path(const std::string& program) {
  char self[4096];
  const ssize_t length = ::readlink("/proc/self/exe", self, sizeof self);
  std::string path{self, length > 0 ? static_cast<std::size_t>(length) : 0};
  path = path.substr(0, path.rfind('/') + 1) + program;
  return ::access(path.c_str(), X_OK) == 0 ? path : "/usr/libexec/ubc/" + program;
}

/// A closed one would be taken by the next file that ubctl opens, and be handed to a guest's program as its own.
void fill_standard_descriptors() {
  for (const int standard : {0, 1, 2})
    if (::fcntl(standard, F_GETFD) < 0) (void)::open("/dev/null", standard == 0 ? O_RDONLY : O_WRONLY);   // takes the lowest: this one
}

int run(int argc, char** argv) {
  container::HostPaths paths;
  paths.etc = variable("UBC_ETC", "/etc/ubc");
  paths.lib = variable("UBC_LIB", "/var/lib/ubc");
  paths.run = variable("UBC_RUN", "/run/ubc");
  paths.tools = {helper_path("ubc-unpack"), helper_path("ubc-pack"), paths.etc + "/fixups"};
  auto host = container::load_host(std::move(paths));
  if (!host) return fail(host.error());
  Invocation invocation{*std::move(host), {}, {}, 0};
  CLI::App app{"ubctl: containers and their beancounters", "ubctl"};
  app.add_flag("--quiet", invocation.say.quiet, "say nothing but failures");
  app.set_version_flag("--version", "ubctl 0.1.0");
  app.require_subcommand(1);
  const char* verb = verb_in(argc, argv);
  if (!add_verbs(app, invocation, verb))
    return fail({Code::bad_value, 0, fmt::format("Bad command: {}: ubctl --help lists the commands", verb)}, exit_bad_syntax);
  app.parse_complete_callback([&invocation, verb] {
    if (::geteuid() != 0)
      throw CLI::RuntimeError(fail({Code::denied, 0, "ubctl needs root: run it as root or with sudo"}, exit_permission));
    std::vector<std::string> notes;
    container::mend_adopted(invocation.host, looks_at(invocation, verb == nullptr ? "" : verb), notes);
    warn(notes);
  });
  try {
    app.parse(argc, argv);
  } catch (const CLI::RuntimeError& ended) {
    return ended.get_exit_code();
  } catch (const CLI::Success& help) {
    return app.exit(help);
  } catch (const CLI::RequiredError& missing) {
    return fail({Code::bad_value, 0, verb == nullptr ? "say a command: ubctl --help lists them" : std::string{missing.what()}},
                verb == nullptr ? exit_bad_syntax : exit_bad_value);
  } catch (const CLI::ParseError& wrong) {
    return fail({Code::bad_value, 0, fmt::format("{}: ubctl {} --help lists the options", wrong.what(), verb == nullptr ? "" : verb)},
                exit_bad_value);
  }
  return invocation.exit_code;
}

}  // namespace
}  // namespace ubc::cli

int main(int argc, char** argv) {
  ubc::cli::fill_standard_descriptors();
  return ubc::cli::run(argc, argv);
}
