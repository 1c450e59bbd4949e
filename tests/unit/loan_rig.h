/* SPDX-License-Identifier: MIT */
/*
 * loan_rig.h - a host without disks and without LVM: programs that write down how they were called
 * and answer what the test has laid down, a folder instead of sysfs, and a loan.
 */
#ifndef MEMTGT_TEST_LOAN_RIG_H
#define MEMTGT_TEST_LOAN_RIG_H

#include "initiator-tools/loan/step.h"

#define RIG_UUID "01234567-89ab-cdef-0123-456789abcdef"
#define RIG_TAG	 "memtgt-" RIG_UUID
#define RIG_SWAP "11234567-89ab-cdef-0123-456789abcdef"

/* A folder, with tool_path and disk_root in it; both are as before after the end. */
void rig_begin(void);
void rig_end(void);

/* What the program does, in shell, when it is called for the n-th time from now on; 0: always else.
 * A program that was never mentioned does nothing and succeeds. */
void rig_answer(const char *program, unsigned n, const char *script);
/* It is not installed. */
void rig_uninstall(const char *program);
/* It says this JSON, for rows "{...},{...}". */
void rig_pvs(unsigned n, const char *rows);
void rig_lvs(unsigned n, const char *rows);
#define RIG_PV(disk, group, tags) \
	"{\"pv_name\":\"" disk "\",\"vg_name\":\"" group "\",\"vg_tags\":\"" tags "\"}"
#define RIG_LV(name, attr, devices)                                                   \
	"{\"lv_name\":\"" name "\",\"lv_attr\":\"" attr "\",\"lv_size\":\"8388608\"," \
	"\"devices\":\"" devices "\"}"

/* How programs were called, a line each, without --config and its value; reading forgets it. */
const char *rig_log(void);
/* The value of --config of the last call that had one. */
const char *rig_config(void);

/* A file below disk_root, "proc/swaps". */
void rig_file(const char *path, const char *text);
void rig_remove_file(const char *path);
/* A device of device mapper. */
void rig_dm(unsigned minor, const char *name);

/* The disks that disk_find() knows: the LUN's number is the letter's ("sda" is 0). */
struct rig_disk {
	bool is_gone, is_out, is_other; /* no session, offline, another LUN */
};
extern struct rig_disk rig_disks[26];

/* A loan "x" of kind swap, two copies of 8 MiB, and a step of it. A leg has the disks of these
 * letters, "ab", all steps up to and with `done` taken. */
extern struct loan rig_loan;
struct loan_leg *rig_leg(const char *letters, int done);
struct step rig_step(struct loan_leg *leg, int disk);
/* The last progress that was told. */
extern int rig_permille;

#endif
