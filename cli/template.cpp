// SPDX-License-Identifier: Apache-2.0
// template: what containers are made from.
#include <map>
#include <memory>
#include <nlohmann/json.hpp>
#include <optional>

#include "cli/options.h"
#include "cli/progress.h"
#include "cli/report.h"
#include "container/adopted_record.h"
#include "container/container.h"
#include "container/template_save.h"
#include "isolate/build_area.h"
#include "isolate/template_build.h"

namespace ubc::cli {
namespace {

using container::Host;

/// Containers made from each template.
std::map<std::string, std::vector<std::uint32_t>> users_of_all(const Host& host) {
  std::map<std::string, std::vector<std::uint32_t>> users;
  for (const std::uint32_t id : container::known_ids(host))
    if (const auto used = container::template_of(host, id)) users[*used].push_back(id);
  return users;
}

/// One decimal below ten, as ls -h has it; "-" where nobody has measured.
std::string size_text(std::optional<std::uint64_t> bytes) {
  if (!bytes) return "-";
  auto amount = static_cast<double>(*bytes);
  std::string_view unit = "B";
  for (const std::string_view next : {"K", "M", "G", "T"})
    if (amount >= 1024) amount /= 1024, unit = next;
  return fmt::format("{:.{}f}{}", amount, unit != "B" && amount < 10 ? 1 : 0, unit);
}

template <typename T>
nlohmann::ordered_json known_or_null(const std::optional<T>& value) {
  return value ? nlohmann::ordered_json(*value) : nlohmann::ordered_json();
}

nlohmann::ordered_json json_of(const isolate::TemplateInfo& info, const std::vector<std::uint32_t>& users) {
  return {{"name", info.name},     {"size", known_or_null(info.size)},     {"users", users},   {"time", info.time},
          {"source", info.source}, {"sha256", known_or_null(info.sha256)}, {"note", info.note}};
}

int list_templates(const Host& host, const Say& say, bool json) {
  const auto templates = container::templates_of(host).list();
  if (!templates) return fail(templates.error());
  auto users = users_of_all(host);
  if (json) {
    nlohmann::ordered_json array = nlohmann::ordered_json::array();
    for (const isolate::TemplateInfo& info : *templates) array.push_back(json_of(info, users[info.name]));
    fmt::print("{}\n", array.dump(4, ' ', false, nlohmann::ordered_json::error_handler_t::replace));
    return exit_ok;
  }
  if (!templates->empty()) fmt::print("{:<24} {:>6} {:>6} {:<21} {}\n", "NAME", "SIZE", "USERS", "IMPORTED", "FROM");
  for (const isolate::TemplateInfo& info : *templates)
    fmt::print("{:<24} {:>6} {:>6} {:<21} {}\n", info.name, size_text(info.size), users[info.name].size(), info.time, info.source);
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
  const std::string cache = host.paths.cache();
  if (const auto made = os::make_directories(cache, 0700); !made) return fail(made.error());
  const std::string archive = output.empty() ? fmt::format("{}/{}.tar.gz", cache, name) : output;
  say(fmt::format("Building template {}...", name));
  const auto built = isolate::build_template(name, archive, cache);
  if (!built) return fail(built.error());
  return import_template(host, say, archive, name);
}

int save_template(const Host& host, const Say& say, const std::string& container, const std::string& name) {
  const auto id = container::resolve_id(host, container);
  if (!id) return fail(id.error());
  if (const auto ours = container::refuse_adopted(host, *id, "make a template of"); !ours) return fail(ours.error());
  if (!container::status_of(host, *id).exists) return fail(container::unknown_container(*id));
  const auto lock = container::lock_container(host, *id, "template save");
  if (!lock) return fail(lock.error());
  say(fmt::format("Saving container {} as template {}...", *id, name));
  const auto saved = [&] {
    ProgressLine line{fmt::format("Unpacking {}", name), !say.quiet};
    return container::save_template(host, *id, name, line.watch());
  }();
  if (!saved) return fail(saved.error());
  say(fmt::format("Template {} is ready", name));
  return exit_ok;
}

int remove_template(const Host& host, const std::string& name) {
  if (const auto users = users_of_all(host)[name]; !users.empty())
    return fail({Code::busy, 0, fmt::format("template {} is the lower layer of container {}: destroy that first", name, users.front())},
                exit_running);
  const auto removed = container::templates_of(host).remove(name);
  return removed ? static_cast<int>(exit_ok) : fail(removed.error(), exit_no_template);
}

constexpr std::size_t kNamedDifferences = 10;

/// "1 changed, 1 missing: ./a (changed), ./b (missing)", at most ten by name.
std::string text_of(const isolate::TreeDifferences& found) {
  std::string counts, names;
  std::size_t named = 0, all = 0;
  for (const auto& [what, paths] : {std::pair{"changed", &found.changed}, {"missing", &found.missing}, {"added", &found.added}}) {
    if (!paths->empty()) counts += fmt::format("{}{} {}", counts.empty() ? "" : ", ", paths->size(), what);
    all += paths->size();
    for (const std::string& path : *paths)
      if (named < kNamedDifferences) names += fmt::format("{}{} ({})", named++ == 0 ? "" : ", ", path, what);
  }
  return fmt::format("{}: {}{}", counts, names, all > named ? ", ..." : "");
}

int verify_template(const Host& host, const Say& say, const std::string& name) {
  const auto found = container::templates_of(host).verify(name);
  if (!found) {
    const Code code = found.error().code;
    const bool unknown = code == Code::bad_state || code == Code::corrupt;   // what was unpacked
    return fail(found.error(), code == Code::not_found ? exit_no_template : unknown ? exit_bad_template : exit_of(found.error()));
  }
  if (!found->none())
    return fail({Code::corrupt, 0, fmt::format("template {} is not what was unpacked: {}", name, text_of(*found))}, exit_bad_template);
  say(fmt::format("Template {} is what was unpacked", name));
  return exit_ok;
}

}  // namespace

void add_template(CLI::App& app, Invocation& invocation) {
  struct Values {
    std::string name, file, output, container;
    bool json = false;
  };
  const auto values = std::make_shared<Values>();
  CLI::App* verb = app.add_subcommand("template", "what containers are made from");
  verb->require_subcommand(1);
  const auto on_template = [&invocation](CLI::App* part, auto body) {
    part->callback([&invocation, body] {
      isolate::sweep_builds(invocation.host.paths.cache());   // what a build that was killed left
      invocation.exit_code = body(invocation.host, invocation.say);
    });
  };
  CLI::App* list = verb->add_subcommand("list", "the templates of this host, what they take on disk, and the containers made from each");
  list->add_flag("-j,--json", values->json, "JSON, all that is known");
  on_template(list, [values](const Host& host, const Say& say) { return list_templates(host, say, values->json); });
  CLI::App* import = verb->add_subcommand("import", "unpack an archive, once, for all containers");
  import->add_option("FILE", values->file, "tar, tar.gz or tgz, tar.xz, tar.zst")->required();
  import->add_option("--name", values->name, "default: the file's name");
  on_template(import, [values](const Host& host, const Say& say) { return import_template(host, say, values->file, values->name); });
  CLI::App* build = verb->add_subcommand(
      "build", fmt::format("one of {}, from this host's packages and mirror", fmt::join(isolate::buildable_templates(), ", ")));
  build->add_option("NAME", values->name)->required();
  build->add_option("--output", values->output, "keep the archive here");
  on_template(build, [values](const Host& host, const Say& say) { return build_one_template(host, say, values->name, values->output); });
  CLI::App* save = verb->add_subcommand("save", "make one from a container, which stands still meanwhile if it runs");
  save->add_option("CTID", values->container, "the container's id or name")->required();
  save->add_option("NAME", values->name)->required();
  on_template(save, [values](const Host& host, const Say& say) { return save_template(host, say, values->container, values->name); });
  CLI::App* verify = verb->add_subcommand("verify", "is what is unpacked still what was unpacked? names what differs");
  verify->add_option("NAME", values->name)->required();
  on_template(verify, [values](const Host& host, const Say& say) { return verify_template(host, say, values->name); });
  CLI::App* remove = verb->add_subcommand("remove", "of a template that no container uses");
  remove->add_option("NAME", values->name)->required();
  on_template(remove, [values](const Host& host, const Say&) { return remove_template(host, values->name); });
}

}  // namespace ubc::cli
