// SPDX-License-Identifier: MIT
/* test_vm_disk.c - what QEMU's monitor says of disks, nodes and jobs. */
#include "initiator-tools/vm/vm_disk.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "lib/test_main.h"

#define LUN                                                                                    \
	"\"portal\": \"192.0.2.7:3260\", \"target\": \"iqn.2026-01.org.example:a\", \"lun\": " \
	"\"1\", \"transport\": \"tcp\", \"driver\": \"iscsi\""
#define ISCSI		"json:{" LUN "}"
#define RAW(more, file) "json:{\"driver\": \"raw\"" more ", \"file\": " file "}"

static char why[VM_WHY_BYTES];

START_TEST(places)
{
	static const struct {
		const char *file;
		bool ok;
	} rows[] = {
		{ISCSI, true},
		{RAW("", "{" LUN "}"), true},
		{RAW(", \"size\": 512", "{" LUN "}"), true},
		{RAW(", \"offset\": 0", "{" LUN "}"), true},
		{RAW(", \"offset\": 512", "{" LUN "}"), false},
		{RAW("", "{\"driver\": \"raw\", \"file\": {" LUN "}}"), true},
		{RAW("", "{\"driver\": \"qcow2\", \"file\": {" LUN "}}"), false},
		{RAW("", "\"a node\""), false},
		{"json:{" LUN ", \"initiator-name\": \"iqn.2026-01.org.example:Me\"}", true},
		{"json:{" LUN ", \"initiator-name\": \"me\"}", false},
		{"json:{" LUN ", \"initiator-name\": 1}", false},
		{"/srv/disk.img", false},
		{"", false},
		{"json:", false},
		{"json:[]", false},
		{"json:{}", false},
		{"json:{\"driver\": \"iscsi\"}", false},
		{"json:{\"driver\": \"iscsi\", \"portal\": \"192.0.2.7\"}", false},
		{"json:{\"driver\": \"iscsi\", \"transport\": \"iser\"}", false},
		{"json:{\"driver\": \"iscsi\", \"transport\": 1}", false},
	};
	struct vm_place p;

	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		int err = vm_place_read(rows[i].file, &p, why, sizeof(why));
		ck_assert_msg(!err == rows[i].ok, "row %zu: %d", i, err);
		if (err)
			continue;
		ck_assert_str_eq(p.portal, "192.0.2.7:3260");
		ck_assert_str_eq(p.target, "iqn.2026-01.org.example:a");
		ck_assert_uint_eq(p.lun, 1);
		ck_assert_msg(!*p.initiator || !strcmp(p.initiator, "iqn.2026-01.org.example:me"),
			      "row %zu", i);
	}
}
END_TEST

/* As a number or a text, up to the largest. */
START_TEST(luns)
{
	static const struct {
		const char *lun;
		int n; /* -1: wrong */
	} rows[] = {
		{"0", 0},      {"16383", 16383},     {"16384", -1},	{"-1", -1},
		{"\"7\"", 7},  {"\"16383\"", 16383}, {"\"16384\"", -1}, {"\"\"", -1},
		{"\"x\"", -1}, {"1.5", -1},	     {"true", -1},
	};
	char text[300];
	struct vm_place p;

	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		snprintf(text, sizeof(text),
			 "json:{\"driver\": \"iscsi\", \"portal\": \"[2001:db8::1]:3260\", "
			 "\"target\": \"iqn.2026-01.org.example:a\", \"lun\": %s}",
			 rows[i].lun);
		int err = vm_place_read(text, &p, why, sizeof(why));
		ck_assert_msg(!err == (rows[i].n >= 0), "row %zu", i);
		ck_assert_msg(err || (int)p.lun == rows[i].n, "row %zu", i);
	}
}
END_TEST

/* An element of query-block. */
static json_t *block(const char *device, const char *qdev, const char *node, const char *file)
{
	return json_pack("{s:s, s:s, s:{s:s, s:s, s:b, s:{s:i}}}", "device", device, "qdev", qdev,
			 "inserted", "node-name", node, "file", file, "ro", 0, "image",
			 "virtual-size", 1048576);
}

