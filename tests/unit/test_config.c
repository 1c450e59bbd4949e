// SPDX-License-Identifier: MIT
/* test_config.c - what a configuration becomes, and what is said of a wrong one. */
#include "base/log.h"

#include "lib/test_main.h"
#include "memtgt/control.h"
#include "unit/config_fixture.h"

#define LEND(more, keys) \
	"targets = ( { name = \"iqn.2026-01.a\"; " more "lend = { " keys " }; } );\n"
#define TARGET(keys, luns) \
	"targets = ( { name = \"iqn.2026-01.org.memtgt:a\"; " keys "luns = ( " luns " ); } );\n"
#define DEEP8(x)  "((((((((" x "))))))))"
#define DEEP32(x) DEEP8(DEEP8(DEEP8(DEEP8(x))))
#define LUN0	  "{ id = 0; size = \"1M\"; }"

START_TEST(as_it_stands)
{
	struct config *c =
		fixture_good("portals = ( { address = \"127.0.0.1\"; port = 3260; } );\n"
			     "targets = ( { name = \"iqn.2026-01.org.memtgt:demo\";\n"
			     "              luns = ( { id = 0; size = \"256M\"; } ); } );\n");

	ck_assert_uint_eq(c->nportals, 1);
	ck_assert_str_eq(c->portals[0].address, "127.0.0.1");
	ck_assert_uint_eq(c->portals[0].port, 3260);
	ck_assert_ptr_null(c->portals[0].announce);
	ck_assert_int_eq(c->portals[0].line, 1);
	ck_assert_uint_eq(c->ntargets, 1);
	const struct config_target *t = &c->targets[0];
	ck_assert_str_eq(t->name, "iqn.2026-01.org.memtgt:demo");
	ck_assert_str_eq(t->alias, "");
	ck_assert(!t->access.any);
	ck_assert_uint_eq(t->access.nrules, 0);
	ck_assert_uint_eq(t->nluns, 1);
	ck_assert_uint_eq(t->luns[0].id, 0);
	ck_assert_uint_eq(t->luns[0].size, 256 << 20);
	ck_assert_int_eq(t->luns[0].provisioning, PROVISIONING_FULL);
	ck_assert_uint_eq(t->luns[0].block_size, 512);
	ck_assert_str_eq(t->luns[0].serial, "");
	ck_assert_int_eq(t->luns[0].line, 3);
	ck_assert_int_eq(c->log_level, LOG_LEVEL_INFO);
	ck_assert(!c->scsi_events);
	ck_assert_int_eq(c->pool.pages, PAGES_AUTO);
	ck_assert_uint_eq(c->login.header_digest, DIGEST_NONE | DIGEST_CRC32C);
	ck_assert_str_eq(c->reactor.engine, "auto");
	ck_assert_uint_eq(c->reactor.ncpus, 0);
	ck_assert_ptr_null(c->control.socket);
	ck_assert_ptr_null(c->control.group);
	config_free(c);
}
END_TEST

START_TEST(every_key_set)
{
	struct config *c = fixture_good(
		"log_level = \"debug\"; scsi_events = true; access = ( { network = \"10.0.0.0/8\"; "
		"} );\n"
		"portals = ( { address = \"::1\"; port = 0; announce = \"192.0.2.9:860\"; },\n"
		"            { address = \"fe80::1%eth0\"; }, { address = \"0.0.0.0\"; } );\n"
		"targets = ( { name = \"naa.0123456789abcdef\"; alias = \"a disk\";\n"
		"  luns = ( { id = 9; size = 1048576; serial = \"S-9\"; block_size = 4096; },\n"
		"           { id = 2; size = 5000003584; provisioning = \"thin\"; } );\n"
		"  access = ( { initiator = \"iqn.*\"; }, { network = \"::1\"; } ); },\n"
		"  { name = \"eui.0123456789abcdef\"; luns = ( " LUN0 " ); } );\n"
		"pool = { pages = \"huge\"; size = \"6G\"; floor = \"2M\"; elastic = 4194304;\n"
		"         headroom = \"3GiB\"; reclaim = false; reserve = \"64M\";\n"
		"         overcommit = 150; soft_threshold = 90; numa_nodes = [ 0, 63 ]; };\n"
		"reactor: { count = 2; cpus = ( 3, 1 ); spin_us = 0; engine = \"epoll\"; };\n"
		"control = { socket = \"/run/x\"; group = \"adm\"; };\n"
		"login = { HeaderDigest = \"None\"; DataDigest = [ \"CRC32C\" ]; "
		"InitialR2T = true; ImmediateData = false; };\n");

	ck_assert_int_eq(c->log_level, LOG_LEVEL_DEBUG);
	ck_assert(c->scsi_events);
	ck_assert_uint_eq(c->nportals, 3);
	ck_assert_uint_eq(c->portals[0].port, 0);
	ck_assert_str_eq(c->portals[0].announce, "192.0.2.9:860");
	ck_assert_int_eq(c->portals[1].line, 3);
	const struct config_target *t = &c->targets[0];
	ck_assert_str_eq(t->alias, "a disk");
	ck_assert_uint_eq(t->luns[0].id, 2);
	ck_assert_uint_eq(t->luns[0].size, 5000003584);
	ck_assert_int_eq(t->luns[0].provisioning, PROVISIONING_THIN);
	ck_assert_uint_eq(t->luns[1].id, 9);
	ck_assert_uint_eq(t->luns[1].block_size, 4096);
	ck_assert_str_eq(t->luns[1].serial, "S-9");
	ck_assert_uint_eq(t->access.nrules, 2);
	ck_assert_str_eq(t->access.rules[0].initiator, "iqn.*");
	ck_assert_int_eq(t->access.rules[0].family, 0);
	ck_assert_uint_eq(t->access.rules[1].prefix, 128);
	t = &c->targets[1];
	ck_assert_uint_eq(t->access.nrules, 1);
	ck_assert_int_eq(t->access.rules[0].family, AF_INET);
	ck_assert_uint_eq(t->access.rules[0].prefix, 8);
	ck_assert_int_eq(c->pool.pages, PAGES_HUGE);
	ck_assert_uint_eq(c->pool.elastic, 4 << 20);
	ck_assert_uint_eq(c->pool.headroom, (uint64_t)3 << 30);
	ck_assert(!c->pool.reclaim);
	ck_assert_uint_eq(c->pool.reserve, 64 << 20);
	ck_assert_uint_eq(c->pool.overcommit, 150);
	ck_assert_uint_eq(c->pool.soft_threshold, 90);
	ck_assert_uint_eq(c->pool.numa_nodes, (uint64_t)1 << 63 | 1);
	ck_assert_uint_eq(c->reactor.ncpus, 2);
	ck_assert_uint_eq(c->reactor.cpus[0], 3);
	ck_assert_str_eq(c->reactor.engine, "epoll");
	ck_assert_str_eq(c->control.socket, "/run/x");
	ck_assert_str_eq(c->control.group, "adm");
	ck_assert_uint_eq(c->login.header_digest, DIGEST_NONE);
	ck_assert_uint_eq(c->login.data_digest, DIGEST_CRC32C);
	ck_assert(c->login.initial_r2t && !c->login.immediate_data);
	config_free(c);
}
END_TEST

