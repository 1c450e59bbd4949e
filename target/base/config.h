/* SPDX-License-Identifier: MIT */
/*
 * config.h - the configuration as an immutable object.
 *
 * Read once from a libconfig file, checked whole, then only read. All sizes are bytes, all times
 * seconds. Each scalar key is one row of tbl/config_keys.def, which the reader, the check for
 * unknown keys, and the test of memtgtd.conf(5) share.
 */
#ifndef MEMTGT_CONFIG_H
#define MEMTGT_CONFIG_H

#include <netinet/in.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

#include "memtgt/iscsi_proto.h"

#define CONFIG_LUNS_MAX                                                          \
	256 /* LUN ids 0-255 of one target: peripheral addressing, SAM-5 4.7.7.2 \
	     */
#define CONFIG_SERIAL_MAX 20
#define CONFIG_CPUS_MAX	  256
#define CONFIG_DIR_MAX	  4000 /* bytes of a folder's path */
/* Of the file of secrets. RFC 7143 9.2.1: secrets of less than 96 bits would need IPsec. */
#define CONFIG_CREDENTIALS_MAX 1024
#define CONFIG_USER_MAX	       255u
#define CONFIG_SECRET_MIN      12
#define CONFIG_SECRET_MAX      255
#define CONFIG_SCOPE_MAX       16 /* of an interface's name: IF_NAMESIZE */
#define CONFIG_GROUP_MAX       63 /* a portal group's tag */

enum config_provisioning { PROVISIONING_FULL, PROVISIONING_THIN };
/* What becomes of a LUN that had data, when its memory was lost. */
enum config_loss { LOSS_STOP, LOSS_SERVE };
/* When what a LUN holds is removed. */
enum config_scrub { SCRUB_NEVER, SCRUB_RELEASE };
enum config_page_kind { PAGES_AUTO, PAGES_HUGE, PAGES_PLAIN };
enum config_digest { DIGEST_NONE = 1, DIGEST_CRC32C = 2 }; /* a set, as bits */

/* Digests for CHAP, a set, as bits. */
enum config_chap {
	CONFIG_CHAP_MD5 = 1,
	CONFIG_CHAP_SHA1 = 2,
	CONFIG_CHAP_SHA256 = 4,
	CONFIG_CHAP_SHA3_256 = 8,
};

/* A name and what proves it. All lie in pages that no core dump gets. */
struct config_credential {
	char name[CONFIG_USER_MAX + 1];
	uint8_t secret[CONFIG_SECRET_MAX];
	uint8_t secret_len;
	int line;
};

/* What CHAP asks: of the initiator, and of us. RFC 7143 12.1.3 */
struct config_auth {
	bool required;				    /* by one of these: */
	uint64_t chap[CONFIG_CREDENTIALS_MAX / 64]; /* a bit per place in config.credentials */
	const struct config_credential *mutual;	    /* who we are, if the initiator asks; or NULL */
};

/* A portal: where to listen, and what SendTargets tells initiators (the same unless announced). */
struct config_portal {
	char *address;	/* numeric IPv4 or IPv6, without brackets */
	uint16_t port;	/* 0: any free one */
	char *announce; /* "ADDRESS:PORT" or "[ADDRESS]:PORT", or NULL */
	uint16_t group; /* its portal group tag, 1 to 63 */
	int line;
};

/* A LUN that an initiator sees, and the number under which it does. */
struct config_shown {
	unsigned id, as;
	bool read_only;
};

/* Of the rules the first decides that an initiator matches. Empty fields match all. */
struct config_rule {
	char *initiator; /* fnmatch(3) pattern of the InitiatorName, or NULL */
	int family;	 /* AF_INET, AF_INET6; 0 = any address */
	uint8_t network[16];
	unsigned prefix;
	char scope[CONFIG_SCOPE_MAX]; /* the interface of a link-local network; empty: any */

	bool deny;		   /* it may not log in */
	bool read_only;		   /* it may write nothing */
	unsigned sessions;	   /* of one initiator; 0: limits.sessions_per_initiator */
	struct config_shown *luns; /* what it sees... */
	size_t nluns;		   /* ...0: all LUNs, under their ids */
	struct config_auth auth;
	char *place; /* "FILE:LINE", for the log; NULL: it is no rule of a file */
};

struct config_access {
	bool any; /* access = "any" */
	struct config_rule *rules;
	size_t nrules;
};

struct config_lun {
	unsigned id;
	uint64_t size;
	enum config_provisioning provisioning;
	enum config_loss on_loss;
	enum config_scrub scrub;
	unsigned block_size;		    /* 512 or 4096 */
	char serial[CONFIG_SERIAL_MAX + 1]; /* empty: made from host, target and id */
	int line;
};

/* LUNs by rule: `size` in slabs, the last one smaller if it does not come out even. */
struct config_lend {
	uint64_t size, slab; /* size 0: none */
	unsigned first_id;
	enum config_provisioning provisioning;
	enum config_loss on_loss;
	enum config_scrub scrub;
};

