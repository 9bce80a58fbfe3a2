// SPDX-License-Identifier: Apache-2.0
#include "exporter/site.h"

#include <arpa/inet.h>

#include <algorithm>
#include <cctype>

#include "exporter/api_json.h"
#include "exporter/assets.h"
#include "os/text_file.h"

namespace ubc::exporter {
namespace {

bool same_name(std::string_view one, std::string_view other) {
  return std::ranges::equal(one, other, [](unsigned char a, unsigned char b) { return std::tolower(a) == std::tolower(b); });
}

bool is_address(const std::string& text) {
  in6_addr ignored{};
  return ::inet_pton(AF_INET, text.c_str(), &ignored) == 1 || ::inet_pton(AF_INET6, text.c_str(), &ignored) == 1;
}

bool is_read(const Request& request) { return request.method == "GET" || request.method == "HEAD"; }

/// The console's files need no word of who asks: they tell nothing of this host.
const Asset* page_of(std::string_view path) {
  if (path == "/") return asset("index.html");
  constexpr std::string_view kFolder = "/console/";
  return path.starts_with(kFolder) ? asset(path.substr(kFolder.size())) : nullptr;
}

}  // namespace

bool is_our_name(std::string_view host, const std::vector<std::string>& names) {
  std::string name{host};
  if (const std::size_t end = name.find(']'); name.starts_with('[') && end != std::string::npos)
    name = name.substr(1, end - 1);
  else if (const std::size_t colon = name.find(':'); colon != std::string::npos && name.find(':', colon + 1) == std::string::npos)
    name.resize(colon);
  return is_address(name) || same_name(name, "localhost") ||
         std::ranges::any_of(names, [&](const std::string& ours) { return same_name(name, ours); });
}

std::string foreign_origin(const Request& request) {
  if (request.header("x-ubc-request").empty()) return "a change needs the header X-UBC-Request: 1";
  if (const std::string_view site = request.header("sec-fetch-site"); !site.empty() && site != "same-origin" && site != "none")
    return "a page of another site may not change anything here";
  if (const std::string_view origin = request.header("origin"); !origin.empty()) {
    const std::size_t at = origin.find("://");
    if (at == std::string_view::npos || !same_name(origin.substr(at + 3), request.header("host")))
      return fmt::format("a page of {} may not change anything here", os::printable(origin));
  }
  if (!request.body.empty() && !request.header("content-type").starts_with("application/json")) return "a body must be application/json";
  return {};
}

std::variant<Identity, Reply> Site::identify(const Request& request) {
  if (users_ == nullptr) return Identity{"anybody", Role::read};
  const auto verdict = users_->check(request.header("authorization"), Authenticator::Clock::now());
  if (verdict.outcome == Authenticator::Outcome::known) return verdict.identity;
  if (verdict.outcome == Authenticator::Outcome::too_often) {
    Reply reply = error_reply(429, "too_often", "too many wrong passwords of late: wait some seconds");
    reply.headers["Retry-After"] = "5";
    return reply;
  }
  const bool wrong = verdict.outcome == Authenticator::Outcome::wrong;
  const char* why = wrong ? "no such user, password or token" : "say who you are: a user and password, or a token";
  if (request.path == Api::kSession) return Api::no_session(why);
  Reply reply = error_reply(401, "who_are_you", why);
  // A browser asks for a password by itself, except where the console asks.
  reply.headers["WWW-Authenticate"] =
      request.header("x-ubc-request").empty() ? "Basic realm=\"ubcd\", charset=\"UTF-8\"" : "Bearer realm=\"ubcd\"";
  return reply;
}

void Site::answer(const Request& request, const Done& done) {
  // Who proves who they are is no other site's page: a browser sends neither token nor password to a name that it was not given for.
  auto who = identify(request);
  const bool proven = users_ != nullptr && std::holds_alternative<Identity>(who);
  const bool named = !request.header("host").empty();   // a browser always says one
  if (!proven && named && !is_our_name(request.header("host"), options_.names))
    return done(error_reply(
        421, "not_our_name",
        fmt::format("this server does not know the name {}: start ubcd with --server-name", os::printable(request.header("host")))));
  const Asset* page = page_of(request.path);
  const bool api = request.path.starts_with("/api/");
  if (!api && !is_read(request)) {
    Reply reply{405, "text/plain; charset=utf-8", "only GET and HEAD\n"};
    reply.headers["Allow"] = "GET, HEAD";
    return done(std::move(reply));
  }
  if (page != nullptr) return done({200, std::string{page->content_type}, std::string{page->text}});
  if (auto* denial = std::get_if<Reply>(&who)) return done(std::move(*denial));
  if (!api) return done(options_.metrics(request));
  if (!is_read(request))
    if (const std::string why = foreign_origin(request); !why.empty()) return done(error_reply(403, "foreign_origin", why));
  api_.answer(request, std::get<Identity>(who), done);
}

}  // namespace ubc::exporter