/* One error each. */
static const struct {
	const char *text, *expected;
} bad[] = {
	/* clang-format off */
	{PORTALS TARGETS "colour = 1;", "main.conf:3: colour: found an unknown key; the top level may have portals,"},
	{PORTALS TARGETS "limit = {};", "main.conf:3: limit: found an unknown key; did you mean limits?"},
	{PORTALS TARGETS "limits = { queue_dept = 1; };", "main.conf:3: limits.queue_dept: found an unknown key; did you mean queue_depth?"},
	{PORTALS TARGETS "queue_depth = 1;", "main.conf:3: queue_depth: found an unknown key; queue_depth belongs into limits"},
	{PORTALS TARGETS "login = { maxburstlength = 512; };", "did you mean MaxBurstLength?"},
	{PORTALS TARGETS "limits = 5;", "main.conf:3: limits: found 5; allowed is a group"},
	{PORTALS TARGETS "limits = { queue_depth = \"1\"; };", "limits.queue_depth: found \"1\"; allowed is a whole number from 1 to 1024"},
	{PORTALS TARGETS "limits = { queue_depth = 1.5; };", "found the fraction 1.5; allowed"},
	{PORTALS TARGETS "limits = { queue_depth = true; };", "found true; allowed"},
	{PORTALS TARGETS "limits = { queue_depth = -1; };", "found -1; allowed"},
	{PORTALS TARGETS "limits = {\n queue_depth = 4294967297; };", "main.conf:4: limits.queue_depth: found 4294967297; allowed"},
	{PORTALS TARGETS "limits = { queue_depth = 0x100000001; };", "found 4294967297; allowed"},
	{PORTALS TARGETS "login = { InitialR2T = \"Yes\"; };", "login.InitialR2T: found \"Yes\"; allowed is true or false"},
	{PORTALS TARGETS "login = { InitialR2T = 1; };", "login.InitialR2T: found 1; allowed is true or false"},
	{PORTALS TARGETS "login = { HeaderDigest = [ \"None\", \"CRC32\" ]; };", "login.HeaderDigest.[1]: found \"CRC32\"; allowed is one or more of \"None\" or \"CRC32C\""},
	{PORTALS TARGETS "login = { DataDigest = []; };", "login.DataDigest: found an array [ ... ]; the list is empty"},
	{PORTALS TARGETS "login = { MaxBurstLength = 4096; FirstBurstLength = 4097; };", "login.FirstBurstLength: found 4097; allowed is at most MaxBurstLength, 4096"},
	{PORTALS TARGETS "log_level = \"loud\";", "log_level: found \"loud\"; allowed is \"error\", \"warning\", \"info\" or \"debug\""},
	{PORTALS TARGETS "reactor = { engine = \"uring\"; };", "reactor.engine: found \"uring\"; allowed is \"auto\", \"io_uring\" or \"epoll\""},
	{PORTALS TARGETS "control = { socket = \"run/x\"; };", "control.socket: found \"run/x\"; a path begins with /"},
	{PORTALS TARGETS "control = { group = \"\"; };", "control.group: found \"\"; allowed is a string in quotes, of length from 1 to 32"},
	{PORTALS TARGETS "control = \"/run/x\";", "control: found \"/run/x\"; allowed is a group"},
	{PORTALS TARGETS "reactor = { cpus = 3; };", "reactor.cpus: found 3; allowed is a list"},
	{PORTALS TARGETS "reactor = { cpus = [ 0, 1, 0 ]; };", "reactor.cpus.[2]: found 0; this number is in the list already"},
	{PORTALS TARGETS "pool = { pages = \"2M\"; };", "pool.pages: found \"2M\"; allowed is \"auto\", \"huge\" or \"plain\""},
	{PORTALS TARGETS "pool = { size = \"3M\"; };", "pool.size: found 3145728 bytes; allowed are multiples of 2M"},
	{PORTALS TARGETS "pool = { floor = 1; };", "pool.floor: found 1 bytes; allowed are multiples of 2M"},
	{PORTALS "pool = { size = \"4M\"; overcommit = 149; };" TARGET("", "{ id = 0; size = \"6M\"; provisioning = \"thin\"; }"), "pool.overcommit: found 149; the LUNs make 6M, which is more than"},
	{PORTALS TARGETS "pool = { reserve = \"3M\"; };", "pool.reserve: found 3145728 bytes; allowed are multiples of 2M"},
	{PORTALS TARGETS "pool = { pages = \"plain\"; floor = \"2M\"; };", "pool.pages: found \"plain\"; floor and elastic are hugepages"},
	{PORTALS TARGETS "pool = { size = \"4M\"; floor = \"2M\"; elastic = \"4M\"; };", "pool.size: found 4M; floor and elastic together are 6M"},
	{PORTALS TARGETS "pool = { headroom = \"1MB\"; };", "pool.headroom: found \"1MB\"; units are binary"},

	{PORTALS, "main.conf:1: targets: missing; needed is a list of groups"},
	{TARGETS, "main.conf:1: portals: missing; needed is a list of groups"},
	{TARGETS "portals = ();", "main.conf:2: portals: found 0 elements; allowed are 1 to 64"},
	{TARGETS "portals = \"127.0.0.1\";", "main.conf:2: portals: found \"127.0.0.1\"; allowed is a list of groups"},
	{TARGETS "portals = { address = \"127.0.0.1\"; };", "main.conf:2: portals: found a group { ... }; allowed is a list of groups"},
	{TARGETS "portals = [ \"127.0.0.1\" ];", "main.conf:2: portals.[0]: found \"127.0.0.1\"; an element of portals is a group"},
	{TARGETS "portals = ( { port = 3260; } );", "main.conf:2: portals.[0].address: missing; needed is a string"},
	{TARGETS "portals = ( { address = \"donor\"; } );", "portals.[0].address: found \"donor\"; an address is numeric, like 192.0.2.1 or 2001:db8::1; host names are refused because"},
	{TARGETS "portals = ( { address = \"[::1]\"; } );", "without brackets"},
	{TARGETS "portals = ( { address = \"127.0.0.1\"; port = 65536; } );", "portals.[0].port: found 65536; allowed is a whole number from 0 to 65535"},
	{TARGETS "portals = ( { address = \"127.0.0.1\"; },\n { address = \"127.0.0.1\"; } );", "main.conf:3: portals.[1].address: found \"127.0.0.1\" with port 3260, where the portal at main.conf:2 listens"},
	{TARGETS "portals = ( { address = \"127.0.0.1\"; announce = \"10.0.0.1\"; } );", "portals.[0].announce: found \"10.0.0.1\"; an announced portal is ADDRESS:PORT"},
	{TARGETS "portals = ( { address = \"10.0.0.1\"; } );", "main.conf:2: portals.[0].address: found \"10.0.0.1\", which other hosts reach, but the target at main.conf:1 has no access rules"},
	{TARGETS "portals = ( { address = \"::\"; } );", "which other hosts reach"},

	{PORTALS "targets = ( { luns = ( " LUN0 " ); } );", "main.conf:2: targets.[0].name: missing"},
	{PORTALS "targets = ( { name = \"disk\"; luns = ( " LUN0 " ); } );", "targets.[0].name: found \"disk\"; a name begins with iqn., eui. or naa."},
	{PORTALS "targets = ( { name = \"\"; luns = ( " LUN0 " ); } );", "targets.[0].name: found \"\"; allowed is a string in quotes, of length from 1 to 223"},
	{PORTALS "targets = ( { name = \"iqn.2026-01.a\"; luns = ( " LUN0 " ); },\n{ name = \"iqn.2026-01.a\"; luns = ( " LUN0 " ); } );", "main.conf:3: targets.[1].name: found \"iqn.2026-01.a\", which the target at main.conf:2 has"},
	{PORTALS "targets = ( { name = \"iqn.2026-01.a\"; } );", "targets.[0].luns: missing"},
	{PORTALS TARGET("", ""), "targets.[0].luns: found 0 elements; allowed are 1 to 256"},
	{PORTALS TARGET("", "7"), "targets.[0].luns.[0]: found 7; an element of luns is a group"},
	{PORTALS TARGET("alias = \"a\\nb\"; ", LUN0), "targets.[0].alias: found \"a?b\"; an alias has no control characters"},
	{PORTALS TARGET("access = \"all\"; ", LUN0), "targets.[0].access: found \"all\"; allowed is \"any\", or a list"},
	{PORTALS TARGET("access = (); ", LUN0), "targets.[0].access: found 0 elements"},
	{PORTALS TARGET("access = ( {} ); ", LUN0), "targets.[0].access.[0]: found an empty rule"},
	{PORTALS TARGET("access = ( { initiator = \"IQN.*\"; } ); ", LUN0), "targets.[0].access.[0].initiator: found \"IQN.*\"; initiator names are in lower case"},
	{PORTALS TARGETS "access = ( { read_only = true; } );", "access.[0]: found a rule without initiator, network and chap; it has one of them"},
	{PORTALS TARGETS "access = ( { initiator = \"iqn.x\"; lun = 1; } );", "main.conf:3: access.[0].lun: found an unknown key; did you mean luns?"},
	{PORTALS TARGETS "access = ( { initiator = \"iqn.x\"; deny = \"yes\"; } );", "access.[0].deny: found \"yes\"; allowed is true or false"},
	{PORTALS TARGETS "access = ( { initiator = \"iqn.x\"; deny = true;\n sessions = 1; } );", "access.[0].sessions: found together with deny"},
	{PORTALS TARGETS "access = ( { initiator = \"iqn.x\"; deny = true; read_only = true; } );", "access.[0].read_only: found together with deny"},
	{PORTALS TARGETS "access = ( { initiator = \"iqn.x\"; deny = true; luns = ( { id = 0; } ); } );", "access.[0].luns: found together with deny"},
	{PORTALS TARGETS "access = ( { initiator = \"iqn.x\"; luns = (); } );", "access.[0].luns: found 0 elements; allowed are 1 to 256"},
	{PORTALS TARGETS "access = ( { initiator = \"iqn.x\"; luns = 0; } );", "access.[0].luns: found 0; allowed is a list of groups"},
	{PORTALS TARGETS "access = ( { initiator = \"iqn.x\"; luns = ( { as = 1; } ); } );", "access.[0].luns.[0].id: missing; needed is a whole number from 0 to 255"},
	{PORTALS TARGETS "access = ( { initiator = \"iqn.x\"; luns = ( { id = 1; },\n { id = 1; as = 2; } ); } );", "main.conf:4: access.[0].luns.[1].id: found 1 again; an initiator sees a LUN under one number"},
	{PORTALS TARGETS "access = ( { initiator = \"iqn.x\"; luns = ( { id = 1; },\n { id = 2; as = 1; } ); } );", "main.conf:4: access.[0].luns.[1].as: LUN 2 would be seen as 1, as which LUN 1 is"},
	{PORTALS TARGETS "access = ( { initiator = \"iqn.x\"; luns = ( { id = 2; as = 1; },\n { id = 1; } ); } );", "main.conf:4: access.[0].luns.[1].as: LUN 1 would be seen as 1, as which LUN 2 is"},
	{PORTALS TARGETS "access = ( { initiator = \"iqn.x\"; luns = ( { id = 0; }, { id = 1; as = 256; } ); } );", "access.[0].luns.[1].as: found 256; allowed is a whole number from 0 to 255"},
	{PORTALS TARGETS "access = ( { network = \"10.0.0.0/8%eth0\"; } );", "access.[0].network: found \"10.0.0.0/8%eth0\"; a network is ADDRESS/PREFIX"},
	{PORTALS TARGETS "access = ( { network = \"2001:db8::%eth0/64\"; } );", "only a link-local IPv6 address (fe80::) has %INTERFACE"},
	{TARGETS "portals = ( { address = \"127.0.0.1\"; group = 0; } );", "portals.[0].group: found 0; allowed is a whole number from 1 to 63"},
	{PORTALS TARGET("portal_groups = 1; ", LUN0), "targets.[0].portal_groups: found 1; allowed is a list"},
	{PORTALS TARGET("portal_groups = [ 1, 2 ]; ", LUN0), "main.conf:2: targets.[0].portal_groups: found 2; allowed are groups that a portal has"},
	{PORTALS TARGET("portal_groups = [ 1, 1 ]; ", LUN0), "targets.[0].portal_groups.[1]: found 1; this number is in the list already"},
	{PORTALS TARGET("access = ( { network = \"10.0.0.1/8\"; } ); ", LUN0), "targets.[0].access.[0].network: found \"10.0.0.1/8\"; the address has bits beyond the prefix"},

	{PORTALS TARGET("", "{ size = \"1M\"; }"), "targets.[0].luns.[0].id: missing; needed is a whole number from 0 to 255"},
	{PORTALS TARGET("", "{ id = 0; }"), "targets.[0].luns.[0].size: missing; needed is a size from 512 to 64T"},
	{PORTALS TARGET("", "{ id = 256; size = \"1M\"; }"), "luns.[0].id: found 256; allowed is a whole number from 0 to 255"},
	{PORTALS TARGET("", LUN0 ",\n" LUN0), "main.conf:3: targets.[0].luns.[1].id: found 0, which the LUN at main.conf:2 has"},
	{PORTALS TARGET("", "{ id = 0; size = 0; }"), "luns.[0].size: found 0; allowed is a size from 512 to 64T"},
	{PORTALS TARGET("", "{ id = 0; size = 1000; }"), "luns.[0].size: found 1000 bytes; allowed are multiples of the block of 512 bytes"},
	{PORTALS TARGET("", "{ id = 0; size = 5000000000; block_size = 4096; }"), "luns.[0].size: found 5000000000 bytes; allowed are multiples of the block of 4096 bytes"},
	{PORTALS TARGET("", "{ id = 0; size = \"1.5G\"; }"), "luns.[0].size: found \"1.5G\"; fractions are refused"},
	{PORTALS TARGET("", "{ id = 0; size = 1.5; }"), "luns.[0].size: found the fraction 1.5; fractions are refused"},
	{PORTALS TARGET("", "{ id = 0; size = \"256MB\"; }"), "luns.[0].size: found \"256MB\"; units are binary"},
	{PORTALS TARGET("", "{ id = 0; size = \"20000000T\"; }"), "that is more than 64 bits hold"},
	{PORTALS TARGET("", "{ id = 0; size = \"big\"; }"), "luns.[0].size: found \"big\"; a size is a whole number"},
	{PORTALS TARGET("", "{ id = 0; size = \"1M\"; block_size = 1024; }"), "luns.[0].block_size: found 1024; allowed are 512 and 4096"},
	{PORTALS TARGET("", "{ id = 0; size = \"1M\"; provisioning = \"thick\"; }"), "luns.[0].provisioning: found \"thick\"; allowed is \"full\" or \"thin\""},
	{PORTALS TARGET("", "{ id = 0; size = \"1M\"; serial = \"123456789012345678901\"; }"), "luns.[0].serial: found \"123456789012345678901\"; allowed is a string in quotes, of length from 1 to 20"},
	{PORTALS TARGET("", "{ id = 0; size = \"1M\"; serial = \"a b\"; }"), "luns.[0].serial: found \"a b\"; a serial has only"},
	{PORTALS TARGET("", "{ id = 0; size = \"1M\"; serial = \"a\"; }, { id = 1; size = \"1M\"; serial = \"a\"; }"), "luns.[1].serial: found \"a\", which the LUN in line 2 has; multipath"},
	{"pool = { size = \"4M\"; };" PORTALS TARGET("", "{ id = 0; size = \"2M\"; }, { id = 1; size = 2097664; }"), "main.conf:1: pool.size: found 4M; the LUNs that are not thin need 6M"},

	{PORTALS LEND("", ""), "targets.[0].lend.size: missing; needed is a size from 512 to 64T"},
	{PORTALS LEND("", "size = 0;"), "targets.[0].lend.size: found 0; allowed is a size from 512"},
	{PORTALS LEND("", "size = 1000;"), "targets.[0].lend.size: found 1000 bytes; allowed are multiples of the block of 512"},
	{PORTALS LEND("", "size = \"8M\"; slab = \"3M\";"), "targets.[0].lend.slab: found 3145728 bytes; allowed are multiples of 2M"},
	{PORTALS LEND("", "size = \"8M\"; slab = \"1M\";"), "targets.[0].lend.slab: found \"1M\"; allowed is a size from 2M to 64T"},
	{PORTALS LEND("", "size = \"513M\"; slab = \"2M\";"), "targets.[0].lend.slab: size makes 257 LUNs of it, with ids from 0 on; the last id is 255: make slab larger"},
	{PORTALS LEND("", "size = \"4M\"; slab = \"2M\"; first_id = 255;"), "size makes 2 LUNs of it, with ids from 255 on"},
	{PORTALS LEND("", "size = \"1M\"; first_id = 256;"), "targets.[0].lend.first_id: found 256; allowed is a whole number from 0 to 255"},
	{PORTALS LEND("luns = ( { id = 5; size = \"1M\"; } ); ", "size = \"4M\"; slab = \"2M\"; first_id = 4;"), "targets.[0].lend.first_id: found 4, and of the 2 LUNs from there on one is LUN 5, which luns has in line 2"},
	{PORTALS TARGETS "state_dir = \"var\";", "state_dir: found \"var\"; a path begins with /; the empty text means no folder"},
	{PORTALS TARGETS "state_dir = \"/a\nb\";", "state_dir: found \"/a?b\"; a path has no control"},
	{PORTALS TARGETS "state_dir = 1;", "state_dir: found 1; allowed is a string in quotes, of length from 0 to 4000"},
	{PORTALS LEND("", "size = \"4M\"; on_loss = \"go\";"), "on_loss: found \"go\"; allowed is \"stop\" or \"serve\""},
	{PORTALS LEND("", "size = \"1M\"; block_size = 4096;"), "targets.[0].lend.block_size: found an unknown key"},
	{PORTALS "targets = ( { name = \"iqn.2026-01.a\"; lend = 5; } );", "targets.[0].lend: found 5; allowed is a group"},
	{"pool = { size = \"4M\"; };" PORTALS LEND("", "size = \"5M\"; slab = \"2M\"; provisioning = \"full\";"), "pool.size: found 4M; the LUNs that are not thin need 6M"},

	{"x = = 1;", "main.conf:1: syntax error"},
	{PORTALS TARGETS PORTALS, "main.conf:3: duplicate setting name"},
	{PORTALS "targets = (", "main.conf:2: syntax error"},
	{PORTALS TARGETS "a = " DEEP32("") ";", "main.conf:3: a: found an unknown key"},
	{PORTALS TARGETS "a = (" DEEP32("") ");", "main.conf:3: groups and lists are nested deeper than 32 levels"},
	/* clang-format on */
};