struct config_target {
	char name[ISCSI_NAME_MAX + 1];
	char alias[64];
	struct config_access access; /* as written here or, failing that, at the top */
	uint64_t portal_groups;	     /* bits: by which it is offered; 0: all */
	unsigned sessions;	     /* at one time; 0: limits.sessions_per_target */
	struct config_lun *luns;     /* by rising id; those of `lend` are among them */
	size_t nluns;
	struct config_lend lend;
	int line;
};

struct config_pool {
	enum config_page_kind pages;
	uint64_t size;	  /* ceiling of memory for all LUNs; 0: the sum of the full LUNs and of what
			     the host has free, less headroom, if any LUN is thin */
	uint64_t floor;	  /* guaranteed part: static hugepages */
	uint64_t elastic; /* part returned to the host when unmapped: surplus hugepages */
	uint64_t headroom;	 /* memory that stays with the host */
	bool reclaim;		 /* lend less while the host is short of memory */
	uint64_t reserve;	 /* zeroed pages at hand, at most; 0: by demand */
	unsigned overcommit;	 /* percent of size that all LUNs may promise; 0: no limit */
	unsigned soft_threshold; /* percent of size: a warning; 0: none */
	uint64_t numa_nodes;	 /* bit per node; 0: any */
};

struct config_limits {
	unsigned connections;
	unsigned connections_per_address;
	unsigned logins; /* connections that have not logged in yet */
	unsigned sessions_per_target, sessions_per_initiator; /* 0: no limit */
	unsigned login_timeout;
	unsigned rx_stall, tx_stall;
	unsigned ping_interval, ping_timeout; /* NOP-In; interval 0: never */
	unsigned queue_depth;		      /* commands of one session, 1-1024 */
	unsigned registrants;		      /* with one LUN, 1-1000 */
};

/* What the target brings to the negotiation of each key. RFC 7143 13 */
struct config_login {
	unsigned header_digest, data_digest; /* sets of enum config_digest that are accepted */
	unsigned chap_algorithms;	     /* set of enum config_chap */
	uint32_t max_recv_data_segment_length;
	uint32_t max_burst_length, first_burst_length;
	uint32_t max_outstanding_r2t;
	bool initial_r2t, immediate_data;
	uint32_t default_time2wait, default_time2retain;
};

struct config_reactor {
	unsigned count;			/* 0: the CPUs this process may use */
	unsigned cpus[CONFIG_CPUS_MAX]; /* reactor i is pinned to cpus[i % ncpus]; ncpus 0: not
					   pinned */
	size_t ncpus;
	unsigned spin_us; /* bounded spin before sleeping */
	char engine[16];  /* "auto", "io_uring", "epoll" */
};

/* NULL: not written. */
struct config_control {
	char *socket; /* empty: there shall be none */
	char *group;  /* who may use it besides root and memtgtd's user */
};

struct config {
	char *path;
	int log_level;	  /* enum log_level */
	bool scsi_events; /* initiators are told of changes of LUNs before they ask */
	char *state_dir;  /* what outlives the memory; NULL: not written; empty: there shall be none
			   */
	char *spill_dir;  /* where LUNs go at the final end; NULL: nowhere */
	char *secrets;	  /* the file of credentials; NULL: none */
	struct config_credential *credentials;
	size_t ncredentials;
	struct config_auth discovery; /* of discovery sessions */
	struct config_portal *portals;
	size_t nportals;
	struct config_target *targets;
	size_t ntargets;
	struct config_pool pool;
	struct config_limits limits;
	struct config_login login;
	struct config_reactor reactor;
	struct config_control control;
};

/*
 * Read and check `path`. On success returns 0 and *out, to be freed by config_free(). On failure
 * returns the number of errors, after printing each to `errors` as one line
 * "FILE:LINE: KEY: what was found; what is allowed". All errors of a file are reported in one run,
 * save that a syntax error ends the reading.
 */
int config_load(const char *path, struct config **out, FILE *errors)
	__attribute__((warn_unused_result));
void config_free(struct config *c);

/* "256M", "1G", "64MiB", "512": a number of bytes, binary units. 0 or -EINVAL, -ERANGE. */
int config_parse_size(const char *text, uint64_t *out) __attribute__((warn_unused_result));

/* RFC 7143 4.2.7: an iqn., eui. or naa. name in its normal form. NULL if right, else what is wrong.
 */
const char *config_bad_iscsi_name(const char *name);

/* The portal groups by which a target is offered, as bits; target NULL: all there are. */
uint64_t config_groups_of(const struct config *c, const struct config_target *target);

/* The rule that decides about this initiator, from this address: good as long as the configuration
 * is. One without a place stands for "any", and for who needs no rule. NULL: none. */
const struct config_rule *config_access_find(const struct config_access *a, const char *initiator,
					     const struct sockaddr_storage *from);
/* Is there one, and does it not deny? */
bool config_may_access(const struct config_access *a, const char *initiator,
		       const struct sockaddr_storage *from);

#endif
