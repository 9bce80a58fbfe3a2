// SPDX-License-Identifier: Apache-2.0
#include "exporter/http_wire.h"

#include <algorithm>
#include <cctype>

namespace ubc::exporter {
namespace {

namespace http = boost::beast::http;

std::string in_lower_case(std::string text) {
  std::ranges::transform(text, text.begin(), [](unsigned char letter) { return static_cast<char>(std::tolower(letter)); });
  return text;
}

}  // namespace

Request request_of(BeastRequest&& from, std::string peer) {
  Request request;
  const std::string target{from.target()};
  const std::size_t question = target.find('?');
  request.path = target.substr(0, question);
  request.method = std::string{from.method_string()};
  request.query = question == std::string::npos ? "" : target.substr(question + 1);
  for (const auto& field : from) {
    std::string& value = request.headers[in_lower_case(std::string{field.name_string()})];
    value += (value.empty() ? "" : ", ") + std::string{field.value()};
  }
  request.body = std::move(from.body());
  request.peer = std::move(peer);
  return request;
}

BeastResponse response_of(Reply reply, unsigned version, bool secure) {
  BeastResponse response{static_cast<http::status>(reply.status), version};
  response.set(http::field::content_type, reply.content_type);
  response.set(http::field::cache_control, "no-store");
  response.set("X-Content-Type-Options", "nosniff");
  response.set("Referrer-Policy", "no-referrer");
  response.set("Cross-Origin-Resource-Policy", "same-origin");
  response.set("Content-Security-Policy",
               "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self'; connect-src 'self'; base-uri 'none'; "
               "form-action 'none'; frame-ancestors 'none'");
  if (secure) response.set(http::field::strict_transport_security, "max-age=31536000");
  for (const auto& [name, value] : reply.headers) response.set(name, value);
  response.body() = std::move(reply.body);
  return response;
}

std::optional<Reply> complaint_of(const boost::system::error_code& failed) {
  if (failed == http::error::header_limit) return Reply{431, {}, "the request's header is too large\n"};
  if (failed == http::error::body_limit) return Reply{413, {}, "the request's body is too large\n"};
  if (failed.category() == http::make_error_code(http::error::bad_method).category() && failed != http::error::end_of_stream &&
      failed != http::error::partial_message)
    return Reply{400, {}, "this is not HTTP\n"};
  return std::nullopt;
}

}  // namespace ubc::exporter