START_TEST(one_error)
{
	fixture_bad(bad[_i].text, bad[_i].expected);
}
END_TEST

START_TEST(all_errors_in_one_run)
{
	struct config *c;
	int n = fixture_load_text("portals = ( { address = \"x\"; port = -1; }, 5 );\n"
				  "targets = ( { name = \"x\";\n"
				  "  luns = ( { id = 0; size = \"x\"; },\n"
				  "           { id = 0; size = 0; serial = \"\"; } ); } );\n"
				  "colour = \"blue\";\n"
				  "limits = { logins = 0; rx_stall = 0; };\n"
				  "pool = { floor = 3; };\n",
				  &c);
	static const char *const expected[] = {
		"main.conf:1: portals.[0].address: ",
		"main.conf:1: portals.[0].port: ",
		"main.conf:1: portals.[1]: ",
		"main.conf:2: targets.[0].name: ",
		"main.conf:3: targets.[0].luns.[0].size: ",
		"main.conf:4: targets.[0].luns.[1].size: ",
		"main.conf:4: targets.[0].luns.[1].serial: ",
		"main.conf:4: targets.[0].luns.[1].id: ",
		"main.conf:5: colour: ",
		"main.conf:6: limits.logins: ",
		"main.conf:6: limits.rx_stall: ",
		"main.conf:7: pool.floor: ",
	};
	int many = sizeof(expected) / sizeof(expected[0]);

	for (int i = 0; i < many; i++)
		ck_assert_msg(strstr(fixture_errors, expected[i]) != NULL, "no \"%s\" in:\n%s",
			      expected[i], fixture_errors);
	ck_assert_msg(n == many, "%d errors, not %d:\n%s", n, many, fixture_errors);
}
END_TEST

