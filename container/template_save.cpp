// SPDX-License-Identifier: Apache-2.0
#include "container/template_save.h"

#include <unistd.h>

#include <optional>

#include "container/container.h"
#include "container/container_record.h"
#include "container/suspension.h"
#include "isolate/build_area.h"
#include "isolate/guest_spec.h"
#include "isolate/handshake.h"
#include "isolate/merged_tree.h"
#include "isolate/run_program.h"

namespace ubc::container {
namespace {

/// Nothing of the container runs while its layers are read: overlayfs does not allow them to change below a second mount.
Result<> pack(const Host& host, std::uint32_t id, const std::string& archive) {
  const std::uint32_t slot = UBC_TRY(slot_of(host, id));
  const std::string from = UBC_TRY(template_of(host, id));
  const isolate::TemplateInfo base = UBC_TRY(templates_of(host).find(from));
  std::optional<StandingStill> still;
  if (running(host, id) && !is_suspended(host, id)) still.emplace(UBC_TRY(StandingStill::of(host, id)));
  isolate::fault_point("save:still");
  const uid_t first = host.settings.uid_base + slot * isolate::kIdsPerGuest;
  const auto read = [&](const std::string& tree) -> Result<> {
    (void)UBC_TRY(isolate::run_program({host.paths.tools.packer, "template", archive, tree, std::to_string(first)}));
    return {};
  };
  UBC_TRY(isolate::with_merged_tree(base.rootfs, host.paths.area_of(id), read));
  isolate::fault_point("save:packed");
  return {};
}

}  // namespace

Result<isolate::TemplateInfo> save_template(const Host& host, std::uint32_t id, const std::string& name,
                                            const isolate::ImportProgress& progress) {
  const std::string what = fmt::format("save container {} as template {}", id, name);
  UBC_TRY(os::with_context(isolate::check_template_name(name), what));
  const isolate::TemplateStore templates = templates_of(host);
  if (templates.find(name))
    return os::error(Code::exists, "{}: there is a template of this name already; remove it first or give another name", what);
  UBC_TRY(os::make_directories(host.paths.cache(), 0700));
  const std::string archive_name = fmt::format("container-{}.tar.gz", id);
  const auto area = UBC_TRY(isolate::BuildArea::make(host.paths.cache(), host.paths.cache() + "/" + archive_name));
  const std::string archive = area.scratch() + "/" + archive_name;
  UBC_TRY(os::with_context(pack(host, id, archive), what));
  return templates.import_archive(archive, name, progress);
}

}  // namespace ubc::container
