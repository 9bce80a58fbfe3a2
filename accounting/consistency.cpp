// SPDX-License-Identifier: Apache-2.0
#include "accounting/consistency.h"

#include <algorithm>

namespace ubc::accounting {
namespace {

/// Numbers as the rules compare them: unlimited is the largest, and stays it whatever is added or multiplied. (vzcfgvalidate masks an
/// overflow instead, and then asks for nonsense.)
using Amount = std::uint64_t;

Amount plus(Amount a, Amount b) { return a >= UBC_UNLIMITED - b ? UBC_UNLIMITED : a + b; }
Amount times(Amount factor, Amount a) { return a >= UBC_UNLIMITED / factor ? UBC_UNLIMITED : factor * a; }

Amount barrier_of(const Parameters& p, ubc_resource resource) { return p.beancounters[resource]->barrier.raw(); }
Amount limit_of(const Parameters& p, ubc_resource resource) { return p.beancounters[resource]->limit.raw(); }
Limits pair(Amount barrier, Amount limit) { return {Limit::at(barrier), Limit::at(limit)}; }
std::string plain(const Limits& limits) { return fmt::format("{}:{}", limits.barrier.raw(), limits.limit.raw()); }

/// Absence of one of these ends the validation.
constexpr ubc_resource kRequired[] = {UBC_NUMPROC,     UBC_NUMTCPSOCK, UBC_NUMOTHERSOCK, UBC_OOMGUARPAGES, UBC_VMGUARPAGES,
                                      UBC_KMEMSIZE,    UBC_TCPSNDBUF,  UBC_TCPRCVBUF,    UBC_OTHERSOCKBUF, UBC_DGRAMRCVBUF,
                                      UBC_PRIVVMPAGES, UBC_NUMFILE,    UBC_DCACHESIZE,   UBC_PHYSPAGES,    UBC_NUMPTY};

enum class Shape { equal, ordered, limit_unlimited, barrier_zero };

struct ShapeRule {
  ubc_resource resource;
  Shape shape;
};
constexpr ShapeRule kShapes[] = {
    {UBC_NUMPROC, Shape::equal},
    {UBC_NUMTCPSOCK, Shape::equal},
    {UBC_NUMOTHERSOCK, Shape::equal},
    {UBC_VMGUARPAGES, Shape::limit_unlimited},
    {UBC_KMEMSIZE, Shape::ordered},
    {UBC_TCPSNDBUF, Shape::ordered},
    {UBC_TCPRCVBUF, Shape::ordered},
    {UBC_OTHERSOCKBUF, Shape::ordered},
    {UBC_DGRAMRCVBUF, Shape::ordered},
    {UBC_OOMGUARPAGES, Shape::limit_unlimited},
    {UBC_PRIVVMPAGES, Shape::ordered},
    {UBC_LOCKEDPAGES, Shape::ordered},
    {UBC_SHMPAGES, Shape::equal},
    {UBC_PHYSPAGES, Shape::barrier_zero},
    {UBC_PHYSPAGES, Shape::limit_unlimited},
    {UBC_NUMFILE, Shape::equal},
    {UBC_NUMFLOCK, Shape::ordered},
    {UBC_NUMPTY, Shape::equal},
    {UBC_NUMSIGINFO, Shape::equal},
    {UBC_DCACHESIZE, Shape::ordered},
    {UBC_NUMIPTENT, Shape::equal},
};

/// What a relation measures, and how it is mended.
enum class Measure {
  limit,            ///< the limit is raised to it
  barrier,          ///< barrier and limit are raised by what the barrier lacks
  barrier_alone,  ///< the barrier is raised; the limit only where it would be below. (vzcfgvalidate would put vmguarpages' limit there.)
  gap,  ///< limit - barrier: the limit is raised
};

/// The wanted number of a relation.
using Wanted = Amount (*)(const Parameters&, Amount avnumproc);

struct Relation {
  Grade grade;
  ubc_resource resource;
  Measure measure;
  Wanted wanted;
  Amount recommended = 0;  ///< what is asked for where `wanted` is there; 0: nothing more
};

constexpr Amount kSlabOfFile = 384, kMemoryOfProcess = 40960, kBytesOfSocket = 2560, kFilesOfProcess = 32;
constexpr Amount kTcpBuffer = 65536, kDatagramBuffer = 32768, kGoodDatagramBuffer = 132096;

template <Amount N>
Amount fixed(const Parameters&, Amount) {
  return N;
}
template <ubc_resource Sockets>
Amount bytes_of_sockets(const Parameters& p, Amount) {
  return times(kBytesOfSocket, barrier_of(p, Sockets));
}
Amount slabs_of_files(const Parameters& p, Amount) { return times(kSlabOfFile, barrier_of(p, UBC_NUMFILE)); }
Amount memory_of_processes(const Parameters& p, Amount avnumproc) {
  return plus(times(kMemoryOfProcess, avnumproc), limit_of(p, UBC_DCACHESIZE));
}
Amount guarantee(const Parameters& p, Amount) { return barrier_of(p, UBC_VMGUARPAGES); }
Amount files_in_use(const Parameters& p, Amount avnumproc) {
  const Amount descriptors = plus(plus(barrier_of(p, UBC_NUMTCPSOCK), barrier_of(p, UBC_NUMOTHERSOCK)), barrier_of(p, UBC_NUMPTY));
  return std::max(times(kFilesOfProcess, avnumproc), descriptors);
}

constexpr Relation kRelations[] = {
    {Grade::warning, UBC_DCACHESIZE, Measure::limit, slabs_of_files},
    {Grade::error, UBC_KMEMSIZE, Measure::barrier, memory_of_processes},
    {Grade::warning, UBC_PRIVVMPAGES, Measure::barrier_alone, guarantee},
    {Grade::error, UBC_TCPSNDBUF, Measure::gap, bytes_of_sockets<UBC_NUMTCPSOCK>},
    {Grade::error, UBC_OTHERSOCKBUF, Measure::gap, bytes_of_sockets<UBC_NUMOTHERSOCK>},
    {Grade::warning, UBC_TCPRCVBUF, Measure::gap, bytes_of_sockets<UBC_NUMTCPSOCK>},
    {Grade::warning, UBC_TCPRCVBUF, Measure::barrier, fixed<kTcpBuffer>},
    {Grade::warning, UBC_TCPSNDBUF, Measure::barrier, fixed<kTcpBuffer>},
    {Grade::warning, UBC_DGRAMRCVBUF, Measure::barrier, fixed<kDatagramBuffer>, kGoodDatagramBuffer},
    {Grade::warning, UBC_OTHERSOCKBUF, Measure::barrier, fixed<kDatagramBuffer>, kGoodDatagramBuffer},
    {Grade::warning, UBC_NUMFILE, Measure::barrier, files_in_use},
};

std::string_view name_of(Grade grade) {
  switch (grade) {
    case Grade::error: return "Error";
    case Grade::warning: return "Warning";
    case Grade::recommendation: return "Recommendation";
  }
  std::unreachable();
}

/// Walks the rules, and remembers the verdict.
class Check {
 public:
  explicit Check(const Decide& decide) : decide_{decide} {}
  [[nodiscard]] bool valid() const { return valid_; }