/* What stands at a limit, or is right only together with something else. */
static const char *const good[] = {
	PORTALS TARGETS "login = { MaxBurstLength = 4096; FirstBurstLength = 4096; };",
	PORTALS TARGETS "pool = { size = \"2M\"; };",
	PORTALS TARGETS "pool = { size = \"6M\"; floor = \"2M\"; elastic = \"4M\"; };",
	PORTALS "pool = { size = \"4M\"; overcommit = 150; };" TARGET(
		"", "{ id = 0; size = \"6M\"; provisioning = \"thin\"; }"),
	PORTALS "pool = { size = \"2M\"; };" TARGET(
		"", LUN0 ", { id = 1; size = \"64T\"; provisioning = \"thin\"; }"),
	TARGETS "portals = ( { address = \"127.0.0.1\"; }, { address = \"127.0.0.2\"; }, "
		"{ address = \"127.0.0.1\"; port = 3261; }, { address = \"::1\"; } );",
	TARGETS "portals = ( { address = \"127.0.0.1\"; port = 0; }, "
		"{ address = \"127.0.0.1\"; port = 0; } );",
	TARGETS "portals = ( { address = \"10.0.0.1\"; } ); access = \"any\";",
	TARGETS "portals = ( { address = \"10.0.0.1\"; } ); access = ( { initiator = \"*\"; } );",
	"portals = ( { address = \"10.0.0.1\"; } );" TARGET("access = \"any\"; ", LUN0),
	TARGETS "portals = ( { address = \"::ffff:127.0.0.1\"; } );",
	PORTALS TARGET("", "{ id = 255; size = 512; serial = \"12345678901234567890\"; }"),
	PORTALS TARGETS "reactor = { cpus = []; }; pool = { numa_nodes = (); };",
	"# comment without an end of line\n" PORTALS TARGETS "# {{{ \"",
	PORTALS TARGETS "/* @include \"/\"\n@include \"/\" */ // @include \"x\"\n",
};