START_TEST(disks)
{
	static const struct {
		const char *name;
		int err;
		const char *key;
	} rows[] = {
		{"swap0", 0, "swap0"},
		{"drive0", 0, "swap0"},
		{"#block1", 0, "swap0"},
		{"virtio1", 0, "/machine/peripheral/virtio1/virtio-backend"},
		{"virtio", -ENOENT, NULL},
		{"node2", 0, "/machine/peripheral/virtio1/virtio-backend"},
		{"file0", -ENOTSUP, NULL},
		{"swap", -ENOENT, NULL},
		{"", -ENOENT, NULL},
	};
	json_t *blocks =
		json_pack("[o, o, o, {}, i, {s:i}]", block("drive0", "swap0", "#block1", ISCSI),
			  block("", "/machine/peripheral/virtio1/virtio-backend", "node2", ISCSI),
			  block("file0", "", "node3", "/srv/disk.img"), 1, "inserted", 1);
	struct vm_disk d;

	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		int err = vm_disk_find(blocks, rows[i].name, &d, why, sizeof(why));
		ck_assert_msg(err == rows[i].err, "row %zu: %d", i, err);
		if (!err)
			ck_assert_str_eq(d.key, rows[i].key);
		if (!err)
			ck_assert_uint_eq(d.size, 1048576);
	}
	json_decref(blocks);
}
END_TEST

START_TEST(names_of_initiators)
{
	static const struct {
		const char *uuid, *name, *want;
	} rows[] = {
		{"00000000-0000-0000-0000-000000000000", NULL, "iqn.2008-11.org.linux-kvm"},
		{"00000000-0000-0000-0000-000000000000", "Web1", "iqn.2008-11.org.linux-kvm:web1"},
		{"00000000-0000-0000-0000-000000000000", "my guest", "iqn.2008-11.org.linux-kvm"},
		{"6D656d74-6774-4d76-8000-000000000001", "web1",
		 "iqn.2008-11.org.linux-kvm:6d656d74-6774-4d76-8000-000000000001"},
	};
	char out[ISCSI_NAME_MAX + 1];

	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		json_t *uuid = json_pack("{s:s}", "UUID", rows[i].uuid);
		json_t *name = json_pack("{s:s*}", "name", rows[i].name);
		vm_initiator(uuid, name, out);
		ck_assert_str_eq(out, rows[i].want);
		json_decref(uuid);
		json_decref(name);
	}
	vm_initiator(NULL, NULL, out);
	ck_assert_str_eq(out, "iqn.2008-11.org.linux-kvm");
}
END_TEST

static const struct vm_note sample = {.node = "memtgt-01234567-1",
				      .key = 0x8000000000000001,
				      .place = {.portal = "192.0.2.7:3260",
						.target = "iqn.2026-01.org.example:a",
						.lun = 1,
						.initiator = "iqn.2026-01.org.example:me"}};

START_TEST(notes_come_back)
{
	char text[VM_NOTE_MAX + 1];
	struct vm_note out;

	ck_assert_int_eq(vm_note_write(&sample, text), 0);
	ck_assert(vm_note_read(text, &out));
	ck_assert_str_eq(out.node, sample.node);
	ck_assert(out.key == sample.key);
	ck_assert(vm_same_place(&out.place, &sample.place));
	ck_assert_str_eq(out.place.initiator, sample.place.initiator);
	json_t *nodes =
		json_pack("[{s:s, s:[{s:s}, {s:s}, {}]}, {s:s}]", "node-name", "a", "dirty-bitmaps",
			  "name", "backup", "name", text, "node-name", "b");
	struct vm_note all[VM_NOTES_MAX];
	ck_assert_uint_eq(vm_notes(nodes, "a", all), 1);
	ck_assert_uint_eq(vm_notes(nodes, "b", all), 0);
	ck_assert_uint_eq(vm_notes(nodes, "c", all), 0);
	ck_assert(vm_node_exists(nodes, "b") && !vm_node_exists(nodes, "c"));
	json_decref(nodes);
}
END_TEST

