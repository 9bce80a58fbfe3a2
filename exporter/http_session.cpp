// SPDX-License-Identifier: Apache-2.0
#include "exporter/http_session.h"

#include <boost/asio/steady_timer.hpp>
#include <boost/asio/write.hpp>

namespace ubc::exporter {

namespace asio = boost::asio;
namespace http = boost::beast::http;
using boost::system::error_code;

HttpSession::HttpSession(Wire& wire, const HttpBounds& bounds, const HttpServer::Handler& handler, HttpCounts& counts, std::string peer)
    : wire_{wire},
      bounds_{bounds},
      handler_{handler},
      counts_{counts},
      peer_{std::move(peer)},
      buffer_{std::size_t{bounds.header_bytes} + 4096} {}

asio::awaitable<void> HttpSession::run() {
  bool more = true;
  while (more) more = co_await serve_one();
}

asio::awaitable<HttpSession::Asked> HttpSession::read() {
  Asked asked;
  error_code failed;
  http::request_parser<http::string_body> parser;
  parser.header_limit(bounds_.header_bytes);
  parser.body_limit(bounds_.body_bytes);
  wire_.lowest().expires_after(bounds_.patience);
  co_await http::async_read_header(wire_, buffer_, parser, awaiting(failed));
  const auto method = parser.get().method();
  const bool bodiless = method == http::verb::get || method == http::verb::head;
  if (!failed && bodiless && (parser.chunked() || parser.content_length().value_or(0) != 0)) {
    asked.complaint = Reply{413, {}, "a GET may have no body\n"};
    co_return asked;
  }
  if (!failed) co_await http::async_read(wire_, buffer_, parser, awaiting(failed));
  if (failed)
    asked.complaint = complaint_of(failed);
  else
    asked.request = parser.release();
  co_return asked;
}

asio::awaitable<Reply> HttpSession::ask(Request request) {
  struct Waiting {
    asio::steady_timer timer;
    std::optional<Reply> reply;
  };
  const auto waiting = std::make_shared<Waiting>(Waiting{asio::steady_timer{wire_.get_executor()}, {}});
  waiting->timer.expires_after(bounds_.action_patience);
  handler_(std::move(request), [waiting](Reply reply) {
    if (waiting->reply) return;
    waiting->reply = std::move(reply);
    waiting->timer.cancel();
  });
  error_code woken;
  if (!waiting->reply) co_await waiting->timer.async_wait(awaiting(woken));
  Reply reply = waiting->reply.value_or(Reply{504, {}, "it takes longer than this server waits: look again later\n"});
  waiting->reply.emplace();   // what comes now comes too late
  co_return reply;
}

asio::awaitable<bool> HttpSession::serve_one() {
  Asked asked = co_await read();
  auto& request = asked.request;
  if (!request && !asked.complaint) co_return false;
  const bool head = request && request->method() == http::verb::head;
  const bool keep = request && request->keep_alive();
  const unsigned version = request ? request->version() : 11;
  Reply reply = asked.complaint.value_or(Reply{});
  if (request) {
    ++counts_.requests;
    Request given = request_of(*std::move(request), peer_);
    reply = co_await ask(std::move(given));
  }
  const auto stream = head ? nullptr : std::move(reply.stream);
  BeastResponse response = response_of(std::move(reply), version, wire_.tls() != nullptr);
  response.keep_alive(keep && !stream);
  if (stream) {
    co_await serve_stream(response, *stream);
    co_return false;
  }
  response.prepare_payload();
  http::response_serializer<http::string_body> serializer{response};
  error_code unsent;
  wire_.lowest().expires_after(bounds_.patience);
  if (head)
    co_await http::async_write_header(wire_, serializer, awaiting(unsent));
  else
    co_await http::async_write(wire_, serializer, awaiting(unsent));
  co_return !unsent && response.keep_alive();
}

asio::awaitable<void> HttpSession::serve_stream(BeastResponse& response, EventStream& events) {
  error_code unsent;
  asio::steady_timer ready{wire_.get_executor()};
  events.on_ready([&ready] { ready.cancel(); });
  http::response_serializer<http::string_body> serializer{response};
  wire_.lowest().expires_after(bounds_.patience);
  co_await http::async_write(wire_, serializer, awaiting(unsent));
  while (!unsent && !events.closed()) {
    std::string text = events.take();
    if (text.empty()) {
      error_code woken;
      ready.expires_after(bounds_.heartbeat);
      co_await ready.async_wait(awaiting(woken));
      text = events.take();
      if (text.empty()) text = ": still here\n\n";   // a client that has gone is noticed by it
    }
    wire_.lowest().expires_after(bounds_.patience);
    co_await asio::async_write(wire_, asio::buffer(text), awaiting(unsent));
  }
  events.on_ready({});
  events.close();
}

}  // namespace ubc::exporter