START_TEST(accepted)
{
	config_free(fixture_good(good[_i]));
}
END_TEST

/* An empty path is one that was written: it asks for no socket. The longest is what sun_path holds.
 */
START_TEST(control_socket)
{
	struct config *c = fixture_good(PORTALS TARGETS "control = { socket = \"\"; };");
	char text[1024], path[CONTROL_PATH_MAX + 2];

	ck_assert_str_eq(c->control.socket, "");
	config_free(c);
	memset(path, '/', sizeof(path));
	for (size_t n = CONTROL_PATH_MAX; n <= CONTROL_PATH_MAX + 1; n++) {
		snprintf(text, sizeof(text), PORTALS TARGETS "control = { socket = \"%.*s\"; };",
			 (int)n, path);
		if (n > CONTROL_PATH_MAX)
			fixture_bad(text, "of length from 0 to 107");
		else
			config_free(fixture_good(text));
	}
}
END_TEST

START_TEST(first_burst_follows_max_burst)
{
	struct config *c = fixture_good(PORTALS TARGETS "login = { MaxBurstLength = 4096; };");

	ck_assert_uint_eq(c->login.first_burst_length, 4096);
	config_free(c);
}
END_TEST

START_TEST(luns_up_to_256)
{
	for (int n = 255; n <= 257; n++) {
		char text[1 << 15], *p = text;
		struct config *c;

		p += sprintf(p, PORTALS "targets = ( { name = \"iqn.2026-01.a\"; luns = (");
		for (int i = n - 1; i >= 0; i--)
			p += sprintf(p, " { id = %d; size = \"1M\"; }%s", i % 256, i ? "," : "");
		strcpy(p, " ); } );");
		int errors = fixture_load_text(text, &c);
		ck_assert_int_eq(errors, n == 257);
		if (errors) {
			ck_assert_ptr_nonnull(strstr(fixture_errors, "found 257 elements"));
			continue;
		}
		ck_assert_uint_eq(c->targets[0].nluns, n);
		for (int i = 0; i < n; i++)
			ck_assert_uint_eq(c->targets[0].luns[i].id, i);
		config_free(c);
	}
}
END_TEST