/* The longest names that there are still have room; what is longer is refused. */
START_TEST(long_notes)
{
	char text[VM_NOTE_MAX + 1];
	struct vm_note n = sample, out;

	memset(n.place.target + strlen(n.place.target), 'x',
	       ISCSI_NAME_MAX - strlen(n.place.target));
	memset(n.place.initiator + strlen(n.place.initiator), 'x',
	       ISCSI_NAME_MAX - strlen(n.place.initiator));
	memset(n.place.portal, 'x', DONOR_PORTAL_MAX);
	ck_assert_int_eq(vm_note_write(&n, text), 0);
	ck_assert(vm_note_read(text, &out) && vm_same_place(&n.place, &out.place));
	memset(n.node, 'x', VM_NAME_MAX);
	ck_assert_int_eq(vm_note_write(&n, text), -ENAMETOOLONG);
}
END_TEST

START_TEST(what_is_no_note)
{
	static const char *const rows[] = {
		"",
		"memtgt:",
		"memtgt:{}",
		"backup",
		"memtgt:{\"node\":\"a\",\"key\":\"0000000000000001\"," LUN "}", /* no initiator */
		"memtgt:{\"node\":\"a\",\"key\":\"0000000000000000\",\"initiator-name\":"
		"\"iqn.2026-01.org.example:me\"," LUN "}",
		"memtgt:{\"node\":\"a\",\"key\":\"000000000000001\",\"initiator-name\":"
		"\"iqn.2026-01.org.example:me\"," LUN "}",
		"memtgt:{\"node\":\"a\",\"key\":\"000000000000000x\",\"initiator-name\":"
		"\"iqn.2026-01.org.example:me\"," LUN "}",
		"memtgt:{\"node\":\"a\\u001b\",\"key\":\"0000000000000001\",\"initiator-name\":"
		"\"iqn.2026-01.org.example:me\"," LUN "}",
	};
	struct vm_note out;

	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++)
		ck_assert_msg(!vm_note_read(rows[i], &out), "row %zu", i);
	/* What the last three lack is all they lack. */
	ck_assert(vm_note_read("memtgt:{\"node\":\"a\",\"key\":\"0000000000000001\","
			       "\"initiator-name\":\"iqn.2026-01.org.example:me\"," LUN "}",
			       &out));
}
END_TEST

START_TEST(luns_of_a_guest)
{
	json_t *nodes = json_pack("[{s:s, s:s}, {s:s}]", "node-name", "a", "file", ISCSI, "file",
				  "/srv/disk.img");

	ck_assert(vm_lun_is_used(nodes, "iqn.2026-01.org.example:a", 1));
	ck_assert(!vm_lun_is_used(nodes, "iqn.2026-01.org.example:a", 2));
	ck_assert(!vm_lun_is_used(nodes, "iqn.2026-01.org.example:b", 1));
	json_decref(nodes);
}
END_TEST

START_TEST(jobs)
{
	json_t *all =
		json_pack("[{s:s, s:s, s:i, s:i}, {s:s, s:s, s:s, s:i}, i]", "id", "a", "status",
			  "running", "current-progress", 5, "total-progress", 9, "id", "b",
			  "status", "concluded", "error", "no\tspace", "current-progress", -1, 1);
	struct vm_job j;

	ck_assert(vm_job_find(all, "a", &j) && !strcmp(j.status, "running") && !*j.error);
	ck_assert(j.done == 5 && j.all == 9);
	ck_assert(vm_job_find(all, "b", &j) && !strcmp(j.error, "no?space") && !j.done);
	ck_assert(!vm_job_find(all, "c", &j) && !vm_job_find(NULL, "a", &j));
	json_decref(all);
}
END_TEST

int main(void)
{
	Suite *s = suite_create("vm_disk");
	TCase *t = tcase_create("disk");

	tcase_add_test(t, places);
	tcase_add_test(t, luns);
	tcase_add_test(t, disks);
	tcase_add_test(t, names_of_initiators);
	tcase_add_test(t, notes_come_back);
	tcase_add_test(t, long_notes);
	tcase_add_test(t, what_is_no_note);
	tcase_add_test(t, luns_of_a_guest);
	tcase_add_test(t, jobs);
	suite_add_tcase(s, t);
	return test_main(s);
}
