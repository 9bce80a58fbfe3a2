// SPDX-License-Identifier: Apache-2.0
// The API's changes: each is a command of ubctl's, checked before, told to the log with who wanted it.
#include <utility>

#include "exporter/api.h"
#include "exporter/api_json.h"
#include "exporter/limit_wish.h"
#include "os/text_file.h"

namespace ubc::exporter {
namespace {

/// One sentence, of possibly more lines; ubctl's "WARNING: " stays.
Json lines_of(const std::string& text) {
  Json lines = Json::array();
  for (std::size_t at = 0; at < text.size();) {
    const std::size_t end = std::min(text.find('\n', at), text.size());
    if (end != at) lines.push_back(text.substr(at, end - at));
    at = end + 1;
  }
  return lines;
}

/// ubctl's exit codes (its manual has them all) that are no fault of the host's.
unsigned status_of(int exit_code) {
  switch (exit_code) {
    case 9:    // locked
    case 31:   // not running
    case 32:   // running
    case 105:  // disabled
      return 409;
    case 14: return 404;
    case 20:
    case 21: return 400;
    default: return 500;
  }
}

Reply failure_of(const ActionResult& result) {
  std::string words{os::trimmed(result.complaints)};
  if (words.empty()) words = fmt::format("ubctl ended with {}", result.status);
  const unsigned status = status_of(result.status);
  return error_reply(status, status == 409 ? "bad_state" : status == 404 ? "not_found" : status == 400 ? "bad_value" : "system", words);
}

std::string words_of(const container::LimitChange& change) {
  return fmt::format("{} {} -> {}", accounting::info_of(change.resource)->name, accounting::format_pair(change.before),
                     accounting::format_pair(change.after));
}

}  // namespace

Result<std::uint32_t> Api::known_id(std::string_view text) {
  const WorldReading reading = world_.read();
  return UBC_TRY(find_in(reading, text)).container.id;
}

void Api::run(const Call& call, const Action& action, const std::string& what, const Done& done,
              std::function<Reply(const ActionResult&)> success) {
  const std::string line = fmt::format("{} ({}, {}) {} {}{}", call.who.name, name_of(call.who.role), call.request.peer, action.verb,
                                       action.id, what.empty() ? "" : " " + what);
  world_.act(action, [this, line, action, by = call.who.name, done, success = std::move(success)](const ActionResult& result) {
    const bool good = result.status == 0;
    options_.audit(good ? line + ": done"
                        : fmt::format("{}: failed ({}): {}", line, result.status, os::printable(os::trimmed(result.complaints))));
    done(good ? success(result) : failure_of(result));
    live_.tell_action(action.verb, action.id, by, good);
  });
}

void Api::set_limits(const Call& call, const Done& done) {
  const auto id = known_id(call.id);
  if (!id) return done(error_reply(id.error()));
  const auto wish = parse_wish(call.request.body);
  if (!wish) return done(error_reply(wish.error()));
  const auto changes = world_.preview(*id, wish->limits);
  if (!changes) return done(error_reply(changes.error()));
  Json preview = Json::array();
  std::string what = wish->save ? "(saved)" : "";
  for (const container::LimitChange& change : *changes) {
    preview.push_back(change_of(change));
    what += (what.empty() ? "" : ", ") + words_of(change);
  }
  Json answer{
      {"applied", !wish->dry_run}, {"saved", wish->save && !wish->dry_run}, {"changes", std::move(preview)}, {"notes", Json::array()}};
  if (wish->dry_run) return done(json_reply(answer));
  run(call, {"set", *id, arguments_for(*wish)}, what, done, [answer](const ActionResult& result) mutable {
    answer["notes"] = lines_of(result.complaints);
    return json_reply(answer);
  });
}

void Api::run_verb(const Call& call, const std::string& verb, const Done& done) {
  const auto id = known_id(call.id);
  if (!id) return done(error_reply(id.error()));
  const auto fast = parse_fast(call.request.body);
  if (!fast) return done(error_reply(fast.error()));
  Action action{verb, *id, {}};
  if (*fast && verb != "start") action.arguments.emplace_back("--fast");
  run(call, action, *fast ? "--fast" : "", done, [](const ActionResult& result) {
    return json_reply({{"done", true}, {"output", lines_of(result.output)}, {"notes", lines_of(result.complaints)}});
  });
}

void Api::start(const Call& call, const Done& done) { run_verb(call, "start", done); }
void Api::stop(const Call& call, const Done& done) { run_verb(call, "stop", done); }
void Api::restart(const Call& call, const Done& done) { run_verb(call, "restart", done); }

}  // namespace ubc::exporter