/* Slabs in order, the last one smaller; between them and around them LUNs that were written. */
START_TEST(luns_by_rule)
{
	static const struct {
		const char *text;
		unsigned n;
		struct config_lun first, last;
	} t[] = {
		/* clang-format off */
		{ LEND("", "size = \"8G\";"),                        2, { .id = 0, .size = 4ull << 30, .provisioning = PROVISIONING_THIN },
		                                                         { .id = 1, .size = 4ull << 30, .provisioning = PROVISIONING_THIN } },
		{ LEND("", "size = \"1M\";"),                        1, { .id = 0, .size = 1 << 20, .provisioning = PROVISIONING_THIN },
		                                                         { .id = 0, .size = 1 << 20, .provisioning = PROVISIONING_THIN } },
		{ LEND("", "size = 4194816; slab = \"2M\"; first_id = 253; provisioning = \"full\";"),
		                                                      3, { .id = 253, .size = 2 << 20 }, { .id = 255, .size = 512 } },
		{ LEND("luns = ( { id = 9; size = 512; }, { id = 0; size = 512; } ); ", "size = \"512M\"; slab = \"256M\"; first_id = 1;"),
		                                                      4, { .id = 0, .size = 512 }, { .id = 9, .size = 512 } },
		{ LEND("", "size = \"512M\"; slab = \"2M\";"),       256, { .id = 0, .size = 2 << 20, .provisioning = PROVISIONING_THIN },
		                                                         { .id = 255, .size = 2 << 20, .provisioning = PROVISIONING_THIN } },
		/* clang-format on */
	};

	for (size_t i = 0; i < sizeof(t) / sizeof(t[0]); i++) {
		char text[512];
		snprintf(text, sizeof(text), PORTALS "%s", t[i].text);
		struct config *c = fixture_good(text);
		const struct config_target *target = &c->targets[0];
		const struct config_lun *ends[2] = {&target->luns[0],
						    &target->luns[target->nluns - 1]};

		ck_assert_uint_eq(target->nluns, t[i].n);
		for (int e = 0; e < 2; e++) {
			const struct config_lun *want = e ? &t[i].last : &t[i].first;
			ck_assert_uint_eq(ends[e]->id, want->id);
			ck_assert_uint_eq(ends[e]->size, want->size);
			ck_assert_int_eq(ends[e]->provisioning, want->provisioning);
			ck_assert_uint_eq(ends[e]->block_size, 512);
		}
		for (size_t n = 1; n < target->nluns; n++)
			ck_assert_uint_gt(target->luns[n].id, target->luns[n - 1].id);
		config_free(c);
	}
}
END_TEST

