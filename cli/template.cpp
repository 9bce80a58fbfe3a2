// SPDX-License-Identifier: Apache-2.0
// template: what containers are made from.
#include <memory>

#include "cli/options.h"
#include "cli/progress.h"
#include "cli/report.h"
#include "container/container.h"
#include "isolate/build_area.h"
#include "isolate/template_build.h"

namespace ubc::cli {
namespace {

using container::Host;

/// Archives that were built, and what is being built.
std::string cache_of(const Host& host) { return host.paths.lib + "/cache"; }

int list_templates(const Host& host, const Say& say) {
  const auto templates = container::templates_of(host).list();
  if (!templates) return fail(templates.error());
  for (const isolate::TemplateInfo& info : *templates) fmt::print("{:<24} {:<22} {}\n", info.name, info.time, info.source);
  if (templates->empty()) say("no templates yet: ubctl template build busybox, or template import FILE.tar.gz");
  return exit_ok;
}

int import_template(const Host& host, const Say& say, const std::string& file, std::string name) {
  if (name.empty()) name = isolate::default_template_name(file);
  const auto imported = [&] {
    ProgressLine line{fmt::format("Unpacking {}", file.substr(file.rfind('/') + 1)), !say.quiet};
    return container::templates_of(host).import_archive(file, name, line.watch());
  }();
  if (!imported)
    return fail(imported.error(), imported.error().code == Code::corrupt || imported.error().code == Code::system
                                      ? exit_bad_template
                                      : exit_of(imported.error()));
  say(fmt::format("Template {} is ready", name));
  return exit_ok;
}

int build_one_template(const Host& host, const Say& say, const std::string& name, const std::string& output) {
  if (container::templates_of(host).find(name))
    return fail({Code::exists, 0, fmt::format("template {} exists already: ubctl template remove {} first", name, name)});
  const std::string cache = cache_of(host);
  if (const auto made = os::make_directories(cache, 0700); !made) return fail(made.error());
  const std::string archive = output.empty() ? fmt::format("{}/{}.tar.gz", cache, name) : output;
  say(fmt::format("Building template {}...", name));
  const auto built = isolate::build_template(name, archive, cache);
  if (!built) return fail(built.error());
  return import_template(host, say, archive, name);
}

int remove_template(const Host& host, const std::string& name) {
  for (const std::uint32_t id : container::known_ids(host))
    if (const auto used = container::template_of(host, id); used && *used == name)
      return fail({Code::busy, 0, fmt::format("template {} is the lower layer of container {}: destroy that first", name, id)},
                  exit_running);
  const auto removed = container::templates_of(host).remove(name);
  return removed ? static_cast<int>(exit_ok) : fail(removed.error(), exit_no_template);
}

}  // namespace

void add_template(CLI::App& app, Invocation& invocation) {
  struct Values {
    std::string name, file, output;
  };
  const auto values = std::make_shared<Values>();
  CLI::App* verb = app.add_subcommand("template", "what containers are made from");
  verb->require_subcommand(1);
  const auto on_template = [&invocation](CLI::App* part, auto body) {
    part->callback([&invocation, body] {
      isolate::sweep_builds(cache_of(invocation.host));   // what a build that was killed left
      invocation.exit_code = body(invocation.host, invocation.say);
    });
  };
  on_template(verb->add_subcommand("list", "the templates of this host"), list_templates);
  CLI::App* import = verb->add_subcommand("import", "unpack an archive, once, for all containers");
  import->add_option("FILE", values->file, "tar, tar.gz or tgz, tar.xz, tar.zst")->required();
  import->add_option("--name", values->name, "default: the file's name");
  on_template(import, [values](const Host& host, const Say& say) { return import_template(host, say, values->file, values->name); });
  CLI::App* build = verb->add_subcommand("build", "busybox, debian-12 or debian-13, from this host's packages and mirror");
  build->add_option("NAME", values->name)->required();
  build->add_option("--output", values->output, "keep the archive here");
  on_template(build, [values](const Host& host, const Say& say) { return build_one_template(host, say, values->name, values->output); });
  CLI::App* remove = verb->add_subcommand("remove", "of a template that no container uses");
  remove->add_option("NAME", values->name)->required();
  on_template(remove, [values](const Host& host, const Say&) { return remove_template(host, values->name); });
}

}  // namespace ubc::cli
