/* SPDX-License-Identifier: (GPL-2.0 OR Apache-2.0) */
/* What the program that judges a guest's packets and userspace both see. Plain C, fixed widths. */
#ifndef UBC_NETWORK_ABI_H
#define UBC_NETWORK_ABI_H

#include "bpf/ubc_abi.h"

/* Raise it when the meaning of a field below changes: programs of two versions share the maps where it is the same. */
#define UBC_NETWORK_LAYOUT 1

#define UBC_MAX_ADDRESSES 65536
#define UBC_MAX_LINKS 16384

/* IPv6 as on the wire; IPv4 as ::ffff:a.b.c.d */
struct ubc_address {
  ubc_u8 bytes[16];
};
UBC_ABI_SIZE(ubc_address, 16);

struct ubc_address_owner {
  ubc_u32 ifindex;   /* the host's end of the owner's link */
  ubc_u32 container;
};
UBC_ABI_SIZE(ubc_address_owner, 8);

/* Why a packet of a guest did not pass. */
enum ubc_packet_refusal {
  UBC_PACKET_PASSES,
  UBC_PACKET_SPOOFED,    /* from an address that is not the guest's */
  UBC_PACKET_DENIED,     /* to a guest, or the host, that the host's policy keeps from it */
  UBC_PACKET_OVER_RATE,
  UBC_PACKET_CHATTER,    /* what a link with one neighbour has no use for: dropped, not counted */
  UBC_PACKET_REFUSALS,
};

enum ubc_link_kind {
  UBC_LINK_ROUTED,
  UBC_LINK_BRIDGED,
};

/* A link by the index of its host's end. `send` is what the guest sends. */
struct ubc_link {
  ubc_u32 container;
  ubc_u32 kind;
  ubc_u8 mac[6];         /* of a bridged one's guest's end */
  ubc_u8 any_mac;        /* of a bridged one: it may use others, too */
  ubc_u8 reserved;
  ubc_u64 receive_rate;  /* bytes a second; 0: no limit */
  ubc_u64 send_rate;
  ubc_u64 receive_due;   /* CLOCK_MONOTONIC, when all that has passed would have, at that rate */
  ubc_u64 send_due;
  ubc_u64 refused[UBC_PACKET_REFUSALS];
};
UBC_ABI_SIZE(ubc_link, 88);

/* Of the whole host. */
struct ubc_network_policy {
  ubc_u32 guest_to_guest;   /* 0: packets between guests' addresses are refused */
  ubc_u32 guest_to_host;    /* 0: what a guest begins towards the host itself is refused, but ICMP */
};
UBC_ABI_SIZE(ubc_network_policy, 8);

#endif