/* What a rule says, where it stands, and that a target without rules has those of the top. */
START_TEST(rules)
{
	struct config *c = fixture_good(
		"portals = ( { address = \"127.0.0.1\"; },\n"
		"            { address = \"::1\"; group = 63; } );\n"
		"access = ( { initiator = \"iqn.a\"; deny = true; },\n"
		"  { network = \"fe80::%eth0/64\"; read_only = true; sessions = 65536; },\n"
		"  { initiator = \"*\";\n"
		"    luns = ( { id = 255; as = 0; }, { id = 0; as = 255; read_only = true; },\n"
		"             { id = 7; } ); } );\n"
		"limits = { sessions_per_target = 5; sessions_per_initiator = 2; };\n"
		"targets = ( { name = \"iqn.2026-01.a\"; portal_groups = [ 63 ]; sessions = 3;\n"
		"              luns = ( " LUN0 " ); },\n"
		"  { name = \"iqn.2026-01.b\"; luns = ( " LUN0 " ); } );\n");

	ck_assert_uint_eq(c->portals[0].group, 1);
	ck_assert_uint_eq(c->portals[1].group, 63);
	ck_assert_uint_eq(c->limits.sessions_per_target, 5);
	ck_assert_uint_eq(c->limits.sessions_per_initiator, 2);
	ck_assert_uint_eq(c->targets[0].portal_groups, (uint64_t)1 << 63);
	ck_assert_uint_eq(c->targets[0].sessions, 3);
	ck_assert_uint_eq(c->targets[1].portal_groups, 0);
	const uint64_t all = (uint64_t)1 << 63 | 1u << 1;
	ck_assert_uint_eq(config_groups_of(c, &c->targets[0]), (uint64_t)1 << 63);
	ck_assert_uint_eq(config_groups_of(c, &c->targets[1]), all);
	ck_assert_uint_eq(config_groups_of(c, NULL), all);
	ck_assert_uint_eq(c->targets[1].sessions, 0);
	for (size_t i = 0; i < c->ntargets; i++) {
		ck_assert_uint_eq(c->targets[i].access.nrules, 3);
		const struct config_rule *r = c->targets[i].access.rules;
		const char *place = r[2].place;
		ck_assert(r[0].deny && !r[1].deny && !r[2].deny);
		ck_assert_str_eq(strrchr(r[0].place, '/'), "/main.conf:3");
		ck_assert_str_eq(strrchr(r[1].place, '/'), "/main.conf:4");
		ck_assert_str_eq(strrchr(place, '/'), "/main.conf:5");
		ck_assert_str_eq(r[1].scope, "eth0");
		ck_assert_uint_eq(r[1].prefix, 64);
		ck_assert(r[1].read_only && r[1].sessions == 65536 && !r[1].nluns);
		ck_assert_uint_eq(r[2].nluns, 3);
		ck_assert(r[2].luns[0].id == 255 && r[2].luns[0].as == 0);
		ck_assert(r[2].luns[1].id == 0 && r[2].luns[1].as == 255);
		ck_assert(r[2].luns[2].id == 7 && r[2].luns[2].as == 7);
		ck_assert(!r[2].luns[0].read_only && r[2].luns[1].read_only);
	}
	config_free(c);
}
END_TEST

