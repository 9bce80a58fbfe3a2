// SPDX-License-Identifier: Apache-2.0
#include "exporter/auth.h"

#include <crypt.h>
#include <openssl/crypto.h>
#include <openssl/evp.h>
#include <openssl/rand.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <memory>

#include "os/text_file.h"

namespace ubc::exporter {
namespace {

constexpr std::string_view kTokenPrefix = "sha256:";
constexpr std::chrono::minutes kRemember{10};
constexpr std::size_t kMostRemembered = 64;
constexpr double kHashesAtOnce = 5, kHashesASecond = 1;
constexpr std::string_view kNameLetters = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789-_.@";
/// What of crypt(3) is hard to guess: yescrypt, gost-yescrypt, scrypt, bcrypt, and SHA-2 with rounds.
constexpr std::string_view kGoodHashes[] = {"$y$", "$gy$", "$7$", "$2b$", "$6$", "$5$"};

std::string hex_of(const unsigned char* bytes, std::size_t size) {
  std::string text;
  for (std::size_t i = 0; i < size; ++i) text += fmt::format("{:02x}", bytes[i]);
  return text;
}

std::string sha256(std::string_view text) {
  std::array<unsigned char, EVP_MAX_MD_SIZE> digest{};
  unsigned size = 0;
  (void)::EVP_Digest(text.data(), text.size(), digest.data(), &size, ::EVP_sha256(), nullptr);
  return hex_of(digest.data(), size);
}

bool same(std::string_view one, std::string_view other) {
  return one.size() == other.size() && ::CRYPTO_memcmp(one.data(), other.data(), one.size()) == 0;
}

/// Empty where it is no base64.
std::string decode_base64(std::string_view text) {
  if (text.size() % 4 != 0 || text.size() > 1024) return {};
  std::string decoded(text.size() / 4 * 3, '\0');
  const int size = ::EVP_DecodeBlock(reinterpret_cast<unsigned char*>(decoded.data()), reinterpret_cast<const unsigned char*>(text.data()),
                                     static_cast<int>(text.size()));
  if (size < 0) return {};
  const auto padding = static_cast<std::size_t>(std::ranges::count(text, '='));
  decoded.resize(static_cast<std::size_t>(size) - std::min<std::size_t>(padding, static_cast<std::size_t>(size)));
  return decoded;
}

bool crypt_matches(const std::string& password, const std::string& hash) {
  const auto data = std::make_unique<crypt_data>();
  const char* made = ::crypt_r(password.c_str(), hash.c_str(), data.get());
  return made != nullptr && same(made, hash);
}

bool is_good_secret(std::string_view secret) {
  if (secret.starts_with(kTokenPrefix))
    return secret.size() == kTokenPrefix.size() + 64 &&
           secret.find_first_not_of("0123456789abcdef", kTokenPrefix.size()) == std::string_view::npos;
  return std::ranges::any_of(kGoodHashes, [&](std::string_view prefix) { return secret.starts_with(prefix); });
}

Result<User> parse_user(std::string_view line) {
  std::vector<std::string> fields;
  while (!line.empty()) {
    const std::size_t end = std::min(line.find_first_of(" \t"), line.size());
    if (end != 0) fields.emplace_back(line.substr(0, end));
    line.remove_prefix(std::min(end + 1, line.size()));
  }
  if (fields.size() != 3) return os::error(Code::bad_value, "say NAME ROLE SECRET");
  if (fields[0].size() > 64 || fields[0].find_first_not_of(kNameLetters) != std::string::npos)
    return os::error(Code::bad_value, "a name has letters, digits and -_.@, at most 64");
  if (fields[1] != "read" && fields[1] != "admin") return os::error(Code::bad_value, "the role is read or admin");
  if (!is_good_secret(fields[2]))
    return os::error(Code::bad_value, "the secret is no hash that is hard to guess: ubcd --hash-password and --new-token print good ones");
  return User{fields[0], fields[1] == "admin" ? Role::admin : Role::read, fields[2]};
}

}  // namespace

const char* name_of(Role role) { return role == Role::admin ? "admin" : "read"; }

Result<std::vector<User>> parse_users(std::string_view text) {
  std::vector<User> users;
  for (std::size_t number = 1; !text.empty(); ++number) {
    const std::size_t end = std::min(text.find('\n'), text.size());
    const std::string_view line = os::trimmed(text.substr(0, end));
    text.remove_prefix(std::min(end + 1, text.size()));
    if (line.empty() || line.starts_with('#')) continue;
    users.push_back(UBC_TRY(os::with_context(parse_user(line), fmt::format("line {}", number))));
    if (std::ranges::count(users, users.back().name, &User::name) > 1)
      return os::error(Code::bad_value, "line {}: {} is there twice", number, users.back().name);
  }
  return users;
}

Result<std::vector<User>> load_users(const std::string& path) {
  struct stat seen{};
  if (::stat(path.c_str(), &seen) != 0) return os::sys_error(errno, "read the users' file", path);
  if (seen.st_uid != ::geteuid() || (seen.st_mode & (S_IRWXG | S_IRWXO)) != 0)
    return os::error(Code::denied, "the users' file {} must be root's and nobody else's to read or write: chown root, chmod 600", path);
  const std::string text = UBC_TRY(os::read_text(path));
  auto users = UBC_TRY(os::with_context(parse_users(text), path));
  if (users.empty()) return os::error(Code::bad_value, "{} names no user: nobody could come in", path);
  return users;
}

Result<std::string> hash_password(const std::string& password) {
  if (password.empty()) return os::error(Code::bad_value, "an empty password is none: write it to standard input, with a newline");
  char setting[CRYPT_GENSALT_OUTPUT_SIZE];
  if (::crypt_gensalt_rn(nullptr, 0, nullptr, 0, setting, sizeof setting) == nullptr) return os::sys_error(errno, "make a salt");
  const auto data = std::make_unique<crypt_data>();
  const char* made = ::crypt_r(password.c_str(), setting, data.get());
  if (made == nullptr || *made == '*') return os::sys_error(errno, "hash the password");
  return std::string{made};
}

Result<NewToken> make_token() {
  std::array<unsigned char, 32> bytes{};
  if (::RAND_bytes(bytes.data(), static_cast<int>(bytes.size())) != 1) return os::error(Code::system, "get random bytes for a token");
  const std::string token = "ubc_" + hex_of(bytes.data(), bytes.size());
  return NewToken{token, std::string{kTokenPrefix} + sha256(token)};
}

Authenticator::Authenticator(std::vector<User> users) : users_{std::move(users)}, hashes_left_{kHashesAtOnce} {
  std::array<unsigned char, 32> bytes{};
  (void)::RAND_bytes(bytes.data(), static_cast<int>(bytes.size()));
  salt_ = hex_of(bytes.data(), bytes.size());
}

void Authenticator::replace(std::vector<User> users) {
  users_ = std::move(users);
  remembered_.clear();
}

Authenticator::Verdict Authenticator::check(std::string_view authorization, Clock::time_point now) {
  if (authorization.empty()) return {Outcome::nobody, {}};
  const std::size_t blank = authorization.find(' ');
  std::string scheme{authorization.substr(0, blank)};
  std::ranges::transform(scheme, scheme.begin(), [](unsigned char letter) { return static_cast<char>(std::tolower(letter)); });
  const std::string_view rest = blank == std::string_view::npos ? std::string_view{} : os::trimmed(authorization.substr(blank));
  if (scheme == "bearer") return check_token(rest);
  if (scheme != "basic") return {Outcome::wrong, {}};
  const std::string decoded = decode_base64(rest);
  const std::size_t colon = decoded.find(':');
  if (colon == std::string::npos || decoded.find('\0') != std::string::npos) return {Outcome::wrong, {}};
  return check_password(decoded.substr(0, colon), decoded.substr(colon + 1), now);
}

Authenticator::Verdict Authenticator::check_token(std::string_view token) const {
  const std::string secret = std::string{kTokenPrefix} + sha256(token);
  for (const User& user : users_)
    if (same(user.secret, secret)) return {Outcome::known, {user.name, user.role}};
  return {Outcome::wrong, {}};
}

bool Authenticator::may_hash(Clock::time_point now) {
  if (refilled_ != Clock::time_point{})
    hashes_left_ = std::min(kHashesAtOnce, hashes_left_ + std::chrono::duration<double>(now - refilled_).count() * kHashesASecond);
  refilled_ = now;
  if (hashes_left_ < 1) return false;
  hashes_left_ -= 1;
  return true;
}

Authenticator::Verdict Authenticator::check_password(const std::string& name, const std::string& password, Clock::time_point now) {
  const auto user = std::ranges::find(users_, name, &User::name);
  const std::string key = sha256(fmt::format("{}\n{}\n{}", salt_, name, password));
  if (const auto seen = remembered_.find(key); seen != remembered_.end() && seen->second.until > now && user != users_.end())
    return {Outcome::known, {user->name, user->role}};
  if (!may_hash(now)) return {Outcome::too_often, {}};
  // Somebody unknown takes as long as somebody known: the answer's time tells nobody which names there are.
  const bool is_user = user != users_.end() && !user->secret.starts_with(kTokenPrefix);
  const auto like = std::ranges::find_if(users_, [](const User& other) { return !other.secret.starts_with(kTokenPrefix); });
  const std::string& hash = is_user ? user->secret : like != users_.end() ? like->secret : salt_;
  const bool right = crypt_matches(password, hash);
  if (!right || !is_user) return {Outcome::wrong, {}};
  std::erase_if(remembered_, [&](const auto& entry) { return entry.second.until <= now; });
  if (remembered_.size() < kMostRemembered) remembered_[key] = {name, now + kRemember};
  hashes_left_ = std::min(kHashesAtOnce, hashes_left_ + 1);   // only wrong ones count
  return {Outcome::known, {user->name, user->role}};
}

}  // namespace ubc::exporter
