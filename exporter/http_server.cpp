// SPDX-License-Identifier: Apache-2.0
#include "exporter/http_server.h"

#include <algorithm>
#include <boost/algorithm/string/case_conv.hpp>
#include <boost/asio/awaitable.hpp>
#include <boost/asio/co_spawn.hpp>
#include <boost/asio/detached.hpp>
#include <boost/asio/io_context.hpp>
#include <boost/asio/ip/tcp.hpp>
#include <boost/asio/redirect_error.hpp>
#include <boost/asio/signal_set.hpp>
#include <boost/asio/steady_timer.hpp>
#include <boost/asio/use_awaitable.hpp>
#include <boost/beast/core/flat_buffer.hpp>
#include <boost/beast/core/tcp_stream.hpp>
#include <boost/beast/http.hpp>
#include <csignal>
#include <limits>
#include <locale>
#include <optional>

#include "os/text_file.h"

namespace ubc::exporter {
namespace {

namespace asio = boost::asio;
namespace beast = boost::beast;
namespace http = beast::http;
using asio::ip::tcp;
using boost::system::error_code;

/// To co_await an operation that tells of its failure in `failed`. A fresh one each time: this Asio does not take a constant token.
auto awaiting(error_code& failed) { return asio::redirect_error(asio::use_awaitable, failed); }

Result<tcp::endpoint> parse_endpoint(const std::string& text) {
  const std::size_t colon = text.rfind(':');
  std::string host = text.substr(0, colon);
  if (host.starts_with('[') && host.ends_with(']')) host = host.substr(1, host.size() - 2);
  error_code failed;
  const asio::ip::address address = asio::ip::make_address(host, failed);
  const auto port = colon == std::string::npos ? 65536 : os::parse_number(text.substr(colon + 1)).value_or(65536);
  if (failed || port > std::numeric_limits<std::uint16_t>::max())
    return os::error(Code::bad_value, "listen on {}: say ADDRESS:PORT, like 127.0.0.1:9641 or [::1]:9641", text);
  return tcp::endpoint{address, static_cast<std::uint16_t>(port)};
}

std::string text_of(const tcp::endpoint& endpoint) {
  const std::string address = endpoint.address().to_string();
  return fmt::format(fmt::runtime(endpoint.address().is_v6() ? "[{}]:{}" : "{}:{}"), address, endpoint.port());
}

Result<> open_acceptor(tcp::acceptor& acceptor, const tcp::endpoint& endpoint) {
  error_code failed;
  acceptor.open(endpoint.protocol(), failed);
  if (!failed) acceptor.set_option(asio::socket_base::reuse_address{true}, failed);
  if (!failed) acceptor.bind(endpoint, failed);
  if (!failed) acceptor.listen(asio::socket_base::max_listen_connections, failed);
  if (!failed) return {};
  if (failed == asio::error::address_in_use)
    return os::error(Code::busy, "listen on {}: another program has that port: say another one with --listen", text_of(endpoint));
  return os::error(os::code_of(failed.value()), "listen on {}: {}: say another address with --listen", text_of(endpoint), failed.message());
}

using Response = http::response<http::string_body>;

Response response_of(Reply reply, unsigned version) {
  Response response{static_cast<http::status>(reply.status), version};
  response.set(http::field::content_type, reply.content_type);
  response.set(http::field::cache_control, "no-store");
  response.set("X-Content-Type-Options", "nosniff");
  if (reply.status == 405) response.set(http::field::allow, "GET, HEAD");
  for (const auto& [name, value] : reply.headers) response.set(name, value);
  response.body() = std::move(reply.body);
  return response;
}

Request request_of(const http::request<http::empty_body>& wire) {
  const std::string_view target{wire.target().data(), wire.target().size()};
  const std::size_t path = std::min(target.find('?'), target.size());
  Request request{std::string{target.substr(0, path)}, std::string{target.substr(std::min(path + 1, target.size()))}, {}};
  for (const auto& field : wire) {
    std::string name{field.name_string()};
    boost::algorithm::to_lower(name, std::locale::classic());
    std::string& value = request.headers[name];
    value += (value.empty() ? "" : ", ") + std::string{field.value()};
  }
  return request;
}

/// What the parser could not take: the client is told, where it still listens.
std::optional<Reply> complaint_of(const error_code& failed) {
  if (failed == http::error::header_limit) return Reply{431, {}, "the request's header is too large\n"};
  if (failed == http::error::body_limit) return Reply{413, {}, "a request may have no body\n"};
  if (failed.category() == http::make_error_code(http::error::bad_method).category() && failed != http::error::end_of_stream &&
      failed != http::error::partial_message)
    return Reply{400, {}, "this is not HTTP\n"};
  return std::nullopt;
}

}  // namespace

struct HttpServer::Impl {
  explicit Impl(const HttpBounds& limits) : bounds{limits} {}

  asio::io_context context{1};
  tcp::acceptor acceptor{context};
  std::optional<asio::signal_set> hangup;
  HttpBounds bounds;
  HttpCounts counts;
  std::size_t open_now = 0;
  Handler handler;