START_TEST(unreadable_files)
{
	struct config *c;

	ck_assert_int_eq(fixture_load(&c), 1);
	ck_assert_str_eq(fixture_errors, "main.conf cannot be read: No such file or directory; "
					 "-c FILE names the configuration file\n");
	ck_assert_int_eq(mkdir(fixture_path("main.conf"), 0755), 0);
	ck_assert_int_eq(fixture_load(&c), 1);
	ck_assert_ptr_nonnull(strstr(fixture_errors, "main.conf cannot be read: it is no regular"));
	ck_assert_int_eq(rmdir(fixture_path("main.conf")), 0);
	fixture_write("main.conf", PORTALS "\0" TARGETS, sizeof(PORTALS "\0" TARGETS) - 1);
	ck_assert_int_eq(fixture_load(&c), 1);
	ck_assert_ptr_nonnull(strstr(fixture_errors, "it has a NUL byte"));
	ck_assert_int_eq(fixture_load_text("", &c), 2);
	ck_assert_ptr_nonnull(strstr(fixture_errors, "main.conf:1: portals: missing"));
}
END_TEST

START_TEST(file_size)
{
	size_t most = (size_t)1 << 20;
	char *text = malloc(most + 1);
	struct config *c;

	memset(text, '\n', most + 1);
	memcpy(text, PORTALS TARGETS, sizeof(PORTALS TARGETS) - 1);
	fixture_write("main.conf", text, most);
	ck_assert_int_eq(fixture_load(&c), 0);
	config_free(c);
	fixture_write("main.conf", text, most + 1);
	ck_assert_int_eq(fixture_load(&c), 1);
	ck_assert_ptr_nonnull(strstr(fixture_errors, "larger than 1 MiB"));
	free(text);
}
END_TEST

START_TEST(what_a_loss_means)
{
	struct config *c = fixture_good(PORTALS "state_dir = \"\"; " LEND(
		"luns = ( { id = 9; size = \"1M\"; }, "
		"         { id = 10; size = \"1M\"; on_loss = \"serve\"; } ); ",
		"size = \"4M\"; slab = \"2M\"; on_loss = \"serve\";"));

	ck_assert_str_eq(c->state_dir, "");
	ck_assert_uint_eq(c->targets[0].nluns, 4);
	for (unsigned i = 0; i < 4; i++)
		ck_assert_int_eq(c->targets[0].luns[i].on_loss, i == 2 ? LOSS_STOP : LOSS_SERVE);
	config_free(c);
	c = fixture_good(PORTALS TARGETS);
	ck_assert_ptr_null(c->state_dir);
	config_free(c);
	c = fixture_good(PORTALS TARGETS "state_dir = \"/var/lib/x\";");
	ck_assert_str_eq(c->state_dir, "/var/lib/x");
	config_free(c);
}
END_TEST

int main(void)
{
	Suite *s = suite_create("config");
	TCase *t = tcase_create("config");

	tcase_add_checked_fixture(t, fixture_setup, fixture_teardown);
	tcase_add_test(t, what_a_loss_means);
	tcase_add_test(t, as_it_stands);
	tcase_add_test(t, every_key_set);
	tcase_add_loop_test(t, one_error, 0, sizeof(bad) / sizeof(bad[0]));
	tcase_add_test(t, all_errors_in_one_run);
	tcase_add_loop_test(t, accepted, 0, sizeof(good) / sizeof(good[0]));
	tcase_add_test(t, control_socket);
	tcase_add_test(t, first_burst_follows_max_burst);
	tcase_add_test(t, luns_up_to_256);
	tcase_add_test(t, luns_by_rule);
	tcase_add_test(t, rules);
	tcase_add_test(t, unreadable_files);
	tcase_add_test(t, file_size);
	suite_add_tcase(s, t);
	return test_main(s);
}
