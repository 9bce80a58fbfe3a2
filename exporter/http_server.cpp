// SPDX-License-Identifier: Apache-2.0
#include "exporter/http_server.h"

#include <fcntl.h>

#include <boost/asio/awaitable.hpp>
#include <boost/asio/co_spawn.hpp>
#include <boost/asio/detached.hpp>
#include <boost/asio/io_context.hpp>
#include <boost/asio/ip/tcp.hpp>
#include <boost/asio/posix/stream_descriptor.hpp>
#include <boost/asio/signal_set.hpp>
#include <boost/asio/ssl.hpp>
#include <boost/asio/steady_timer.hpp>
#include <boost/beast/ssl.hpp>
#include <csignal>
#include <limits>

#include "exporter/http_session.h"
#include "os/text_file.h"

namespace ubc::exporter {
namespace {

namespace asio = boost::asio;
namespace beast = boost::beast;
namespace ssl = asio::ssl;
using asio::ip::tcp;
using boost::system::error_code;

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

/// OpenSSL's words without its numbers and file names.
std::string words_of(const error_code& failed) {
  const char* reason = ::ERR_reason_error_string(static_cast<unsigned long>(failed.value()));
  return failed.category() == asio::error::get_ssl_category() && reason != nullptr ? reason : failed.message();
}

Result<> use_tls(ssl::context& context, const TlsFiles& files) {
  error_code failed;
  context.set_options(ssl::context::default_workarounds | ssl::context::single_dh_use, failed);
  if (::SSL_CTX_set_min_proto_version(context.native_handle(), TLS1_2_VERSION) != 1)
    return os::error(Code::unsupported, "use TLS 1.2 or newer: this OpenSSL can't");
  context.use_certificate_chain_file(files.certificate, failed);
  if (failed)
    return os::error(Code::bad_value, "read the certificate {}: {}: --tls-cert takes a PEM file, the server's certificate first",
                     files.certificate, words_of(failed));
  context.use_private_key_file(files.key, ssl::context::pem, failed);
  if (failed)
    return os::error(Code::bad_value, "read the key {}: {}: --tls-key takes the PEM file of {}'s key, without a passphrase", files.key,
                     words_of(failed), files.certificate);
  return {};
}

}  // namespace

struct HttpServer::Impl {
  explicit Impl(const HttpBounds& limits) : bounds{limits} {}

  asio::io_context context{1};
  tcp::acceptor acceptor{context};
  std::optional<ssl::context> tls;
  std::optional<asio::signal_set> hangup;
  HttpBounds bounds;
  HttpCounts counts;
  std::size_t open_now = 0;
  Handler handler;

  asio::awaitable<void> serve(tcp::socket socket) {
    ++open_now;
    error_code failed;
    std::string peer = socket.remote_endpoint(failed).address().to_string();
    const auto wire = tls ? std::make_unique<Wire>(std::move(socket), *tls) : std::make_unique<Wire>(std::move(socket));
    failed = {};
    wire->lowest().expires_after(bounds.patience);
    if (wire->tls() != nullptr) co_await wire->tls()->async_handshake(ssl::stream_base::server, awaiting(failed));
    if (!failed) {
      HttpSession session{*wire, bounds, handler, counts, std::move(peer)};
      co_await session.run();
      wire->lowest().expires_after(std::chrono::seconds{1});
      if (wire->tls() != nullptr) co_await wire->tls()->async_shutdown(awaiting(failed));
    }
    wire->lowest().socket().shutdown(tcp::socket::shutdown_both, failed);
    --open_now;
  }

  /// One send that can't block: a client too many is not worth waiting for.
  void turn_away(tcp::socket socket) {
    ++counts.connections_refused;
    constexpr std::string_view kFull = "HTTP/1.1 503 Service Unavailable\r\nConnection: close\r\nContent-Length: 0\r\n\r\n";
    error_code ignored;
    socket.non_blocking(true, ignored);
    if (!tls) socket.write_some(asio::buffer(kFull), ignored);
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

  asio::awaitable<void> repeat(std::chrono::microseconds period, std::function<void()> work) {
    asio::steady_timer timer{context};
    error_code failed;
    while (!failed) {
      work();
      timer.expires_after(period);
      co_await timer.async_wait(awaiting(failed));
    }
  }

  asio::awaitable<void> heed_hangups(std::function<void()> work) {
    for (error_code failed; !failed;) {
      co_await hangup->async_wait(awaiting(failed));
      if (!failed) work();
    }
  }

  asio::awaitable<void> watch(int descriptor, std::function<bool()> work) {
    asio::posix::stream_descriptor watched{context, ::fcntl(descriptor, F_DUPFD_CLOEXEC, 0)};
    error_code failed;
    do {
      co_await watched.async_wait(asio::posix::stream_descriptor::wait_read, awaiting(failed));
    } while (!failed && work());
  }
};

HttpServer::HttpServer(std::unique_ptr<Impl> impl) : impl_{std::move(impl)} {}
HttpServer::HttpServer(HttpServer&&) noexcept = default;
HttpServer& HttpServer::operator=(HttpServer&&) noexcept = default;
HttpServer::~HttpServer() = default;

Result<HttpServer> HttpServer::listen(const std::string& endpoint, const HttpBounds& bounds, const std::optional<TlsFiles>& tls) {
  const tcp::endpoint wanted = UBC_TRY(parse_endpoint(endpoint));
  auto impl = std::make_unique<Impl>(bounds);
  if (tls) UBC_TRY(use_tls(impl->tls.emplace(ssl::context::tls_server), *tls));
  UBC_TRY(open_acceptor(impl->acceptor, wanted));
  return HttpServer{std::move(impl)};
}

Result<> HttpServer::renew_tls(const TlsFiles& files) {
  ssl::context fresh{ssl::context::tls_server};
  UBC_TRY(use_tls(fresh, files));
  impl_->tls.emplace(std::move(fresh));   // each connection holds the one that it began with
  return {};
}

std::string HttpServer::address() const {
  error_code ignored;
  return text_of(impl_->acceptor.local_endpoint(ignored));
}

const char* HttpServer::scheme() const { return impl_->tls ? "https" : "http"; }

bool HttpServer::is_loopback() const {
  error_code ignored;
  return impl_->acceptor.local_endpoint(ignored).address().is_loopback();
}

HttpCounts HttpServer::counts() const { return impl_->counts; }

void HttpServer::every(std::chrono::microseconds period, std::function<void()> work) {
  asio::co_spawn(impl_->context, impl_->repeat(period, std::move(work)), asio::detached);
}

void HttpServer::on_hangup(std::function<void()> work) {
  impl_->hangup.emplace(impl_->context, SIGHUP);
  asio::co_spawn(impl_->context, impl_->heed_hangups(std::move(work)), asio::detached);
}

void HttpServer::when_readable(int descriptor, std::function<bool()> work) {
  asio::co_spawn(impl_->context, impl_->watch(descriptor, std::move(work)), asio::detached);
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