  Response answer(const http::request<http::empty_body>& request) {
    ++counts.requests;
    const bool readable = request.method() == http::verb::get || request.method() == http::verb::head;
    Response response = response_of(readable ? handler(request_of(request)) : Reply{405, {}, "only GET and HEAD\n"}, request.version());
    response.keep_alive(request.keep_alive());
    response.prepare_payload();
    if (request.method() == http::verb::head) response.body().clear();   // its length stays said
    return response;
  }

  /// True where the connection stays open.
  asio::awaitable<bool> serve_one(beast::tcp_stream& stream, beast::flat_buffer& buffer) {
    error_code failed;
    http::request_parser<http::empty_body> parser;
    parser.header_limit(bounds.header_bytes);
    parser.body_limit(0);
    stream.expires_after(bounds.patience);
    co_await http::async_read(stream, buffer, parser, awaiting(failed));
    std::optional<Response> response;
    if (!failed)
      response = answer(parser.get());
    else if (auto complaint = complaint_of(failed)) {
      response = response_of(*std::move(complaint), 11);
      response->keep_alive(false);
      response->prepare_payload();
    }
    if (!response) co_return false;
    stream.expires_after(bounds.patience);
    http::response_serializer<http::string_body> serializer{*response};
    const bool head = !failed && parser.get().method() == http::verb::head;
    error_code unsent;
    if (head)
      co_await http::async_write_header(stream, serializer, awaiting(unsent));
    else
      co_await http::async_write(stream, serializer, awaiting(unsent));
    co_return !failed && !unsent && response->keep_alive();
  }

  asio::awaitable<void> serve(tcp::socket socket) {
    ++open_now;
    beast::tcp_stream stream{std::move(socket)};
    beast::flat_buffer buffer{std::size_t{bounds.header_bytes} + 4096};
    while (co_await serve_one(stream, buffer)) {
    }
    error_code ignored;
    stream.socket().shutdown(tcp::socket::shutdown_both, ignored);
    --open_now;
  }

  /// One send that can't block: a client too many is not worth waiting for.
  void turn_away(tcp::socket socket) {
    ++counts.connections_refused;
    constexpr std::string_view kFull = "HTTP/1.1 503 Service Unavailable\r\nConnection: close\r\nContent-Length: 0\r\n\r\n";
    error_code ignored;
    socket.non_blocking(true, ignored);
    socket.write_some(asio::buffer(kFull), ignored);
  }

  asio::awaitable<void> accept() {
    asio::steady_timer pause{context};
    while (acceptor.is_open()) {
      error_code failed;
      tcp::socket socket = co_await acceptor.async_accept(awaiting(failed));
      if (failed == asio::error::operation_aborted) co_return;
      if (failed) {   // no descriptor left, say: it won't be better at once
        pause.expires_after(std::chrono::milliseconds{100});
        co_await pause.async_wait(awaiting(failed));
      } else if (open_now >= bounds.connections) {
        turn_away(std::move(socket));
      } else {
        asio::co_spawn(context, serve(std::move(socket)), asio::detached);
      }
    }
  }
};

HttpServer::HttpServer(std::unique_ptr<Impl> impl) : impl_{std::move(impl)} {}
HttpServer::HttpServer(HttpServer&&) noexcept = default;
HttpServer& HttpServer::operator=(HttpServer&&) noexcept = default;
HttpServer::~HttpServer() = default;

Result<HttpServer> HttpServer::listen(const std::string& endpoint, const HttpBounds& bounds) {
  const tcp::endpoint wanted = UBC_TRY(parse_endpoint(endpoint));
  auto impl = std::make_unique<Impl>(bounds);
  UBC_TRY(open_acceptor(impl->acceptor, wanted));
  return HttpServer{std::move(impl)};
}

std::string HttpServer::address() const {
  error_code ignored;
  return text_of(impl_->acceptor.local_endpoint(ignored));
}

HttpCounts HttpServer::counts() const { return impl_->counts; }

void HttpServer::every(std::chrono::microseconds period, std::function<void()> work) {
  const auto repeat = [this, period, work = std::move(work)]() -> asio::awaitable<void> {
    asio::steady_timer timer{impl_->context};
    for (error_code failed; !failed;) {
      timer.expires_after(period);
      co_await timer.async_wait(awaiting(failed));
      if (!failed) work();
    }
  };
  asio::co_spawn(impl_->context, repeat, asio::detached);
}

void HttpServer::on_hangup(std::function<void()> work) {
  impl_->hangup.emplace(impl_->context, SIGHUP);
  const auto repeat = [this, work = std::move(work)]() -> asio::awaitable<void> {
    for (error_code failed; !failed;) {
      co_await impl_->hangup->async_wait(awaiting(failed));
      if (!failed) work();
    }
  };
  asio::co_spawn(impl_->context, repeat, asio::detached);
}

int HttpServer::run(Handler handler) {
  impl_->handler = std::move(handler);
  int ended_by = 0;
  asio::signal_set signals{impl_->context, SIGTERM, SIGINT};
  signals.async_wait([&](const error_code& failed, int signal) {
    if (failed) return;
    ended_by = signal;
    impl_->context.stop();
  });
  asio::co_spawn(impl_->context, impl_->accept(), asio::detached);
  impl_->context.run();
  return ended_by;
}

}  // namespace ubc::exporter