  void missing(std::string_view name) { unmendable(fmt::format("parameter {} not found", name)); }
  void unmendable(std::string_view what) {
    (void)decide_({Grade::error, fmt::format("Error: {}", what), {}});
    valid_ = false;
  }
  void mendable(Grade grade, std::string_view what, Limits& limits, const Limits& mended, std::string_view proposal) {
    if (decide_({grade, fmt::format("{}: {}", name_of(grade), what), fmt::format("set to {}", proposal)}))
      limits = mended;
    else if (grade != Grade::recommendation)
      valid_ = false;
  }

 private:
  const Decide& decide_;
  bool valid_ = true;
};

void check_shape(Check& check, std::string_view name, std::optional<Limits>& limits, Shape shape) {
  if (!limits) return check.missing(name);
  const Amount barrier = limits->barrier.raw(), limit = limits->limit.raw();
  const auto found = [&](std::string_view what, const Limits& mended, std::string_view proposal) {
    check.mendable(Grade::error, what, *limits, mended, proposal);
  };
  const auto both_set_to = [&](std::string_view what, Amount amount) {
    found(fmt::format("{} for {} (currently, {}:{})", what, name, barrier, limit), pair(amount, amount),
          fmt::format("{}:{}", amount, amount));
  };
  switch (shape) {
    case Shape::equal:
      if (barrier != limit) both_set_to("barrier should be equal to limit", std::max(barrier, limit));
      return;
    case Shape::ordered:
      if (barrier > limit) both_set_to("barrier should be <= limit", barrier);
      return;
    case Shape::limit_unlimited:
      if (limit != UBC_UNLIMITED)
        found(fmt::format("limit should be = {} for {} (currently, {})", std::uint64_t{UBC_UNLIMITED}, name, limit),
              pair(barrier, UBC_UNLIMITED), std::to_string(UBC_UNLIMITED));
      return;
    case Shape::barrier_zero:
      if (barrier != 0) found(fmt::format("barrier should be = 0 for {} (currently, {})", name, barrier), pair(0, limit), "0");
      return;
  }
}

/// What is there, for the comparison and as text. An unlimited limit has any gap.
std::pair<Amount, std::string> measured(const Limits& limits, Measure measure) {
  const Amount barrier = limits.barrier.raw(), limit = limits.limit.raw();
  if (measure == Measure::limit) return {limit, std::to_string(limit)};
  if (measure != Measure::gap) return {barrier, std::to_string(barrier)};
  // Unsigned as in vzcfgvalidate: a barrier over the limit passes here, the shapes have reported it.
  return {limit == UBC_UNLIMITED ? UBC_UNLIMITED : limit - barrier, fmt::format("{}-{}={}", limit, barrier, limit - barrier)};
}

std::string what_is_measured(ubc_resource resource, Measure measure) {
  const std::string_view name = info_of(resource)->name;
  if (measure == Measure::gap) return fmt::format("{}.lim-{}.bar", name, name);
  if (resource == UBC_NUMFILE) return std::string{name};
  return fmt::format("{}.{}", name, measure == Measure::limit ? "lim" : "bar");
}

Limits mended(const Limits& limits, Measure measure, Amount wanted) {
  const Amount barrier = limits.barrier.raw(), limit = limits.limit.raw();
  switch (measure) {
    case Measure::limit: return pair(barrier, wanted);
    case Measure::barrier: return pair(wanted, plus(limit, wanted - barrier));
    case Measure::barrier_alone: return pair(wanted, std::max(limit, wanted));
    case Measure::gap: return pair(barrier, plus(barrier, wanted));
  }
  std::unreachable();
}

void check_relation(Check& check, Parameters& parameters, const Relation& relation, Amount avnumproc) {
  Limits& limits = *parameters.beancounters[relation.resource];
  const auto [there, text] = measured(limits, relation.measure);
  const Amount wanted = relation.wanted(parameters, avnumproc);
  const bool short_of_wanted = there < wanted;
  const Amount asked = short_of_wanted ? wanted : relation.recommended;
  if (there >= asked) return;
  const Limits better = mended(limits, relation.measure, asked);
  const bool one_number = relation.measure == Measure::limit || relation.measure == Measure::barrier_alone;
  check.mendable(short_of_wanted ? relation.grade : Grade::recommendation,
                 fmt::format("{} should be > {} (currently, {})", what_is_measured(relation.resource, relation.measure), asked, text),
                 limits, better, one_number ? std::to_string(asked) : plain(better));
}

void check_against_host(Check& check, Parameters& parameters, ubc_resource resource, Amount host_pages) {
  const std::string_view name = info_of(resource)->name;
  std::optional<Limits>& limits = parameters.beancounters[resource];
  if (!limits) return check.missing(name);
  if (const Amount barrier = limits->barrier.raw(); barrier != 0)
    check.mendable(Grade::error, fmt::format("{}.bar should be = 0 (currently, {})", name, barrier), *limits, pair(0, limits->limit.raw()),
                   "0");
  if (const Amount limit = limits->limit.raw(); limit > host_pages)
    check.mendable(Grade::warning, fmt::format("{}.lim should be <= {} (currently, {})", name, host_pages, limit), *limits,
                   pair(limits->barrier.raw(), host_pages), std::to_string(host_pages));
}

}  // namespace

Parameters parameters_in(const ConfigFile& config) {
  Parameters result;
  const auto keep = [&](Result<Limits> parsed, std::string_view key) -> std::optional<Limits> {
    if (parsed) return *parsed;
    result.unreadable.push_back(fmt::format("{}: {}", key, parsed.error().message));
    return std::nullopt;
  };
  for (const ResourceInfo& info : kResources)
    if (const auto text = config.get(info.name))
      result.beancounters[info.resource] = keep(parse_pair(info.name, info.unit, *text), key_of(info.name));
  if (const auto text = config.get("AVNUMPROC")) result.avnumproc = keep(parse_pair("avnumproc", Unit::items, *text), "AVNUMPROC");
  if (const auto text = config.get("DISKSPACE")) result.diskspace = keep(parse_diskspace(*text), "DISKSPACE");
  if (const auto text = config.get("DISKINODES")) result.diskinodes = keep(parse_diskinodes(*text), "DISKINODES");
  result.disk_quota = config.get("DISK_QUOTA") == "yes";
  return result;
}

void write_parameters(ConfigFile& config, const Parameters& parameters) {
  for (const ResourceInfo& info : kResources)
    if (const auto& limits = parameters.beancounters[info.resource]) config.set(key_of(info.name), format_limits(*limits));
  if (parameters.avnumproc) config.set("AVNUMPROC", format_limits(*parameters.avnumproc));
  if (parameters.diskspace) config.set("DISKSPACE", format_pair(*parameters.diskspace));
  if (parameters.diskinodes) config.set("DISKINODES", format_pair(*parameters.diskinodes));
}

bool check_classic(Parameters& parameters, const Decide& decide) {
  Check check{decide};
  for (const std::string& what : parameters.unreadable) check.unmendable(what);
  bool complete = true;
  for (const ubc_resource resource : kRequired)
    if (!parameters.beancounters[resource]) {
      check.missing(info_of(resource)->name);
      complete = false;
    }
  if (!complete) return false;
  // As it stands in the file: a repair of numproc below does not change it.
  const Amount avnumproc = parameters.avnumproc ? parameters.avnumproc->barrier.raw() : barrier_of(parameters, UBC_NUMPROC) / 2;
  for (const ShapeRule& rule : kShapes)
    check_shape(check, info_of(rule.resource)->name, parameters.beancounters[rule.resource], rule.shape);
  if (parameters.disk_quota) {
    check_shape(check, "diskspace", parameters.diskspace, Shape::ordered);
    check_shape(check, "diskinodes", parameters.diskinodes, Shape::ordered);
  }
  for (const Relation& relation : kRelations) check_relation(check, parameters, relation, avnumproc);
  return check.valid();
}

bool check_vswap(Parameters& parameters, const HostMemory& host, const Decide& decide) {
  Check check{decide};
  for (const std::string& what : parameters.unreadable) check.unmendable(what);
  check_against_host(check, parameters, UBC_PHYSPAGES, host.ram_bytes / kPageSize);
  check_against_host(check, parameters, UBC_SWAPPAGES, host.swap_bytes / kPageSize);
  return check.valid();
}

}  // namespace ubc::accounting
