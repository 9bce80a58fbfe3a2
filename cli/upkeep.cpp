// SPDX-License-Identifier: Apache-2.0
// doctor: what nobody answers for on this host. diff: what a guest has changed of its template. cp: into guests and out of them.
#include <memory>
#include <string>
#include <utility>

#include "cli/options.h"
#include "cli/report.h"
#include "container/adopted_record.h"
#include "container/container.h"
#include "container/doctor.h"
#include "container/guest_copy.h"
#include "isolate/layer_diff.h"
#include "os/text_file.h"

namespace ubc::cli {
namespace {

using container::Host;

int doctor(const Host& host, const Say& say, bool repair) {
  const auto findings = repair ? container::mend(host) : container::examine(host);
  if (!findings) return fail(findings.error());
  bool open = false;
  for (const container::Finding& finding : *findings) {
    fmt::print("{}{}\n", os::printable(finding.what), finding.mended ? ": cleared" : "");
    open = open || !finding.mended;
  }
  if (findings->empty()) say("nothing was found");
  if (open && !repair) say("ubctl doctor --repair clears what can be cleared");
  return open ? static_cast<int>(exit_cannot_set_ub) : exit_ok;
}

int diff(const Host& host, std::uint32_t id) {
  if (const auto ours = container::refuse_adopted(host, id, "compare the files of"); !ours) return fail(ours.error());
  if (!container::status_of(host, id).exists) return fail(container::unknown_container(id));
  const auto compared = [&]() -> Result<> {
    const std::string name = UBC_TRY(container::template_of(host, id));
    const isolate::TemplateInfo base = UBC_TRY(container::templates_of(host).find(name));
    return isolate::layer_diff(base.rootfs, host.paths.area_of(id) + "/upper", [](isolate::Change change, const std::string& path) {
      fmt::print("{} {}\n", static_cast<char>(change), os::printable(path));
    });
  }();
  return compared ? static_cast<int>(exit_ok) : fail(compared.error());
}

int cp(const Host& host, const Say& say, const std::string& from_text, const std::string& to_text) {
  const auto from = container::parse_place(host, from_text);
  if (!from) return fail(from.error());
  const auto to = container::parse_place(host, to_text);
  if (!to) return fail(to.error());
  for (const auto& place : {*from, *to})
    if (place.id)
      if (const auto ours = container::refuse_adopted(host, *place.id, "copy files of"); !ours) return fail(ours.error());
  if (!from->id && !to->id)
    return fail({Code::bad_value, 0, "copy between the host and a container: say CTID:/path for one of both"}, exit_bad_syntax);
  const auto copied = container::copy(host, *from, *to);
  if (!copied) return fail(copied.error(), copied.error().code == Code::bad_state ? exit_not_running : exit_of(copied.error()));
  for (const std::string& path : copied->left_out) warn({fmt::format("{} is no file, directory or link: left out", os::printable(path))});
  say(fmt::format("{} files, {} directories, {} links", copied->files, copied->directories, copied->links));
  return exit_ok;
}

}  // namespace

void add_cp(CLI::App& app, Invocation& invocation) {
  const auto paths = std::make_shared<std::pair<std::string, std::string>>();
  CLI::App* verb = app.add_subcommand("cp", "copy a file or directory into a guest, or out of one: CTID:/path");
  verb->add_option("SOURCE", paths->first, "a path of the host, or CTID:/path")->required();
  verb->add_option("TARGET", paths->second, "likewise")->required();
  verb->callback([&invocation, paths] { invocation.exit_code = cp(invocation.host, invocation.say, paths->first, paths->second); });
}

void add_doctor(CLI::App& app, Invocation& invocation) {
  const auto repair = std::make_shared<bool>(false);
  CLI::App* verb = app.add_subcommand("doctor", "what interrupted commands have left that no container answers for; 1 if there is any");
  verb->add_flag("--repair", *repair, "clear it");
  verb->callback([&invocation, repair] { invocation.exit_code = doctor(invocation.host, invocation.say, *repair); });
}

void add_diff(CLI::App& app, Invocation& invocation) {
  CLI::App* verb = app.add_subcommand("diff", "what a guest has added (A), changed (C) and deleted (D) of its template");
  add_ctid(*verb, invocation);
  on_parsed(*verb, invocation, diff);
}

}  // namespace ubc::cli
